/** What the benchmark of reads reads: a fleet whose messages came the usual way, through a broker into the service. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { createDatabase, query } from '../test/support/database.ts'
import { eventually } from '../test/support/eventually.ts'
import { startMosquitto } from '../test/support/mosquitto.ts'
import type { Service } from '../test/support/service.ts'
import { startService } from '../test/support/service.ts'

export const devices = 10_000
export const sites = 50
/** Messages of each device; one topic in five is retained. */
const rounds = 5
const publishedAtOnce = 1_000

export const deviceName = (number: number): string => `d-${String(number).padStart(5, '0')}`
export const topicName = (number: number): string => `site/${number % sites}/${deviceName(number)}/state`

const mapping = `
mappings:
  - name: bench
    topic: site/{site}/{device}/state
    metrics:
      - { name: temperature, value: temperature }
      - { name: humidity, value: humidity }
      - { name: mode, value: mode }
`

/** 100 bytes of JSON, as a sensor might send. */
export function payloadOf(number: number, round: number): string {
  const head = JSON.stringify({
    temperature: (number % 1_000) / 10,
    humidity: 40 + (round % 20),
    mode: number % 100 === 0 ? 'alarm' : 'auto'
  })
  return `${head.slice(0, -1)},"pad":"${'x'.repeat(100 - head.length - 9)}"}`
}

export interface Fleet {
  databaseUrl: string
  service: Service
  /** Between the messages of the first rounds and of the last ones. */
  halfway: Date
  stop(): Promise<void>
}

/** `node`: the executable to run the service with. */
export async function startFleet(node: string): Promise<Fleet> {
  const broker = await startMosquitto()
  const databaseUrl = await createDatabase()
  const directory = await mkdtemp(join(tmpdir(), 'rialto-bench-'))
  const file = join(directory, 'rialto.yaml')
  await writeFile(file, mapping)
  const service = await startService(
    { DATABASE_URL: databaseUrl, MQTT_URL: broker.url, RIALTO_TOPICS: 'site/#', RIALTO_CONFIG: file },
    { node }
  )
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok)
  let halfway = new Date()
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5 })
  for (let round = 0; round < rounds; round++) {
    for (let from = 0; from < devices; from += publishedAtOnce)
      await Promise.all(
        Array.from({ length: publishedAtOnce }, (_, index) =>
          client.publishAsync(topicName(from + index), payloadOf(from + index, round), {
            qos: 1,
            retain: (from + index) % 5 === 0
          })
        )
      )
    await settle(databaseUrl, devices * (round + 1))
    if (round === Math.floor(rounds / 2)) halfway = new Date()
  }
  await client.endAsync()
  await query(databaseUrl, 'vacuum analyze')
  return {
    databaseUrl,
    service,
    halfway,
    async stop() {
      await service.kill('SIGTERM')
      await broker.stop()
      await rm(directory, { recursive: true, force: true })
    }
  }
}

/** Waits until so many messages are stored and normalized. */
async function settle(url: string, messages: number): Promise<void> {
  await eventually(
    async () => {
      const [row] = await query<{ ready: boolean }>(
        url,
        `select (select done_seq from projections where state = 'current') = (select seq from journal_head)
           and (select seq from journal_head) >= $1 as ready`,
        [messages]
      )
      return row?.ready ?? false
    },
    { withinMs: 120_000, everyMs: 50, what: 'all is stored and normalized' }
  )
}
