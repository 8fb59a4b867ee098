/** The baseline: a bare mqtt.js subscriber that only counts. `counter.ts URL QOS COUNT` */

import mqtt from 'mqtt'

const [url, qos, count] = process.argv.slice(2) as [string, string, string]
const client = await mqtt.connectAsync(url, { protocolVersion: 5, clean: true })
let seen = 0
let last = 0
client.on('message', () => {
  seen++
  last = Date.now()
  if (seen === Number(count)) report()
})
await client.subscribeAsync('bench/#', { qos: Number(qos) as 0 | 1 | 2 })
process.send!('ready')
process.on('message', () => report())

function report(): void {
  const { user, system } = process.cpuUsage()
  process.send!({ seen, last, cpuUs: user + system })
}
