/**
 * Classes that keep little, while as much comes as a small service takes: partitions are dropped all the time, and nobody waits
 * for that, misses what is kept, or is told what was not so.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { compileFilters } from '../../src/topic.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { withLimits } from '../support/patched-build.ts'
import { mappingFile } from '../support/projection.ts'
import { openTestStore } from '../support/store.ts'
import type { Got } from './class-readers.ts'
import { askAgain, pageThrough, streamThrough } from './class-readers.ts'
import { watchLocks } from './lock-waits.ts'
import { sized } from './story.ts'
import { createWorld } from './world.ts'

const seconds = sized(600, 20)
const dropsMin = sized(500, 24)
/** Nobody is to wait longer for a lock. */
const lockMsMax = 1_000
const patienceMs = 60_000
const limits = {
  // Of a batch, each message finds a partition that was made ahead
  batchMessagesMax: 1_000,
  partitionRowsMax: 400,
  partitionsAheadMin: 4,
  retentionCheckMs: 250,
  retentionKeepSecondsMin: 1,
  ringFactsMax: 300,
  feedPageFactsMax: 100
}

const mapping = `
mappings:
  - { name: ledger, topic: "ledger/{device}", decoder: text, metric: m }
`
const topicsOf = (...numbers: number[]): string[] => numbers.map((number) => `ledger/${number}`)

/** Copies of all messages that were ever stored, made by the transaction that stores them. */
async function keepTruth(url: string): Promise<{ read(): Promise<Map<number, Got>> }> {
  await query(url, 'create table truth (seq bigint, topic_id bigint, payload bytea)')
  await query(
    url,
    `create function keep_truth() returns trigger language plpgsql as $$
     begin insert into truth values (new.seq, new.topic_id, new.payload); return null; end $$`
  )
  await query(
    url,
    'create trigger keep_truth after insert on journal for each row when (new.kind = 1) execute function keep_truth()'
  )
  return {
    async read() {
      const rows = await query<{ seq: string; topic: string; payload: Buffer }>(
        url,
        'select seq, t.name as topic, payload from truth join topics t on t.id = topic_id order by seq'
      )
      return new Map(
        rows.map(({ seq, topic, payload }) => [
          Number(seq),
          { topic, number: Number.parseInt(payload.toString(), 10) }
        ])
      )
    }
  }
}

test(`${seconds} s of classes that keep little: no lock is waited for longer than ${lockMsMax} ms, and every hole is told`, async (t) => {
  const world = createWorld()
  const stopping = new AbortController()
  try {
    const broker = await world.mosquitto()
    const databaseUrl = await world.database()
    const rialto = world.service({
      mqttUrl: broker.url,
      databaseUrl,
      qos: 1,
      entry: await withLimits(limits),
      environment: { RIALTO_CONFIG: await mappingFile(mapping) }
    })
    await rialto.start()
    const { store } = await openTestStore({ url: databaseUrl, limits })
    const set = (name: string, keepSeconds: number, filters: string[]) =>
      store.retention.setClass(name, { filters, keepSeconds, keepBytes: null })
    await set('short', 1, topicsOf(0, 1, 2))
    await set('middle', 3, topicsOf(3, 4, 5))
    await set('default', 6, [])
    const truth = await keepTruth(databaseUrl)
    const locks = await watchLocks(databaseUrl)
    const publisher = world.publisher({ url: broker.url, qos: 1, perSecond: sized(600, 500), topics: 9 })

    const { signal } = stopping
    const read = { url: rialto.url, signal }
    const whole = streamThrough({ ...read, filters: [] })
    let publishing = true
    /** Something of the class is gone that came behind there; at the end they come in any case. */
    const dropsOf = (name: string) => async (reached: number) => {
      const [row] = await query<{ horizon: string }>(
        databaseUrl,
        'select horizon from retention_classes where name = $1',
        [name]
      )
      return !publishing || Number(row!.horizon) > reached
    }
    const streams = [
      { filters: topicsOf(0, 4), back: dropsOf('short') },
      { filters: topicsOf(5, 6), back: dropsOf('middle') },
      { filters: topicsOf(7), back: dropsOf('short') },
      { filters: ['ledger/#'], back: dropsOf('middle') }
    ].map((one) => streamThrough({ ...read, ...one }))
    const pages = [[], topicsOf(0, 1), topicsOf(6)].map((filters) => pageThrough({ ...read, filters }))
    const asking = askAgain({ ...read, topics: topicsOf(0, 3, 6) })

    const droppedSoFar = async () => (await rialto.metrics()).get('journal_partitions_dropped_total') ?? 0
    const isEnough = async () =>
      (await droppedSoFar()) >= dropsMin && [0, 1].every((index) => streams[index]!.skipped.length > 0)
    // Topics come to other classes meanwhile. A slow machine may take longer
    const end = Date.now() + seconds * 1_000
    for (let turn = 0; Date.now() < end || (Date.now() < end + patienceMs && !(await isEnough())); turn++) {
      await delay(4_000)
      await set('short', 1, topicsOf(0, 1, turn % 2 === 0 ? 8 : 2))
    }
    await publisher.stop()
    await publisher.finished
    publishing = false
    const all = await eventually(
      async () => {
        const stored = await truth.read()
        const numbers = new Set([...stored.values()].map(({ number }) => number))
        return [...publisher.owed].every((number) => numbers.has(number)) && stored
      },
      { withinMs: 60_000, everyMs: 500, what: 'every message is stored' }
    )
    const readers = [whole, ...streams, ...pages]
    const failed = Promise.all([...readers, asking].map(({ ended }) => ended))
    // Who was away comes back once more
    const atEnd = readers.map((reader) => {
      const matches = compileFilters(reader.filters)
      const last = Math.max(...[...all].filter(([, { topic }]) => matches(topic)).map(([seq]) => seq))
      return eventually(() => reader.reached >= last, {
        withinMs: 30_000,
        what: `${reader.filters.join()} at the end`
      })
    })
    await Promise.race([Promise.all(atEnd), failed])
    stopping.abort()
    await failed
    const waits = await locks.end()

    const dropped = await droppedSoFar()
    const left = await query<{ count: string }>(databaseUrl, 'select count(*) from journal')
    t.diagnostic(
      `${publisher.owed.size} messages, ${dropped} partitions dropped, ${left[0]!.count} facts left; the longest of ` +
        `${waits.seen} waits for a lock took ${waits.longestMs} ms (${waits.longest}); as of: ${asking.same} the same, ` +
        `${asking.expired} expired; skipped: ${streams.map(({ skipped }) => skipped.length).join(', ')}; pages expired: ` +
        pages.map(({ expired }) => expired).join(', ')
    )

    for (const reader of readers) reader.check(all)
    assert.deepEqual(asking.wrong, [], 'states as of an instant are what they were, or expired')
    assert.ok(asking.same > 0 && asking.expired > 0, `${asking.same} the same, ${asking.expired} expired`)
    assert.ok(streams[0]!.skipped.length > 0 && streams[1]!.skipped.length > 0, 'nobody was told of anything')
    assert.ok(
      streams[2]!.skipped.every(({ retentionClass }) => retentionClass === 'default'),
      'topic 7 was always of the default class'
    )
    assert.ok(dropped >= dropsMin, `only ${dropped} partitions were dropped`)
    assert.ok(waits.longestMs < lockMsMax, `${waits.longestMs} ms: ${waits.longest}`)
    const { died } = rialto.totals()
    assert.equal(died, 0)
  } finally {
    stopping.abort()
    await world.end()
  }
})
