import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RedriveAsk } from '../../src/datapoints.ts'
import { query } from '../support/database.ts'
import type { ModelPoint } from '../support/rollup-model.ts'
import {
  assertCounts,
  assertRollups,
  inOrder,
  markedKeys,
  modelLevels,
  rollupModel,
  rowKey,
  storedRollups
} from '../support/rollup-model.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import type { TestStore } from '../support/store.ts'
import { openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
const everyone: RedriveAsk = { filters: [], reason: null, mapping: null, from: null, to: null }
const day = 86_400_000
/** So that all of it is kept at each level. */
const base = Math.floor(Date.now() / day) * day - 3 * day

/** Few instants, so that many fall on one; in one minute, some minutes of an hour, hours of a day, and days. */
const instant = fc
  .record({
    day: fc.constantFrom(0, 0, 0, 1, 2),
    hour: fc.constantFrom(0, 0, 0, 1, 23),
    minute: fc.constantFrom(0, 0, 1, 2, 59),
    ms: fc.constantFrom(0, 1, 500, 30_000, 59_999)
  })
  .map(({ day: days, hour, minute, ms }) => base + days * day + hour * 3_600_000 + minute * 60_000 + ms)
const number = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -5, max: 5 }) },
  { weight: 3, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(1e300, -1e300, 5e-324, 0, Number.MAX_VALUE) },
  { weight: 1, arbitrary: fc.constant(null) }
)
const datapoint = fc.record({
  device: fc.constantFrom('d1', 'd2'),
  metric: fc.constantFrom('a', 'a', 'b'),
  number: number as fc.Arbitrary<number | null>,
  observedAt: instant,
  role: fc.constantFrom('state' as const, 'event' as const, 'historical' as const)
})
const message = fc.record({
  topic: fc.constantFrom('t1', 't1', 't2'),
  datapoints: fc.array(datapoint, { maxLength: 5 })
})
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never

const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('write' as const),
      messages: fc.array(message, { maxLength: 6 })
    })
  },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('advance' as const), limit: fc.integer({ min: 1, max: 12 }) })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('redrive' as const),
      messages: fc.array(message, { minLength: 1, maxLength: 3 }),
      which: fc.integer({ min: 0, max: 1_000 })
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('drop' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true })
    })
  }
)

/** A projection that is current and empty, of a journal that is whole. */
async function begin({ store, url }: TestStore): Promise<number> {
  await query(url, 'update journal_head set horizon = 0')
  await query(url, 'update retention_classes set horizon = 0')
  const was = await store.projections.current(mapping)
  const { id } = await store.projections.begin(mapping)
  await store.projections.write(id, { ...chunkOf(0, []), to: was.doneSeq }, { live: false })
  await store.projections.switchTo(was.id, id)
  await store.projections.drop(was.id)
  return id
}

/** What the rows should say, and of which that is not known. */
class Model {
  points: ModelPoint[] = []
  horizon = 0
  /** Minutes that are not exact any more, since what they were made of is gone; and what is mixed in them. */
  readonly mixed = new Set<string>()
  readonly unknown = new Set<string>()

  private keys(points: readonly ModelPoint[]): string[] {
    return points.flatMap((one) => modelLevels.map((level) => rowKey(one, level)))
  }

  advance(from: number, to: number): void {
    const minute = modelLevels[0]!
    const numeric = this.points.filter((one) => one.number !== null)
    const news = numeric.filter(({ seq }) => seq > from && seq <= to)
    for (const key of new Set(news.map((one) => rowKey(one, minute)))) {
      const added = news.filter((one) => rowKey(one, minute) === key)
      const before = numeric.filter((one) => one.seq <= from && rowKey(one, minute) === key)
      const follows = (a: ModelPoint[], b: ModelPoint[]): boolean =>
        a.every((one) => b.every((other) => inOrder(one, other) < 0))
      if (!before.some(({ seq }) => seq <= this.horizon)) continue
      if (!follows(before, added) && !follows(added, before))
        for (const one of this.keys(added)) this.mixed.add(one)
    }
  }

  redrive(seqs: readonly number[], again: readonly ModelPoint[]): void {
    const minute = modelLevels[0]!
    const gone = new Set(
      this.points
        .filter(({ seq, number: value }) => seq <= this.horizon && value !== null)
        .map((one) => rowKey(one, minute))
    )
    const touched = [...this.points.filter(({ seq }) => seqs.includes(seq)), ...again]
    for (const one of touched)
      if (gone.has(rowKey(one, minute))) for (const key of this.keys([one])) this.unknown.add(key)
    this.points = [...this.points.filter(({ seq }) => !seqs.includes(seq)), ...again]
  }
}

test('whatever comes, goes and changes, in whatever steps, each row is what its datapoints come to', async () => {
  const one = await openTestStore({ limits: { poolConnectionsMax: 4 } })
  const { store, url } = one
  const { topicIds } = (await one.receive({ topic: 't1' }, { topic: 't2' }))!
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 16 }), async (operations) => {
      const id = await begin(one)
      const start = (await store.projections.current(mapping)).doneSeq
      let [done, rolled] = [start, 0]
      const model = new Model()
      const toPoints = (seq: number, { topic, datapoints }: Message): ModelPoint[] =>
        datapoints.map((datapoint, n) => ({ ...datapoint, topicId: topicIds.get(topic)!.id, seq, n }))
      const toMessage = (seq: number, { topic, datapoints }: Message) =>
        messageOf(
          seq,
          { topic, topicId: topicIds.get(topic)!.id },
          {
            datapoints: datapoints.map(({ device, metric, number: value, ...more }) =>
              point(device, metric, value, more)
            )
          }
        )

      async function write(messages: readonly Message[]): Promise<void> {
        const from = done
        const seqs = messages.map(() => ++done)
        model.points.push(...messages.flatMap((given, index) => toPoints(seqs[index]!, given)))
        const written = messages.map((given, index) => toMessage(seqs[index]!, given))
        await store.projections.write(id, chunkOf(from, written), { live: false })
      }

      async function redrive(messages: readonly Message[], which: number): Promise<void> {
        const kept = Array.from({ length: done - start }, (_, index) => start + index + 1).filter(
          (seq) => seq > model.horizon
        )
        const given = messages.slice(0, kept.length)
        if (given.length === 0) return
        const at = which % (kept.length - given.length + 1)
        const seqs = kept.slice(at, at + given.length)
        const redriven = { id: randomUUID(), principal: 'p', untilSeq: done }
        await store.projections.redrives.create({ ...everyone, ...redriven })
        const written = given.map((each, index) => toMessage(seqs[index]!, each))
        await store.projections.rewrite(id, redriven.id, chunkOf(0, written), 0)
        model.redrive(
          seqs,
          given.flatMap((each, index) => toPoints(seqs[index]!, each))
        )
      }

      /** As retention does it, which waits for hours that are to be rolled up anew. */
      async function drop(share: number): Promise<void> {
        if ((await markedKeys(url, id)).length > 0) return
        model.horizon = Math.max(model.horizon, start + Math.floor((Math.max(rolled, start) - start) * share))
        await query(url, 'update journal_head set horizon = $1', [model.horizon])
        await query(url, 'update retention_classes set horizon = $1 where id = 1', [model.horizon])
        await query(url, 'delete from datapoints where seq <= $1', [model.horizon])
      }

      async function advance(limit: number): Promise<boolean> {
        const before = rolled
        const step = await store.rollups.advance(limit)
        rolled = step.rolled
        model.advance(before, rolled)
        const known = model.points.filter(({ seq }) => seq <= rolled)
        const marks = await markedKeys(url, id)
        assert.ok(step.more || (rolled === done && marks.length === 0))
        const except = new Set([...model.unknown, ...marks])
        const without = <T>(rows: ReadonlyMap<string, T>) =>
          new Map([...rows].filter(([key]) => !except.has(key)))
        const stored = await storedRollups(url, id)
        assertRollups(without(stored), without(rollupModel(known)), model.mixed)
        if (marks.length === 0) assertCounts(stored)
        return step.more
      }

      for (const operation of operations)
        if (operation.what === 'write') await write(operation.messages)
        else if (operation.what === 'redrive') await redrive(operation.messages, operation.which)
        else if (operation.what === 'drop') await drop(operation.share)
        else await advance(operation.limit)
      while (await advance(5));
    }),
    { numRuns: process.env['FULL'] === '1' ? 1_000 : 30 }
  )
})
