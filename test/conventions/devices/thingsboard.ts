/** A gateway of ThingsBoard with a device behind it, that is called; its will says that the device is gone. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const device = 'Device A'

interface Call {
  device: string
  data: { id: number; method: string; params: Record<string, unknown> }
}

export const thingsboard: SimulatedDevice = {
  convention: 'thingsboard',
  filters: ['v1/gateway/#'],
  device,
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, {
      will: {
        topic: 'v1/gateway/disconnect',
        payload: Buffer.from(JSON.stringify({ device })),
        qos: 1,
        retain: false
      }
    })
    const tell = (topic: string, value: unknown): Promise<unknown> =>
      client.publishAsync(`v1/gateway/${topic}`, JSON.stringify(value), { qos: 1 })
    const gpio = new Map<unknown, unknown>()
    const work = async ({ id, method, params }: Call['data']): Promise<void> => {
      if (method === 'sleep') return
      if (method !== 'setGpio') {
        await tell('rpc', { device, id, data: { error: `no method ${method}` } })
        return
      }
      gpio.set(params.pin, params.value)
      await tell('rpc', { device, id, data: { success: true } })
    }
    client.on('message', (_, payload) => {
      const said = JSON.parse(payload.toString()) as Partial<Call> & { id?: number }
      // Its own responses come back on the topic of the calls
      if (said.device !== device || said.data === undefined || said.id !== undefined) return
      work(said.data).catch((error: unknown) => client.emit('error', error as Error))
    })
    await client.subscribeAsync('v1/gateway/rpc', { qos: 1 })
    await tell('connect', { device, type: 'Sensor A' })
    await tell('attributes', { [device]: { fw_version: '1.0' } })
    const now = Date.now()
    await tell('telemetry', {
      [device]: [
        { ts: now - 10, values: { temperature: 42 } },
        { ts: now, values: { temperature: 43, config: { unit: 'C' } } }
      ]
    })
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'fw_version', value: '1.0' },
    { metric: 'temperature', value: 43 },
    { metric: 'config', value: { unit: 'C' } }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: {
    name: 'rpc',
    parameters: { method: 'setGpio', params: { pin: 23, value: true } },
    shows: { response: { ok: true } }
  },
  refuses: { name: 'rpc', parameters: { method: 'fly' }, reason: /no method fly/ },
  ignores: { name: 'rpc', parameters: { method: 'sleep' } }
}
