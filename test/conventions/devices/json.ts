/** An oven that tells all it knows as one object, and takes objects to change it. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

export const json: SimulatedDevice = {
  convention: 'json',
  options: { topics: ['ovens/{device}'], commandTopic: 'ovens/{device}/set', timestamp: 'at' },
  filters: ['ovens/#'],
  device: 'oven-1',
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, { clientId: 'oven-1' })
    const state = { temperature: 180.5, light: false, door: { open: false } }
    const tell = () =>
      client.publishAsync('ovens/oven-1', JSON.stringify({ ...state, at: new Date().toISOString() }), {
        qos: 1
      })
    client.on('message', (_, payload) => {
      const { fuel: _fuel, ...told } = JSON.parse(payload.toString('utf8')) as Record<string, unknown>
      Object.assign(state, told)
      void tell()
    })
    await client.subscribeAsync('ovens/oven-1/set', { qos: 1 })
    await tell()
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'temperature', value: 180.5 },
    { metric: 'light', value: false },
    { metric: 'door.open', value: false }
  ],
  presence: null,
  presenceWhenBroken: null,
  command: { name: 'set', parameters: { value: { light: true } }, shows: { metric: 'light', value: true } },
  refuses: null,
  ignores: { name: 'set', parameters: { value: { fuel: 5 } } }
}
