/** Searches states of topics: what they are now, or what they were. */

import type { Limits } from '../limits.ts'
import type { Access, Message, TopicState } from '../model.ts'
import type { Path } from '../predicate/path.ts'
import type { Predicate } from '../predicate/predicate.ts'
import { toTopicStateView } from '../views.ts'
import type { AsOf, Instant } from './as-of.ts'
import type { Pool } from './database.ts'
import type { StateRow } from './rows.ts'
import { stateColumns, toTopicState } from './rows.ts'
import type { Read, SearchAsk, SearchPage, Source } from './search.ts'
import { search } from './search.ts'
import { allMatches, topicMatches } from './topic-matches.ts'

export interface StatesSearch extends SearchAsk {
  filters: readonly string[]
  /** Only topics that have a retained message, or only those whose retained message was cleared. */
  state: 'retained' | 'tombstone' | null
  /** Asked of TopicStateView. */
  where: Predicate | null
  /** null: as they are now. */
  asOf: Instant | null
}

/** What of a state is looked at; payloads may be large, and are often not. */
interface Looked {
  latest: boolean
  retained: boolean
  tombstone: boolean
}

const ofPayload = new Set(['format', 'payload', 'payloadText', 'payloadBase64', 'payloadFault'])

const lookedAt = (paths: readonly Path[]): Looked => ({
  latest: paths.some(([name]) => ofPayload.has(name!)),
  retained: paths.some(([name, within = '']) => name === 'retained' && ofPayload.has(within)),
  tombstone: paths.some(([name]) => name === 'tombstone')
})

export function searchStates(
  parts: { pool: Pool; asOf: Pick<AsOf, 'topics'>; limits: Limits },
  access: Access,
  ask: StatesSearch
): Promise<SearchPage<TopicState>> {
  const { pool, limits } = parts
  const { filters, where, sort, order, asOf: instant } = ask
  const looked = lookedAt([...(where?.paths ?? []), ...(sort === null ? [] : [sort.path])])
  const toView = (state: TopicState): object => toTopicStateView(without(state, looked))
  const source: Source<TopicState> = {
    what: 'topics',
    following: (after, limit) => topicMatches(pool, limits, { filters, after, limit, order }),
    all: () => allMatches(pool, limits, filters),
    read: (ids, part, bytesMax) =>
      instant === null
        ? readNow(pool, ids, ask.state, part === 'whole' ? everything : looked, bytesMax)
        : readThen(parts.asOf, ids, ask.state, instant),
    isWanted: (state) => access.mayRead(state.topic) && (where === null || where.test(toView(state))),
    toView
  }
  return search(source, ask, limits)
}

const everything: Looked = { latest: true, retained: true, tombstone: true }
const nothing = Buffer.alloc(0)

/** Without payloads that nobody looks at: decoding them is most of the work. */
function without(state: TopicState, { latest, retained, tombstone }: Looked): TopicState {
  const bare = (message: Message): Message => ({ ...message, payload: nothing })
  return {
    ...state,
    latest: latest ? state.latest : bare(state.latest),
    retained: retained ? state.retained : state.retained && bare(state.retained),
    tombstone: tombstone ? state.tombstone : null
  }
}

async function readNow(
  pool: Pool,
  ids: readonly number[],
  state: StatesSearch['state'],
  { latest, retained, tombstone }: Looked,
  bytesMax: number
): Promise<Read<TopicState>> {
  if (ids.length === 0) return { rows: [], taken: 0, bytes: 0 }
  const { rows } = await pool.query<StateRow & { n: number; found: number; bytes: number }>({
    name: 'search_states',
    text: readSql,
    values: [ids, state, latest, retained, tombstone, bytesMax]
  })
  const last = rows.at(-1)
  return {
    rows: rows.map((row) => ({ id: row.topic_id, item: toTopicState(row) })),
    taken: last !== undefined && rows.length < last.found ? last.n : ids.length,
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}

/** Lengths are known without reading what is long. */
const readSql = `
  with sized as (
    select n, topic_id, (case when $3 then coalesce(octet_length(payload), 0) else 0 end +
      case when $4 then coalesce(octet_length(retained_payload), 0) else 0 end +
      case when $5 then coalesce(pg_column_size(tombstone), 0) else 0 end)::int8 as bytes
    from unnest($1::int8[]) with ordinality as asked (id, n) join topic_state on topic_id = id
    where seq > 0 and case $2::text when 'retained' then retained_seq is not null
      when 'tombstone' then tombstone is not null else true end
  ), counted as (
    select n, topic_id, bytes, count(*) over () as found, sum(bytes) over (
      order by n rows between unbounded preceding and 1 preceding) as before
    from sized
  )
  select ${stateColumns
    .replace('s.payload', `case when $3 or s.payload is null then s.payload else '' end as payload`)
    .replace(
      's.retained_payload',
      `case when $4 or s.retained_payload is null then s.retained_payload else '' end as retained_payload`
    )
    .replace('s.tombstone', 'case when $5 then s.tombstone end as tombstone')}, n, found, bytes
  from counted join topics t on t.id = topic_id join topic_state s on s.topic_id = t.id
  where before is null or before + bytes <= $6 order by n`

async function readThen(
  asOf: Pick<AsOf, 'topics'>,
  ids: readonly number[],
  state: StatesSearch['state'],
  instant: Instant
): Promise<Read<TopicState>> {
  if (ids.length === 0) return { rows: [], taken: 0, bytes: 0 }
  const { states, taken } = await asOf.topics(ids, instant)
  const there = ids.slice(0, taken).flatMap((id) => states.get(id) ?? [])
  return {
    rows: there
      .filter((then) => state === null || then[state] !== null)
      .map((then) => ({ id: then.topicId, item: then })),
    taken,
    bytes: there.reduce((sum, then) => sum + bytesOf(then), 0)
  }
}

const bytesOf = ({ latest, retained, tombstone }: TopicState): number =>
  [latest, retained, tombstone?.previous].reduce((sum, message) => sum + (message?.payload.length ?? 0), 0)
