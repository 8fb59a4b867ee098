/**
 * A thing with a shadow, and the shadow service that AWS would be: it takes updates, gives versions and times, and tells
 * what differs. The thing does what differs, and reports it. Its presence events are its own, its will among them, since
 * no broker here tells of connections.
 */

import type { MqttClient } from 'mqtt'
import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const thing = 'shadowed-lamp'
const shadow = `$aws/things/${thing}/shadow`

type Members = { [name: string]: unknown }
interface Update {
  state: { reported?: Members; desired?: Members }
  clientToken?: string
  version?: number
}

const qos = { qos: 1 } as const

const seconds = (): number => Math.floor(Date.now() / 1_000)

const stamps = (members: Members | undefined, timestamp: number): Members =>
  Object.fromEntries(Object.keys(members ?? {}).map((name) => [name, { timestamp }]))

/** Of flat documents: enough for a lamp. */
async function startShadowService(brokerUrl: string): Promise<MqttClient> {
  const client = await connectDevice(brokerUrl, { protocolVersion: 4, reconnectPeriod: 0 })
  const state = { reported: {} as Members, desired: {} as Members }
  const metadata = { reported: {} as Members, desired: {} as Members }
  let version = 0
  const publish = (topic: string, document: object): Promise<unknown> =>
    client.publishAsync(`${shadow}/${topic}`, JSON.stringify(document), qos)
  client.on('message', (_, payload) => {
    const { state: told, clientToken, version: given } = JSON.parse(payload.toString()) as Update
    const timestamp = seconds()
    if (given !== undefined && given !== version) {
      void publish('update/rejected', { code: 409, message: 'Version conflict', timestamp, clientToken })
      return
    }
    const previous = structuredClone({ state, metadata, version })
    version++
    for (const section of ['reported', 'desired'] as const) {
      Object.assign(state[section], told[section])
      Object.assign(metadata[section], stamps(told[section], timestamp))
    }
    const ofParts = Object.fromEntries(
      Object.entries(told).map(([section, members]) => [section, stamps(members, timestamp)])
    )
    void publish('update/accepted', { state: told, metadata: ofParts, version, timestamp, clientToken })
    const current = structuredClone({ state, metadata, version })
    void publish('update/documents', { previous, current, timestamp, clientToken })
    const delta = Object.entries(state.desired).filter(([name, value]) => state.reported[name] !== value)
    if (delta.length > 0)
      void publish('update/delta', { state: Object.fromEntries(delta), version, timestamp })
  })
  await client.subscribeAsync(`${shadow}/update`, qos)
  return client
}

export const awsShadow: SimulatedDevice = {
  convention: 'aws-shadow',
  filters: ['$aws/things/+/shadow/#', '$aws/events/presence/#'],
  device: thing,
  async start(brokerUrl) {
    const service = await startShadowService(brokerUrl)
    const event = (eventType: string, more: object): string =>
      JSON.stringify({ clientId: thing, timestamp: Date.now(), eventType, versionNumber: 0, ...more })
    const client = await connectDevice(brokerUrl, {
      protocolVersion: 4,
      clientId: thing,
      reconnectPeriod: 0,
      will: {
        topic: `$aws/events/presence/disconnected/${thing}`,
        payload: Buffer.from(event('disconnected', { disconnectReason: 'CONNECTION_LOST' })),
        qos: 1,
        retain: false
      }
    })
    const report = (reported: Members): Promise<unknown> =>
      client.publishAsync(
        `${shadow}/update`,
        JSON.stringify({ state: { reported }, clientToken: `${thing}-1` }),
        qos
      )
    client.on('message', (_, payload) => {
      const { locked: _locked, ...state } = (JSON.parse(payload.toString()) as { state: Members }).state
      // It has no lock, and reports none
      if (Object.keys(state).length > 0) void report(state)
    })
    await client.subscribeAsync(`${shadow}/update/delta`, qos)
    await client.publishAsync(
      `$aws/events/presence/connected/${thing}`,
      event('connected', { ipAddress: '192.0.2.7' }),
      qos
    )
    await report({ color: 'green', brightness: 80, on: true })
    return {
      async end() {
        await client.endAsync(true)
        await service.endAsync(true)
      }
    }
  },
  tells: [
    { metric: 'color', value: 'green' },
    { metric: 'brightness', value: 80 },
    { metric: 'on', value: true }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: {
    name: 'desire',
    parameters: { state: { color: 'red' } },
    shows: { metric: 'color', value: 'red' }
  },
  refuses: {
    name: 'desire',
    parameters: { state: { color: 'blue' }, version: 1 },
    reason: /409 Version conflict/
  },
  ignores: { name: 'desire', parameters: { state: { locked: true } } },
  takesOn: { name: 'desire', parameters: { state: { locked: false } } }
}
