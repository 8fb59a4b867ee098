import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ModelPoint } from '../support/rollup-model.ts'
import { assertRollups, rollupModel, storedRollups } from '../support/rollup-model.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import type { TestStore } from '../support/store.ts'
import { openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
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
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('write' as const),
      messages: fc.array(message, { maxLength: 6 })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('advance' as const), limit: fc.integer({ min: 1, max: 12 }) })
  }
)

/** A projection that is current and empty. */
async function begin({ store }: TestStore): Promise<number> {
  const was = await store.projections.current(mapping)
  const { id } = await store.projections.begin(mapping)
  await store.projections.write(id, { ...chunkOf(0, []), to: was.doneSeq }, { live: false }).catch(() => {})
  await store.projections.switchTo(was.id, id)
  await store.projections.drop(was.id)
  return id
}

test('whatever comes, in whatever chunks, each row is what its datapoints come to', async () => {
  const one = await openTestStore({ limits: { poolConnectionsMax: 4 } })
  const { store, url } = one
  const { topicIds } = (await one.receive({ topic: 't1' }, { topic: 't2' }))!
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 12 }), async (operations) => {
      const id = await begin(one)
      const start = (await store.projections.current(mapping)).doneSeq
      let done = start
      const points: ModelPoint[] = []
      async function write(messages: readonly Message[]): Promise<void> {
        const from = done
        const written = messages.map(({ topic, datapoints }, index) => {
          const topicId = topicIds.get(topic)!.id
          points.push(
            ...datapoints.map((datapoint, n) => ({ ...datapoint, topicId, seq: from + index + 1, n }))
          )
          return messageOf(
            from + index + 1,
            { topic, topicId },
            {
              datapoints: datapoints.map(({ device, metric, number: value, ...more }) =>
                point(device, metric, value, more)
              )
            }
          )
        })
        done += messages.length
        await store.projections.write(id, chunkOf(from, written), { live: false })
      }
      async function advance(limit: number): Promise<boolean> {
        const { rolled, more } = await store.rollups.advance(limit)
        const known = points.filter(({ seq }) => seq <= rolled)
        assertRollups(await storedRollups(url, id), rollupModel(known))
        assert.equal(more, rolled < done)
        return more
      }
      for (const operation of operations)
        if (operation.what === 'write') await write(operation.messages)
        else await advance(operation.limit)
      while (await advance(5));
    }),
    { numRuns: process.env['FULL'] === '1' ? 1_000 : 40 }
  )
})
