/** zigbee2mqtt with a lamp. */

import { exposesOfLight } from '../examples/zigbee2mqtt-parts.ts'
import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const base = 'zigbee2mqtt'
const name = 'kitchen/floor_light'

const devices = [
  { ieee_address: '0x00124b00120144ae', type: 'Coordinator', friendly_name: 'Coordinator', definition: null },
  {
    ieee_address: '0x90fd9ffffe6494fc',
    type: 'Router',
    supported: true,
    friendly_name: name,
    power_source: 'Mains (single phase)',
    definition: {
      model: 'LED1624G9',
      vendor: 'IKEA',
      description: 'TRADFRI LED bulb',
      exposes: exposesOfLight
    }
  }
]

type Lamp = Record<string, unknown>

async function start(brokerUrl: string): Promise<{ end(): Promise<void> }> {
  let lamp: Lamp = { state: 'OFF', brightness: 215, color_temp: 325, color: { hue: 30 }, linkquality: 120 }
  const will = {
    topic: `${base}/bridge/state`,
    payload: Buffer.from('{"state":"offline"}'),
    qos: 1,
    retain: true
  } as const
  const client = await connectDevice(brokerUrl, { clientId: 'mqttjs_z2m', will, reconnectPeriod: 0 })
  const say = (topic: string, payload: unknown, retain = false): Promise<unknown> =>
    client.publishAsync(`${base}/${topic}`, JSON.stringify(payload), { qos: 1, retain })
  // Its connection is broken on purpose
  client.on('error', () => {})
  client.on('message', (topic, payload) => {
    const text = payload.toString()
    if (topic === `${base}/${name}/set`) {
      const { power_on_behavior: _behavior, ...told } = JSON.parse(text) as Lamp
      lamp = { ...lamp, ...told }
    }
    if (topic.startsWith(`${base}/${name}/`)) void say(name, lamp)
    if (topic === `${base}/bridge/request/permit_join`) {
      const { transaction, value } = JSON.parse(text) as Lamp
      const said =
        value === true ? { status: 'ok' } : { status: 'error', error: 'Failed to connect to adapter' }
      void say('bridge/response/permit_join', { data: { value }, ...said, transaction })
    }
  })
  await client.subscribeAsync([`${base}/${name}/set`, `${base}/${name}/get`, `${base}/bridge/request/#`], {
    qos: 1
  })
  await say('bridge/state', { state: 'online' }, true)
  await say('bridge/devices', devices, true)
  await say('bridge/groups', [], true)
  await say(`${name}/availability`, { state: 'online' }, true)
  await say(name, lamp)
  // A client whose connection broke is at its end already, and would wait for it for ever
  return { end: () => client.endAsync(true) }
}

export const zigbee2mqtt: SimulatedDevice = {
  convention: 'zigbee2mqtt',
  filters: [`${base}/#`],
  device: name,
  start,
  tells: [
    { metric: 'state', value: 'OFF' },
    { metric: 'brightness', value: 215 },
    { metric: 'color_temp', value: 325, unit: 'mired' },
    { metric: 'color.hue', value: 30, unit: '°' },
    { metric: 'linkquality', value: 120, unit: 'lqi' }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: {
    name: 'set',
    parameters: { payload: { state: 'ON', brightness: 100 } },
    shows: { metric: 'state', value: 'ON' }
  },
  refuses: {
    device: `${base}/bridge`,
    name: 'bridge',
    parameters: { request: 'permit_join', payload: { value: false } },
    reason: /Failed to connect to adapter/
  },
  ignores: { name: 'set', parameters: { payload: { power_on_behavior: 'on' } } }
}
