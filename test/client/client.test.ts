/** The client against the whole service. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, RialtoError } from '../../src/client/index.ts'
import type { StreamEvent } from '../../src/client/index.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import type { Frame } from '../support/proxy.ts'
import { startProxy } from '../support/proxy.ts'

const broker = await startBroker()
const { client: mqtt } = await connectClient(broker.url)
const bridge = await startBridge({ mqttUrl: broker.url, config: { apiKey: 'the-key-of-the-client-tests' } })
const key = 'the-key-of-the-client-tests'
const rialto = createClient({ url: `${bridge.url}/`, key })

test('a topic whose name has slashes, blanks and signs is read by its path', async () => {
  const topic = 'client/a b/%2F/ü?#'.replace('#', 'hash')
  await mqtt.publishAsync(topic, '{"n":1}', { qos: 1 })
  const read = async () => rialto.get('/v1/topics/{topic}', { path: { topic } }).catch(() => null)
  await eventually(async () => (await read()) !== null)
  assert.deepEqual([(await read())!.topic, (await read())!.payload], [topic, { n: 1 }])
})

test('a list is read to its end, page by page', async () => {
  for (let at = 0; at < 25; at++) await mqtt.publishAsync(`client/list/${at}`, String(at), { qos: 1 })
  const all = async (): Promise<string[]> => {
    const topics: string[] = []
    const query = { filter: ['client/list/+'], limit: 10 }
    for await (const { topic } of rialto.items('/v1/topics', { query })) topics.push(topic)
    return topics
  }
  await eventually(async () => (await all()).length === 25)
  assert.deepEqual(new Set(await all()), new Set(Array.from({ length: 25 }, (_, at) => `client/list/${at}`)))
})

test('a refusal is an error with its problem, whoever refused', async () => {
  const refused = async (asked: Promise<unknown>): Promise<RialtoError> => {
    const error = await asked.then(
      () => assert.fail('it was not refused'),
      (reason: unknown) => reason
    )
    if (!(error instanceof RialtoError)) assert.fail(String(error))
    return error
  }
  const missing = await refused(rialto.get('/v1/topics/{topic}', { path: { topic: 'client/nobody' } }))
  assert.deepEqual([missing.code, missing.status, missing.passes], ['not_found', 404, false])
  assert.match(missing.requestId ?? '', /^[0-9a-f-]{36}$/)
  const wrong = await refused(rialto.get('/v1/topics', { query: { filter: ['a/#/b'] } }))
  assert.equal(wrong.problem.errors?.length, 1)
  const stranger = createClient({ url: bridge.url, key: () => 'no key' })
  assert.equal((await refused(stranger.get('/v1/status'))).code, 'unauthenticated')
  // Something before the service, which does not know RFC 9457
  const proxied = createClient({
    url: bridge.url,
    fetch: async () => new Response('<h1>Bad gateway</h1>', { status: 502, headers: { 'retry-after': '7' } })
  })
  const before = await refused(proxied.get('/v1/status'))
  assert.deepEqual([before.code, before.passes, before.retryAfterSeconds], ['http_502', true, 7])
})

test('the answer itself is there for those who want its headers', async () => {
  const answer = await rialto.request('get', '/v1/status')
  assert.deepEqual([answer.status, (await answer.json()) !== null], [200, true])
})

test('a stream goes on where it was cut off, again and again, and ends with its reader', async () => {
  const proxy = await startProxy<Frame>(Number(new URL(bridge.url).port), (link) => ({
    toServer: (bytes) => [{ direction: 'toServer', bytes, link }],
    toService: (bytes) => [{ direction: 'toService', bytes, link }]
  }))
  const cuts: unknown[] = []
  const abort = new AbortController()
  const got: number[] = []
  let begun = false
  const reading = (async () => {
    const through = createClient({ url: `http://127.0.0.1:${proxy.port}`, key })
    const options = { signal: abort.signal, onCut: (error: unknown) => cuts.push(error) }
    for await (const event of through.stream({ filter: ['client/stream'] }, options)) {
      begun = true
      if (event.type === 'message') got.push(event.message.payload as number)
    }
  })()
  await eventually(() => begun)
  const sent: number[] = []
  for (let at = 0; at < 200; at++) {
    await mqtt.publishAsync('client/stream', String(at), { qos: 1 })
    sent.push(at)
    if (at % 40 === 20) proxy.cut()
  }
  await eventually(() => got.length >= sent.length, { withinMs: 60_000, what: 'all have come' })
  assert.deepEqual(got, sent)
  assert.ok(cuts.length >= 1, 'it was cut off')
  abort.abort()
  await reading
  await proxy.stop()
})

test('a stream with a key that is none, or a wrong query, is refused, and not tried again', async () => {
  for (const [client, query, code] of [
    [createClient({ url: bridge.url, key: 'no key' }), { filter: ['a'] }, 'unauthenticated'],
    [createClient({ url: bridge.url, key: () => 'no key' }), { filter: ['a'] }, 'unauthenticated'],
    [rialto, { filter: ['a/#/b'] }, 'invalid_filter'],
    [rialto, { filter: ['a'], after: 'nonsense' }, 'cursor_invalid']
  ] as const) {
    const stream = client.stream({ ...query, filter: [...query.filter] })
    await assert.rejects(stream.next(), (error) => error instanceof RialtoError && error.code === code)
  }
})

test('a key that is renewed is used where the last is over', async () => {
  const made = await rialto.post('/v1/keys', {
    body: { name: 'renewed', grants: [{ role: 'read', topic: 'client/#' }] }
  })
  const keys = [made.key]
  const events: StreamEvent[] = []
  const abort = new AbortController()
  const renewing = createClient({ url: bridge.url, key: () => keys.at(-1)! })
  const reading = (async () => {
    for await (const event of renewing.stream({ filter: ['client/renewed'] }, { signal: abort.signal }))
      events.push(event)
  })()
  await eventually(() => events.length > 0)
  const next = await rialto.post('/v1/keys', {
    body: { name: 'next', grants: [{ role: 'read', topic: 'client/#' }] }
  })
  keys.push(next.key)
  await rialto.delete('/v1/keys/{id}', { path: { id: made.id } })
  await mqtt.publishAsync('client/renewed', 'after', { qos: 1 })
  await eventually(() => events.some(({ type }) => type === 'message'), { withinMs: 30_000 })
  assert.equal(events.filter(({ type }) => type === 'message').length, 1)
  abort.abort()
  await reading
})

test('a command is sent once though its answer is lost, and its outcome is waited for', async () => {
  let acted = 0
  const device = await connectClient(broker.url)
  await device.client.subscribeAsync('client/lamp/set')
  device.client.on('message', (_, payload, { properties }) => {
    acted++
    assert.equal(String(payload), '{"on":true}')
    const { responseTopic, correlationData } = properties!
    void device.client.publishAsync(responseTopic!, 'done', {
      qos: 1,
      ...(correlationData && { properties: { correlationData } })
    })
  })
  let asked = 0
  const lossy = createClient({
    url: bridge.url,
    key,
    async fetch(...request) {
      const answer = await fetch(...request)
      // The first two are lost on their way back
      if (++asked > 2) return answer
      await answer.text()
      throw new TypeError('fetch failed')
    }
  })
  const command = await lossy.send(
    { topic: 'client/lamp/set', payload: { on: true }, awaits: 'response' },
    { waitSeconds: 30 }
  )
  assert.deepEqual([command.state, command.final, acted], ['succeeded', true, 1])
  const again = await rialto.wait(command.id, { waitSeconds: 0 })
  assert.deepEqual([again.id, again.state], [command.id, 'succeeded'])
})

test('an outcome that does not come is not made up', async () => {
  const command = await rialto.send(
    { topic: 'client/nobody/set', payload: 1, awaits: 'response', timeoutSeconds: 600 },
    { waitSeconds: 1 }
  )
  assert.equal(command.final, false)
  const refused = await rialto
    .post('/v1/commands/{id}/cancel', { path: { id: command.id } })
    .catch((error: RialtoError) => error.code)
  assert.equal(refused, 'not_cancellable')
  const short = await rialto.send(
    { topic: 'client/nobody/set', payload: 2, awaits: 'response', timeoutSeconds: 1 },
    { waitSeconds: 30 }
  )
  assert.deepEqual([short.state, short.final], ['timedOut', true])
})

test('while the service is away it is tried again, as long as was said', async () => {
  const nowhere = createClient({ url: 'http://127.0.0.1:1', key })
  await assert.rejects(nowhere.send({ topic: 'a', payload: 1 }, { retrySeconds: 1 }), TypeError)
  await assert.rejects(nowhere.get('/v1/status'), TypeError)
})
