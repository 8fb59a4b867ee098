/**
 * Brokers that cannot run here, by what their documentation asks of a client; a scripted broker closes the connection of
 * whoever breaks a rule. docs/brokers.md says the same in words.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import type { Rules, StrictBroker } from '../support/strict-broker.ts'
import { startStrictBroker } from '../support/strict-broker.ts'

const clientId = 'rialto-1'
const quotaExceeded = 0x97
const notAuthorized = 0x87
const soon = { reconnectDelayMsMin: 50, reconnectDelayMsMax: 500, snapshotQuietMs: 150, commandPollMs: 100 }
const filters = ['plant/#', ...Array.from({ length: 19 }, (_, index) => `site/${index}/+`)]

/**
 * AWS IoT Core. "MQTT", developer guide, https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html: QoS 2 is not
 * supported, and neither PUBACK nor SUBACK is sent when it is asked for. "AWS IoT limits",
 * https://docs.aws.amazon.com/iot/latest/developerguide/limits-iot.html, and "AWS IoT Core endpoints and quotas",
 * https://docs.aws.amazon.com/general/latest/gr/iot-core.html: 8 subscriptions in a SUBSCRIBE, 50 on a connection, 128 KB
 * of payload, 100 unacknowledged messages, a client id of 128 bytes. The SDK's list of limits,
 * https://aws.github.io/aws-iot-device-sdk-js-v2/node/enums/mqtt5.ClientExtendedValidationAndFlowControl.html: topics of at
 * most 7 slashes and 256 bytes.
 */
const aws: Rules = {
  connackProperties: { maximumQoS: 1, receiveMaximum: 100, sessionExpiryInterval: 3_600 },
  clientIdBytesMax: 128,
  filtersPerSubscribeMax: 8,
  filtersPerConnectionMax: 50,
  silentAboveMaximumQos: true,
  payloadBytesMax: 128 * 1024,
  topicSlashesMax: 7,
  topicBytesMax: 256,
  answerMs: 5
}

/**
 * HiveMQ. "MQTT-Specific Configuration", https://docs.hivemq.com/hivemq-edge/mqtt-specific-configuration.html: Server
 * Receive Maximum 10; maxima for session expiry and keep alive that override what the client asks.
 */
const hivemq: Rules = {
  connackProperties: { receiveMaximum: 10, sessionExpiryInterval: 86_400, serverKeepAlive: 1 },
  answerMs: 20
}

/**
 * EMQX. "MQTT Configuration", https://docs.emqx.com/en/emqx/latest/configuration/mqtt.html: packets of 1 MB, 128 topic
 * levels. "Rate Limit", https://docs.emqx.com/en/emqx/latest/guides/rate-limit.md: past the rate SUBACK has failure codes.
 * "Retained Messages", https://docs.emqx.com/zh/emqx/v5.0/mqtt/mqtt-retained-messages.html: they come at a rate
 * (retainer.deliver_rate); with retain_available = false a retained PUBLISH ends in DISCONNECT 0x9A.
 */
const emqx: Rules = {
  connackProperties: { maximumPacketSize: 1024 * 1024, receiveMaximum: 32 },
  topicSlashesMax: 127,
  retainedBatch: { messages: 10, pauseMs: 50 }
}

/**
 * VerneMQ. "Non-standard MQTT options", https://docs.vernemq.com/configuration/nonstandard: client ids of 23
 * characters and topics of 10 levels by default. "MQTT Options", https://docs.vernemq.com/2.1.0/configuring-vernemq/options: 20
 * messages in flight.
 */
const vernemq: Rules = {
  connackProperties: { receiveMaximum: 20 },
  clientIdBytesMax: 23,
  topicSlashesMax: 9,
  answerMs: 5
}

async function start(rules: Rules): Promise<{ app: App; broker: StrictBroker }> {
  const broker = await startStrictBroker(rules)
  const app = await startBridge({ mqttUrl: broker.url, config: { clientId, filters }, limits: soon })
  return { app, broker }
}

const statusOf = async (app: App): Promise<{ mqtt: Record<string, unknown> }> =>
  (await request(`${app.url}/v1/status`)).body
const stateOf = async (app: App, id: string): Promise<string> =>
  (await request(`${app.url}/v1/commands/${id}`)).body.state
const post = async (app: App, command: object): Promise<string> =>
  (await postJson(`${app.url}/v1/commands`, command)).body.id
const payloadOf = async (app: App, topic: string): Promise<string | undefined> =>
  (await request(`${app.url}/v1/topic?name=${topic}`)).body.payloadText

for (const [vendor, rules] of Object.entries({
  'AWS IoT Core': aws,
  HiveMQ: hivemq,
  EMQX: emqx,
  VerneMQ: vernemq
})) {
  test(`${vendor}: connects, subscribes, receives, acknowledges and publishes many commands, and breaks no rule`, async () => {
    const { app, broker } = await start(rules)
    await broker.deliver(clientId, 'plant/line/1', 'hello') // resolves when it is acknowledged
    assert.equal(await payloadOf(app, 'plant/line/1'), 'hello')
    await broker.deliver(clientId, 'site/18/x', 'last filter')
    const commands = Array.from({ length: 60 }, (_, index) => ({ topic: `out/${index}`, payload: index }))
    await postJson(`${app.url}/v1/commands`, { commands })
    const published = async (): Promise<number> =>
      (await request(`${app.url}/v1/commands?state=published`)).body.items.length
    await eventually(async () => (await published()) === commands.length)
    const { mqtt } = await statusOf(app)
    assert.deepEqual([mqtt['state'], mqtt['version'], mqtt['refusedFilters']], ['connected', '5', []])
    assert.deepEqual(broker.broken, [])
    assert.ok(broker.inFlightMost > 1 && broker.inFlightMost <= rules.connackProperties!.receiveMaximum!)
    assert.equal(broker.published.filter(({ topic }) => topic.startsWith('out/')).length, 60)
  })
}

test('AWS IoT Core: what it would never take is refused, some of it only after it has closed connections, and the rest flows', async () => {
  const { app, broker } = await start(aws)
  const qos2 = await post(app, { topic: 'out/q', payload: 1, qos: 2 })
  await eventually(async () => (await stateOf(app, qos2)) === 'refused')
  assert.deepEqual(broker.broken, [], 'its Maximum QoS is known, so it was not asked')
  const deep = await post(app, { topic: 'a/b/c/d/e/f/g/h/i', payload: 1, qos: 1 })
  const large = await post(app, { topic: 'out/l', payload: 'x'.repeat(128 * 1024), qos: 1 })
  const good: string[] = []
  for (let index = 0; index < 10; index++)
    good.push(await post(app, { topic: `out/${index}`, payload: index, qos: 1 }))
  for (const id of [deep, large]) await eventually(async () => (await stateOf(app, id)) === 'refused')
  for (const id of good) await eventually(async () => (await stateOf(app, id)) === 'published')
  assert.deepEqual(new Set(broker.broken), new Set(['a PUBLISH of 131074 bytes', 'a topic of 8 slashes']))
  await broker.deliver(clientId, 'plant/x', 'still here')
  assert.equal((await request(`${app.url}/v1/gaps`)).body.items.length, 0, 'receiving was never cut off')
})

test('AWS IoT Core, on 3.1.1: a command that is never answered is tried on other connections, then refused, and the rest flows', async () => {
  const broker = await startStrictBroker({
    ...aws,
    connect: (packet) => (packet.protocolVersion === 5 ? 0x84 : 0)
  })
  const app = await startBridge({
    mqttUrl: broker.url,
    config: { clientId, filters, qos: 1 },
    limits: { ...soon, brokerAnswerMsMax: 1_000 }
  })
  assert.equal((await statusOf(app)).mqtt['version'], '3.1.1')
  const silent = await post(app, { topic: 'out/q', payload: 1, qos: 2 })
  const good: string[] = []
  for (let index = 0; index < 10; index++)
    good.push(await post(app, { topic: `out/${index}`, payload: index, qos: 1 }))
  await eventually(async () => (await stateOf(app, silent)) === 'refused')
  for (const id of good) await eventually(async () => (await stateOf(app, id)) === 'published')
  assert.deepEqual(broker.broken, Array(4).fill('PUBLISH of QoS 2'))
  const publishers = broker.connections.filter(({ received }) =>
    received.some((packet) => packet.cmd === 'publish' && packet.qos === 2)
  )
  assert.equal(publishers.length, 4, 'each time on a connection of its own [MQTT-4.4.0-1]')
  assert.equal((await request(`${app.url}/v1/gaps`)).body.items.length, 0)
})

test('AWS IoT Core: a policy that does not let the publishing client id connect leaves receiving alone, and commands wait', async () => {
  // "Connect policy examples", https://docs.aws.amazon.com/iot/latest/developerguide/connect-policy.html
  const { app, broker } = await start({
    ...aws,
    connect: (packet) => (packet.clientId.startsWith(clientId) ? 0 : 0x87)
  })
  const id = await post(app, { topic: 'out/x', payload: 1 })
  await broker.deliver(clientId, 'plant/x', 'received')
  await eventually(
    () => broker.connections.filter((connection) => connection.clientId.startsWith('rialto-p-')).length > 2
  )
  const { mqtt } = await statusOf(app)
  assert.deepEqual([mqtt['state'], mqtt['publisherConnected']], ['connected', false])
  assert.equal(await stateOf(app, id), 'pending')
  assert.equal((await request(`${app.url}/v1/gaps`)).body.items.length, 0)
})

test('HiveMQ: its keep alive is kept, not ours', async () => {
  const { app, broker } = await start(hivemq)
  const pings = (id: string): number =>
    broker.open(id)!.received.filter((packet) => packet.cmd === 'pingreq').length
  await eventually(() => pings(clientId) >= 3)
  const publisher = broker.connections.find((connection) => connection.clientId.startsWith('rialto-p-'))!
  await eventually(() => pings(publisher.clientId) >= 3)
  assert.deepEqual(broker.broken, [])
  assert.equal((await request(`${app.url}/v1/gaps`)).body.items.length, 0)
})

test('EMQX: a command above its packet size is refused without being sent, and refused filters are told', async () => {
  const { app, broker } = await start({
    ...emqx,
    refuseFilter: (filter) =>
      filter === 'site/3/+' ? quotaExceeded : filter === 'site/4/+' ? notAuthorized : null
  })
  const large = await post(app, { topic: 'out/l', payload: 'x'.repeat(1024 * 1024), qos: 1 })
  await eventually(async () => (await stateOf(app, large)) === 'refused')
  assert.deepEqual(broker.broken, [])
  assert.deepEqual((await statusOf(app)).mqtt['refusedFilters'], ['site/3/+', 'site/4/+'])
  await broker.deliver(clientId, 'site/5/x', 'the others')
  assert.equal(await payloadOf(app, 'site/5/x'), 'the others')
})

test('EMQX: retained messages that come in batches are all found', async () => {
  const broker = await startStrictBroker(emqx)
  for (let index = 0; index < 45; index++)
    broker.retained.set(`plant/${index}`, {
      cmd: 'publish',
      topic: `plant/${index}`,
      payload: `r${index}`,
      qos: 1,
      retain: true,
      dup: false
    })
  const app = await startBridge({ mqttUrl: broker.url, config: { clientId, filters }, limits: soon })
  await eventually(
    async () => (await request(`${app.url}/v1/topics?filter=plant/%23`)).body.items.length === 45
  )
})

test('EMQX: without retained messages, commands that ask for them are refused, and our status is not retained', async () => {
  const { app, broker } = await start({
    connackProperties: { retainAvailable: false },
    // [MQTT-3.2.2-13]
    connect: (packet) => (packet.will?.retain === true ? 0x9a : 0)
  })
  const id = await post(app, { topic: 'out/x', payload: 1, retain: true })
  await eventually(async () => (await stateOf(app, id)) === 'refused')
  await broker.deliver(clientId, 'plant/x', 'received')
  assert.deepEqual(broker.broken, [])
  assert.deepEqual(
    broker.published.map(({ topic, retain }) => [topic, retain]),
    [[`rialto/${clientId}/status`, false]]
  )
})

for (const [what, code] of [
  ['the server is shutting down', 0x8b],
  ['administrative action', 0x98],
  ['use another server', 0x9c],
  ['server moved', 0x9d]
] as const) {
  test(`DISCONNECT 0x${code.toString(16)}, ${what}: the session is resumed, at MQTT 5`, async () => {
    const { app, broker } = await start({})
    const first = broker.open(clientId)!
    first.send({ cmd: 'disconnect', reasonCode: code })
    first.socket.end()
    await eventually(() => broker.open(clientId) !== undefined && broker.open(clientId) !== first)
    await broker.deliver(clientId, 'plant/x', 'after')
    assert.equal((await request(`${app.url}/v1/messages?filter=plant/x`)).body.items.length, 1)
    const { mqtt } = await statusOf(app)
    assert.deepEqual([mqtt['state'], mqtt['version']], ['connected', '5'])
    assert.equal(broker.open(clientId)!.connect!.clean, false)
  })
}

for (const [what, code] of [
  ['server busy', 0x89],
  ['quota exceeded', 0x97],
  ['use another server', 0x9c],
  ['connection rate exceeded', 0x9f]
] as const) {
  test(`CONNACK 0x${code.toString(16)}, ${what}: tried again, at MQTT 5, until it is accepted`, async () => {
    let attempts = 0
    const broker = await startStrictBroker({
      connect: (packet) => {
        if (packet.clientId !== clientId) return 0
        return ++attempts <= 4 ? code : 0
      }
    })
    const app = await startBridge({ mqttUrl: broker.url, config: { clientId, filters }, limits: soon })
    assert.equal((await statusOf(app)).mqtt['version'], '5')
    assert.equal(attempts, 5)
    const versions = broker.connections.map((connection) => connection.connect?.protocolVersion)
    assert.deepEqual([...new Set(versions)], [5])
  })
}
