import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Outcome } from '../../src/datapoints.ts'
import { decodeState } from '../../src/normalize/compile-mappings.ts'
import type { DecoderModule, DecoderResult } from '../../src/normalize/decoder.ts'
import { toDecoder } from '../../src/normalize/decoder.ts'
import type { MappingSet } from '../../src/normalize/mapping-set.ts'
import { compileText, createRunner, mapping, message, reasons, receivedAt, values } from './mappings.ts'

const lines = ['topic: x/{device}', 'decoder: ./own.mjs', 'offlineAfter: 1m']

const withDecoder = (module: Partial<DecoderModule>, hash = 'hash', own = lines): MappingSet =>
  compileText(mapping(...own), { modules: { './own.mjs': toDecoder(module, hash) } })

const give = (result: unknown, payload: unknown = 'x'.repeat(1_000)): Outcome =>
  withDecoder({ decode: () => result as DecoderResult }).normalize(message('x/a', payload), null).outcome

test('all kinds of facts are taken', () => {
  const outcome = give({
    facts: {
      datapoints: [
        { metric: 'number', value: 1.5, observedAt: receivedAt - 1, unit: 'V', quality: 'good' },
        { metric: 'bigint', value: 2n ** 64n },
        { metric: 'small', value: 5n },
        { metric: 'text', value: 'é' },
        { metric: 'bytes', value: Uint8Array.of(1, 2) },
        { metric: 'json', value: { a: [2n ** 64n, { b: null }] } },
        { metric: 'null', value: null, role: 'event' },
        { metric: 'old', value: true, device: 'b', observedAt: 0, role: 'historical' }
      ],
      presence: [
        { presence: 'offline', source: 'death' },
        { device: 'b', presence: 'online' }
      ],
      attributes: [{ attributes: { model: 'm', __proto__: { admin: true } } }],
      rejections: [{ detail: 'Something else', reason: 'not_a_number' }, { detail: 'And this' }]
    },
    effects: [
      { topic: 'x/a/get', payload: 'now' },
      { topic: 'y', payload: Uint8Array.of(1), qos: 0 }
    ]
  })
  assert.deepEqual(values(outcome), {
    'a number': 1.5,
    'a bigint': 2n ** 64n,
    'a small': 5,
    'a text': 'é',
    'a bytes': { bytes: '0102' },
    'a json': { json: '{"a":[18446744073709551616,{"b":null}]}' },
    'a null': null,
    'b old': true
  })
  assert.deepEqual(
    outcome.datapoints.map(({ role, clock, unit }) => `${role} ${clock} ${unit ?? '-'}`),
    [
      'state device V',
      ...Array.from({ length: 5 }, () => 'state received -'),
      'event received -',
      'historical behind -'
    ]
  )
  // What the decoder says of presence goes before that it was heard from
  assert.deepEqual(
    outcome.presence.map(({ device, presence, source }) => [device, presence, source]),
    [
      ['a', 'offline', 'death'],
      ['b', 'online', 'availability']
    ]
  )
  assert.deepEqual(outcome.attributes, [{ device: 'a', attributes: { model: 'm' } }])
  assert.deepEqual(outcome.rejections, [
    { reason: 'not_a_number', detail: 'Something else' },
    { reason: 'wrong_shape', detail: 'And this' }
  ])
  assert.deepEqual(outcome.effects, [
    { kind: 'publish', topic: 'x/a/get', payload: Buffer.from('now'), qos: 1, afterMs: 0, key: null },
    { kind: 'publish', topic: 'y', payload: Uint8Array.of(1), qos: 0, afterMs: 0, key: null }
  ])
})

test('what a device answers is an event, and an effect may wait and be cancelled', () => {
  const outcome = give({
    facts: {
      responses: [
        { correlation: 'c1', ok: true, value: 5 },
        { device: 'b', correlation: 'c2', ok: null, detail: 'busy' }
      ]
    },
    effects: [{ topic: 'x', payload: 'p', afterMs: 60_000, key: 'k' }, { cancel: 'l' }]
  })
  assert.deepEqual(outcome.responses, [
    { device: 'a', correlation: 'c1', ok: true },
    { device: 'b', correlation: 'c2', ok: null }
  ])
  assert.deepEqual(values(outcome), {
    'a response': { json: '{"correlation":"c1","ok":true,"detail":null,"value":5}' },
    'b response': { json: '{"correlation":"c2","ok":null,"detail":"busy","value":null}' }
  })
  assert.deepEqual(
    outcome.datapoints.map(({ role }) => role),
    ['event', 'event']
  )
  assert.deepEqual(outcome.effects, [
    { kind: 'publish', topic: 'x', payload: Buffer.from('p'), qos: 1, afterMs: 60_000, key: 'k' },
    { kind: 'cancel', key: 'l' }
  ])
})

test('rubbish is a rejection: all or nothing, and never a crash', () => {
  const throws = (thrown: unknown) => ({
    get facts(): never {
      throw thrown
    }
  })
  const good = { metric: 'm', value: 1 }
  const unreadable = new Error('x')
  Object.defineProperty(unreadable, 'message', {
    get() {
      throw new Error('again')
    }
  })
  const rubbish: unknown[] = [
    undefined,
    null,
    5,
    'text',
    [],
    {},
    Promise.resolve({ facts: {} }),
    { facts: null },
    { facts: 'x' },
    { facts: { responses: {} } },
    { facts: { responses: [{ ok: true }] } },
    { facts: {}, effects: [{ topic: 'x', payload: '', afterMs: -1 }] },
    { facts: {}, effects: [{ topic: 'x', payload: '', afterMs: 60_001 }] },
    { facts: {}, effects: [{ topic: 'x', payload: '', key: 5 }] },
    { facts: {}, effects: [{ topic: 'x', payload: '', key: 'k'.repeat(4_097) }] },
    { facts: {}, effects: [{ cancel: 5 }] },
    { facts: { datapoints: {} } },
    { facts: { datapoints: 'abc' } },
    { facts: { datapoints: [good, null] } },
    { facts: { datapoints: [good, 5] } },
    { facts: { datapoints: [good, { value: 1 }] } },
    { facts: { datapoints: [good, { metric: 5, value: 1 }] } },
    { facts: { datapoints: [{ ...good, device: 7 }] } },
    { facts: { datapoints: [{ ...good, role: 'constructor' }] } },
    { facts: { datapoints: [{ ...good, observedAt: Number.NaN }] } },
    { facts: { datapoints: [{ ...good, observedAt: '2026' }] } },
    { facts: { datapoints: [{ ...good, unit: 5 }] } },
    { facts: { datapoints: [good], presence: [{ presence: 'asleep' }] } },
    { facts: { presence: [{ presence: 'online', source: 'seen' }] } },
    { facts: { datapoints: [good], attributes: [{ attributes: [] }] } },
    { facts: { datapoints: [good], attributes: [{ attributes: { a: () => {} } }] } },
    { facts: { datapoints: [good], rejections: [{ detail: 'x', reason: 'toString' }] } },
    { facts: { rejections: ['x'] } },
    { facts: { datapoints: [good] }, effects: 'x' },
    { facts: { datapoints: [good] }, effects: [{ topic: '', payload: '' }] },
    { facts: { datapoints: [good] }, effects: [{ topic: 'a/#', payload: '' }] },
    { facts: { datapoints: [good] }, effects: [{ topic: 'a', payload: {} }] },
    { facts: { datapoints: [good] }, effects: [{ topic: 'a', payload: '', qos: 3 }] },
    {
      facts: { datapoints: [good] },
      effects: Array.from({ length: 11 }, () => ({ topic: 'a', payload: '' }))
    },
    throws(new Error('no')),
    throws(null),
    throws(unreadable),
    throws({ toString: null }),
    throws('x'.repeat(10_000)),
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('proxy')
        }
      }
    )
  ]
  for (const [index, one] of rubbish.entries()) {
    const outcome = give(one)
    assert.deepEqual(reasons(outcome), ['decoder_failed'], `${index}`)
    assert.deepEqual([outcome.datapoints, outcome.effects, outcome.attributes], [[], [], []], `${index}`)
    assert.deepEqual(outcome.devices, ['a'], 'it was heard from')
  }
  assert.equal(
    give({ facts: {}, effects: Array.from({ length: 10 }, () => ({ topic: 'a', payload: '' })) }).effects
      .length,
    10
  )
})

test('values that are none are rejected one by one', () => {
  const loop: Record<string, unknown> = {}
  loop['loop'] = loop
  for (const [value, reason] of [
    [Number.NaN, 'number_out_of_range'],
    [Infinity, 'number_out_of_range'],
    [10n ** 400n, 'number_out_of_range'],
    [() => {}, 'wrong_shape'],
    [Symbol('s'), 'wrong_shape'],
    [{ a: Number.NaN }, 'number_out_of_range'],
    [loop, 'value_too_large'],
    ['x'.repeat(2 ** 20 + 1), 'value_too_large'],
    [Array.from({ length: 2 ** 20 }, () => 1), 'value_too_large']
  ] as const) {
    const outcome = give(
      {
        facts: {
          datapoints: [
            { metric: 'm', value },
            { metric: 'n', value: 1 }
          ]
        }
      },
      'x'.repeat(100_000)
    )
    assert.deepEqual([values(outcome), reasons(outcome)], [{ 'a n': 1 }, [reason]], typeof value)
  }
})

test('anything at all stays in bounds', () => {
  const key = fc.constantFrom(
    'facts',
    'state',
    'effects',
    'datapoints',
    'presence',
    'attributes',
    'rejections',
    'metric',
    'value',
    'device',
    'topic',
    'payload',
    'role',
    'detail'
  )
  const anything = fc.anything({
    key,
    withBigInt: true,
    withNullPrototype: true,
    withMap: true,
    withTypedArray: true,
    withSparseArray: true,
    maxDepth: 5
  })
  const shaped = fc.record(
    {
      facts: fc.record(
        { datapoints: fc.array(anything), presence: anything, attributes: anything },
        { requiredKeys: [] }
      ),
      state: anything,
      effects: anything
    },
    { requiredKeys: ['facts'] }
  )
  fc.assert(
    fc.property(fc.oneof(anything, shaped), (result) => {
      const outcome = give(result)
      assert.ok(outcome.datapoints.length + outcome.rejections.length >= 0)
      for (const { device, metric } of outcome.datapoints)
        assert.ok(typeof device === 'string' && typeof metric === 'string')
    }),
    { numRuns: 3_000 }
  )
})

/** Counts messages, and notes what it was given. */
const counting = (given: unknown[]): Partial<DecoderModule> => ({
  stateKey: ({ device }) => device!.slice(0, 1),
  decode(state, { payload, device }) {
    given.push(state)
    const count = ((state as { count?: number } | null)?.count ?? 0) + 1
    const text = Buffer.from(payload).toString()
    if (text === 'forget') return { facts: {}, state: null }
    if (text === 'keep') return { facts: {} }
    if (text === 'grow')
      return {
        facts: { datapoints: [{ metric: 'count', value: count }] },
        state: { count, text: 'x'.repeat(2 ** 18) }
      }
    if (text === 'wrong') return { facts: {}, state: { count: Number.NaN } }
    if (text === 'throw') throw new Error(`${device} fails`)
    if (text === 'change') (state as { count: number }).count = 99
    return {
      facts: { datapoints: [{ metric: 'count', value: count }] },
      state: { count, big: 2n ** 64n, small: 5n }
    }
  }
})

test('the memory: kept under its key, exact, bounded, and never changed in place', () => {
  const given: unknown[] = []
  const run = createRunner(withDecoder(counting(given)))
  const say = (topic: string, text: string) => run(message(topic, text))
  assert.deepEqual(values(say('x/a', '')), { 'a count': 1 })
  assert.deepEqual(values(say('x/ab', '')), { 'ab count': 2 })
  assert.deepEqual(values(say('x/b', '')), { 'b count': 1 })
  const steps: Array<[text: string, expected: Record<string, unknown>, reason?: string]> = [
    ['keep', {}],
    ['grow', { 'a count': 3 }, 'state_too_large'],
    ['wrong', {}, 'decoder_failed'],
    ['throw', {}, 'decoder_failed'],
    ['change', {}, 'decoder_failed'],
    ['', { 'a count': 3 }],
    ['forget', {}],
    ['', { 'a count': 1 }]
  ]
  for (const [text, expected, reason] of steps) {
    const outcome = say('x/a', text)
    assert.deepEqual(
      [values(outcome), reasons(outcome)],
      [expected, reason === undefined ? [] : [reason]],
      text
    )
  }
  assert.deepEqual(given[1], { count: 1, big: 2n ** 64n, small: 5 })
  // It is the same, read again or not
  const set = withDecoder(counting([]))
  const { state } = set.normalize(message('x/a', ''), null)
  assert.deepEqual(state, decodeState(Buffer.from('{"count":1,"big":18446744073709551616,"small":5}')))
  assert.ok(Object.isFrozen(state))
})

test('its key and its text say what a memory means; without a key there is none', () => {
  const key = (set: MappingSet, topic = 'x/a') => set.match(topic)!.stateKey
  const set = withDecoder(counting([]))
  assert.equal(key(set), key(set, 'x/ab'))
  assert.notEqual(key(set), key(set, 'x/b'))
  assert.notEqual(key(set), key(withDecoder(counting([]), 'another')))
  assert.notEqual(set.hash, withDecoder(counting([]), 'another').hash)
  const { decode } = counting([])
  const without = withDecoder({ decode: decode! })
  assert.deepEqual([key(without), without.mappings[0]!.stateful], [null, false])
  const run = createRunner(without)
  assert.deepEqual(
    [values(run(message('x/a', ''))), values(run(message('x/a', '')))],
    [{ 'a count': 1 }, { 'a count': 1 }]
  )
  for (const stateKey of [
    () => 5 as unknown as string,
    () => '\ud800\0',
    () => 'x'.repeat(100_000),
    () => {
      throw new Error('no')
    }
  ]) {
    const found = key(withDecoder({ decode: decode!, stateKey }))!
    assert.ok(found.length < 300 && found.isWellFormed() && !found.includes('\0'))
  }
})

test('a decoder sees the message, and cannot change it', () => {
  const original = message('x/a', 'abc', { kind: 'snapshot', properties: { contentType: 'a/b' } })
  const set = withDecoder({
    decode(state, given) {
      assert.deepEqual(
        { ...given, payload: Buffer.from(given.payload).toString(), captures: { ...given.captures }, state },
        {
          topic: 'x/a',
          captures: { device: 'a' },
          kind: 'snapshot',
          payload: 'abc',
          properties: { contentType: 'a/b' },
          receivedAt,
          device: 'a',
          state: null
        }
      )
      given.payload.fill(0)
      given.properties!.contentType = 'changed'
      assert.throws(() => Object.assign(given.captures, { device: 'other' }), TypeError)
      return { facts: { datapoints: [{ metric: 'm', value: 1 }] } }
    }
  })
  const { outcome } = set.normalize(original, null)
  assert.deepEqual([values(outcome), outcome.devices, outcome.rejections], [{ 'a m': 1 }, [], []])
  assert.deepEqual(
    [Buffer.from(original.payload).toString(), original.properties],
    ['abc', { contentType: 'a/b' }]
  )
})

test('what is no decoder says so, and what a decoder does, a mapping does not do beside it', () => {
  for (const wrong of [null, undefined, 5, {}, { decode: 1 }, { decode: () => {}, stateKey: 'x' }])
    assert.throws(() => toDecoder(wrong, 'hash'), /exports/)
  assert.throws(
    () => withDecoder({ decode: () => ({ facts: {} }) }, 'hash', [...lines, 'value: a', 'merge: replace']),
    /value does not go with.*\n.*merge does not go/
  )
  const elsewhere = withDecoder(
    { decode: () => ({ facts: { datapoints: [{ metric: 'm', value: 1 }] } }) },
    'hash',
    ['topic: x/y', 'decoder: ./own.mjs']
  )
  assert.deepEqual(reasons(elsewhere.normalize(message('x/y', ''), null).outcome), ['decoder_failed'])
})
