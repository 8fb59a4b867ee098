/** The counters for Prometheus: read when they are asked for, kept nowhere twice. */

import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import type { Stats } from '../stats.ts'
import type { HttpParts } from './parts.ts'
import { within } from './within.ts'

type Kind = 'counter' | 'gauge'

type Counted = Exclude<keyof Stats, 'gaps' | 'rejections' | 'commandsFinal'>

const fromStats: Record<Counted, [name: string, kind: Kind, help: string]> = {
  received: [
    'messages_received_total',
    'counter',
    'PUBLISH packets taken from the broker, snapshots included'
  ],
  receivedBytes: ['received_bytes_total', 'counter', 'Bytes of those packets'],
  stored: ['messages_stored_total', 'counter', 'Messages committed'],
  duplicates: [
    'messages_duplicate_total',
    'counter',
    'Messages recognised as redelivered and not stored again'
  ],
  confirmed: [
    'messages_confirmed_total',
    'counter',
    'Retained messages that a snapshot found as they were stored'
  ],
  leftToOther: [
    'messages_left_to_other_session_total',
    'counter',
    'Messages acknowledged and left to the other session, which receives them, too, and stores them'
  ],
  held: ['messages_held', 'gauge', 'Messages received and not yet committed'],
  heldBytes: ['held_bytes', 'gauge', 'Bytes of those messages'],
  abandoned: [
    'messages_abandoned_total',
    'counter',
    'Messages whose connection or lease ended before the commit'
  ],
  abandonedQos0: ['messages_lost_qos0_total', 'counter', 'Those of QoS 0: nobody sends them again'],
  batches: ['ingest_batches_total', 'counter', 'Batches committed'],
  acknowledged: ['acknowledgements_total', 'counter', 'Acknowledgements sent to the broker'],
  acknowledgementsDropped: [
    'acknowledgements_dropped_total',
    'counter',
    'Acknowledgements whose connection was gone'
  ],
  pauses: ['ingest_pauses_total', 'counter', 'Times that reading from the broker was paused'],
  connects: ['mqtt_connects_total', 'counter', 'Connections to the broker'],
  disconnects: ['mqtt_disconnects_total', 'counter', 'Connections that ended'],
  sessionsLost: ['mqtt_sessions_lost_total', 'counter', 'Times that the broker had forgotten our session'],
  takeovers: ['mqtt_takeovers_total', 'counter', 'Times that another client seemed to use our client id'],
  swept: [
    'retained_swept_total',
    'counter',
    'Retained messages that were gone at the broker when a snapshot looked for them'
  ],
  expired: ['retained_expired_total', 'counter', 'Retained messages that ended by their expiry interval'],
  fenced: ['fenced_total', 'counter', 'Times that another instance took the lease'],
  appends: ['journal_appends_total', 'counter', 'Transactions appended to the journal'],
  appendRetries: ['journal_append_retries_total', 'counter', 'Appends that had to be tried again'],
  unstorable: ['messages_unstorable_total', 'counter', 'Messages that Postgres refused, kept as gaps'],
  commandsAccepted: ['commands_accepted_total', 'counter', 'Commands accepted'],
  commandsPublished: ['commands_published_total', 'counter', 'Commands that the broker acknowledged'],
  commandsRefused: ['commands_refused_total', 'counter', 'Commands that the broker refused'],
  commandsAnswered: ['commands_answered_total', 'counter', 'Commands ended by a response or an effect'],
  commandsAnsweredLate: [
    'commands_answered_late_total',
    'counter',
    'Responses to commands that were final by other means'
  ],
  commandsTimedOut: ['commands_timed_out_total', 'counter', 'Commands without an answer in time'],
  answersSkipped: [
    'answers_skipped_total',
    'counter',
    'Times that retention took facts before they were searched for answers'
  ],
  unauthenticated: ['unauthenticated_total', 'counter', 'Requests of whoever is not known, and was refused'],
  streams: ['streams_open', 'gauge', 'Open streams and subscriptions'],
  exports: ['exports_open', 'gauge', 'Exports that are being read'],
  feedFactsFromTable: [
    'feed_facts_from_table_total',
    'counter',
    'Facts that subscribers had to read from the table'
  ],
  partitionsDropped: ['journal_partitions_dropped_total', 'counter', 'Partitions that retention dropped'],
  projectedMessages: [
    'projected_messages_total',
    'counter',
    'Messages that a mapping matched and that were normalized'
  ],
  projectedDatapoints: [
    'projected_datapoints_total',
    'counter',
    'Datapoints that they brought, and that were stored'
  ],
  unchangedDatapoints: [
    'datapoints_unchanged_total',
    'counter',
    'Datapoints that were not stored, since they are as the last stored ones'
  ],
  presenceChanges: [
    'presence_changes_total',
    'counter',
    'Times that a device came online, went offline, or became unknown'
  ],
  effectsPublished: [
    'effects_published_total',
    'counter',
    'What decoders asked to publish, and the broker has'
  ],
  effectsDropped: ['effects_dropped_total', 'counter', 'What decoders asked to publish, and was given up'],
  webhookDeliveries: [
    'webhook_deliveries_total',
    'counter',
    'Requests of webhooks that their receivers took'
  ],
  webhookEvents: ['webhook_events_total', 'counter', 'Events in those requests'],
  webhookFailures: [
    'webhook_failures_total',
    'counter',
    'Requests of webhooks that failed, and are sent again'
  ],
  projectionDoneSeq: ['projection_done_seq', 'gauge', 'Newest position of the journal that is normalized'],
  rolledDatapoints: [
    'rollup_datapoints_total',
    'counter',
    'Datapoints rolled up by minute, hour and day; again for a new projection'
  ],
  rolledSeq: ['rollup_seq', 'gauge', 'Newest position of the journal whose datapoints are rolled up'],
  rebuildProgress: [
    'projection_rebuild_progress_ratio',
    'gauge',
    'Of a projection that is being built, from 0 to 1; 1 when none is'
  ]
}

/** A registry of its own, so that a process can have several servers. */
export function createMetrics({ store, feed, stats, status }: HttpParts): Registry {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  for (const [key, [name, kind, help]] of Object.entries(fromStats) as Array<
    [Counted, [string, Kind, string]]
  >) {
    const options = { name: `rialto_${name}`, help, registers }
    if (kind === 'gauge') new Gauge({ ...options, collect: collectInto(() => stats[key]) })
    else new Counter({ ...options, collect: countInto(() => stats[key]) })
  }

  new Counter({
    name: 'rialto_gaps_total',
    help: 'Intervals in which messages may be missing, by cause',
    labelNames: ['cause'],
    registers,
    collect() {
      this.reset()
      for (const [cause, gaps] of stats.gaps) this.inc({ cause }, gaps)
    }
  })

  new Counter({
    name: 'rialto_commands_total',
    help: 'Commands that this instance moved to their end, by what became of them',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset()
      for (const [state, commands] of stats.commandsFinal) this.inc({ state }, commands)
    }
  })

  new Counter({
    name: 'rialto_rejections_total',
    help: 'Messages, or parts of them, that could not be normalized, by reason',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, rejections] of stats.rejections) this.inc({ reason }, rejections)
    }
  })

  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    new Gauge({ name: `rialto_${name}`, help, registers, collect: collectInto(read) })
  }
  gauge('mqtt_connected', '1 while connected to the broker', () =>
    Number(status().mqtt.state === 'connected')
  )
  gauge('publisher_connected', '1 while commands can leave', () => Number(status().mqtt.publisherConnected))
  gauge('leading', '1 on the instance that receives', () => Number(status().leading))
  gauge(
    'tls_certificate_expiry_timestamp_seconds',
    'When the certificate that HTTPS shows expires, in Unix time; NaN without TLS',
    () => Date.parse(status().certificate?.validTo ?? '') / 1_000
  )
  gauge('database_healthy', '1 while the database takes appends', () => Number(store.healthy()))
  gauge('journal_seq', 'Newest position of the journal that this instance knows', () => feed.end())
  gauge('projection_lag_facts', 'Facts not yet normalized; NaN where another instance does it', () =>
    status().leading ? Math.max(0, feed.end() - stats.projectionDoneSeq) : Number.NaN
  )
  gauge(
    'rollup_lag_facts',
    'Facts normalized and not yet rolled up; NaN where another instance does it',
    () => (status().leading ? Math.max(0, stats.projectionDoneSeq - stats.rolledSeq) : Number.NaN)
  )
  gauge('commands_open', 'Commands accepted and not final; NaN while the database is away', () =>
    within(store.commands.countOpen()).catch(() => Number.NaN)
  )
  gauge(
    'commands_waiting_seconds',
    'Age of the command that waits longest to be published, since it was due; NaN while the database is away',
    () => within<number>(store.commandQueue.oldestSeconds()).catch(() => Number.NaN)
  )
  gauge(
    'webhook_lag_facts',
    'Facts behind the webhook that is farthest behind; NaN while the database is away',
    () =>
      within(store.webhooks.lag()).then(
        ({ facts }) => facts,
        () => Number.NaN
      )
  )
  gauge('webhooks_failing', 'Webhooks whose last request failed; NaN while the database is away', () =>
    within(store.webhooks.lag()).then(
      ({ failing }) => failing,
      () => Number.NaN
    )
  )
  return registry
}

const collectInto = (read: () => number | Promise<number>) =>
  async function (this: Gauge): Promise<void> {
    this.set(await read())
  }

const countInto = (read: () => number) =>
  function (this: Counter): void {
    this.reset()
    this.inc(read())
  }
