/** A lamp with a thermometer that discovers itself to Home Assistant, and obeys commands in JSON. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const base = 'ha-sim/lamp'

const config = {
  dev: { ids: ['ha-sim-lamp'], name: 'Simulated lamp', mf: 'Example', mdl: 'L1', sw: '1.0' },
  o: { name: 'simulation', sw: '1.0' },
  cmps: {
    lamp: {
      p: 'light',
      name: 'Lamp',
      schema: 'json',
      brightness: true,
      stat_t: `${base}/state`,
      cmd_t: `${base}/set`
    },
    t: {
      p: 'sensor',
      dev_cla: 'temperature',
      unit_of_meas: '°C',
      stat_t: `${base}/sensors`,
      val_tpl: '{{ value_json.temperature }}'
    },
    door: { p: 'binary_sensor', name: 'Door', stat_t: `${base}/door`, pl_on: 'open', pl_off: 'shut' }
  },
  avty_t: `${base}/up`,
  qos: 1
}

export const homeassistant: SimulatedDevice = {
  convention: 'homeassistant',
  filters: ['homeassistant/#', 'ha-sim/#'],
  device: 'ha-sim-lamp',
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, {
      clientId: 'ha-sim-lamp',
      reconnectPeriod: 0,
      will: { topic: `${base}/up`, payload: Buffer.from('offline'), qos: 1, retain: true }
    })
    const tell = (topic: string, payload: string | object): Promise<unknown> =>
      client.publishAsync(topic, typeof payload === 'string' ? payload : JSON.stringify(payload), {
        qos: 1,
        retain: true
      })
    let light = { state: 'OFF', brightness: 10 }
    client.on('message', (topic, payload, { retain }) => {
      if (retain || topic !== `${base}/set`) return
      const told = JSON.parse(payload.toString()) as typeof light
      // Its least brightness is 10
      if (told.brightness < 10) return
      light = { ...light, ...told }
      tell(`${base}/state`, light).catch(() => {})
    })
    await client.subscribeAsync(`${base}/set`, { qos: 1 })
    await tell('homeassistant/device/ha-sim-lamp/config', config)
    await tell(`${base}/up`, 'online')
    await tell(`${base}/state`, light)
    await tell(`${base}/sensors`, { temperature: 21.5 })
    await tell(`${base}/door`, 'open')
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'Lamp', value: false },
    { metric: 'Lamp.brightness', value: 10 },
    { metric: 'temperature', value: 21.5, unit: '°C' },
    { metric: 'Door', value: true }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: {
    name: 'set',
    parameters: { entity: 'Lamp', value: { state: true, brightness: 200 } },
    shows: { metric: 'Lamp', value: true }
  },
  refuses: null,
  ignores: { name: 'set', parameters: { entity: 'Lamp', value: { state: false, brightness: 5 } } }
}
