/**
 * Every convention against what nobody expects: its own examples, mutated; anything at all on its topics; large hostile
 * documents. Nothing is thrown, nothing grows without bound, nothing of the language is changed.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { conventions } from '../../src/conventions/conventions.ts'
import type { Outcome } from '../../src/datapoints.ts'
import { defaultLimits } from '../../src/limits.ts'
import { compileText, createRunner, receivedAt } from '../normalize/mappings.ts'
import { documentOf, examples, payloadOf } from './everything.ts'
import type { Examples } from './examples/example.ts'

const runs = process.env['FULL'] === '1' ? 5_000 : 300

type Message = { topic: string; payload: Uint8Array; contentType?: string | undefined }

function runner(convention: string): (message: Message) => Outcome {
  const { options, files = {} } = examples.get(convention)!
  const document = documentOf([{ convention, ...(options !== undefined && { options }) }])
  const run = createRunner(compileText(document, { files }))
  return ({ topic, payload, contentType }) =>
    run({
      seq: 1,
      kind: 'message',
      topic,
      payload,
      properties: contentType === undefined ? null : { contentType },
      receivedAt
    })
}

const toMessage = (example: Examples['messages'][number]): Message => ({
  topic: example.topic,
  payload: payloadOf(example),
  contentType: example.contentType
})

function check(outcome: Outcome, payloadBytes: number): void {
  const failed = outcome.rejections.find(({ reason }) => reason === 'decoder_failed')
  assert.equal(failed, undefined, failed?.detail)
  assert.ok(outcome.datapoints.length <= defaultLimits.datapointsPerMessageMax)
  const bytes = outcome.datapoints.reduce(
    (sum, { device, metric, exact }) => sum + device.length + metric.length + (exact?.length ?? 0),
    0
  )
  const allowed = Math.max(
    defaultLimits.outputBytesMin,
    Math.max(payloadBytes, 1) * defaultLimits.outputBytesPerByteMax
  )
  assert.ok(bytes <= allowed, `${bytes} bytes of ${payloadBytes}`)
  for (const { device, metric } of outcome.datapoints) {
    assert.ok(device !== '' && metric !== '')
    assert.ok(!/[\u0000-\u001f]/.test(device + metric))
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
}

type Mutation = { at: number; kind: number; byte: number; span: number; word: string }

const hostileWords = [
  '__proto__',
  'constructor',
  'null',
  '-1e999',
  '9'.repeat(40),
  '"\\u0000"',
  '"\\ud800"',
  '[[[[',
  '{"a":',
  '}',
  ',',
  '1e400',
  'NaN',
  '{"__proto__":{"polluted":1}}',
  '\u{1f600}',
  '\n',
  '%',
  'true',
  '[]',
  '{}',
  '""',
  '-0'
]

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.integer({ min: 0, max: 5 }),
  byte: fc.integer({ min: 0, max: 255 }),
  span: fc.integer({ min: 1, max: 20 }),
  word: fc.constantFrom(...hostileWords)
})

function mutate(payload: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let bytes = Buffer.from(payload)
  for (const { at, kind, byte, span, word } of mutations) {
    const index = Math.floor(at * bytes.length)
    if (kind === 0 && bytes.length > 0) bytes[Math.min(index, bytes.length - 1)] = byte
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + span)])
    else if (kind === 2)
      bytes = Buffer.concat([bytes.subarray(0, index), Buffer.from(word), bytes.subarray(index)])
    else if (kind === 3)
      bytes = Buffer.concat([
        bytes.subarray(0, index),
        bytes.subarray(index, index + span),
        bytes.subarray(index)
      ])
    else if (kind === 4) bytes = bytes.subarray(0, index)
    else {
      // A value of JSON by another one: the shape stays, the type does not
      const text = bytes.toString('latin1')
      const values = [...text.matchAll(/(?<=[:,[])\s*("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)/g)]
      const chosen = values[Math.floor(at * values.length)]
      if (chosen !== undefined)
        bytes = Buffer.from(
          text.slice(0, chosen.index) + word + text.slice(chosen.index + chosen[0].length),
          'latin1'
        )
    }
  }
  return Uint8Array.from(bytes)
}

for (const name of conventions.keys()) {
  test(`${name}: its examples, mutated, in any order`, () => {
    const { messages } = examples.get(name)!
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            of: fc.integer({ min: 0, max: messages.length - 1 }),
            topicOf: fc.option(fc.integer({ min: 0, max: messages.length - 1 }), { freq: 4 }),
            mutations: fc.array(mutation, { maxLength: 4 })
          }),
          { minLength: 1, maxLength: 8 }
        ),
        (chosen) => {
          const run = runner(name)
          for (const { of, topicOf, mutations } of chosen) {
            const message = toMessage(messages[of]!)
            const topic = topicOf === null ? message.topic : messages[topicOf]!.topic
            const payload = mutate(message.payload, mutations)
            check(run({ ...message, topic, payload }), payload.length)
          }
        }
      ),
      { numRuns: runs }
    )
  })

  test(`${name}: anything at all on its topics`, () => {
    const { messages } = examples.get(name)!
    const level = fc.oneof(
      fc.string({ maxLength: 6 }).map((text) => text.replace(/[+#\0]/g, '')),
      fc.constantFrom(
        '',
        '__proto__',
        'constructor',
        'bridge',
        '$state',
        'set',
        'rpc',
        '..',
        '%2F',
        'a'.repeat(300)
      )
    )
    const value = fc.jsonValue({ maxDepth: 5 }).map((json) => Buffer.from(JSON.stringify(json)))
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            of: fc.integer({ min: 0, max: messages.length - 1 }),
            levels: fc.array(fc.tuple(fc.nat(6), level), { maxLength: 2 }),
            payload: fc.oneof(fc.uint8Array({ maxLength: 200 }), value)
          }),
          { minLength: 1, maxLength: 5 }
        ),
        (chosen) => {
          const run = runner(name)
          for (const { of, levels, payload } of chosen) {
            const parts = messages[of]!.topic.split('/')
            for (const [index, text] of levels) parts[index % parts.length] = text
            const topic = parts.join('/')
            if (topic !== '') check(run({ ...toMessage(messages[of]!), topic, payload }), payload.length)
          }
        }
      ),
      { numRuns: runs }
    )
  })

  test(`${name}: large and hostile, in linear time`, () => {
    const { messages } = examples.get(name)!
    const size = 1_000_000
    const large: Buffer[] = [
      Buffer.from('['.repeat(size)),
      Buffer.from('{"a":'.repeat(size / 5)),
      Buffer.from(`{${Array.from({ length: size / 10 }, (_, index) => `"k${index}":1`).join(',')}}`),
      Buffer.from(`[${Array.from({ length: size / 20 }, (_, index) => `{"n":"${index}","v":1}`).join(',')}]`),
      Buffer.from(`{"a":"${'\\u0000'.repeat(size / 6)}"}`),
      Buffer.from('a,b=c d=1\n'.repeat(size / 10)),
      Buffer.from(`${' '.repeat(size)}x`),
      Buffer.from(`"${'\\'.repeat(size)}`),
      Buffer.from('9'.repeat(size)),
      Buffer.alloc(size, 0x9f),
      Buffer.alloc(size, 0x81),
      Buffer.alloc(size, 0x0a),
      Buffer.alloc(size, 0xff),
      gzipSync(Buffer.alloc(40_000_000)),
      deflateSync(Buffer.alloc(40_000_000))
    ]
    const run = runner(name)
    for (const example of messages) run(toMessage(example))
    const topics = new Map(messages.map((example) => [kindOf(example.topic), example]))
    for (const example of topics.values())
      for (const payload of large) {
        const begun = performance.now()
        check(run({ ...toMessage(example), payload }), payload.length)
        // A second for a megabyte would be slow; what is quadratic takes minutes
        const ms = performance.now() - begun
        assert.ok(
          ms < 15_000,
          `${ms} ms for ${payload.subarray(0, 20).toString('latin1')} on ${example.topic}`
        )
      }
  })
}

/** Topics of one kind differ by the names of devices: one of each is enough. */
const kindOf = (topic: string): string => topic.split('/').slice(-2).join('/')
