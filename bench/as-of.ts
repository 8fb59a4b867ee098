/**
 * `npm run bench as-of`: what the indexes for states at an instant cost an append, and what such a state costs a reader.
 * Rounds of all ways alternate, and what is compared are their medians. The figures of docs/decisions/0013.
 */

import { normalize } from '../src/normalize/normalize.ts'
import { query } from '../test/support/database.ts'
import type { TestStore } from '../test/support/store.ts'
import { everything, openTestStore, toReceived } from '../test/support/store.ts'
import { median } from './ingest.ts'

const batchMessages = 500
const batchesPerRound = 40
const rounds = 15
const topics = 1_000
const payload = Buffer.from(JSON.stringify({ temperature: 21.5, humidity: 40, pad: 'x'.repeat(60) }))

interface Append extends TestStore {
  sent: number
}

async function append(one: Append, retain: boolean): Promise<number> {
  const begun = performance.now()
  for (let batch = 0; batch < batchesPerRound; batch++) {
    const messages = Array.from({ length: batchMessages }, () =>
      toReceived({ topic: `bench/${one.sent++ % topics}`, payload, retain })
    )
    const { facts, states } = normalize(messages, one.lease.name)
    const packets = { added: [], released: [] }
    await one.store.append({ facts, states, packets, retainedKnown: true }, one.lease)
  }
  return performance.now() - begun
}

async function open(): Promise<Append> {
  return { ...(await openTestStore({ limits: { partitionRowsMax: 100_000 } })), sent: 0 }
}

const round = (value: number): number => Number(value.toPrecision(3))

export async function benchAsOf(write: (line: string) => void): Promise<object[]> {
  const results: object[] = []
  const [without, having] = [await open(), await open()]
  await query(without.url, 'drop index journal_sets, journal_clears, journal_presence')
  for (const retain of [false, true]) {
    const times: Record<'without' | 'having', number[]> = { without: [], having: [] }
    for (let count = 0; count < rounds; count++) {
      times.without.push(await append(without, retain))
      times.having.push(await append(having, retain))
    }
    const ratio = round(median(times.having) / median(times.without))
    results.push({
      what: 'append',
      retain,
      ratio,
      milliseconds: { having: round(median(times.having)), without: round(median(times.without)) }
    })
    write(
      `${String(ratio).padStart(8)} times as long as without the indexes: ${rounds} rounds of ${batchesPerRound * batchMessages} ${retain ? 'retained' : 'not retained'} messages`
    )
  }
  const { rows, bytes } = (await query<{ rows: number; bytes: number }>(having.url, sizeSql))[0]!
  results.push({
    what: 'bytes of the indexes per retained message',
    bytes: round(bytes / rows)
  })
  write(`${String(round(bytes / rows)).padStart(8)} bytes of index per retained message`)

  const { store } = having
  const head = await store.journal.head()
  // In the middle of what was not retained: everything has changed since
  const instant = { at: head.at, seq: Math.round(head.seq / 4) }
  const page = await store.states.page(everything, { filters: [], after: null, limit: 100, order: 'asc' })
  const ids = page.items.map(({ topicId }) => topicId)
  const ways = {
    now: () => store.states.byName(everything, 'bench/7'),
    past: () => store.asOf.topic(everything, { name: 'bench/7' }, instant),
    pageNow: () => store.states.page(everything, { filters: [], after: null, limit: 100, order: 'asc' }),
    pagePast: () => store.asOf.topics(ids, instant)
  }
  const times: Record<keyof typeof ways, number[]> = { now: [], past: [], pageNow: [], pagePast: [] }
  for (let count = 0; count < rounds * 20; count++)
    for (const [way, ask] of Object.entries(ways)) {
      const begun = performance.now()
      await ask()
      times[way as keyof typeof ways].push(performance.now() - begun)
    }
  for (const [what, past, now] of [
    ['one topic', times.past, times.now],
    ['a page of 100 topics', times.pagePast, times.pageNow]
  ] as const) {
    const ratio = round(median(past) / median(now))
    results.push({ what, ratio, milliseconds: { past: round(median(past)), now: round(median(now)) } })
    write(
      `${String(ratio).padStart(8)} times as long as the state now: ${what}, of an instant since which all have changed`
    )
  }
  return results
}

const sizeSql = `
  select (select count(*) from journal where retain)::float8 as rows, sum(pg_relation_size(leaf.oid))::float8 as bytes
  from pg_class leaf join pg_index i on i.indexrelid = leaf.oid
  where leaf.relkind = 'i' and pg_get_indexdef(leaf.oid) ~ 'WHERE .*retain'`
