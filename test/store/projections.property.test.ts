import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ProjectedMessage } from '../../src/store/projected.ts'
import { OutrunError } from '../../src/store/projected.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import { expectedContent, storedContent } from '../support/projection-model.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
/** All messages are before it, and all projections of a run are done up to it in the end. */
const end = 100

const device = fc.constantFrom('d1', 'd2', 'd3')
const datapoint = fc.record({
  device,
  metric: fc.constantFrom('a', 'b', 'c'),
  number: fc.double(),
  observedAt: fc.integer({ min: 0, max: 5 }),
  role: fc.constantFrom('state' as const, 'state' as const, 'event' as const, 'historical' as const),
  type: fc.constantFrom('number' as const, 'text' as const),
  exact: fc.option(fc.uint8Array({ maxLength: 3 })),
  unit: fc.option(fc.constantFrom('°C', 'K'))
})
const presence = fc.record({
  device,
  presence: fc.constantFrom('online' as const, 'offline' as const),
  source: fc.constantFrom('availability' as const, 'seen' as const),
  at: fc.integer({ min: 0, max: 5 })
})
const attributes = fc.record({
  device,
  attributes: fc.dictionary(fc.constantFrom('model', '__proto__', 'fw'), fc.jsonValue({ maxDepth: 1 }))
})
const content = fc.record({
  topic: fc.constantFrom('t1', 't2'),
  mapping: fc.constantFrom('m1', 'm2'),
  devices: fc.uniqueArray(device, { maxLength: 2 }),
  datapoints: fc.array(datapoint, { maxLength: 4 }),
  presence: fc.array(presence, { maxLength: 2 }),
  attributes: fc.array(attributes, { maxLength: 1 }),
  offlineAfterSeconds: fc.option(fc.constantFrom(60, 300)),
  receivedAt: fc.integer({ min: 0, max: 1_000 })
})
const contents = fc.array(content, { maxLength: 12 })

async function open() {
  const one = await openTestStore({ limits: { poolConnectionsMax: 3 } })
  const { topicIds } = (await one.receive({ topic: 't1' }, { topic: 't2' }))!
  const current = await one.store.projections.current(mapping)
  await one.store.projections.write(current.id, { ...chunkOf(current.doneSeq, []), to: end }, { live: false })
  const toMessages = (generated: Array<typeof content extends fc.Arbitrary<infer T> ? T : never>) =>
    generated.map((more, index) =>
      messageOf(index + 1, { topic: more.topic, topicId: topicIds.get(more.topic)!.id }, {
        ...more,
        datapoints: more.datapoints.map(({ device: name, metric, number, exact, ...rest }) =>
          point(name, metric, number, { ...rest, exact: exact && Buffer.from(exact) })
        )
      } as Partial<ProjectedMessage>)
    )
  return { ...one, toMessages }
}

/** What is given by `write` into a new projection is current when it resolves. */
async function rebuild({ store }: TestStore, write: (id: number) => Promise<number>): Promise<void> {
  const was = await store.projections.current(mapping)
  const { id } = await store.projections.begin(mapping)
  const from = await write(id)
  await store.projections.write(id, { ...chunkOf(from, []), to: end }, { live: false })
  await store.projections.switchTo(was.id, id)
  await store.projections.drop(was.id)
}

test('any split into chunks, repeated or not, by any of two instances, gives what the messages say', async () => {
  const one = await open()
  const other = await openTestStore({
    url: one.url,
    limits: { poolConnectionsMax: 3, projectedNamesCachedMax: 2 }
  })
  const splits = fc.array(
    fc.record({ size: fc.integer({ min: 1, max: 5 }), other: fc.boolean(), again: fc.boolean() }),
    { minLength: 1 }
  )
  await fc.assert(
    fc.asyncProperty(contents, splits, async (generated, chunks) => {
      const messages = one.toMessages(generated)
      await rebuild(one, async (id) => {
        let from = 0
        for (let turn = 0; from < messages.length; turn++) {
          const { size, other: byOther, again } = chunks[turn % chunks.length]!
          const chunk = chunkOf(from, messages.slice(from, from + size))
          const { projections } = (byOther ? other : one).store
          await projections.write(id, chunk, { live: false })
          if (again) {
            await assert.rejects(
              (byOther ? one : other).store.projections.write(id, chunk, { live: false }),
              OutrunError
            )
          }
          from = chunk.to
        }
        return from
      })
      assert.deepEqual(await storedContent(one.store), expectedContent(messages))
    }),
    { numRuns: 100 }
  )
})

test('messages that were rejected and are written again give what they would have given at first', async () => {
  const one = await open()
  await fc.assert(
    fc.asyncProperty(
      contents,
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      async (generated, rejected, size) => {
        const messages = one.toMessages(generated)
        await rebuild(one, async (id) => {
          const first = messages.map((message, index) =>
            rejected[index]! ? { ...rejectedAs(message), datapoints: wrong(message) } : message
          )
          const chunk = chunkOf(0, first)
          await one.store.projections.write(id, chunk, { live: false })
          return chunk.to
        })
        const { id } = await one.store.projections.current(mapping)
        const redrive = randomUUID()
        const everyone = { filters: [], reason: null, mapping: null, from: null, to: null }
        await one.store.projections.redrives.create({
          ...everyone,
          id: redrive,
          principal: 'p',
          untilSeq: end
        })
        const again = messages.filter((_, index) => rejected[index])
        for (let from = 0, done = 0; done < again.length; done += size) {
          const chunk = chunkOf(from, again.slice(done, done + size))
          await one.store.projections.rewrite(id, redrive, chunk, 0)
          await assert.rejects(one.store.projections.rewrite(id, redrive, chunk, 0), OutrunError)
          from = chunk.to
        }
        // Since when a device is what it is, and versions, tell when we learned of it
        const timeless = ({ devices, ...more }: Awaited<ReturnType<typeof storedContent>>) => ({
          ...more,
          devices: devices.map((known) => ({ ...known, seq: 0, presenceAt: 0, presenceSource: null }))
        })
        assert.deepEqual(timeless(await storedContent(one.store)), timeless(expectedContent(messages)))
        const { items } = await one.store.rejections.page(everything, {
          ...everyone,
          after: null,
          limit: 100,
          order: 'asc'
        })
        assert.deepEqual(items, [])
      }
    ),
    { numRuns: 100 }
  )
})

/** As a wrong mapping reads it: later than it is, of a metric that is none, and of a device that is none. */
const wrong = ({ datapoints }: ProjectedMessage): ProjectedMessage['datapoints'] =>
  datapoints.slice(0, 1).flatMap((datapoint) => [
    { ...datapoint, observedAt: 9, number: -1 },
    { ...datapoint, metric: 'none' },
    { ...datapoint, device: 'nobody' }
  ])

const rejectedAs = (message: ProjectedMessage): ProjectedMessage => ({
  ...message,
  devices: [],
  presence: [],
  attributes: [],
  rejections: [{ reason: 'wrong_shape', detail: 'as it was' }]
})
