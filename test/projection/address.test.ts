/** Commands to a device by its name, over REST and GraphQL: what a real client receives, and what is refused, and why. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import { adopted } from '../support/adopted.ts'
import { graphql, postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import type { TestClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'

const document = `
mappings:
  - name: heater
    topic: heater/{device}/state
    commands:
      - { name: set, topic: "heater/{device}/set", responseTopic: "heater/{device}/ack" }
      - name: boost
        topic: heater/{device}/boost
        qos: 2
        responseTopic: heater/{device}/ack
        delivery: atMostOnce
        timeout: 5m
  - name: sparse
    topic: sparse/{device}/state
    store: changes
    commands:
      - { name: set, topic: "sparse/{device}/set", effect: { metric: "on" } }
  - name: mute
    topic: mute/{device}
conventions: [tasmota]
`

async function start(): Promise<{ app: App; device: TestClient }> {
  const broker = await startBroker()
  const app = await startBridge({
    mqttUrl: broker.url,
    config: { mappingsFile: await mappingFile(document) }
  })
  await adopted(app)
  const device = await connectClient(broker.url)
  device.client.on('message', (topic, payload, packet) => {
    const { responseTopic, correlationData } = packet.properties ?? {}
    if (responseTopic !== undefined)
      device.client.publish(responseTopic, 'ok', {
        qos: 1,
        properties: { correlationData: correlationData! }
      })
    if (topic === 'cmnd/plug/POWER') device.client.publish('stat/plug/POWER', payload, { qos: 1 })
  })
  await device.client.subscribeAsync(['heater/+/set', 'cmnd/#'], { qos: 1 })
  await device.client.publishAsync('heater/a/state', '{"on":true}', { qos: 1 })
  await device.client.publishAsync('mute/m', '{"on":true}', { qos: 1 })
  await device.client.publishAsync('tele/plug/STATE', '{"POWER":"OFF"}', { qos: 1 })
  await eventually(async () => (await request(`${app.url}/v1/devices/plug`)).status === 200)
  return { app, device }
}

let shared: ReturnType<typeof start> | null = null
const started = (): ReturnType<typeof start> => (shared ??= start())

const send = (app: App, body: object, headers: Record<string, string> = {}) =>
  postJson(`${app.url}/v1/commands`, body, headers)

test('the command of a mapping goes where its template says, with the payload as given', async () => {
  const { app, device } = await started()
  const { status, body } = await send(
    app,
    { device: 'a', name: 'set', payload: { target: 21 } },
    { prefer: 'wait=20' }
  )
  assert.equal(status, 200)
  assert.deepEqual([body.topic, body.awaits, body.qos, body.retain], ['heater/a/set', 'response', 1, false])
  assert.deepEqual([body.state, body.response.payloadText], ['succeeded', 'ok'])
  const came = await eventually(() => device.packets.find(({ topic }) => topic === 'heater/a/set'))
  assert.equal(came.payload.toString(), '{"target":21}')
  assert.equal(came.properties?.responseTopic, 'heater/a/ack')
  assert.equal(came.properties?.correlationData?.toString('hex'), body.id.replaceAll('-', ''))
})

test("the command of a convention is the convention's message", async () => {
  const { app, device } = await started()
  const { body } = await send(
    app,
    { device: 'plug', name: 'power', payload: { state: 'ON' } },
    { prefer: 'wait=20' }
  )
  assert.deepEqual([body.topic, body.awaits, body.state], ['cmnd/plug/POWER', 'effect', 'succeeded'])
  const came = await eventually(() => device.packets.find(({ topic }) => topic === 'cmnd/plug/POWER'))
  assert.equal(came.payload.toString(), 'ON')
})

test('GraphQL sends them, too', async () => {
  const { app, device } = await started()
  const mutation = `mutation ($input: SendCommandInput!) { sendCommand(input: $input) { command { topic state } } }`
  const input = {
    device: 'plug',
    name: 'command',
    payload: { command: 'Dimmer', value: '7' },
    waitSeconds: 10
  }
  const data = await graphql(app.url, mutation, { input })
  assert.deepEqual(data.sendCommand.command, { topic: 'cmnd/plug/Dimmer', state: 'published' })
  await eventually(() => device.packets.find(({ topic }) => topic === 'cmnd/plug/Dimmer'))
  for (const [given, pointer] of [
    [{ payload: 1 }, 'topic'],
    [{ topic: 'x', device: 'plug', name: 'power', payload: 1 }, 'topic'],
    [{ device: 'plug', payload: 1 }, 'name'],
    [{ device: 'plug', name: 'power', payload: 1, retain: true }, 'device']
  ] as const) {
    const { body: refused } = await postJson(`${app.url}/graphql`, {
      query: mutation,
      variables: { input: given }
    })
    assert.equal(refused.errors[0].extensions.code, 'invalid_value')
    assert.equal(refused.errors[0].extensions.errors[0].pointer, `/${pointer}`)
  }
})

test('a metric of which datapoints are left out shows no effect, so that none is awaited', async () => {
  const { app, device } = await started()
  await device.client.publishAsync('sparse/s/state', '{"on":true}', { qos: 1 })
  await eventually(async () => (await request(`${app.url}/v1/devices/s`)).status === 200)
  const { body } = await send(app, { device: 's', name: 'set', payload: true }, { prefer: 'wait=20' })
  assert.deepEqual([body.awaits, body.state], ['none', 'published'])
  const asked = await send(app, { device: 's', name: 'set', payload: true, awaits: 'effect' })
  assert.deepEqual([asked.status, asked.body.errors[0].pointer], [422, '/awaits'])
})

test('what the mapping says of a command holds, whatever is asked', async () => {
  const { app, device } = await started()
  await device.client.publishAsync('heater/once/state', '1', { qos: 1 })
  await eventually(async () => (await request(`${app.url}/v1/devices/once`)).status === 200)
  const { body } = await send(app, { device: 'once', name: 'boost', payload: 1, delivery: 'atLeastOnce' })
  assert.deepEqual([body.delivery, body.timeoutSeconds, body.qos], ['atMostOnce', 300, 2])
  const own = await send(app, { device: 'once', name: 'boost', payload: 1, timeoutSeconds: 7 })
  assert.equal(own.body.timeoutSeconds, 7)
})

const refusals: Array<
  [what: string, body: object, status: number, code: string, pointer: string | null, detail: RegExp]
> = [
  [
    'no such device',
    { device: 'nobody', name: 'set', payload: {} },
    404,
    'not_found',
    null,
    /no device "nobody"/
  ],
  [
    'no such command',
    { device: 'a', name: 'sett', payload: {} },
    422,
    'invalid_value',
    '/name',
    /there are set, boost/
  ],
  [
    'a mapping without commands',
    { device: 'm', name: 'set', payload: {} },
    422,
    'invalid_value',
    '/name',
    /mute has none/
  ],
  [
    'parameters that are no object',
    { device: 'plug', name: 'power', payload: 'ON' },
    422,
    'invalid_value',
    '/payload',
    /JSON object .* state/
  ],
  [
    'a parameter of another type',
    { device: 'plug', name: 'power', payload: { state: 1 } },
    422,
    'invalid_value',
    '/payload/state',
    /must be text/
  ],
  [
    'a parameter that is missing',
    { device: 'plug', name: 'power', payload: {} },
    422,
    'invalid_value',
    '/payload/state',
    /is missing/
  ],
  [
    'a parameter that is not known',
    { device: 'plug', name: 'power', payload: { state: 'ON', 'a/b': 1 } },
    422,
    'invalid_value',
    '/payload/a~1b',
    /not known/
  ],
  [
    'a word that the convention does not know',
    { device: 'plug', name: 'power', payload: { state: 'MAYBE' } },
    422,
    'invalid_value',
    '/payload/state',
    /ON/
  ]
]

for (const [what, body, status, code, pointer, detail] of refusals)
  test(`refused: ${what}`, async () => {
    const { app } = await started()
    const answer = await send(app, body)
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body))
    if (pointer !== null) assert.equal(answer.body.errors[0].pointer, pointer)
    assert.match(answer.body.detail, detail)
  })

test('of several, each is accepted or refused by itself', async () => {
  const { app } = await started()
  const { status, body } = await send(app, {
    commands: [
      { device: 'plug', name: 'power', payload: { state: 'OFF' } },
      { device: 'nobody', name: 'power', payload: {} },
      { topic: 'x/y', payload: 1 }
    ]
  })
  assert.equal(status, 202)
  assert.deepEqual(
    body.items.map(
      (item: { command?: { topic: string }; problem?: { code: string } }) =>
        item.command?.topic ?? item.problem?.code
    ),
    ['cmnd/plug/POWER', 'not_found', 'x/y']
  )
})

test('a repetition is answered as before, also when the device is gone', async () => {
  const { app, device } = await started()
  await device.client.publishAsync('heater/brief/state', '1', { qos: 1 })
  await eventually(async () => (await request(`${app.url}/v1/devices/brief`)).status === 200)
  const body = { device: 'brief', name: 'set', payload: 1 }
  const first = await send(app, body, { 'idempotency-key': 'brief-1' })
  assert.equal(first.status, 202)
  assert.equal((await request(`${app.url}/v1/devices/brief`, { method: 'DELETE' })).status, 200)
  assert.equal((await send(app, body)).status, 404)
  const again = await send(app, body, { 'idempotency-key': 'brief-1' })
  assert.deepEqual([again.status, again.body], [first.status, first.body])
})
