/** A fan that has a topic for each of its values, and one to set it. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

export const values: SimulatedDevice = {
  convention: 'values',
  options: { topics: ['fans/{device}/{metric}'], commandTopic: 'fans/{device}/{metric}/set' },
  filters: ['fans/#'],
  device: 'fan-1',
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, { clientId: 'fan-1' })
    const tell = (metric: string, value: string | Buffer) =>
      client.publishAsync(`fans/fan-1/${metric}`, value, { qos: 1, retain: true })
    client.on('message', (topic, payload) => {
      const metric = topic.split('/')[2]!
      if (metric !== 'direction') void tell(metric, payload)
    })
    await client.subscribeAsync('fans/fan-1/+/set', { qos: 1 })
    await tell('speed', '75')
    await tell('mode', 'ECO')
    await tell('running', 'true')
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'speed', value: 75 },
    { metric: 'mode', value: 'ECO' },
    { metric: 'running', value: true }
  ],
  presence: null,
  presenceWhenBroken: null,
  command: { name: 'set', parameters: { metric: 'speed', value: 40 }, shows: { metric: 'speed', value: 40 } },
  refuses: null,
  ignores: { name: 'set', parameters: { metric: 'direction', value: 'left' } }
}
