/** The ledger: what the broker took from the publishers, against what is in Postgres. */

import pg from 'pg'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { topicOf } from './publisher.ts'
import type { Publisher } from './publisher.ts'

const quietMs = 1_000

export interface Reckoning {
  owed: number
  stored: number
  /** Owed, and not in the journal. */
  lost: number
  /** Messages of the journal whose number is in an earlier one. */
  repeated: number
  /** Snapshot facts of what had been stored before. MQTT 3.1.1 does not tell that a live message is retained, so there it is news. */
  foundAgain: number
  /** Numbers that came, for the first time, after a greater one of their topic. */
  outOfOrder: number
  /** Topics whose current state is older than the last message that is owed. */
  staleTopics: number
  /** QoS 2 identifiers that are left. */
  openPackets: number
}

/** What is owed: from publishers of this process, or a whole range, from one of its own. */
export type Owed = Pick<Publisher, 'topics' | 'owed'> & { root?: string }

/** The ledger's rows; `message` and `snapshot` of the kinds. */
const rows = `select j.seq, j.kind, j.topic_id, convert_from(substr(j.payload, 1, 10), 'UTF8')::int as number
  from journal j join topics t on t.id = j.topic_id where t.name like 'ledger/%' and j.kind in (1, 2)`

export async function reckon(url: string, publishers: readonly Owed[]): Promise<Reckoning> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: figures } = await client.query<{
      numbers: number[]
      stored: string
      repeated: string
      found: string
      disorder: string
      open: string
    }>(`with rows as materialized (${rows}),
        firsts as materialized (select topic_id, number, min(seq) as seq from rows group by topic_id, number)
      select (select coalesce(array_agg(distinct number), '{}') from rows) numbers, (select count(*) from rows) stored,
        (select count(*) - count(distinct number) from rows where kind = 1) repeated,
        (select count(*) from rows join firsts using (topic_id, number) where kind = 2 and rows.seq > firsts.seq) found,
        (select count(*) from (
          select number, max(number) over (partition by topic_id order by seq rows between unbounded preceding
            and 1 preceding) as before from firsts) x where before > number) disorder,
        (select count(*) from inbound_packets) open`)
    const { numbers, stored, repeated, found, disorder, open } = figures[0]!
    const present = new Set(numbers)
    const { rows: states } = await client.query<{ name: string; number: number }>(
      `select t.name, convert_from(substr(s.payload, 1, 10), 'UTF8')::int as number
       from topic_state s join topics t on t.id = s.topic_id where t.name like 'ledger/%' and s.payload is not null`
    )
    const current = new Map(states.map((state) => [state.name, state.number]))
    let owed = 0
    let lost = 0
    const latest = new Map<string, number>()
    for (const { topics, root, owed: numbers } of publishers) {
      for (const number of numbers) {
        owed++
        if (!present.has(number)) lost++
        const topic = topicOf(number, topics, root)
        latest.set(topic, Math.max(latest.get(topic) ?? -1, number))
      }
    }
    return {
      owed,
      stored: Number(stored),
      lost,
      repeated: Number(repeated),
      foundAgain: Number(found),
      outOfOrder: Number(disorder),
      staleTopics: [...latest].filter(([topic, number]) => (current.get(topic) ?? -1) < number).length,
      openPackets: Number(open)
    }
  } finally {
    await client.end()
  }
}

/**
 * Reckons when it is quiet: nothing owed is missing, the journal does not grow and nothing is on its way. Where
 * something is missing, it is waited for much longer before it counts as lost.
 */
export async function reckonWhenQuiet(parts: {
  url: string
  publishers: readonly Owed[]
  /** Changes while messages come in; NaN while it is not known. */
  activity: () => Promise<number>
  /** How long nothing may come before what is missing is lost. */
  patienceMs: number
  withinMs: number
}): Promise<Reckoning> {
  const { url, publishers, activity, patienceMs, withinMs } = parts
  let before = ''
  let since = Date.now()
  let reckoning: Reckoning | null = null
  return eventually(
    async () => {
      // Identifiers are given back after the messages are stored, which may take a busy broker its time
      const [at] = await query<{ seq: string; open: string }>(
        url,
        'select seq, (select count(*) from inbound_packets) open from journal_head'
      )
      const now = `${at!.seq} ${at!.open} ${await activity()}`
      if (now !== before || now.includes('NaN')) {
        before = now
        since = Date.now()
        reckoning = null
      }
      if (Date.now() - since < quietMs) return null
      reckoning ??= await reckon(url, publishers)
      return reckoning.lost === 0 || Date.now() - since > patienceMs ? reckoning : null
    },
    { withinMs, everyMs: 200, what: 'quiet' }
  )
}
