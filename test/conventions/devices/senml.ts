/** A 1-wire sensor behind MQTT 5, in JSON and CBOR, with a setpoint that can be actuated. */

import { encode } from 'cborg'
import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const device = 'urn:dev:ow:10e2073a01080063'
const topic = 'building/7/senml'

export const senml: SimulatedDevice = {
  convention: 'senml',
  options: { commandTopic: 'building/actuators/{device}' },
  filters: ['building/#'],
  device,
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, { clientId: 'ow-10e2073a01080063', protocolVersion: 5 })
    const tell = (records: unknown) =>
      client.publishAsync(topic, JSON.stringify(records), {
        qos: 1,
        properties: { contentType: 'application/senml+json' }
      })
    client.on('message', (_, payload) => {
      const [record] = JSON.parse(payload.toString('utf8')) as Array<{ n: string; v: number }>
      if (record!.n !== 'setpoint') return
      void tell([{ bn: `${device}:`, n: record!.n, u: 'Cel', v: record!.v }])
    })
    await client.subscribeAsync(`building/actuators/${device}`, { qos: 1 })
    await tell([
      { bn: `${device}:`, bt: Date.now() / 1_000, bu: 'Cel', n: 'temperature', v: 23.1 },
      { n: 'setpoint', t: -1, v: 21 },
      { n: 'label', vs: 'Machine Room' }
    ])
    // Labels of RFC 8428, section 6: base name, name, unit, value
    const humidity = new Map<number, unknown>([
      [-2, `${device}:`],
      [0, 'humidity'],
      [1, '%RH'],
      [2, 40]
    ])
    await client.publishAsync(topic, Buffer.from(encode([humidity])), {
      qos: 1,
      properties: { contentType: 'application/senml+cbor' }
    })
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'temperature', value: 23.1, unit: 'Cel' },
    { metric: 'setpoint', value: 21, unit: 'Cel' },
    { metric: 'label', value: 'Machine Room' },
    { metric: 'humidity', value: 40, unit: '%RH' }
  ],
  presence: null,
  presenceWhenBroken: null,
  command: {
    name: 'actuate',
    parameters: { name: 'setpoint', value: 22.5, unit: 'Cel' },
    shows: { metric: 'setpoint', value: 22.5 }
  },
  refuses: null,
  ignores: { name: 'actuate', parameters: { name: 'temperature', value: 25 } }
}
