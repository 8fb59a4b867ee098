/** A machine on AirVantage: its data as JSON and as a time series; it is written to, and acknowledges. */

import { encode } from 'cborg'
import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const device = '00000000B6AF4A9D'

interface Task {
  uid: string
  read?: string[]
  write?: Array<Record<string, unknown>>
}

export const airvantage: SimulatedDevice = {
  convention: 'airvantage',
  options: { availability: ['{device}/status'] },
  filters: [`${device}/#`],
  device,
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, {
      clientId: device,
      username: device,
      will: { topic: `${device}/status`, payload: Buffer.from('offline'), qos: 1, retain: true }
    })
    const values = new Map<string, unknown>([['machine.threshold', 30]])
    const tell = async (paths: readonly string[]): Promise<void> => {
      const data = { [Date.now()]: Object.fromEntries(paths.map((path) => [path, values.get(path) ?? null])) }
      await client.publishAsync(`${device}/messages/json`, JSON.stringify(data), { qos: 1 })
    }
    const work = async ({ uid, read, write }: Task): Promise<void> => {
      // A device of before there were acks
      if (read?.includes('machine.silence') === true) return
      for (const [path, value] of (write ?? []).flatMap((setting) => Object.entries(setting)))
        values.set(path, value)
      const paths = read ?? (write ?? []).flatMap((setting) => Object.keys(setting))
      if (paths.length > 0) await tell(paths)
      const ack =
        paths.length > 0 ? { uid, status: 'OK' } : { uid, status: 'ERROR', message: 'unknown command' }
      await client.publishAsync(`${device}/acks/json`, JSON.stringify([ack]), { qos: 1 })
    }
    client.on('message', (_, payload) => {
      for (const task of JSON.parse(payload.toString()) as Task[])
        work(task).catch((error: unknown) => client.emit('error', error as Error))
    })
    await client.subscribeAsync(`${device}/tasks/json`, { qos: 1 })
    await client.publishAsync(`${device}/status`, 'online', { qos: 1, retain: true })
    await tell(['machine.threshold'])
    // Two rows of a time series; the second is told as its difference
    const now = Date.now()
    const series = {
      h: ['machine.temperature', 'machine.door'],
      f: [1, 10, 0],
      s: [now - 10, 235, true, 10, -5, false]
    }
    await client.publishAsync(`${device}/messages/ts`, Buffer.from(encode(series)), { qos: 1 })
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'machine.threshold', value: 30 },
    { metric: 'machine.temperature', value: 23 },
    { metric: 'machine.door', value: false }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: {
    name: 'write',
    parameters: { settings: { 'machine.threshold': 25 } },
    shows: { response: { ok: true } }
  },
  refuses: { name: 'command', parameters: { id: 'machine.fly' }, reason: /unknown command/ },
  ignores: { name: 'read', parameters: { paths: ['machine.silence'] } }
}
