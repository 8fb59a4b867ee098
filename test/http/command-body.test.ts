/** What is accepted as a command, to the byte; and what is refused, with the place. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCommandReader } from '../../src/http/command-body.ts'
import { toCanonicalJson } from '../../src/http/json-body.ts'
import { defaultLimits } from '../../src/limits.ts'

const read = createCommandReader({
  ...defaultLimits,
  userPropertiesMax: 2,
  commandExpirySecondsMax: 60,
  commandTimeoutSecondsMax: 90
})
const nul = '\u0000'

for (const [body, payload] of [
  [{ payload: { a: [1, 'x', null] } }, '{"a":[1,"x",null]}'],
  [{ payload: null }, 'null'],
  [{ payload: 'on' }, '"on"'],
  [{ payload: 'on', encoding: 'json' }, '"on"'],
  [{ payload: 'on', encoding: 'text' }, 'on'],
  [{ payload: '', encoding: 'text' }, ''],
  [{ payload: JSON.parse('{"__proto__":1}') }, '{"__proto__":1}'],
  [{ payloadBase64: 'AP8=' }, '\u0000\ufffd'],
  [{ payloadBase64: '' }, '']
] as const) {
  test(`${JSON.stringify(body)} is published as ${JSON.stringify(payload)}`, () => {
    assert.equal(read({ topic: 't', ...body }).payload.toString(), payload)
  })
}

const saidNothing = {
  delivery: 'atLeastOnce',
  notBefore: null,
  expiresInSeconds: null,
  timeoutSeconds: null,
  awaits: null,
  expect: null,
  condition: null
}

test('what is not said: QoS 1, not retained, no expiry, no properties, no terms', () => {
  assert.deepEqual(read({ topic: 't', payload: 1 }), {
    kind: 'topic',
    ...saidNothing,
    topic: 't',
    payload: Buffer.from('1'),
    qos: 1,
    retain: false,
    properties: null,
    response: null
  })
})

test('a device and the name of a command, instead of a topic', () => {
  assert.deepEqual(read({ device: 'd', name: 'set', payload: { on: true }, expiresInSeconds: 9 }), {
    kind: 'device',
    ...saidNothing,
    device: 'd',
    name: 'set',
    payload: Buffer.from('{"on":true}'),
    contentType: null,
    expiresInSeconds: 9
  })
})

test('every term is taken as it is, up to its limit', () => {
  const terms = {
    delivery: 'atMostOnce',
    expiresInSeconds: 60,
    timeoutSeconds: 90,
    awaits: 'effect',
    expect: { filter: 'a/#', where: 'eq(payload,1)' }
  }
  const notBefore = '2026-03-14T10:26:53.5891+01:00'
  const at = Date.parse('2026-03-14T09:26:53.590Z')
  for (const of of [{ topic: 't' }, { device: 'd', name: 'set' }]) {
    const asked = read({ ...of, payload: 1, ...terms, notBefore })
    assert.deepEqual({ ...asked, ...saidNothing, ...terms, notBefore: at, condition: null }, asked)
  }
})

test('how a response is known: what is not said is null', () => {
  for (const [given, response] of [
    [{}, { filter: null, where: null, ok: null }],
    [
      { filter: 'a/+', where: 'exists(payload/id)' },
      { filter: 'a/+', where: 'exists(payload/id)', ok: null }
    ],
    [{ ok: 'eq(payload/ok,true)' }, { filter: null, where: null, ok: 'eq(payload/ok,true)' }]
  ]) {
    const asked = read({ topic: 't', payload: 1, response: given })
    assert.deepEqual('response' in asked && asked.response, response)
  }
})

test('CBOR and MessagePack: the bytes, and the content type that says so, unless there is one', () => {
  for (const [encoding, hex] of [
    ['cbor', 'a2616201616182f9360064c3a97465'],
    ['msgpack', '82a16201a16192cb3fd8000000000000a4c3a97465']
  ] as const) {
    const payload = { b: 1, a: [0.375, 'éte'] }
    const asked = read({ topic: 't', payload, encoding })
    assert.equal(asked.payload.toString('hex'), hex)
    assert.deepEqual('properties' in asked && asked.properties, { contentType: `application/${encoding}` })
    const properties = { contentType: 'x/y' }
    const own = read({ topic: 't', payload, encoding, properties })
    assert.deepEqual('properties' in own && own.properties, properties)
    const toDevice = read({ device: 'd', name: 'set', payload, encoding })
    assert.equal('contentType' in toDevice && toDevice.contentType, `application/${encoding}`)
  }
})

test('every property is taken as it is', () => {
  const properties = {
    contentType: 'application/json',
    payloadFormatIndicator: 1,
    responseTopic: 'a/b',
    correlationData: 'AP8=',
    userProperties: [
      ['n', 'v'],
      ['n', '']
    ]
  }
  const command = read({ topic: 't', payload: 1, properties })
  assert.deepEqual('properties' in command && command.properties, properties)
})

const refused: Array<[body: unknown, code: string, ...pointers: string[]]> = [
  [null, 'invalid_value', ''],
  [[], 'invalid_value', ''],
  ['x', 'invalid_value', ''],
  [{ payload: 1 }, 'invalid_value', '/topic'],
  [{ topic: 5, payload: true, zzz: 1 }, 'unknown_field', '/zzz', '/topic'],
  [{ topic: 't' }, 'invalid_value', '/payload'],
  [{ topic: 't', device: 'd', payload: 1 }, 'invalid_value', '/device'],
  [{ topic: 't', name: 'set', payload: 1 }, 'invalid_value', '/name'],
  [{ device: 'd', payload: 1 }, 'invalid_value', '/name'],
  [{ device: 'd', name: 'set' }, 'invalid_value', '/payload'],
  [{ device: 'd', name: 'set', payload: 1, qos: 1 }, 'invalid_value', '/qos'],
  [{ device: 'd', name: 'set', payload: 1, retain: true }, 'invalid_value', '/retain'],
  [{ device: 'd', name: 'set', payload: 1, properties: {} }, 'invalid_value', '/properties'],
  [{ topic: 't', payload: 1, payloadBase64: '' }, 'invalid_value', '/payload'],
  [{ topic: 't', payload: 1, qos: '1' }, 'invalid_value', '/qos'],
  [{ topic: 't', payload: 1, qos: 3 }, 'invalid_value', '/qos'],
  [{ topic: 't', payload: 1, qos: 1.5 }, 'invalid_value', '/qos'],
  [{ topic: 't', payload: 1, qos: null }, 'invalid_value', '/qos'],
  [{ topic: 't', payload: 1, retain: 'true' }, 'invalid_value', '/retain'],
  [{ topic: 't', payload: 1, expiresInSeconds: 0 }, 'invalid_value', '/expiresInSeconds'],
  [{ topic: 't', payload: 1, expiresInSeconds: 61 }, 'invalid_value', '/expiresInSeconds'],
  [{ topic: 't', payload: 1, encoding: 'text' }, 'invalid_value', '/payload'],
  [{ topic: 't', payload: 1, encoding: 'xml' }, 'invalid_value', '/encoding'],
  [{ topic: 't', payload: '\ud800', encoding: 'text' }, 'invalid_value', '/payload'],
  [{ topic: 't', payload: ['\ud800'], encoding: 'cbor' }, 'invalid_value', '/payload'],
  [{ topic: 't', payload: { '\ud800': 1 }, encoding: 'msgpack' }, 'invalid_value', '/payload'],
  [{ topic: 't', payloadBase64: 'AP8=', encoding: 'cbor' }, 'invalid_value', '/encoding'],
  [{ topic: 't', payloadBase64: 'AP8' }, 'invalid_value', '/payloadBase64'],
  [{ topic: 't', payloadBase64: 'AP8=\n' }, 'invalid_value', '/payloadBase64'],
  [{ topic: 't', payloadBase64: '_-==' }, 'invalid_value', '/payloadBase64'],
  [{ topic: 't', payloadBase64: 'AP8=', encoding: 'json' }, 'invalid_value', '/encoding'],
  [{ topic: 't', payload: 1, 'a/b~c': 1 }, 'unknown_field', '/a~1b~0c'],
  [{ topic: 't', payload: 1, properties: { contenttype: 'x' } }, 'unknown_field', '/properties/contenttype'],
  [{ topic: 't', payload: 1, properties: { contentType: nul } }, 'invalid_value', '/properties/contentType'],
  [
    { topic: 't', payload: 1, properties: { contentType: 'x'.repeat(65_536) } },
    'invalid_value',
    '/properties/contentType'
  ],
  [
    { topic: 't', payloadBase64: '/w==', properties: { payloadFormatIndicator: 1 } },
    'invalid_value',
    '/properties/payloadFormatIndicator'
  ],
  [
    { topic: 't', payload: 1, properties: { responseTopic: 'a/#' } },
    'invalid_topic',
    '/properties/responseTopic'
  ],
  [
    { topic: 't', payload: 1, properties: { correlationData: 'x' } },
    'invalid_value',
    '/properties/correlationData'
  ],
  [
    { topic: 't', payload: 1, properties: { userProperties: [['a']] } },
    'invalid_value',
    '/properties/userProperties/0'
  ],
  [
    { topic: 't', payload: 1, properties: { userProperties: [['a', 'b', 'c']] } },
    'invalid_value',
    '/properties/userProperties/0'
  ],
  [
    { topic: 't', payload: 1, properties: { userProperties: [['a', nul]] } },
    'invalid_value',
    '/properties/userProperties/0/1'
  ],
  [
    { topic: 't', payload: 1, properties: { userProperties: Array.from({ length: 3 }, () => ['a', 'b']) } },
    'invalid_value',
    '/properties/userProperties'
  ],
  [JSON.parse('{"topic":"t","payload":1,"__proto__":{}}'), 'unknown_field', '/__proto__'],
  [{ topic: 't', payload: 1, timeoutSeconds: 0 }, 'invalid_value', '/timeoutSeconds'],
  [{ topic: 't', payload: 1, timeoutSeconds: 91 }, 'invalid_value', '/timeoutSeconds'],
  [{ topic: 't', payload: 1, timeoutSeconds: 1.5 }, 'invalid_value', '/timeoutSeconds'],
  [{ topic: 't', payload: 1, notBefore: 1 }, 'invalid_value', '/notBefore'],
  [{ topic: 't', payload: 1, notBefore: '2026-03-14 09:00' }, 'invalid_value', '/notBefore'],
  [{ topic: 't', payload: 1, notBefore: '2026-02-30T09:00:00Z' }, 'invalid_value', '/notBefore'],
  [{ topic: 't', payload: 1, delivery: 'exactlyOnce' }, 'invalid_value', '/delivery'],
  [{ topic: 't', payload: 1, awaits: 'broker' }, 'invalid_value', '/awaits'],
  [{ topic: 't', payload: 1, expect: { filter: 'a' } }, 'invalid_value', '/expect/where'],
  [{ topic: 't', payload: 1, expect: null }, 'invalid_value', '/expect'],
  [
    { topic: 't', payload: 1, expect: { filter: 'a', where: 'x', wheer: 1 } },
    'unknown_field',
    '/expect/wheer'
  ],
  [{ topic: 't', payload: 1, response: { topic: 'a' } }, 'unknown_field', '/response/topic'],
  [{ topic: 't', payload: 1, response: { ok: true } }, 'invalid_value', '/response/ok'],
  [{ device: 'd', name: 'set', payload: 1, response: {} }, 'invalid_value', '/response']
]

for (const [body, code, ...pointers] of refused) {
  test(`${JSON.stringify(body)?.slice(0, 90)} is refused: ${code}`, () => {
    assert.throws(
      () => read(body),
      (problem: { code: string; errors: Array<{ pointer: string }> }) => {
        assert.equal(problem.code, code)
        assert.deepEqual(problem.errors.map(({ pointer }) => pointer).toSorted(), pointers.toSorted())
        return true
      }
    )
  })
}

test('a body of megabytes that is one wide object is refused before it is looked into', () => {
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, 1]))
  assert.throws(() => read({ topic: 't', payload: 1, properties: wide }), /far too many entries/)
  assert.ok(read({ topic: 't', payload: wide }).payload.length > 1_000_000)
})

test('the same value has one canonical text, and what is nested too deeply has none', () => {
  assert.equal(
    toCanonicalJson({ b: [1, { d: null, c: 'é' }], a: true }),
    '{"a":true,"b":[1,{"c":"é","d":null}]}'
  )
  const deep: unknown = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)
  assert.throws(() => toCanonicalJson({ payload: deep }), { code: 'invalid_value' })
})
