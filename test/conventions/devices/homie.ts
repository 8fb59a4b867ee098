/** A lamp of Homie 5: it describes itself, tells its values retained, and obeys with `$target` and then the value. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const base = 'homie/5/sim-lamp'

const description = {
  homie: '5.0',
  name: 'Simulated lamp',
  version: 1,
  nodes: {
    lamp: {
      properties: {
        power: { datatype: 'boolean', settable: true },
        brightness: { datatype: 'integer', unit: '%', format: '0:100', settable: true },
        consumption: { datatype: 'float', unit: 'W' },
        note: { datatype: 'string' }
      }
    }
  }
}

export const homie: SimulatedDevice = {
  convention: 'homie',
  filters: ['homie/5/#'],
  device: 'sim-lamp',
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, {
      clientId: 'homie-sim-lamp',
      reconnectPeriod: 0,
      will: { topic: `${base}/$state`, payload: Buffer.from('lost'), qos: 2, retain: true }
    })
    // Section QoS and retained messages
    const tell = (path: string, payload: string): Promise<unknown> =>
      client.publishAsync(`${base}/${path}`, payload, { qos: 2, retain: true })
    client.on('message', (topic, payload, { retain }) => {
      const path = topic.slice(base.length + 1, -'/set'.length)
      if (retain || !topic.endsWith('/set')) return
      void (async () => {
        const stuck = payload.toString() === '99'
        await tell(`${path}/$target`, payload.toString())
        if (!stuck) await tell(path, payload.toString())
      })().catch(() => {})
    })
    await tell('$state', 'init')
    await tell('$description', JSON.stringify(description))
    await client.subscribeAsync(`${base}/+/+/set`, { qos: 2 })
    await tell('lamp/power', 'false')
    await tell('lamp/brightness/$target', '40')
    await tell('lamp/brightness', '40')
    await tell('lamp/consumption', '4.25')
    await tell('lamp/note', '\u0000')
    await tell('$state', 'ready')
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'lamp/power', value: false },
    { metric: 'lamp/brightness', value: 40, unit: '%' },
    { metric: 'lamp/brightness/$target', value: 40, unit: '%' },
    { metric: 'lamp/consumption', value: 4.25, unit: 'W' },
    { metric: 'lamp/note', value: '' },
    { metric: '$state', value: 'ready' }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: {
    name: 'set',
    parameters: { node: 'lamp', property: 'brightness', value: 75 },
    shows: { metric: 'lamp/brightness', value: 75 }
  },
  refuses: null,
  ignores: { name: 'set', parameters: { node: 'lamp', property: 'brightness', value: 99 } },
  takesOn: { name: 'set', parameters: { node: 'lamp', property: 'brightness', value: 99 } }
}
