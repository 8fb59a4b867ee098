/** What the service counts, as it is on `/metrics`. */

import type { Stats } from '../stats.ts'

export type Kind = 'counter' | 'gauge'

export type Counted = Exclude<keyof Stats, 'gaps' | 'rejections' | 'commandsFinal' | 'commitTook'>

export const fromStats: Record<Counted, [name: string, kind: Kind, help: string]> = {
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
  connectionsRefused: [
    'connections_refused_total',
    'counter',
    'Connections of clients that were closed at once, since there were too many'
  ],
  streams: ['streams_open', 'gauge', 'Open streams and subscriptions'],
  exports: ['exports_open', 'gauge', 'Exports that are being read'],
  feedFactsFromTable: [
    'feed_facts_from_table_total',
    'counter',
    'Facts that subscribers had to read from the table'
  ],
  partitionsDropped: ['journal_partitions_dropped_total', 'counter', 'Partitions that retention dropped'],
  retentionDoneSeconds: [
    'retention_last_success_timestamp_seconds',
    'gauge',
    'Unix time at which the last round of retention ended well; 0: none has since the start'
  ],
  retentionFailures: ['retention_failures_total', 'counter', 'Rounds of retention that failed'],
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
