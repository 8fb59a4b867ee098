/**
 * Commands to devices that are obedient, offline, slow, silent, that answer twice, wrongly or late, through a real broker:
 * whatever they do, what is said of the command is true.
 */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import mqtt from 'mqtt'
import type { App } from '../../src/app.ts'
import { airvantage } from '../conventions/devices/airvantage.ts'
import { values } from '../conventions/devices/values.ts'
import { documentOf } from '../conventions/everything.ts'
import { adopted } from '../support/adopted.ts'
import type { Answer } from '../support/bridge.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import { refuseMqtt5, startMqttProxy } from '../support/mqtt-proxy.ts'
import { mappingFile } from '../support/projection.ts'
import { atEnd } from '../support/cleanup.ts'

const limits = { commandPollMs: 50, commandGraceMs: 1_000, reconnectDelayMsMax: 300 }

interface World {
  app: App & { databaseUrl: string }
  mqttUrl: string
  port: number
}

async function startWorld(): Promise<World> {
  const { url: mqttUrl, port } = await startMosquitto()
  const mappingsFile = await mappingFile(documentOf([airvantage, values]))
  // Responses are heard although no filter covers their topics
  const config = {
    filters: ['dev/#', ...airvantage.filters, ...values.filters],
    mappingsFile,
    mappingsFileGiven: true
  }
  const app = await startBridge({ mqttUrl, config, limits })
  await adopted(app)
  return { app, mqttUrl, port }
}

let shared: Promise<World> | null = null
const world = (): Promise<World> => (shared ??= startWorld())

/** Obeys what comes on `dev/{name}/set` as it is told to; returns its name. */
async function startDevice(
  mqttUrl: string,
  obey: (command: IPublishPacket, client: MqttClient) => unknown,
  options: IClientOptions = {}
): Promise<{ name: string; client: MqttClient }> {
  const name = randomUUID()
  const { client } = await connectClient(mqttUrl, options)
  client.on('message', (_topic, _payload, packet) => void obey(packet, client))
  await client.subscribeAsync(`dev/${name}/set`, { qos: 1 })
  return { name, client }
}

/** As MQTT 5 has it: to the response topic, with the correlation data (section 4.10). */
const reply = (
  client: MqttClient,
  { properties }: IPublishPacket,
  payload: string,
  data = properties!.correlationData
) =>
  client.publishAsync(properties!.responseTopic!, payload, {
    qos: 1,
    ...(data !== undefined && { properties: { correlationData: data } })
  })

async function send(app: App, body: object): Promise<string> {
  const sent = await postJson(`${app.url}/v1/commands`, body)
  assert.equal(sent.status, 202, JSON.stringify(sent.body))
  return sent.body.id as string
}

const read = async (app: App, id: string): Promise<Answer['body']> =>
  (await request(`${app.url}/v1/commands/${id}`)).body

const ended = (app: App, id: string): Promise<Answer['body']> =>
  eventually(
    async () => {
      const command = await read(app, id)
      return command.final === true && command
    },
    { what: `the command ${id} is final` }
  )

const late = (app: App, id: string): Promise<Answer['body']> =>
  eventually(
    async () => {
      const command = await read(app, id)
      return command.lateResponse !== null && command
    },
    { what: `a late response to ${id}` }
  )

const asked = (name: string, more: object = {}): object => ({
  topic: `dev/${name}/set`,
  payload: { speed: 3 },
  awaits: 'response',
  timeoutSeconds: 30,
  ...more
})

test('a device that answers by MQTT 5: the command waits for its word, and has it', async () => {
  const { app, mqttUrl } = await world()
  const { name } = await startDevice(mqttUrl, (command, client) => reply(client, command, '{"did":3}'))
  const { status, body } = await postJson(`${app.url}/v1/commands`, asked(name), { prefer: 'wait=20' })
  assert.equal(status, 200)
  assert.deepEqual([body.state, body.final, body.response.payload], ['succeeded', true, { did: 3 }])
  assert.match(body.response.topic, /^rialto\/[^/]+\/responses\//)
  assert.equal(body.response.properties.correlationData, body.properties.correlationData)
  const events = (await read(app, body.id)).events as Array<{ to: string; responseSeq: string | null }>
  assert.equal(events.at(-1)!.responseSeq, body.response.seq)
  assert.deepEqual(events.filter(({ to }) => to === 'succeeded').length, 1)
})

test('a silent device: timed out; when it speaks after all, that is kept beside it, once', async () => {
  const { app, mqttUrl } = await world()
  let speak = (_payload: string): unknown => null
  const { name } = await startDevice(mqttUrl, (command, client) => {
    speak = (payload) => reply(client, command, payload)
  })
  const id = await send(app, asked(name, { timeoutSeconds: 1 }))
  const silent = await ended(app, id)
  assert.deepEqual([silent.state, silent.response, silent.lateResponse], ['timedOut', null, null])
  assert.ok(Date.parse(silent.finishedAt) >= Date.parse(silent.publishedAt) + 1_000)
  await speak('1')
  await speak('2')
  const spoken = await late(app, id)
  assert.deepEqual(
    [spoken.state, spoken.finishedAt, spoken.lateResponse.payload],
    ['timedOut', silent.finishedAt, 1]
  )
})

test('a device that answers twice: the first counts, whatever the second says', async () => {
  const { app, mqttUrl } = await world()
  const { name } = await startDevice(mqttUrl, async (command, client) => {
    await reply(client, command, '{"ok":true,"n":1}')
    await reply(client, command, '{"ok":false,"n":2}')
  })
  const id = await send(app, asked(name, { response: { ok: 'eq(payload/ok,true)' } }))
  const twice = await late(app, id)
  assert.deepEqual([twice.state, twice.response.payload.n, twice.lateResponse.payload.n], ['succeeded', 1, 2])
})

test('a device that answers with the correlation data of another command: nobody takes it for the answer', async () => {
  const { app, mqttUrl } = await world()
  const commands: IPublishPacket[] = []
  const { name, client } = await startDevice(mqttUrl, (command) => void commands.push(command))
  const ids = [
    await send(app, asked(name, { timeoutSeconds: 2 })),
    await send(app, asked(name, { timeoutSeconds: 2 }))
  ]
  await eventually(() => commands.length === 2)
  const [first, second] = commands as [IPublishPacket, IPublishPacket]
  await reply(client, first, '"crossed"', second.properties!.correlationData)
  await reply(client, second, '"none"', Buffer.from('what is this'))
  await reply(client, second, '"done"')
  const ends = await Promise.all(ids.map((id) => ended(app, id)))
  assert.deepEqual(
    ends.map(({ state, response }) => [state, response?.payload ?? null]),
    [
      ['timedOut', null],
      ['succeeded', 'done']
    ]
  )
})

test('a device that says no, or nothing that can be read: failed, with its words', async () => {
  const { app, mqttUrl } = await world()
  for (const word of ['{"ok":false}', 'certainly not JSON', '']) {
    const { name } = await startDevice(mqttUrl, (command, client) => reply(client, command, word))
    const id = await send(app, asked(name, { response: { ok: 'eq(payload/ok,true)' } }))
    const refused = await ended(app, id)
    assert.deepEqual([refused.state, refused.response.payloadText], ['failed', word])
    assert.match(refused.reason, /does not satisfy/)
  }
})

test('without correlation data: by a field of the payload, or by the topic', async () => {
  const { app, mqttUrl } = await world()
  const { name } = await startDevice(
    mqttUrl,
    async ({ payload }, client) => {
      const { uid } = JSON.parse(payload.toString()) as { uid: string }
      await client.publishAsync(`dev/${name}/acks`, JSON.stringify({ uid: 'of another', status: 'OK' }), {
        qos: 1
      })
      await client.publishAsync(`dev/${name}/acks`, JSON.stringify({ uid, status: 'OK' }), { qos: 1 })
      await client.publishAsync(`dev/${name}/done/${uid}`, 'at last', { qos: 1 })
    },
    { protocolVersion: 4 }
  )
  const uid = randomUUID()
  const field = await send(
    app,
    asked(name, {
      payload: { uid },
      response: {
        filter: `dev/${name}/acks`,
        where: `eq(payload/uid,"${uid}")`,
        ok: 'eq(payload/status,"OK")'
      }
    })
  )
  const byField = await ended(app, field)
  assert.deepEqual([byField.state, byField.response.payload.uid], ['succeeded', uid])
  const topic = await send(
    app,
    asked(name, { payload: { uid: '7' }, response: { filter: `dev/${name}/done/7` } })
  )
  const answered = await ended(app, topic)
  assert.deepEqual([answered.state, answered.response.payloadText], ['succeeded', 'at last'])
})

test('an effect on a topic: it succeeds with the fact that proves it, and not before', async () => {
  const { app, mqttUrl } = await world()
  const { name, client } = await startDevice(mqttUrl, async (_command, device) => {
    await device.publishAsync(`dev/${name}/state`, '{"speed":2}', { qos: 1, retain: true })
  })
  const expect = { filter: `dev/${name}/state`, where: 'eq(payload/speed,3)' }
  const id = await send(app, { topic: `dev/${name}/set`, payload: 3, expect, timeoutSeconds: 30 })
  await eventually(async () => (await request(`${app.url}/v1/topic?name=dev/${name}/state`)).status === 200)
  assert.deepEqual([(await read(app, id)).state, (await read(app, id)).final], ['published', false])
  await client.publishAsync(`dev/${name}/state`, '{"speed":3}', { qos: 1, retain: true })
  const seen = await ended(app, id)
  const state = (await request(`${app.url}/v1/topic?name=dev/${name}/state`)).body
  assert.deepEqual([seen.state, seen.effectSeq, seen.response], ['succeeded', state.seq, null])
})

test('an offline device: nobody has it, and the broker says so where Rialto does not listen there itself', async () => {
  const { app } = await world()
  const apart = `elsewhere/${randomUUID()}/set`
  const unheard = await ended(app, await send(app, { ...asked('x'), topic: apart }))
  assert.deepEqual([unheard.state, unheard.brokerReasonCode], ['undeliverable', 0x10])
  const silent = await ended(app, await send(app, asked(randomUUID(), { timeoutSeconds: 1 })))
  assert.deepEqual([silent.state, silent.brokerReasonCode, silent.response], ['timedOut', 0, null])
})

test('a slow device, which was offline while its session was kept: its word counts when it comes', async () => {
  const { app, mqttUrl } = await world()
  const kept = { clientId: randomUUID(), clean: false, properties: { sessionExpiryInterval: 300 } }
  const { name, client } = await startDevice(mqttUrl, () => {}, kept)
  await client.endAsync()
  const id = await send(app, asked(name))
  await eventually(async () => (await read(app, id)).state === 'published')
  assert.equal((await read(app, id)).final, false)
  const back = mqtt.connect(mqttUrl, { protocolVersion: 5, ...kept })
  atEnd(() => back.endAsync(true))
  back.on('message', (_topic, _payload, packet) => void reply(back, packet, '"awake"'))
  assert.equal((await ended(app, id)).response.payload, 'awake')
})

test('by name, to devices of conventions: their response, or the value that they show', async () => {
  const { app, mqttUrl } = await world()
  for (const device of [airvantage, values]) {
    const running = await device.start(mqttUrl)
    atEnd(() => running.end())
    await eventually(async () => (await request(`${app.url}/v1/devices/${device.device}`)).status === 200)
    const { name, parameters } = device.command!
    const id = await send(app, { device: device.device, name, payload: parameters, timeoutSeconds: 30 })
    const obeyed = await ended(app, id)
    assert.equal(obeyed.state, 'succeeded', JSON.stringify(obeyed))
    const { seq } = device === airvantage ? obeyed.response : { seq: obeyed.effectSeq }
    const [from, metric] = device === airvantage ? ['response', 'response'] : ['effect', 'speed']
    assert.equal(obeyed.awaits, from)
    const { items } = (
      await request(`${app.url}/v1/datapoints?device=${device.device}&metric=${metric}&order=desc&limit=1`)
    ).body
    assert.equal(items[0].seq, seq)
  }
  // A value that the machine does not know
  const id = await send(app, {
    device: airvantage.device,
    name: 'command',
    payload: { id: 'fly' },
    timeoutSeconds: 30
  })
  const failed = await ended(app, id)
  assert.deepEqual([failed.state, failed.reason], ['failed', 'The device says that it did not do it'])
  assert.match(failed.response.payloadText, /unknown command/)
})

test('Rialto ends between the command and its answer: the next one finds it, also when its time is over by then', async () => {
  const { url: mqttUrl } = await startMosquitto()
  const first = await startBridge({ mqttUrl, config: { filters: ['dev/#'] }, limits })
  const commands: IPublishPacket[] = []
  const { name, client } = await startDevice(mqttUrl, (command) => void commands.push(command))
  const [answered, silent] = [
    await send(first, asked(name, { timeoutSeconds: 2 })),
    await send(first, asked(name, { timeoutSeconds: 2 }))
  ]
  await eventually(() => commands.length === 2)
  await eventually(async () => (await read(first, silent)).state === 'published')
  await first.close()
  await reply(client, commands[0]!, '"done while you were away"')
  const second = await startBridge({
    mqttUrl,
    databaseUrl: first.databaseUrl,
    config: { filters: ['dev/#'] },
    limits
  })
  const found = await ended(second, answered)
  assert.deepEqual([found.state, found.response.payload], ['succeeded', 'done while you were away'])
  assert.equal((await ended(second, silent)).state, 'timedOut')
  assert.equal(commands.length, 2)
})

test("the broker's word is lost, and the device answered: succeeded, and not published again", async () => {
  const { mqttUrl, port } = await world()
  const proxy = await startMqttProxy({ port })
  atEnd(() => proxy.stop())
  let dropped = 0
  proxy.rule = (frame) => {
    if (frame.type !== 'puback' || frame.direction !== 'toService' || !frame.clientId.startsWith('rialto-p-'))
      return 'pass'
    dropped++
    return 'drop'
  }
  const app = await startBridge({ mqttUrl: proxy.url, config: { filters: ['dev/#'] }, limits })
  let commands = 0
  const { name } = await startDevice(mqttUrl, (command, client) => {
    commands++
    return reply(client, command, '"done"')
  })
  const id = await send(app, asked(name))
  const found = await ended(app, id)
  assert.deepEqual([found.state, found.response.payload, found.brokerReasonCode], ['succeeded', 'done', null])
  await eventually(() => dropped > 0)
  assert.equal(commands, 1)
})

test('on a broker of MQTT 3.1.1 a command whose response would be known by correlation data alone is refused', async () => {
  const { mqttUrl, port } = await world()
  const proxy = await startMqttProxy({ port })
  atEnd(() => proxy.stop())
  proxy.rule = (frame) => (refuseMqtt5(frame) ? 'drop' : 'pass')
  const app = await startBridge({ mqttUrl: proxy.url, config: { filters: ['dev/#'] }, limits })
  const { name } = await startDevice(mqttUrl, (_command, client) =>
    client.publishAsync(`dev/${name}/answer`, '"done"', { qos: 1 })
  )
  const refused = await ended(app, await send(app, asked(name)))
  assert.equal(refused.state, 'refused')
  assert.match(refused.reason, /MQTT 3\.1\.1/)
  const response = { filter: `dev/${name}/answer` }
  assert.equal((await ended(app, await send(app, asked(name, { response })))).state, 'succeeded')
})
