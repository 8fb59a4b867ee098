import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import type { Outcome, SourceMessage } from '../../src/datapoints.ts'
import { clocks, metricTypes, rejectionReasons } from '../../src/datapoints.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import { compileMappings, decodeState, encodeState } from '../../src/normalize/compile-mappings.ts'
import { UnwritableError, parseExact, writeExact } from '../../src/normalize/exact-json.ts'
import type { Normalized } from '../../src/normalize/mapping-set.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { compileText, createRunner, mapping, message, receivedAt } from './mappings.ts'

const limits: Limits = {
  ...defaultLimits,
  datapointsPerMessageMax: 20,
  datapointBytesMax: 200,
  outputBytesMin: 500,
  outputBytesPerByteMax: 4,
  nameBytesMax: 30,
  rejectionsPerMessageMax: 3,
  rejectionDetailCharsMax: 80,
  decoderStateBytesMax: 300
}

/** Whatever was said: legal names, bounded sizes, finite numbers, times near receipt. */
function checkOutcome(outcome: Outcome, { payload }: SourceMessage): void {
  const text = (value: string, max: number): void => {
    assert.ok(
      value.length > 0 && Buffer.byteLength(value) <= max && value.isWellFormed(),
      JSON.stringify(value)
    )
    assert.doesNotMatch(value, /[\u0000-\u001f\u007f-\u009f]/)
  }
  let bytes = 0
  for (const one of outcome.datapoints) {
    text(one.device, limits.nameBytesMax)
    text(one.metric, limits.nameBytesMax)
    for (const word of [one.unit, one.quality]) if (word !== null) text(word, limits.nameBytesMax)
    assert.ok(one.type in metricTypes && one.clock in clocks)
    assert.ok(one.number === null || Number.isFinite(one.number))
    assert.equal(
      one.number !== null,
      one.type === 'number' || one.type === 'integer' || one.type === 'boolean'
    )
    assert.equal(one.exact !== null, !['null', 'number', 'boolean'].includes(one.type))
    if (one.type === 'json') JSON.parse(Buffer.from(one.exact!).toString('utf8'))
    assert.ok((one.exact?.length ?? 0) <= limits.datapointBytesMax)
    assert.ok(Number.isInteger(one.observedAt))
    assert.ok(one.observedAt <= receivedAt + limits.clockAheadSecondsMax * 1_000)
    assert.ok(one.observedAt >= receivedAt - limits.clockBehindSecondsMax * 1_000)
    bytes += (one.exact?.length ?? 0) + one.device.length + one.metric.length
  }
  assert.ok(
    bytes <= Math.max(limits.outputBytesMin, payload.length * limits.outputBytesPerByteMax),
    String(bytes)
  )
  assert.ok(outcome.datapoints.length <= limits.datapointsPerMessageMax)
  assert.ok(outcome.presence.length <= limits.datapointsPerMessageMax)
  for (const device of outcome.devices) text(device, limits.nameBytesMax)
  assert.ok(outcome.rejections.length <= limits.rejectionsPerMessageMax)
  assert.equal(new Set(outcome.devices).size, outcome.devices.length)
  for (const { reason, detail } of outcome.rejections) {
    assert.ok(reason in rejectionReasons)
    assert.ok(detail.length > 0 && detail.length <= limits.rejectionDetailCharsMax && detail.isWellFormed())
    assert.doesNotMatch(detail, /[\u0000-\u001f\u007f-\u009f]/)
  }
}

const name = fc.oneof(
  { arbitrary: fc.constantFrom('a', 'b', 't', 'v'), weight: 4 },
  fc.constantFrom('a', 'b', 't', 'v', '', '__proto__', 'constructor', '\0', 'é', 'x'.repeat(31)),
  fc.string({ maxLength: 4, unit: 'binary' })
)
const scalar = fc.oneof(
  fc.constantFrom(
    '1e400',
    '-0',
    '9007199254740993',
    '18446744073709551615',
    '"\\ud800"',
    '"\\u0000"',
    'null',
    'true',
    '1e-400',
    '""'
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc.string({ maxLength: 40 }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"2026-11-24T11:59:59Z"', '1763985599', '1763985599000', '"x"'.padEnd(250, ' '))
)
/** JSON as text, names repeated or not, so that it says what JSON.stringify cannot. */
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(name, tie('json')), { maxLength: 5 })
      .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`)
  )
}))
const object = fc
  .array(fc.tuple(name, json), { minLength: 1, maxLength: 5 })
  .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`)
const payload = fc.oneof(
  object.map((text) => Buffer.from(text)),
  json.map((text) => Buffer.from(text)),
  json.chain((text) => fc.nat(text.length).map((at) => Buffer.from(text.slice(0, at)))),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    ...[
      'online',
      '{"a":"online"}',
      '{"a":"offline","v":"x"}',
      'ON',
      '+.5',
      '1e400',
      'off',
      '0',
      '{'.repeat(500),
      '['.repeat(500) + ']'.repeat(500)
    ].map((text) => Buffer.from(text))
  )
)
const topic = fc
  .array(fc.oneof(fc.constantFrom('x', 'a', '$y', ''), fc.string({ maxLength: 3 })), {
    minLength: 1,
    maxLength: 4
  })
  .map((levels) => `x/${levels.join('/').replaceAll(/[+#\0]/g, '_')}`)
const properties = fc.constantFrom(
  null,
  { contentType: 'application/json' },
  { contentType: 'text/plain' },
  { contentType: 'image/png' }
)
const messages = fc
  .tuple(
    topic,
    payload,
    fc.constantFrom('message' as const, 'snapshot' as const, 'cleared' as const),
    properties
  )
  .map(([where, what, kind, said]) => message(where, what, { kind, properties: said }))

const documents = [
  'automatic: true',
  mapping('topic: x/{device+}', 'offlineAfter: 1m'),
  mapping('topic: x/{device}/#', 'merge: replace', 'timestamp: { select: t }', 'unit: { select: a }'),
  mapping('topic: x/{device}/#', 'merge: merge', 'quality: { select: v }'),
  mapping(
    'topic: "{device}/#"',
    'each: items(@)',
    'metric: { select: "[0]" }',
    'value: "[1]"',
    'merge: event'
  ),
  mapping(
    'topic: x/#',
    'device: d',
    'metrics: [{ name: m, value: v, type: number }, { name: n, value: "*.a | [0]" }, { name: o, value: b, type: json }]',
    'timestamp: { select: t, unit: ns }'
  ),
  mapping('topic: x/{device}/#', 'decoder: text', 'metric: m'),
  mapping('topic: x/{device}/#', 'decoder: number'),
  mapping('topic: x/{device}/#', 'decoder: boolean'),
  mapping('topic: x/{device}/#', 'decoder: bytes'),
  mapping('topic: x/{device}/#', 'decoder: json', 'value: a'),
  mapping('topic: x/{device}/#', 'presence: {}', 'value: a', 'offlineAfter: 1m')
]

for (const text of documents) {
  test(`hostile payloads stay in bounds: ${text.replaceAll('\n', ' ').trim().slice(0, 200)}`, () => {
    const next = createRunner(compileText(text, { limits }))
    const before = Object.keys(Object.prototype).length
    let datapoints = 0
    fc.assert(
      fc.property(messages, (given) => {
        const bytes = Buffer.from(given.payload)
        const outcome = next(given)
        checkOutcome(outcome, given)
        datapoints += outcome.datapoints.length + outcome.presence.length
        assert.deepEqual(Buffer.from(given.payload), bytes, 'the payload is as it was')
        assert.ok(
          !outcome.rejections.some(({ reason }) => reason === 'decoder_failed'),
          JSON.stringify(outcome.rejections)
        )
      }),
      { numRuns: 2_000 }
    )
    assert.ok(datapoints > 20, String(datapoints))
    assert.equal(Object.keys(Object.prototype).length, before)
    assert.equal(({} as Record<string, unknown>)['a'], undefined)
  })
}

test('without a memory, the order of messages makes no difference', () => {
  const stateless = documents
    .filter((text) => !/merge: (replace|merge)/.test(text))
    .map((text) => compileText(text, { limits }))
  fc.assert(
    fc.property(
      fc.array(messages, { maxLength: 8 }),
      fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
      (given, keys) => {
        const numbered = given.map((one, seq) => ({ ...one, seq }))
        const shuffled = numbered
          .map((one, at) => ({ one, key: keys[at]! }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ one }) => one)
        for (const set of stateless) {
          assert.ok(set.mappings.every(({ stateful }) => !stateful))
          const run = (order: SourceMessage[]) =>
            new Map(order.map((one) => [one.seq, set.normalize(one, null)]))
          const [straight, other] = [run(numbered), run(shuffled)]
          for (const { seq } of numbered) assert.deepEqual(straight.get(seq), other.get(seq))
        }
      }
    ),
    { numRuns: 200 }
  )
})

test('the same messages in the same order give the same, wherever the state was in between', () => {
  const sets = documents
    .filter((text) => /merge: (replace|merge)/.test(text))
    .map((text) => compileText(text, { limits }))
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 10 }), fc.nat(10), (payloads, cut) => {
      for (const set of sets) {
        let kept: object | null = null
        let stored: object | null = null
        for (const [index, what] of payloads.entries()) {
          const given = message('x/a', what)
          const one: Normalized = set.normalize(given, kept)
          const other = set.normalize(given, stored)
          assert.deepEqual(one, other)
          if (typeof one.state === 'object') {
            kept = one.state
            // Written and read again, as after a crash
            stored =
              one.state === null
                ? null
                : index < cut
                  ? one.state
                  : (decodeState(encodeState(one.state)) as object)
          }
        }
      }
    }),
    { numRuns: 500 }
  )
})

/** What JSON can say, with integers of any size. */
const states = fc.letrec<{ state: unknown }>((tie) => ({
  state: fc.oneof(
    { maxDepth: 4 },
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt({ min: 2n ** 53n, max: 10n ** 308n }),
    fc.bigInt({ min: -(10n ** 308n), max: -(2n ** 53n) }),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
    fc.constantFrom('integer:5', '_integer:9007199254740993', '9007199254740993', '\\"9007199254740993'),
    fc.array(tie('state'), { maxLength: 4 }),
    fc
      .array(
        fc.tuple(
          name.map((text) => text.toWellFormed()),
          tie('state')
        ),
        { maxLength: 4 }
      )
      .map((members) => Object.fromEntries(members))
  )
})).state

test('a state read again is the same, integers exact', () => {
  fc.assert(
    fc.property(states, (state) => {
      const [bytes, plain] = [
        encodeState(state as object),
        JSON.stringify(state, (_, part: unknown) => (typeof part === 'bigint' ? 'big' : part))
      ]
      const again = decodeState(bytes)
      assert.deepEqual(again, state)
      assert.ok(plain.length > 0)
    }),
    { numRuns: 5_000 }
  )
})

test('exact parsing is JSON.parse, but for large integers', () => {
  fc.assert(
    fc.property(json, (text) => {
      const rounded = JSON.stringify(parseExact(text), (_, part: unknown) =>
        typeof part === 'bigint' ? Number(part) : part
      )
      assert.equal(rounded, JSON.stringify(JSON.parse(text)))
    }),
    { numRuns: 5_000 }
  )
})

test('writing never takes more than its bound, whatever is given', () => {
  const loop: Record<string, unknown> = {}
  loop['loop'] = loop
  const wide = Array.from({ length: 100 }, () => loop)
  const lying = new Proxy([], { get: (_, key) => (key === 'length' ? 1e12 : 1) })
  const growing = {
    get more(): object {
      return {
        get more() {
          return growing
        }
      }
    }
  }
  for (const value of [
    loop,
    wide,
    lying,
    growing,
    'x'.repeat(10_000),
    { a: 'x'.repeat(10_000) },
    Number.NaN,
    { a: Infinity },
    [() => {}],
    { s: Symbol('s') },
    10n ** 400n,
    new Uint8Array(3)
  ])
    assert.throws(() => writeExact(value, 1_000), UnwritableError, inspect(value))
  assert.equal(writeExact({ a: [1n, undefined, 'é'] }, 100), '{"a":[1,null,"é"]}')
  assert.equal(writeExact('x'.repeat(98), 100).length, 100)
  assert.throws(() => writeExact('x'.repeat(99), 100), UnwritableError)
  assert.throws(() => writeExact('é'.repeat(98), 100), UnwritableError)
})

test('any text is a document, or has faults', () => {
  const token = fc.constantFrom(
    'mappings:',
    '\n',
    '  ',
    '- ',
    'name: a',
    'topic: x/{device}',
    '"',
    '{',
    '}',
    '[',
    ']',
    ': ',
    '#',
    '&a ',
    '*a',
    '!!set ',
    '|',
    '>',
    '---',
    '\t',
    'metrics:',
    'value: ',
    'a.b',
    '`',
    'each:',
    'presence:',
    'commands:',
    '? ',
    '%YAML 1.1',
    '<<: '
  )
  let faulty = 0
  fc.assert(
    fc.property(fc.array(token, { maxLength: 30 }), (tokens) => {
      try {
        compileMappings({ text: tokens.join(''), file: 'x' }, { limits, modules: new Map() })
      } catch (error) {
        assert.ok(error instanceof MappingsError, (error as Error).stack)
        faulty++
        for (const { line, column, message: said, fix } of error.faults) {
          assert.ok(line >= 1 && column >= 1 && said !== '' && fix !== '')
          assert.doesNotMatch(said + fix, /undefined|\[object/)
        }
      }
    }),
    { numRuns: 3_000 }
  )
  assert.ok(faulty > 1_000)
})
