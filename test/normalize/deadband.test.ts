/** Which datapoints are stored where a mapping stores changes alone. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NormalizedDatapoint, Outcome } from '../../src/datapoints.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { LastByMetric, StoreRule } from '../../src/normalize/deadband.ts'
import { findUnchanged, lastKey } from '../../src/normalize/deadband.ts'
import { keepChanges, metricsToCompare, ruleFor } from '../../src/projection/leave-out.ts'
import type { ProjectedMessage } from '../../src/store/projected.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { compileText, createRunner, mapping, message, receivedAt, valueOf, values } from './mappings.ts'

const changes: StoreRule = { deadband: null, atLeastEverySeconds: null }

const datapoint = (more: Partial<NormalizedDatapoint>): NormalizedDatapoint => ({
  device: 'a',
  metric: 'm',
  observedAt: receivedAt,
  clock: 'received',
  role: 'state',
  type: 'number',
  number: 1,
  exact: null,
  unit: null,
  quality: null,
  ...more
})

/** Those of a series that are stored. */
function stored(
  rule: StoreRule | null,
  series: readonly NormalizedDatapoint[],
  limits = { comparedExactBytesMax: defaultLimits.comparedExactBytesMax }
): NormalizedDatapoint[] {
  const last: LastByMetric = new Map(series.map((one) => [lastKey(one), null]))
  return series.filter((one) => findUnchanged([one], () => rule, last, limits).length === 0)
}

const numbers = (rule: StoreRule, ...given: number[]): Array<number | null> =>
  stored(
    rule,
    given.map((number, index) => datapoint({ number, observedAt: receivedAt + index * 1_000 }))
  ).map(({ number }) => number)

const text = (value: string): Partial<NormalizedDatapoint> => ({
  type: 'text',
  number: null,
  exact: Buffer.from(value)
})
const integer = (digits: string): Partial<NormalizedDatapoint> => ({
  type: 'integer',
  number: Number(digits),
  exact: Buffer.from(digits)
})

test('equal values are stored once, and each change', () => {
  assert.deepEqual(numbers(changes, 1, 1, 2, 2, 2, 1, 1), [1, 2, 1])
})

test('slow drift is not lost: a number is compared with what is stored', () => {
  const rule = { deadband: { by: 1 }, atLeastEverySeconds: null }
  assert.deepEqual(numbers(rule, 10, 10.5, 11, 11.25, 11.5, 12.25, 12.5, 10), [10, 11.25, 12.5, 10])
})

test('a deadband in percent is one of the stored value', () => {
  const rule = { deadband: { percent: 10 }, atLeastEverySeconds: null }
  assert.deepEqual(numbers(rule, 100, 109, 110, 111, 121, 123, -123, -130), [100, 111, 123, -123])
  assert.deepEqual(numbers(rule, 0, 0, 1e-300, 0), [0, 1e-300, 0], 'nothing is near to 0 but 0')
})

test('an unchanged one is stored when the last stored one is long ago', () => {
  const rule = { deadband: null, atLeastEverySeconds: 3 }
  assert.deepEqual(numbers(rule, 1, 1, 1, 1, 1, 1, 1, 1), [1, 1, 1])
})

for (const [what, one, other] of [
  ['the unit', { unit: '°C' }, { unit: 'K' }],
  ['the quality', { quality: 'good' }, { quality: 'bad' }],
  ['the type', { number: 1 }, { type: 'boolean', number: 1 }],
  ['to null', { number: 0 }, { type: 'null', number: null }],
  ['from null', { type: 'null', number: null }, { number: 0 }],
  [
    'an integer that no double tells from the one before',
    integer('9007199254740993'),
    integer('9007199254740992')
  ],
  ['text', text('a'), text('b')],
  ['text and bytes', text('a'), { ...text('a'), type: 'bytes' }],
  ['long text at its end', text(`${'a'.repeat(2_000)}b`), text(`${'a'.repeat(2_000)}c`)],
  ['text that is the hash of the one before', text('x'.repeat(600)), { ...text(''), exact: Buffer.alloc(32) }]
] as Array<[string, Partial<NormalizedDatapoint>, Partial<NormalizedDatapoint>]>)
  test(`a change: ${what}`, () => {
    for (const rule of [changes, { deadband: { by: 0.5 }, atLeastEverySeconds: null }])
      for (const [first, second] of [
        [one, other],
        [other, one]
      ])
        assert.equal(stored(rule, [datapoint(first!), datapoint(second!)]).length, 2)
    for (const same of [one, other])
      assert.equal(stored(changes, [datapoint(same), datapoint(same)]).length, 1, 'and again is none')
  })

test('integers beyond 2^53 have a deadband, too', () => {
  const rule = { deadband: { by: 2 }, atLeastEverySeconds: null }
  const given = ['9007199254740993', '9007199254740995', '9007199254740996', '-9007199254740996']
  assert.deepEqual(
    stored(
      rule,
      given.map((digits) => datapoint(integer(digits)))
    ).map(valueOf),
    [given[0], given[2], given[3]].map((digits) => BigInt(digits!))
  )
})

test('one that is observed before the last stored one is stored, and none is compared with it', () => {
  const at = (second: number, number: number) =>
    datapoint({ number, observedAt: receivedAt + second * 1_000 })
  const series = [at(10, 1), at(5, 1), at(6, 2), at(11, 1), at(11, 2), at(11, 2)]
  assert.deepEqual(stored(changes, series), [series[0], series[1], series[2], series[4]])
})

test('events and historical datapoints are stored, and are no values that hold', () => {
  const roles = ['state', 'event', 'event', 'state', 'state', 'historical', 'historical', 'state'] as const
  const series = roles.map((role, index) => datapoint({ role, observedAt: receivedAt + index }))
  assert.deepEqual(
    stored(changes, series).map(({ role }) => role),
    ['state', 'event', 'event', 'state', 'historical', 'historical']
  )
})

test('each device and metric by itself, in one message and in several', () => {
  const run = createRunner(
    compileText(
      mapping(
        'topic: "x/{site}"',
        'device: { select: d }',
        'each: "@"',
        'metric: { select: m }',
        'value: v',
        'store: changes'
      )
    )
  )
  const say = (topic: string, ...given: Array<[string, string, unknown]>): unknown[] =>
    run(
      message(
        topic,
        given.map(([d, m, v]) => ({ d, m, v }))
      )
    ).datapoints.map((one) => [one.device, one.metric, valueOf(one)])
  assert.deepEqual(say('x/1', ['a', 'm', 1], ['a', 'm', 1], ['b', 'm', 1], ['a', 'n', 1], ['a', 'm', 2]), [
    ['a', 'm', 1],
    ['b', 'm', 1],
    ['a', 'n', 1],
    ['a', 'm', 2]
  ])
  assert.deepEqual(say('x/2', ['a', 'm', 2], ['b', 'm', 2]), [['b', 'm', 2]], 'whatever the topic is')
  assert.deepEqual(say('x/1', ['b', 'm', 1], ['a', 'm', 2]), [['b', 'm', 1]])
})

test('a device whose datapoints are left out was heard from', () => {
  const run = createRunner(compileText(mapping('topic: "x/{device}"', 'offlineAfter: 5m', 'store: changes')))
  const outcomes = [run(message('x/a', { t: 1 })), run(message('x/a', { t: 1 }))]
  assert.deepEqual(
    outcomes.map(({ devices, datapoints, presence }) => [devices, datapoints.length, presence.length]),
    [
      [['a'], 1, 1],
      [['a'], 0, 1]
    ]
  )
})

test('with each merge that is none of events', () => {
  const run = (merge: string): ((payload: unknown) => Record<string, unknown>) => {
    const next = createRunner(
      compileText(mapping('topic: "x/{device}"', `merge: ${merge}`, 'store: changes'))
    )
    return (payload) => values(next(message('x/a', payload)))
  }
  const said = [{ t: 1, h: 2 }, { t: 1 }, { t: 1 }, { t: 1, h: 2 }]
  assert.deepEqual(said.map(run('append')), [{ 'a t': 1, 'a h': 2 }, {}, {}, {}])
  assert.deepEqual(said.map(run('replace')), [{ 'a t': 1, 'a h': 2 }, { 'a h': null }, {}, { 'a h': 2 }])
  assert.deepEqual([...said, { h: null }].map(run('merge')), [
    { 'a t': 1, 'a h': 2 },
    {},
    {},
    {},
    { 'a h': null }
  ])
})

test('each convention, and a decoder of one’s own, has it; mappings without it store all', () => {
  const decode = () => ({ facts: { datapoints: [{ device: 'a', metric: 'm', value: 1 }] } })
  const set = compileText(
    'mappings: [{ name: own, topic: "own/#", decoder: ./own.mjs, store: changes }]\nconventions: [values: { name: v, topics: ["v/{device}/{metric}"], store: { deadband: 2 } }]\nautomatic: true\n',
    { modules: { './own.mjs': { decode, hash: '1' } } }
  )
  const run = createRunner(set)
  const count = (topic: string, payload: unknown): number => run(message(topic, payload)).datapoints.length
  assert.deepEqual(
    [count('own/x', 1), count('own/x', 2), count('v/a/t', 1), count('v/a/t', 3), count('v/a/t', 4)],
    [1, 0, 1, 0, 1]
  )
  assert.deepEqual([count('w/x/y', 1), count('w/x/y', 1)], [1, 1])
  assert.deepEqual(
    ['own/x', 'v/a/t', 'w/x/y'].map((topic) => set.match(topic)!.inOrder),
    [true, true, false]
  )
  assert.deepEqual(
    set.mappings.map(({ stateful }) => stateful),
    [true, true, false]
  )
})

for (const [lines, fault] of [
  [['store: some'], /store cannot be "some".*changes/],
  [['store: {}'], /store says nothing.*store: changes/],
  [['store: { deadband: -1 }'], /deadband is no number above 0/],
  [['store: { deadband: { percent: 101 } }'], /percent is no number above 0, up to 100/],
  [['store: { deadband: {} }'], /deadband says nothing/],
  [['store: { deadband: "0.5" }'], /deadband is no number/],
  [['store: { dead: 1 }'], /There is no key "dead"/],
  [['store: { atLeastEvery: 10 }'], /"10" is no duration/],
  [['store: changes', 'merge: event'], /store does not go with events/],
  [['store: changes', 'presence: {}'], /store does not go with presence/],
  [['metrics: [{ name: a, value: a, event: true, store: changes }]'], /store does not go with events/],
  [['merge: event', 'metrics: [{ name: a, value: a, store: changes }]'], /store does not go with events/]
] as Array<[string[], RegExp]>)
  test(`a fault: ${lines.join(', ')}`, () => {
    assert.throws(
      () => compileText(mapping('topic: "x/{device}"', ...lines)),
      (error: unknown) => {
        assert.ok(error instanceof MappingsError)
        const [first, ...more] = error.faults
        assert.deepEqual(more, [])
        assert.match(`${first!.message}. ${first!.fix}`, fault)
        const line = mapping('topic: "x/{device}"', ...lines).split('\n')[first!.line - 1]!
        assert.match(line.slice(first!.column - 1), /^("?-?\w|\{)/)
        assert.match(first!.pointer, /store/)
        return true
      }
    )
  })

test('a fault of a convention’s store has its place', () => {
  assert.throws(
    () => compileText('conventions:\n  - tasmota: { store: often }\n'),
    /rialto.yaml:2:\d+ .*often/
  )
})

test('a rule means something else, and what is remembered does not', () => {
  const [all, some] = ['store: all', 'store: changes'].map((line) =>
    compileText(mapping('topic: "x/{device}"', 'merge: replace', line))
  )
  assert.notEqual(all!.hash, some!.hash)
  assert.equal(all!.match('x/a')!.stateKey, some!.match('x/a')!.stateKey)
})

test('what is imported is stored, and compared with; a mapping may have the name that imports have', () => {
  const set = compileText('mappings: [{ name: import, topic: "x/{device}", store: changes }]')
  const from = (seq: number, receivedAtOwn?: number): ProjectedMessage => ({
    seq,
    topicId: 1,
    topic: 'x/a',
    receivedAt,
    mapping: 'import',
    devices: [],
    datapoints: [{ ...datapoint({}), ...(receivedAtOwn !== undefined && { receivedAt: receivedAtOwn }) }],
    presence: [],
    rejections: [],
    attributes: [],
    offlineAfterSeconds: null
  })
  const messages = [from(1, receivedAt), from(2, receivedAt), from(3)]
  const wanted = (some: readonly ProjectedMessage[]) =>
    metricsToCompare(some.map((one) => ({ ruleOf: ruleFor(set, one), datapoints: one.datapoints })))
  assert.deepEqual(wanted(messages.slice(0, 2)), [])
  const last: LastByMetric = new Map(wanted(messages).map((one) => [lastKey(one), null]))
  const { messages: kept, unchanged } = keepChanges(set, messages, last, defaultLimits)
  assert.deepEqual(
    kept.map(({ datapoints }) => datapoints.length),
    [1, 1, 0]
  )
  assert.equal(unchanged, 1)
})

const value = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map((number) => ({ number: number / 4 })),
  fc.constant({ type: 'null', number: null }),
  fc.constantFrom(text('on'), text('off'), integer('9007199254740993'), integer('9007199254740999'))
) as fc.Arbitrary<Partial<NormalizedDatapoint>>
const rules = fc.record({
  deadband: fc.oneof(
    fc.constant(null),
    fc.constantFrom(0.25, 1, 5).map((by) => ({ by })),
    fc.constantFrom(1, 50).map((percent) => ({ percent }))
  ),
  atLeastEverySeconds: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 20 }))
})

test('the stored series, held until the next, is nowhere farther from the whole one than the deadband', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(value, fc.integer({ min: 0, max: 5 })), { minLength: 1, maxLength: 60 }),
      rules,
      (given, rule) => {
        let seconds = 0
        const series = given.map(([one, more]) =>
          datapoint({ ...one, observedAt: receivedAt + (seconds += more) * 1_000 })
        )
        const kept = new Set(stored(rule, series))
        let held: NormalizedDatapoint | null = null
        for (const one of series) {
          if (kept.has(one)) held = one
          assert.ok(held !== null && held.type === one.type)
          const { deadband, atLeastEverySeconds } = rule
          if (deadband === null || (one.type !== 'number' && one.type !== 'integer'))
            assert.deepEqual(valueOf(held), valueOf(one))
          else {
            const room = 'by' in deadband ? deadband.by : (Math.abs(held.number!) * deadband.percent) / 100
            assert.ok(Math.abs(held.number! - one.number!) <= room)
          }
          if (atLeastEverySeconds !== null)
            assert.ok(one.observedAt - held.observedAt < atLeastEverySeconds * 1_000 || held === one)
        }
      }
    ),
    { numRuns: process.env['FULL'] === '1' ? 20_000 : 500 }
  )
})

test('an outcome of nothing but left out datapoints is no rejection', () => {
  const run = createRunner(compileText(mapping('topic: "x/{device}"', 'store: changes')))
  const outcomes: Outcome[] = [run(message('x/a', { t: 1 })), run(message('x/a', { t: 1 }))]
  assert.deepEqual(outcomes[1]!.rejections, [])
})
