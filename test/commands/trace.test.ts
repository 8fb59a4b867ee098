/** One request, one trace: from HTTP through the message to the device's answer and the stream. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { graphql, postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { openSse } from '../support/sse.ts'

const broker = await startBroker()
const app = await startBridge({ mqttUrl: broker.url })
const base = `${app.url}/v1`
const device = await connectClient(broker.url)
await device.client.subscribeAsync('t/#', { qos: 1 })

let traces = 0
const newTrace = (): string => `00-${String(++traces).padStart(32, 'a')}-00f067aa0ba902b7-01`

/** User properties of the message that came on a topic, those of traces only. */
const carried = (topic: string): Promise<Record<string, unknown>> =>
  eventually(() => {
    const packet = device.packets.find((one) => one.topic === topic)
    const { traceparent, tracestate } = packet?.properties?.userProperties ?? {}
    return packet !== undefined && { traceparent, tracestate }
  })
const send = (body: object, headers: Record<string, string>) => postJson(`${base}/commands`, body, headers)

test('the device, the command, its events and the stream have the trace of the request', async () => {
  const traceparent = newTrace()
  const stream = await openSse(`${base}/stream?types=command`)
  const { body } = await send({ topic: 't/one', payload: 1 }, { traceparent, tracestate: 'a=b' })
  assert.equal(body.traceparent, traceparent)
  assert.deepEqual(await carried('t/one'), { traceparent, tracestate: 'a=b' })
  const command = await eventually(async () => {
    const found = (await request(`${base}/commands/${body.id}`)).body
    return found.final && found
  })
  assert.equal(command.traceparent, traceparent)
  const told = command.events.map((event: { traceparent: string }) => event.traceparent)
  assert.ok(told.length >= 3)
  assert.deepEqual(new Set(told), new Set([traceparent]))
  await stream.find('command', ({ command: { topic, to } }) => topic === 't/one' && to === 'published')
  const events = stream.events.filter(({ data }) => data.command?.topic === 't/one')
  assert.deepEqual(new Set(events.map(({ data }) => data.command.traceparent)), new Set([traceparent]))
})

test('every way to send has it: several, retained, batched over GraphQL, by HTTP and by WebSocket', async () => {
  const several = newTrace()
  await send(
    {
      commands: [
        { topic: 't/a', payload: 1 },
        { topic: 't/b', payload: 1 }
      ]
    },
    { traceparent: several }
  )
  const retained = newTrace()
  await request(`${base}/topics/t%2Fr/retained`, {
    method: 'PUT',
    body: 'x',
    headers: { 'content-type': 'text/plain', traceparent: retained }
  })
  const http = newTrace()
  const query = 'mutation { sendCommand(input: { topic: "t/g", payload: 1 }) { command { traceparent } } }'
  const { body } = await postJson(`${app.url}/graphql`, { query }, { traceparent: http })
  assert.equal(body.data.sendCommand.command.traceparent, http)
  const socket = newTrace()
  const client = createClient({ url: `${app.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket })
  const mutation = 'mutation { sendCommand(input: { topic: "t/s", payload: 1 }) { command { traceparent } } }'
  for await (const { data } of client.iterate<{ sendCommand: { command: { traceparent: string } } }>({
    query: mutation,
    extensions: { traceparent: socket }
  }))
    assert.equal(data?.sendCommand.command.traceparent, socket)
  await client.dispose()
  for (const [topic, traceparent] of [
    ['t/a', several],
    ['t/b', several],
    ['t/r', retained],
    ['t/g', http],
    ['t/s', socket]
  ] as const)
    assert.equal((await carried(topic))['traceparent'], traceparent, topic)
})

test('without one, or with one that is not valid, nothing is added', async () => {
  for (const [topic, headers] of [
    ['t/none', {}],
    ['t/faulty', { traceparent: 'x', tracestate: 'a=b' }]
  ] as const) {
    const { body } = await send({ topic, payload: 1 }, headers)
    assert.deepEqual([body.traceparent, body.properties], [null, null])
    assert.deepEqual(await carried(topic), { traceparent: undefined, tracestate: undefined })
  }
})

test('a client that gives the user property itself has its own', async () => {
  const [own, other] = [newTrace(), newTrace()]
  const properties = { userProperties: [['traceparent', own]] }
  const { body } = await send({ topic: 't/own', payload: 1, properties }, { traceparent: other })
  assert.equal(body.traceparent, own)
  assert.equal((await carried('t/own'))['traceparent'], own)
})

test('a retry is of the trace that asks for it; the same bytes answer a repetition, whatever trace it is of', async () => {
  const [first, second] = [newTrace(), newTrace()]
  const key = { 'idempotency-key': 'one' }
  const { body } = await send({ topic: 't/again', payload: 1 }, { traceparent: first, ...key })
  const repeated = await send({ topic: 't/again', payload: 1 }, { traceparent: second, ...key })
  assert.deepEqual(repeated.body, body)
  await eventually(async () => (await request(`${base}/commands/${body.id}`)).body.final)
  const retry = (headers: Record<string, string>) =>
    request(`${base}/commands/${body.id}/retry`, { method: 'POST', headers })
  assert.equal((await retry({ traceparent: second })).body.traceparent, second)
  assert.equal((await retry({})).body.traceparent, null)
})

test("the device's answer keeps the trace that it came with", async () => {
  const traceparent = newTrace()
  device.client.on('message', (topic, _, { properties }) => {
    if (topic !== 't/ask') return
    const given = properties?.userProperties?.['traceparent'] as string
    device.client.publish(properties!.responseTopic!, '{"ok":true}', {
      qos: 1,
      properties: { correlationData: properties!.correlationData!, userProperties: { traceparent: given } }
    })
  })
  const { body } = await send({ topic: 't/ask', payload: 1, awaits: 'response' }, { traceparent })
  const command = await eventually(async () => {
    const found = (await request(`${base}/commands/${body.id}`)).body
    return found.state === 'succeeded' && found
  })
  assert.deepEqual(command.response.properties.userProperties, [['traceparent', traceparent]])
  const { command: same } = await graphql(
    app.url,
    `{ command(id: "${body.id}") { traceparent events { traceparent } } }`
  )
  assert.deepEqual(
    new Set([same.traceparent, ...same.events.map((one: { traceparent: string }) => one.traceparent)]),
    new Set([traceparent])
  )
})
