/**
 * Commands of mappings through real brokers, to a device that answers in each of the ways: with MQTT 5's correlation data, with
 * an id in the payload, on a topic of its own, on a topic alone; or that shows what it did. Mosquitto speaks MQTT 5; NATS
 * speaks 3.1.1 alone.
 */

import assert from 'node:assert/strict'
import type { IPublishPacket, MqttClient } from 'mqtt'
import mqtt from 'mqtt'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import type { CommandView } from '../../src/command-views.ts'
import type { MessageView } from '../../src/views.ts'
import { adopted } from '../support/adopted.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { startNats } from '../support/nats.ts'
import { mappingFile } from '../support/projection.ts'

const document = `
mappings:
  - name: valves
    topic: valves/{device}/state
    commands:
      - name: move
        topic: valves/{device}/move
        parameters: { type: object, required: [to], properties: { to: { type: number, maximum: 100 } } }
        responseTopic: valves/{device}/moved
        ok: eq(payload/ok,true)
      - name: set
        topic: valves/{device}/set
        id: { member: id, type: integer }
        responseTopic: valves/{device}/ack
        correlation: re.id
        ok: eq(payload/ok,true)
      - name: call
        topic: valves/{device}/call/{id}
        responseTopic: valves/{device}/result/{id}
      - name: reset
        topic: valves/{device}/reset
        responseTopic: valves/{device}/reset/done
        correlation: false
        ok: ne(payload,"busy")
      - name: power
        topic: valves/{device}/power
        parameters: { type: boolean }
        payload: "@ && 'ON' || 'OFF'"
        effect: { metric: "on", value: "@" }
`

/** A valve: what it is told it does, unless it is told to be silent, or to go where it cannot. */
class Valve {
  readonly client: MqttClient
  readonly told: IPublishPacket[] = []
  /** Answers that it keeps until they are let go. */
  readonly held: Array<() => void> = []
  holds = false

  constructor(client: MqttClient) {
    this.client = client
    client.on('message', (_topic, _payload, packet) => {
      this.told.push(packet)
      this.#obey(packet)
    })
  }

  say(topic: string, payload: unknown, properties?: IPublishPacket['properties']): void {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    void this.client.publishAsync(topic, text, { qos: 1, ...(properties && { properties }) })
  }

  #answer(answer: () => void): void {
    if (this.holds) this.held.push(answer)
    else answer()
  }

  #obey({ topic, payload, properties }: IPublishPacket): void {
    const text = payload.toString()
    if (text.includes('silent')) return
    const told = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
    const ok = told['to'] !== -1
    const { responseTopic, correlationData } = properties ?? {}
    const verb = topic.split('/')[2]
    if (verb === 'move' && responseTopic !== undefined) {
      // Another one's answer, and one without data, are none
      this.say(responseTopic, { ok: true }, { correlationData: Buffer.from('other') })
      this.say(responseTopic, { ok: true })
      this.#answer(() => this.say(responseTopic, { ok }, { ...(correlationData && { correlationData }) }))
    }
    if (verb === 'set') {
      this.say('valves/v1/ack', { re: { id: String(told['id'] as number) }, ok: true })
      this.say('valves/v1/ack', { re: {}, ok: true })
      this.say('valves/v1/ack', 'no JSON')
      this.#answer(() => this.say('valves/v1/ack', { re: { id: told['id'] }, ok }))
    }
    if (verb === 'call') this.#answer(() => this.say(topic.replace('/call/', '/result/'), { did: text }))
    if (verb === 'reset')
      this.#answer(() => this.say('valves/v1/reset/done', text === '"now"' ? 'done' : 'busy'))
    if (verb === 'power') this.say('valves/v1/state', { on: text === 'ON' })
  }
}

interface Running {
  app: App
  valve: Valve
}

async function start(broker: 'Mosquitto' | 'NATS'): Promise<Running> {
  const { url } = broker === 'NATS' ? await startNats() : await startMosquitto()
  const mappingsFile = await mappingFile(document)
  const app = await startBridge({ mqttUrl: url, config: { mappingsFile, mappingsFileGiven: true } })
  await adopted(app)
  const client = await mqtt.connectAsync(url, { protocolVersion: broker === 'NATS' ? 4 : 5 })
  atEnd(() => client.endAsync(true))
  const valve = new Valve(client)
  await client.subscribeAsync(
    ['move', 'set', 'call/+', 'reset', 'power'].map((verb) => `valves/v1/${verb}`),
    { qos: 1 }
  )
  valve.say('valves/v1/state', { on: false })
  await eventually(async () => (await request(`${app.url}/v1/devices/v1`)).status === 200)
  return { app, valve }
}

const shared = new Map<string, Promise<Running>>()

function running(broker: 'Mosquitto' | 'NATS'): Promise<Running> {
  const known = shared.get(broker) ?? start(broker)
  shared.set(broker, known)
  return known
}

async function send(app: App, name: string, payload: unknown, more: object = {}): Promise<CommandView> {
  const { status, body } = await postJson(
    `${app.url}/v1/commands`,
    { device: 'v1', name, payload, ...more },
    { prefer: 'wait=30' }
  )
  assert.equal(status, 200, JSON.stringify(body))
  return body as CommandView
}

const states = (commands: readonly CommandView[]): string[] => commands.map(({ state }) => state)

async function responds(app: App, name: string, good: unknown, bad: unknown, silent: unknown): Promise<void> {
  const done = await send(app, name, good)
  assert.deepEqual([done.state, done.awaits], ['succeeded', 'response'], JSON.stringify(done))
  assert.ok(done.response !== null)
  if (bad !== null) {
    const failed = await send(app, name, bad)
    assert.equal(failed.state, 'failed', JSON.stringify(failed))
    assert.ok(failed.response !== null && failed.reason !== null)
  }
  const timedOut = await send(app, name, silent, { timeoutSeconds: 1 })
  assert.deepEqual([timedOut.state, timedOut.response], ['timedOut', null], JSON.stringify(timedOut))
}

test('Mosquitto: MQTT 5 correlation data', async () => {
  const { app } = await running('Mosquitto')
  await responds(app, 'move', { to: 50 }, { to: -1 }, { to: 0, silent: true })
  const { status, body } = await postJson(`${app.url}/v1/commands`, {
    device: 'v1',
    name: 'move',
    payload: { to: 101 }
  })
  assert.deepEqual([status, body.errors[0].pointer], [422, '/payload/to'])
})

test('NATS: what its MQTT 3.1.1 cannot carry an answer to is refused, unless none is awaited', async () => {
  const { app, valve } = await running('NATS')
  const before = valve.told.length
  const refused = await send(app, 'move', { to: 50 })
  assert.equal(refused.state, 'refused', JSON.stringify(refused))
  assert.match(refused.reason!, /3\.1\.1/)
  assert.equal(valve.told.length, before)
  const published = await send(app, 'move', { to: 50 }, { awaits: 'none' })
  assert.equal(published.state, 'published')
  await eventually(() => valve.told.length > before)
})

/** What tells a command, and what tells what its response answers. */
function saidBy({
  topic,
  payload,
  payloadText,
  properties
}: Pick<MessageView, 'topic' | 'payload' | 'payloadText' | 'properties'>): unknown {
  const { id, re, did } = payload as { id?: unknown; re?: { id: unknown }; did?: string }
  if (topic.includes('/result/')) return did
  return re?.id ?? id ?? properties?.correlationData ?? payloadText
}

for (const broker of ['Mosquitto', 'NATS'] as const) {
  test(`${broker}: an id in the payload`, async () => {
    const { app, valve } = await running(broker)
    await responds(app, 'set', { to: 50 }, { to: -1 }, { silent: true })
    // The client's own id
    assert.equal((await send(app, 'set', { id: 'mine', to: 1 })).state, 'succeeded')
    assert.ok(valve.told.some(({ payload }) => payload.toString() === '{"id":"mine","to":1}'))
  })

  test(`${broker}: a topic of its own`, async () => {
    const { app } = await running(broker)
    await responds(app, 'call', { open: true }, null, 'silent')
  })

  test(`${broker}: the topic alone, one in flight`, async () => {
    const { app, valve } = await running(broker)
    await responds(app, 'reset', 'now', 'later', 'silent')
    const sent = await Promise.all(['now', 'later', 'now'].map((when) => send(app, 'reset', when)))
    const inOrder = sent.toSorted((a, b) => (a.publishedAt! < b.publishedAt! ? -1 : 1))
    for (const [index, { publishedAt }] of inOrder.entries())
      if (index > 0) assert.ok(publishedAt! >= inOrder[index - 1]!.finishedAt!, JSON.stringify(inOrder))
    // Each has the answer to what it said itself
    assert.deepEqual(states(sent), ['succeeded', 'failed', 'succeeded'])
    assert.equal(new Set(sent.map(({ response }) => response!.seq)).size, 3)
    assert.ok(valve.told.length > 0)
  })

  test(`${broker}: answers in the reverse order reach each its own`, async () => {
    const { app, valve } = await running(broker)
    valve.holds = true
    const names = broker === 'NATS' ? ['set', 'call'] : ['set', 'call', 'move']
    const asked = [...names, ...names].map((name, index) => send(app, name, { to: index === 0 ? -1 : index }))
    await eventually(() => valve.held.length === asked.length, { what: 'all are told' })
    for (const answer of valve.held.toReversed()) answer()
    valve.holds = false
    valve.held.length = 0
    const sent = await Promise.all(asked)
    assert.deepEqual(states(sent), ['failed', ...asked.slice(1).map(() => 'succeeded')])
    for (const command of sent) {
      const said = saidBy(command.response!)
      assert.deepEqual(said, saidBy({ ...command, topic: '' }), JSON.stringify(command))
      assert.notEqual(said, undefined)
    }
  })

  test(`${broker}: an effect`, async () => {
    const { app } = await running(broker)
    for (const on of [true, false]) {
      const sent = await send(app, 'power', on)
      assert.deepEqual(
        [sent.state, sent.awaits, sent.payloadText],
        ['succeeded', 'effect', on ? 'ON' : 'OFF']
      )
      const { body } = await request(`${app.url}/v1/datapoints?device=v1&metric=on&order=desc&limit=5`)
      const proof = (body.items as Array<{ seq: string; value: boolean }>).find(
        ({ seq }) => seq === sent.effectSeq
      )
      assert.equal(proof?.value, on)
    }
  })
}
