/** A Shelly Plus 1PM whose topic prefix is its own. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const id = 'shellyplus1pm-4417939a5610'
const prefix = 'home/Terrasse'

interface Request {
  id: number
  src: string
  method: string
  params?: { id?: number; on?: boolean }
}

async function start(brokerUrl: string): Promise<{ end(): Promise<void> }> {
  let isOn = false
  const will = { topic: `${prefix}/online`, payload: Buffer.from('false'), qos: 1, retain: true } as const
  const client = await connectDevice(brokerUrl, {
    clientId: id,
    will,
    protocolVersion: 4,
    reconnectPeriod: 0
  })
  const say = (topic: string, payload: unknown, retain = false): Promise<unknown> =>
    client.publishAsync(topic, JSON.stringify(payload), { qos: 1, retain })
  const notify = (params: object): Promise<unknown> =>
    say(`${prefix}/events/rpc`, { src: id, dst: `${prefix}/events`, method: 'NotifyStatus', params })
  // Its connection is broken on purpose
  client.on('error', () => {})
  client.on('message', (_, payload) => {
    const { id: number, src, method, params = {} } = JSON.parse(payload.toString()) as Request
    const frame = { id: number, src: id, dst: src }
    if (method === 'Shelly.Reboot') return
    if (method !== 'Switch.Set' || params.id !== 0) {
      void say(`${src}/rpc`, { ...frame, error: { code: -105, message: 'No handler' } })
      return
    }
    const wasOn = isOn
    isOn = params.on === true
    void say(`${src}/rpc`, { ...frame, result: { was_on: wasOn } })
    void notify({ ts: Date.now() / 1_000, 'switch:0': { id: 0, output: isOn, source: 'MQTT' } })
  })
  await client.subscribeAsync(`${prefix}/rpc`, { qos: 1 })
  await say(will.topic, true, true)
  await notify({
    ts: Date.now() / 1_000,
    'switch:0': { id: 0, output: false, apower: 0, voltage: 224.18, temperature: { tC: 54, tF: 129.3 } }
  })
  await say(`${prefix}/status/wifi`, { sta_ip: '192.168.3.183', status: 'got ip', rssi: -47 })
  // A client whose connection broke is at its end already, and would wait for it for ever
  return { end: () => client.endAsync(true) }
}

export const shelly: SimulatedDevice = {
  convention: 'shelly',
  options: { prefixes: ['home/{device}', 'shelly/{device+}'] },
  filters: ['home/+/#', 'rialto/rpc', 'rialto/home/+/rpc'],
  device: 'Terrasse',
  start,
  tells: [
    { metric: 'switch:0.output', value: false },
    { metric: 'switch:0.apower', value: 0, unit: 'W' },
    { metric: 'switch:0.voltage', value: 224.18, unit: 'V' },
    { metric: 'switch:0.temperature.tC', value: 54, unit: '°C' },
    { metric: 'wifi.rssi', value: -47, unit: 'dBm' }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: { name: 'switch', parameters: { on: true }, shows: { response: { ok: true } } },
  refuses: { name: 'rpc', parameters: { method: 'Door.Open' }, reason: /-105: No handler/ },
  ignores: { name: 'rpc', parameters: { method: 'Shelly.Reboot' } }
}
