/** The device that commands are for, as a process of its own: a bare mqtt.js subscriber that notes how old they are. `commanded.ts URL TOPIC` */

import mqtt from 'mqtt'
import { now } from './wire.ts'

export interface Heard {
  ms: number[]
  lastAt: number
}

const [url, topic] = process.argv.slice(2) as [string, string]
const client = await mqtt.connectAsync(url, { protocolVersion: 5, clean: true })
let expected = 0
let heard: Heard = { ms: [], lastAt: 0 }

const report = (): void => {
  if (expected === 0 || heard.ms.length < expected) return
  process.send!(heard)
  expected = 0
  heard = { ms: [], lastAt: 0 }
}
client.on('message', (_topic, payload) => {
  const { sentAt } = JSON.parse(payload.toString()) as { sentAt: number }
  heard.lastAt = now()
  heard.ms.push((heard.lastAt - sentAt) / 1_000)
  report()
})
await client.subscribeAsync(topic, { qos: 1 })
/** So many are to come. */
process.on('message', (count: number) => {
  expected = count
  report()
})
process.on('disconnect', () => process.exit())
process.send!('ready')
