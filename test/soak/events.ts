/** What subscribers were told, against what is in the database. */

import { query } from '../support/database.ts'
import { factKinds } from '../../src/model.ts'
import type { Follower, Told } from './followers.ts'

export interface EventFigures extends Record<string, number> {
  eventsMissing: number
  eventsRepeated: number
  /** Behind a later one. Datapoints have no order of their own. */
  eventsOutOfOrder: number
  /** Told, and not there. */
  eventsInvented: number
}

const statements: Record<Told, string> = {
  message: `select j.seq::text as name from journal j join topics t on t.id = j.topic_id
    where j.kind = ${factKinds.message} and t.name like $1 order by j.seq`,
  command: `select seq::text as name from journal
    where kind = ${factKinds.command} and detail->>'topic' like $1 order by seq`,
  datapoint: `select d.seq || '/' || d.n as name from datapoints d join topics t on t.id = d.topic_id
    where t.name like $1 order by d.seq, d.n`
}

/** Names of what a follower is to be told, in their order. */
export async function toTell(url: string, { told, filter }: Follower): Promise<string[]> {
  const rows = await query<{ name: string }>(url, statements[told], [filter.replace('#', '%')])
  return rows.map(({ name }) => name)
}

export function reckonEvents(
  follower: Pick<Follower, 'told' | 'seen'>,
  expected: readonly string[]
): EventFigures {
  const seen = new Set(follower.seen)
  const there = new Set(expected)
  const isBehind = (name: string, index: number): boolean =>
    index > 0 && Number(name) < Number(follower.seen[index - 1])
  return {
    eventsMissing: expected.filter((name) => !seen.has(name)).length,
    eventsRepeated: follower.seen.length - seen.size,
    eventsOutOfOrder: follower.told === 'datapoint' ? 0 : follower.seen.filter(isBehind).length,
    eventsInvented: [...seen].filter((name) => !there.has(name)).length
  }
}
