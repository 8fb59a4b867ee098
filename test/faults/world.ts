/** What a story plays with: real servers, proxies between them, the service, publishers. It ends all of them. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createDatabase } from '../support/database.ts'
import type { Mosquitto } from '../support/mosquitto.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import type { MqttProxy } from '../support/mqtt-proxy.ts'
import { startMqttProxy } from '../support/mqtt-proxy.ts'
import type { PostgresProxy } from '../support/postgres-proxy.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'
import type { PostgresServer, ServerOptions } from '../support/postgres-server.ts'
import { startPostgresServer } from '../support/postgres-server.ts'
import type { Owed } from './ledger.ts'
import type { Publisher, PublisherOptions } from './publisher.ts'
import { startPublisher } from './publisher.ts'
import type { Rialto } from './rialto.ts'
import { createRialto } from './rialto.ts'

/** The session under test; other clients of the service have other names. */
export const clientId = 'faults'

export interface ServiceOptions {
  /** Of the broker, or of the proxy in front of it. */
  mqttUrl: string
  databaseUrl: string
  qos: 0 | 1 | 2
  environment?: Record<string, string>
  entry?: string
}

export interface FloodOptions {
  port: number
  qos: 0 | 1
  seconds: number
  bytes: number
}

const floodTopics = 1_000

export interface World {
  mosquitto(extra?: readonly string[]): Promise<Mosquitto>
  mqttProxy(broker: { port: number }): Promise<MqttProxy>
  /** A database of the server that all tests share. */
  database(): Promise<string>
  /** A server that may be hurt. */
  postgres(options?: ServerOptions): Promise<PostgresServer>
  postgresProxy(url: string): Promise<PostgresProxy>
  /** Not started yet. */
  service(options: ServiceOptions): Rialto
  publisher(options: PublisherOptions): Publisher
  /** As fast as it goes, from a process of its own; returns how many. At QoS 1 all are owed. */
  flood(options: FloodOptions): Promise<number>
  /** Another client of the broker. */
  client(url: string): Promise<{ publish: (topic: string, payload: string) => Promise<unknown> }>
  /** A figure of the story's own; the greatest counts. */
  note(figure: string, value: number): void
  notes: Record<string, number>
  /** For whoever reads the output of the test. */
  say(words: string): void
  services: Rialto[]
  publishers: Array<Owed & Pick<Publisher, 'finished'>>
  /** Where the ledger looks: not through a proxy. */
  databaseUrl(): string
  end(): Promise<void>
}

export function createWorld(say: (words: string) => void = () => {}): World {
  let databaseUrl = ''
  const ends: Array<() => Promise<unknown>> = []
  const world: World = {
    notes: {},
    say,
    services: [],
    publishers: [],
    databaseUrl: () => databaseUrl,
    async mosquitto(extra) {
      const broker = await startMosquitto(extra)
      ends.unshift(() => broker.stop())
      return broker
    },
    async mqttProxy(broker) {
      const proxy = await startMqttProxy(broker)
      ends.unshift(() => proxy.stop())
      return proxy
    },
    database: async () => (databaseUrl = await createDatabase()),
    async postgres(options) {
      const server = await startPostgresServer(options)
      databaseUrl = server.url
      ends.unshift(() => server.stop('immediate'))
      return server
    },
    async postgresProxy(url) {
      const proxy = await startPostgresProxy(url)
      ends.unshift(() => proxy.stop())
      return proxy
    },
    service({ mqttUrl, databaseUrl: url, qos, environment, entry }) {
      const service = createRialto(
        {
          DATABASE_URL: url,
          MQTT_URL: mqttUrl,
          RIALTO_TOPICS: 'ledger/#',
          RIALTO_QOS: String(qos),
          RIALTO_CLIENT_ID: clientId,
          ...environment
        },
        { ...(entry !== undefined && { entry }) }
      )
      world.services.push(service)
      ends.unshift(() => service.kill('SIGKILL'))
      return service
    },
    publisher(options) {
      const publisher = startPublisher(options)
      world.publishers.push(publisher)
      ends.unshift(() => publisher.stop())
      return publisher
    },
    async flood({ port, qos, seconds, bytes }) {
      const child = fork(
        new URL('flood.ts', import.meta.url),
        [port, qos, seconds, bytes, floodTopics].map(String),
        { execArgv: ['--import', 'tsx'] }
      )
      ends.unshift(async () => child.kill('SIGKILL'))
      const [published] = (await once(child, 'message')) as [number]
      const owed = new Set<number>()
      for (let number = 0; qos === 1 && number < published; number++) owed.add(number)
      world.publishers.push({ topics: floodTopics, owed, finished: Promise.resolve() })
      return published
    },
    async client(url) {
      const { client } = await connectClient(url)
      ends.unshift(() => client.endAsync(true))
      return { publish: (topic, payload) => client.publishAsync(topic, payload, { qos: 1 }) }
    },
    note: (figure, value) => (world.notes[figure] = Math.max(world.notes[figure] ?? 0, Math.round(value))),
    async end() {
      for (const end of ends.splice(0)) await end().catch(() => {})
    }
  }
  return world
}
