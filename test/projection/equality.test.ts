/**
 * Whatever happens on the way (other batches, crashes, a mapping that was wrong at first, redrives, rebuilds), what is stored in
 * the end is what a run without any of it stores.
 */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Received } from '../../src/normalize/normalize.ts'
import { createDatabase } from '../support/database.ts'
import { dump, mappingFile, received, startProjecting } from '../support/projection.ts'
import { everything } from '../support/store.ts'

const right = `
mappings:
  - name: readings
    topic: plant/{device}/reading
    decoder: json
    timestamp: { select: ts }
  - name: overlay
    topic: plant/{device}/overlay
    decoder: json
    merge: merge
  - name: status
    topic: plant/{device}/status
    decoder: json
    merge: replace
  - name: steady
    topic: plant/{device}/steady
    decoder: json
  - name: alive
    topic: plant/{device}/alive
    presence: { online: ["on"], offline: ["off"] }
`
/** Everything is rejected by it, so that a redrive concerns all. */
const wrong = right
  .replaceAll('decoder: json', 'decoder: number\n    metric: wrong')
  .replace('    timestamp: { select: ts }\n', '')
  .replaceAll(/ {4}merge: .*\n/g, '')
  .replace('["on"]', '["yes"]')
  .replace('["off"]', '["no"]')
const none = ''
/** As `right`, and what is stored of a message depends on those before it, whatever topic of the device they came on. */
const changes = right
  .replace(
    'decoder: json\n    timestamp',
    'decoder: json\n    store: { deadband: 2, atLeastEvery: 30m }\n    timestamp'
  )
  .replace('steady\n    decoder: json', 'steady\n    decoder: json\n    store: { deadband: 1 }')
  .replace('merge: merge', 'merge: merge\n    store: changes')
  .replace('merge: replace', 'merge: replace\n    store: { deadband: { percent: 50 } }')

const device = fc.constantFrom('a', 'b', 'c/d')
const leaf = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom('9007199254740993', '-0.5', '"text"', '"\\ud800"', '"\\u0000"', 'true', 'null', '[1,2]')
)
const object = fc
  .dictionary(
    fc.constantFrom('t', 'h', 'deep', 'flag'),
    fc.oneof(
      leaf,
      leaf.map((value) => `{"x":${value}}`)
    )
  )
  .map(
    (members) =>
      `{${Object.entries(members)
        .map(([name, value]) => `"${name}":${value}`)
        .join(',')}}`
  )
/** Device times go back and forth, around the messages' own. */
const timed = fc
  .tuple(object, fc.integer({ min: 0, max: 90 }))
  .map(([text, minute]) =>
    text.replace('{', `{"ts":${Date.UTC(2026, 0, 1) / 1_000 + minute * 60}${text === '{}' ? '' : ','}`)
  )
/** Says the same again and again, and drifts. */
const steady = fc.integer({ min: 0, max: 3 }).map((value) => `{"steady":${value}}`)
const message = fc.oneof(
  fc.tuple(device, timed).map(([name, payload]) => [`plant/${name.replace('/', '-')}/reading`, payload]),
  fc.tuple(device, object).map(([name, payload]) => [`plant/${name.replace('/', '-')}/overlay`, payload]),
  fc.tuple(device, object).map(([name, payload]) => [`plant/${name.replace('/', '-')}/status`, payload]),
  fc
    .tuple(device, fc.constantFrom('on', 'off'))
    .map(([name, payload]) => [`plant/${name.replace('/', '-')}/alive`, payload]),
  fc
    .tuple(device, fc.constantFrom('{', '', 'NaN', '21,5'))
    .map(([name, payload]) => [`plant/${name.replace('/', '-')}/reading`, payload])
)
const saysTheSame = fc
  .tuple(fc.constantFrom('a', 'b'), steady)
  .map(([name, payload]) => [`plant/${name}/steady`, payload])
const fewChanges = fc.oneof({ weight: 4, arbitrary: saysTheSame }, { weight: 1, arbitrary: message })
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 12 }) })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fix' as const), rebuild: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('redrive' as const) }) }
)

const toMessages = (given: ReadonlyArray<readonly string[]>): Received[] =>
  given.map(([topic, payload], minute) => received(topic!, payload!, minute))

async function clean(messages: readonly Received[], mappings: string): Promise<Record<string, unknown[]>> {
  const url = await createDatabase()
  const projecting = await startProjecting({ url, file: await mappingFile(mappings) })
  await projecting.append(messages)
  await projecting.settled()
  await projecting.end()
  return dump(url)
}

/** Everything goes wrong that the steps say. */
async function eventful(
  messages: readonly Received[],
  steps: ReadonlyArray<{ do: string; count?: number; rebuild?: boolean }>,
  { before, after }: { before: string; after: string },
  limits: {
    projectionChunkFactsMax: number
    redriveChunkMessagesMax: number
    projectionChunkDatapointsMax: number
  }
): Promise<Record<string, unknown[]>> {
  const url = await createDatabase()
  const file = await mappingFile(before)
  const begin = () => startProjecting({ url, file, limits: { ...limits, ringFactsMax: 7 } })
  let projecting = await begin()
  let appended = 0
  let fixed = false
  // What was stored by other mappings without a rejection is not stored again
  const anew = before === none || (before === right && after !== right)
  const fix = async (rebuild: boolean): Promise<void> => {
    await writeFile(file, after)
    await projecting.service.projections.reload({ rebuild })
    fixed = true
  }
  const redrive = () =>
    projecting.service.projections.redrive(everything, {
      filters: [],
      reason: null,
      mapping: null,
      from: null,
      to: null
    })
  for (const one of steps) {
    if (one.do === 'append') {
      const some = messages.slice(appended, appended + one.count!)
      if (some.length > 0) await projecting.append(some)
      appended += some.length
    } else if (one.do === 'crash') {
      await projecting.end()
      projecting = await begin()
    } else if (one.do === 'fix') await fix(one.rebuild! || anew)
    else await redrive()
  }
  if (appended < messages.length) await projecting.append(messages.slice(appended))
  if (!fixed) await fix(anew)
  await projecting.settled()
  await redrive()
  await projecting.settled()
  await projecting.end()
  return dump(url)
}

for (const [name, before, after] of [
  ['a mapping that was wrong at first', wrong, right],
  ['mappings that came later', none, right],
  ['mappings that never changed', right, right],
  ['mappings that store changes alone', changes, changes],
  ['mappings that stored all at first', right, changes],
  ['mappings that were wrong, and store changes alone', wrong, changes]
] as const) {
  test(`the same devices, metrics and datapoints, with ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        after === changes
          ? fc.array(fewChanges, { minLength: 20, maxLength: 60 })
          : fc.array(message, { minLength: 1, maxLength: 60 }),
        fc.array(step, { maxLength: 12 }),
        fc.record({
          projectionChunkFactsMax: fc.integer({ min: 1, max: 20 }),
          redriveChunkMessagesMax: fc.integer({ min: 1, max: 10 }),
          projectionChunkDatapointsMax: fc.integer({ min: 1, max: 30 })
        }),
        async (given, steps, limits) => {
          const messages = toMessages(given)
          const one = await clean(messages, after)
          const other = await eventful(messages, steps, { before, after }, limits)
          assert.deepEqual(other, one)
        }
      ),
      { numRuns: process.env['FULL'] === '1' ? 100 : 6, endOnFailure: true }
    )
  })
}
