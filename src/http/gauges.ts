/** What is so right now, for Prometheus: asked when it is read. NaN: nobody here can tell. */

import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import type { CommandState } from '../command.ts'
import type { Millis } from '../model.ts'
import type { HttpParts } from './parts.ts'
import { within } from './within.ts'

/** Sizes of partitions are asked of the disk, and change slowly. */
const bytesEveryMs = 60_000

/** What a command is in that is not final. */
const openStates: readonly CommandState[] = ['scheduled', 'pending', 'publishing', 'published']

type Read = () => number | Promise<number>
type ReadBy = () => Promise<ReadonlyMap<string, number>>

export function addGauges(registry: Registry, parts: HttpParts): void {
  const registers = [registry]
  const gauge = (name: string, help: string, read: Read): void => {
    new Gauge({
      name: `rialto_${name}`,
      help,
      registers,
      async collect() {
        this.set(await read())
      }
    })
  }
  const gaugeBy = (name: string, help: string, label: string, read: ReadBy): void => {
    new Gauge({
      name: `rialto_${name}`,
      help,
      labelNames: [label],
      registers,
      async collect() {
        const found = await read()
        this.reset()
        for (const [word, value] of found) this.set({ [label]: word }, value)
      }
    })
  }
  addService(gauge, gaugeBy, parts)
  addReceiving(gauge, parts)
  addDatabase(gauge, gaugeBy, parts)
}

type AddGauge = (name: string, help: string, read: Read) => void
type AddGaugeBy = (name: string, help: string, label: string, read: ReadBy) => void

function addService(gauge: AddGauge, gaugeBy: AddGaugeBy, { feed, limits, stats, status }: HttpParts): void {
  gaugeBy(
    'build_info',
    'Always 1; the version is its label',
    'version',
    async () => new Map([[status().version, 1]])
  )
  gauge('streams_max', 'Streams and subscriptions that may be open at once', () => limits.streamsMax)
  gauge(
    'tls_certificate_expiry_timestamp_seconds',
    'When the certificate that HTTPS shows expires, in Unix time; NaN without TLS',
    () => Date.parse(status().certificate?.validTo ?? '') / 1_000
  )
  gauge('journal_seq', 'Newest position of the journal that this instance knows', () => feed.end())
  gauge('projection_lag_facts', 'Facts not yet normalized; NaN where another instance does it', () =>
    status().leading ? Math.max(0, feed.end() - stats.projectionDoneSeq) : Number.NaN
  )
  gauge(
    'rollup_lag_facts',
    'Facts normalized and not yet rolled up; NaN where another instance does it',
    () => (status().leading ? Math.max(0, stats.projectionDoneSeq - stats.rolledSeq) : Number.NaN)
  )
}

function addReceiving(gauge: AddGauge, { status, receiving }: HttpParts): void {
  gauge('leading', '1 on the instance that receives', () => Number(status().leading))
  gauge('mqtt_connected', '1 while connected to the broker', () =>
    Number(status().mqtt.state === 'connected')
  )
  gauge('mqtt_taken_over', '1 while another client seems to use our client id', () =>
    Number(status().mqtt.takenOver)
  )
  gauge('mqtt_snapshot_known', '1 while all that the broker retains is known', () =>
    Number(status().mqtt.snapshot.state === 'known')
  )
  gauge('publisher_connected', '1 while commands can leave', () => Number(status().mqtt.publisherConnected))
  gauge(
    'sparkplug_host_connected',
    '1 while the Sparkplug host is connected; NaN where there is none, or another instance is it',
    () => Number(receiving().hostConnected ?? Number.NaN)
  )
  gauge(
    'messages_held_oldest_seconds',
    'How long the message waits for its commit that waits longest; the broker is told of none before. 0: none waits',
    () => {
      const { oldestHeldAt } = receiving()
      return oldestHeldAt === null ? 0 : Math.max(0, Date.now() - oldestHeldAt) / 1_000
    }
  )
  gauge(
    'lease_epoch',
    'Epoch of the session, raised each time that an instance takes it; NaN where another instance leads',
    () => receiving().lease?.epoch ?? Number.NaN
  )
  gauge(
    'lease_remaining_seconds',
    'How long the lease is valid without being renewed; NaN where another instance leads',
    () => (receiving().lease?.msLeft ?? Number.NaN) / 1_000
  )
}

function addDatabase(gauge: AddGauge, gaugeBy: AddGaugeBy, { store, feed }: HttpParts): void {
  /** NaN while the database does not answer. */
  const asked = (read: () => Promise<number>) => (): Promise<number> => within(read()).catch(() => Number.NaN)
  gauge('database_healthy', '1 while the database takes appends', () => Number(store.healthy()))
  gauge('database_connections', 'Connections of the pool', () => store.load().connections)
  gauge('database_connections_idle', 'Those that nobody uses', () => store.load().idleConnections)
  gauge(
    'database_connections_waiting',
    'Whoever waits for a connection of the pool',
    () => store.load().waitingForConnection
  )
  gauge(
    'append_queue_length',
    'Transactions that wait for their turn to be written to the journal',
    () => store.load().waitingAppends
  )
  gauge(
    'feed_lag_facts',
    'Facts that are committed and that streams of this instance have not been told of; NaN while the database is away',
    asked(async () => Math.max(0, (await store.journal.head()).seq - feed.end()))
  )
  gauge(
    'commands_open',
    'Commands accepted and not final; NaN while the database is away',
    asked(() => store.commands.countOpen())
  )
  gaugeBy('commands_in_state', 'Those, by state; nothing while the database is away', 'state', async () => {
    const found = await within(store.commands.countOpenByState()).catch(() => null)
    if (found === null) return new Map()
    return new Map(openStates.map((state) => [state, found.get(state) ?? 0]))
  })
  gauge(
    'commands_waiting_seconds',
    'Age of the command that waits longest to be published, since it was due; NaN while the database is away',
    asked(() => store.commandQueue.oldestSeconds())
  )
  gauge(
    'webhook_lag_facts',
    'Facts behind the webhook that is farthest behind; NaN while the database is away',
    asked(async () => (await store.webhooks.lag()).facts)
  )
  gauge(
    'webhooks_failing',
    'Webhooks whose last request failed; NaN while the database is away',
    asked(async () => (await store.webhooks.lag()).failing)
  )
  gaugeBy(
    'retention_bytes',
    'What is kept of each class of retention, with datapoints and indexes, at most a minute old; nothing while the database is away',
    'class',
    rarely(() => store.retention.bytes())
  )
}

/** Asks at most once in `bytesEveryMs`; empty while there is no answer. */
function rarely(read: () => Promise<Map<string, number>>): ReadBy {
  let known = new Map<string, number>()
  let askedAt: Millis = -Infinity
  return async () => {
    if (performance.now() - askedAt < bytesEveryMs) return known
    known = await within(read()).catch(() => new Map<string, number>())
    askedAt = known.size === 0 ? -Infinity : performance.now()
    return known
  }
}
