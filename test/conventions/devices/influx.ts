/** An agent that reports a machine, as Telegraf does. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

export const influx: SimulatedDevice = {
  convention: 'influx',
  filters: ['telegraf/#'],
  device: 'web1',
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, { clientId: 'telegraf-web1' })
    const now = BigInt(Date.now()) * 1_000_000n
    await client.publishAsync(
      'telegraf/web1/cpu',
      `cpu,cpu=cpu0,host=web1 usage_idle=98.5 ${now}\ncpu,cpu=cpu1,host=web1 usage_idle=97.5 ${now}\n`,
      { qos: 1 }
    )
    await client.publishAsync(
      'telegraf/web1/system',
      `system,host=web1 uptime=86400i,uptime_format="1 day" ${now}\n`,
      {
        qos: 1
      }
    )
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'cpu.usage_idle,cpu=cpu0', value: 98.5 },
    { metric: 'cpu.usage_idle,cpu=cpu1', value: 97.5 },
    { metric: 'system.uptime', value: 86_400 },
    { metric: 'system.uptime_format', value: '1 day' }
  ],
  presence: null,
  presenceWhenBroken: null,
  command: null,
  refuses: null,
  ignores: null
}
