/** Devices that tell numbers at QoS 0, which nobody promises to keep: what came is counted, and nothing may come twice. */

import mqtt from 'mqtt'
import { atEnd } from '../support/cleanup.ts'
import { query } from '../support/database.ts'

export interface Fleet {
  /** Given to a broker that was there. */
  published: number
  stop(): Promise<void>
}

const cars = 20

/** One of its topics. */
export const fleetTopic = 'fleet/car-1/telemetry'

/** Of `rialto.yaml`: makes datapoints of what they tell. */
export const fleetMapping = `mappings:
  - name: fleet
    topic: fleet/{device}/telemetry
    metrics:
      - { name: temperature, value: temperature, unit: "°C" }
      - { name: number, value: number }
      - { name: speed, value: speed, unit: km/h }
      - { name: voltage, value: voltage, unit: V }
`

export async function startFleet(url: string, perSecond: number): Promise<Fleet> {
  const client = await mqtt.connectAsync(url, {
    protocolVersion: 5,
    reconnectPeriod: 200,
    queueQoSZero: false
  })
  client.on('error', () => {}) // the broker is away for a while
  atEnd(() => client.endAsync(true))
  let next = 0
  const fleet: Fleet = {
    published: 0,
    async stop() {
      clearInterval(timer)
      await client.endAsync()
    }
  }
  const timer = setInterval(() => {
    if (!client.connected) return
    const number = next++
    const temperature = Math.round(2_000 + 500 * Math.sin(number / 100)) / 100
    client.publish(
      `fleet/car-${number % cars}/telemetry`,
      JSON.stringify({ number, temperature, speed: number % 130, voltage: 12 + (number % 7) / 10 }),
      (error) => {
        if (!error) fleet.published++
      }
    )
  }, 1_000 / perSecond)
  return fleet
}

export async function fleetFigures(url: string): Promise<{ stored: number; repeated: number }> {
  const [row] = await query<{ stored: string; different: string }>(
    url,
    `select count(*) as stored, count(distinct convert_from(j.payload, 'UTF8')::json->>'number') as different
     from journal j join topics t on t.id = j.topic_id where t.name like 'fleet/%' and j.kind = 1`
  )
  return { stored: Number(row!.stored), repeated: Number(row!.stored) - Number(row!.different) }
}
