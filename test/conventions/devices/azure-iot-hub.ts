/** A device of Azure IoT Hub on a broker of ours: telemetry with properties, a twin, direct methods, and a will. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const device = 'hub-thermostat'
const events = `devices/${device}/messages/events/`
const json = '$.ct=application%2Fjson&$.ce=utf-8'
const qos = { qos: 1 } as const

export const azureIotHub: SimulatedDevice = {
  convention: 'azure-iot-hub',
  options: { device },
  filters: ['devices/+/messages/events/#', '$iothub/#'],
  device,
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, {
      protocolVersion: 4,
      clientId: device,
      clean: false,
      reconnectPeriod: 0,
      // The hub would add the property
      will: {
        topic: `${events}iothub-MessageType=Will`,
        payload: Buffer.from('{"reason":"connection lost"}'),
        qos: 1,
        retain: false
      }
    })
    const answer = (topic: string, payload: object): void =>
      void client.publishAsync(topic, JSON.stringify(payload), qos)
    client.on('message', (topic, payload) => {
      const method = /^\$iothub\/methods\/POST\/([^/]+)\/\?\$rid=(.+)$/.exec(topic)
      if (method !== null) {
        const [, name, rid] = method
        if (name === 'sleep') return
        const known = name === 'setTarget'
        if (known) {
          const { target } = JSON.parse(payload.toString()) as { target: number }
          answer('$iothub/twin/PATCH/properties/reported/?$rid=2', { target })
        }
        return answer(`$iothub/methods/res/${known ? 200 : 404}/?$rid=${rid}`, { known })
      }
      const { $version: version, ...desired } = JSON.parse(payload.toString()) as { $version: number }
      const acknowledged = Object.entries(desired).map(([key, value]) => [
        key,
        { value, ac: 200, av: version, ad: 'done' }
      ])
      answer('$iothub/twin/PATCH/properties/reported/?$rid=3', Object.fromEntries(acknowledged) as object)
    })
    await client.subscribeAsync(['$iothub/methods/POST/#', '$iothub/twin/PATCH/properties/desired/#'], qos)
    await client.publishAsync(
      '$iothub/twin/PATCH/properties/reported/?$rid=1',
      '{"target":20,"wifi":{"channel":6}}',
      qos
    )
    await client.publishAsync(`${events}${json}&level=info`, '{"temperature":21.5,"humidity":40}', qos)
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'temperature', value: 21.5 },
    { metric: 'humidity', value: 40 },
    { metric: 'properties.level', value: 'info' },
    { metric: 'reported.target', value: 20 },
    { metric: 'reported.wifi.channel', value: 6 }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: {
    name: 'method',
    parameters: { method: 'setTarget', payload: { target: 22 } },
    shows: { response: { ok: true } }
  },
  refuses: { name: 'method', parameters: { method: 'fly' }, reason: /status 404/ },
  ignores: { name: 'method', parameters: { method: 'sleep' } }
}
