/** From what a client asks to a request: what is awaited, by what it is known, and what is refused, with the place. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Addressed, DeviceAsk, Terms, TopicAsk } from '../../src/command-ask.ts'
import type { Awaited } from '../../src/command.ts'
import { createRequests } from '../../src/commands/requests.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'

const now = Date.parse('2026-03-14T09:00:00Z')
const limits = { ...defaultLimits, commandDelaySecondsMax: 100 }
const everyone: Access = {
  principal: 'test',
  mayRead: () => true,
  readsAll: true,
  mayPublish: () => true
}
const some: Access = { principal: 'test', mayRead: (topic) => topic === 'a/b', mayPublish: () => true }

const response: Awaited = { kind: 'response', device: 'd', correlation: '1' }
const addressed: Addressed = {
  topic: 'd/set',
  payload: Buffer.from('on'),
  qos: 1,
  properties: null,
  response: null,
  effect: null,
  oneInFlight: false,
  responds: 'done',
  once: false,
  timeoutSeconds: null
}
const toRequest = (device: Partial<Addressed> = {}) =>
  createRequests({
    address: async () => ({ ...addressed, ...device }),
    responses: 'rialto/test/responses',
    filters: ['a/#', 'b'],
    limits,
    now: () => now
  })

const terms: Terms = {
  delivery: 'atLeastOnce',
  notBefore: null,
  expiresInSeconds: null,
  timeoutSeconds: null,
  awaits: null,
  expect: null,
  condition: null
}
const toTopic = (more: Partial<TopicAsk> = {}): TopicAsk => ({
  kind: 'topic',
  ...terms,
  topic: 't',
  payload: Buffer.from('1'),
  qos: 1,
  retain: false,
  properties: null,
  response: null,
  ...more
})
const toDevice = (more: Partial<DeviceAsk> = {}): DeviceAsk => ({
  kind: 'device',
  ...terms,
  device: 'd',
  name: 'set',
  payload: Buffer.from('{}'),
  ...more
})

const expect = { filter: 'a/b', where: 'eq(payload,1)' }
const state: Awaited = { kind: 'state', ...expect }

test('of a topic nothing is awaited, unless it is asked for', async () => {
  const request = await toRequest()(everyone, toTopic())
  assert.deepEqual(
    [request.awaits, request.awaited, request.oneInFlight, request.properties, request.timeoutSeconds],
    ['none', null, false, null, null]
  )
})

test('a response is known by a topic and correlation data of its own', async () => {
  const properties = { userProperties: [['n', 'v']] as Array<[string, string]> }
  const { id, awaits, awaited, oneInFlight, ...request } = await toRequest()(
    everyone,
    toTopic({ awaits: 'response', properties, timeoutSeconds: 9 })
  )
  const correlationData = Buffer.from(id!.replaceAll('-', ''), 'hex').toString('base64')
  const filter = `rialto/test/responses/${id}`
  assert.deepEqual(request.properties, { ...properties, responseTopic: filter, correlationData })
  assert.deepEqual(awaited, {
    kind: 'message',
    filter,
    correlationData,
    correlation: null,
    where: null,
    ok: null
  })
  assert.deepEqual([awaits, oneInFlight, request.timeoutSeconds], ['response', false, 9])
})

test('on topics of the client: told apart by correlation data or a predicate, or one at a time', async () => {
  const oneInFlight = async (more: Partial<TopicAsk>, where: string | null): Promise<unknown> =>
    (await toRequest()(everyone, toTopic({ response: { filter: 'a/+', where, ok: null }, ...more })))
      .oneInFlight
  assert.equal(await oneInFlight({}, null), true)
  assert.equal(await oneInFlight({}, 'eq(payload/id,7)'), false)
  assert.equal(await oneInFlight({ properties: { correlationData: 'AAE=' } }, null), false)
})

test('an effect is awaited where it is said what it is; nobody knows whose it is, so it is one at a time', async () => {
  for (const ask of [toTopic({ expect }), toDevice({ expect })]) {
    const { awaits, awaited, oneInFlight } = await toRequest({ response })(everyone, ask)
    assert.deepEqual([awaits, awaited, oneInFlight], ['effect', state, true])
  }
})

test('of a device what can be known is awaited: a response, else an effect, else nothing; or what is asked for', async () => {
  const effect: Awaited = { kind: 'datapoint', device: 'd', metric: 'm', value: '1', refusal: null }
  const awaits = async (device: Partial<Addressed>, more: Partial<DeviceAsk> = {}): Promise<unknown> => {
    const request = await toRequest(device)(everyone, toDevice(more))
    return [request.awaits, request.awaited]
  }
  assert.deepEqual(await awaits({ response, effect }), ['response', response])
  assert.deepEqual(await awaits({ effect }), ['effect', effect])
  assert.deepEqual(await awaits({}), ['none', null])
  assert.deepEqual(await awaits({ response, effect }, { awaits: 'effect' }), ['effect', effect])
  assert.deepEqual(await awaits({ response, effect }, { awaits: 'none' }), ['none', null])
})

test('a convention says what its commands need: once, how long, and by what they are known', async () => {
  const effect: Awaited = { kind: 'datapoint', device: 'd', metric: 'm', value: '1', refusal: '1' }
  const needs = { response, effect, responds: 'perhaps', once: true, timeoutSeconds: 7 } as const
  const request = await toRequest(needs)(everyone, toDevice())
  assert.deepEqual([request.delivery, request.timeoutSeconds, request.awaits], ['atMostOnce', 7, 'effect'])
  const asked = await toRequest(needs)(everyone, toDevice({ timeoutSeconds: 9, awaits: 'response' }))
  assert.deepEqual([asked.timeoutSeconds, asked.awaits], [9, 'response'])
  const none = await toRequest(needs)(everyone, toDevice({ awaits: 'none' }))
  assert.deepEqual([none.timeoutSeconds, none.awaited], [null, null])
})

test('a response that proves no more than that it was received is awaited only where it is asked for', async () => {
  const effect: Awaited = { kind: 'datapoint', device: 'd', metric: 'm', value: '1', refusal: '1' }
  const awaits = async (device: Partial<Addressed>, more: Partial<DeviceAsk> = {}): Promise<unknown> =>
    (await toRequest(device)(everyone, toDevice(more))).awaits
  const responds = ['done', 'perhaps', 'received'] as const
  const of = (device: Partial<Addressed>) =>
    Promise.all(responds.map((one) => awaits({ ...device, responds: one })))
  assert.deepEqual(await of({ response, effect }), ['response', 'effect', 'effect'])
  assert.deepEqual(await of({ response }), ['response', 'response', 'none'])
  assert.deepEqual(await of({ effect }), ['effect', 'effect', 'effect'])
  assert.deepEqual(await of({}), ['none', 'none', 'none'])
  assert.equal(await awaits({ response, effect, responds: 'received' }, { awaits: 'response' }), 'response')
})

test('a response of a mapping that is not subscribed would never be heard', async () => {
  const at = (filter: string): Partial<Addressed> => ({
    response: { kind: 'message', filter, correlationData: null, correlation: null, where: null, ok: null }
  })
  assert.equal((await toRequest(at('a/d/ack'))(everyone, toDevice())).awaits, 'response')
  assert.equal((await toRequest(at('a/+/ack'))(everyone, toDevice())).awaits, 'response')
  await assert.rejects(toRequest(at('other/ack'))(everyone, toDevice()), {
    code: 'invalid_value',
    message:
      /\/awaits is response, and other\/ack, where it comes, is not subscribed.*RIALTO_TOPICS is a\/#,b/
  })
  assert.equal((await toRequest(at('other/ack'))(everyone, toDevice({ awaits: 'none' }))).awaited, null)
})

test('a content type is of the payload, and gives way to that of the convention', async () => {
  const typeOf = async (properties: Addressed['properties']): Promise<unknown> =>
    (await toRequest({ properties })(everyone, toDevice({ contentType: 'application/cbor' }))).properties
  assert.deepEqual(await typeOf(null), { contentType: 'application/cbor' })
  assert.deepEqual(await typeOf({ contentType: 'x/y', responseTopic: 'a' }), {
    contentType: 'x/y',
    responseTopic: 'a'
  })
})

test('it may be scheduled up to the limit, and must be published before it expires', async () => {
  const at = (ms: number, expiresInSeconds: number | null = null): Promise<unknown> =>
    toRequest()(everyone, toTopic({ notBefore: now + ms, expiresInSeconds }))
  await at(100_000)
  await at(-1_000_000_000, 1) // past is now
  await at(9_999, 10)
  await assert.rejects(at(100_001), { code: 'invalid_value', message: /^\/notBefore .*100 seconds/ })
  await assert.rejects(at(10_000, 10), { code: 'invalid_value', message: /^\/expiresInSeconds/ })
})

const longWhere = 'x'.repeat(defaultLimits.whereCharsMax + 1)
for (const [what, access, more, code, pointer] of [
  [
    'a response that there is none of',
    everyone,
    { device: true, awaits: 'response' },
    'invalid_value',
    '/awaits'
  ],
  ['an effect that there is none of', everyone, { awaits: 'effect' }, 'invalid_value', '/awaits'],
  ['a timeout of nothing', everyone, { timeoutSeconds: 5 }, 'invalid_value', '/timeoutSeconds'],
  ['an effect where nothing is awaited', everyone, { expect, awaits: 'none' }, 'invalid_value', '/expect'],
  [
    'an effect where a response is awaited',
    everyone,
    { expect, awaits: 'response' },
    'invalid_value',
    '/expect'
  ],
  [
    'a response where an effect is awaited',
    everyone,
    { expect, response: { filter: null, where: null, ok: null } },
    'invalid_value',
    '/response'
  ],
  [
    'a filter that is none',
    everyone,
    { expect: { ...expect, filter: 'a/#/b' } },
    'invalid_filter',
    '/expect/filter'
  ],
  [
    'a filter that is not subscribed',
    everyone,
    { expect: { ...expect, filter: 'c' } },
    'invalid_value',
    '/expect/filter'
  ],
  [
    'a topic that may not be read',
    some,
    { expect: { ...expect, filter: 'b' } },
    'forbidden',
    '/expect/filter'
  ],
  [
    'a wildcard of who may not read all',
    some,
    { expect: { ...expect, filter: 'a/+' } },
    'forbidden',
    '/expect/filter'
  ],
  ['no predicate', everyone, { expect: { ...expect, where: 'eq(' } }, 'invalid_value', '/expect/where'],
  [
    'a predicate too long',
    everyone,
    { expect: { ...expect, where: longWhere } },
    'query_too_complex',
    '/expect/where'
  ],
  [
    'no predicate of a response',
    everyone,
    { response: { filter: null, where: 'eq(', ok: null } },
    'invalid_value',
    '/response/where'
  ],
  [
    'no predicate of a good response',
    everyone,
    { response: { filter: null, where: null, ok: 'eq(' } },
    'invalid_value',
    '/response/ok'
  ],
  [
    'a response topic that is not subscribed',
    everyone,
    { awaits: 'response', properties: { responseTopic: 'c' } },
    'invalid_value',
    '/properties/responseTopic'
  ],
  [
    'a response topic that may not be read',
    some,
    { awaits: 'response', properties: { responseTopic: 'b' } },
    'forbidden',
    '/properties/responseTopic'
  ]
] as Array<[string, Access, Partial<TopicAsk> & { device?: true }, string, string]>) {
  test(`${what} is refused: ${code} at ${pointer}`, async () => {
    const { device, ...asked } = more
    const ask = device === true ? toDevice({ awaits: asked.awaits ?? null }) : toTopic(asked)
    await assert.rejects(toRequest()(access, ask), (problem: { code: string; message: string }) => {
      assert.equal(problem.code, code)
      assert.ok(problem.message.includes(pointer), problem.message)
      return true
    })
  })
}
