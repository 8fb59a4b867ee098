/**
 * The counters that the service keeps about itself; `/metrics` reads them. Plain numbers, because the ingest
 * counts every message. The identity of promise 6 must hold whenever nothing is in between:
 * received = stored + duplicates + confirmed + leftToOther + held + abandoned.
 */
import type { CommandState } from './command.ts'
import type { RejectionReason } from './datapoints.ts'
import type { GapCause, Seq } from './model.ts'

export interface Stats {
  /** PUBLISH packets taken from the broker, those of a retained snapshot included. */
  received: number
  receivedBytes: number
  /** Committed as facts. */
  stored: number
  /** Recognised as redelivered, acknowledged, not stored again. */
  duplicates: number
  /** Found by a snapshot as we already had it. */
  confirmed: number
  /** Received by two sessions, acknowledged by this one, and stored by the other (decision 0009). */
  leftToOther: number
  /** Received and not yet committed. */
  held: number
  heldBytes: number
  /** Received, but the connection or the lease ended before the commit; QoS 0 among them are lost. */
  abandoned: number
  abandonedQos0: number
  batches: number
  acknowledged: number
  /** Not sent, since the connection on which the message came was gone. */
  acknowledgementsDropped: number
  pauses: number
  connects: number
  disconnects: number
  sessionsLost: number
  /** Times that another client seemed to use our client id. */
  takeovers: number
  /** Retained messages that a snapshot found gone, and those that expired. */
  swept: number
  expired: number
  fenced: number
  appends: number
  appendRetries: number
  unstorable: number
  commandsAccepted: number
  commandsPublished: number
  commandsRefused: number
  /** Commands that this instance moved to their end, by state. */
  commandsFinal: Map<CommandState, number>
  /** By an answer or an effect; with a response that came late; without either in time. */
  commandsAnswered: number
  commandsAnsweredLate: number
  commandsTimedOut: number
  /** Times that retention took facts before they were searched for answers. */
  answersSkipped: number
  /** Whoever was refused, since they are not known: requests, tickets, WebSockets. */
  unauthenticated: number
  /** Connections that were closed at once, since there were too many. */
  connectionsRefused: number
  streams: number
  exports: number
  feedFactsFromTable: number
  partitionsDropped: number
  /** Unix time in seconds at which the last round of retention ended well; 0: none has yet. And rounds that failed. */
  retentionDoneSeconds: number
  retentionFailures: number
  /** Messages that a mapping matched, and what they said; again when they are read again for a new projection. */
  projectedMessages: number
  projectedDatapoints: number
  /** Beside them those that are not stored, since they are as the last stored ones (`store` of mappings). */
  unchangedDatapoints: number
  presenceChanges: number
  /** What decoders asked for: published, and given up for any reason but being cancelled. */
  effectsPublished: number
  effectsDropped: number
  /** Requests of webhooks that were taken, events in them, and requests that were not. */
  webhookDeliveries: number
  webhookEvents: number
  webhookFailures: number
  /** Newest fact that is in the current projection. */
  projectionDoneSeq: Seq
  /** Datapoints rolled up, of all projections; and up to where they are, of the current one. */
  rolledDatapoints: number
  rolledSeq: Seq
  /** Of a projection that is being built, from 0 to 1; 1 when none is. */
  rebuildProgress: number
  /** Gap facts, by cause. */
  gaps: Map<GapCause, number>
  /** By reason. */
  rejections: Map<RejectionReason, number>
  /** Told how long each transaction of the journal took, in seconds, until its COMMIT was answered: nothing is kept here. */
  commitTook: (seconds: number) => void
}

export function countGap({ gaps }: Stats, cause: GapCause): void {
  gaps.set(cause, (gaps.get(cause) ?? 0) + 1)
}

export function countCommand({ commandsFinal }: Stats, state: CommandState): void {
  commandsFinal.set(state, (commandsFinal.get(state) ?? 0) + 1)
}

export function countRejection({ rejections }: Stats, reason: RejectionReason): void {
  rejections.set(reason, (rejections.get(reason) ?? 0) + 1)
}

export const createStats = (): Stats => ({
  received: 0,
  receivedBytes: 0,
  stored: 0,
  duplicates: 0,
  confirmed: 0,
  leftToOther: 0,
  held: 0,
  heldBytes: 0,
  abandoned: 0,
  abandonedQos0: 0,
  batches: 0,
  acknowledged: 0,
  acknowledgementsDropped: 0,
  pauses: 0,
  connects: 0,
  disconnects: 0,
  sessionsLost: 0,
  takeovers: 0,
  swept: 0,
  expired: 0,
  fenced: 0,
  appends: 0,
  appendRetries: 0,
  unstorable: 0,
  commandsAccepted: 0,
  commandsPublished: 0,
  commandsRefused: 0,
  commandsFinal: new Map(),
  commandsAnswered: 0,
  commandsAnsweredLate: 0,
  commandsTimedOut: 0,
  answersSkipped: 0,
  unauthenticated: 0,
  connectionsRefused: 0,
  streams: 0,
  exports: 0,
  feedFactsFromTable: 0,
  partitionsDropped: 0,
  retentionDoneSeconds: 0,
  retentionFailures: 0,
  projectedMessages: 0,
  projectedDatapoints: 0,
  unchangedDatapoints: 0,
  presenceChanges: 0,
  effectsPublished: 0,
  effectsDropped: 0,
  webhookDeliveries: 0,
  webhookEvents: 0,
  webhookFailures: 0,
  projectionDoneSeq: 0,
  rolledDatapoints: 0,
  rolledSeq: 0,
  rebuildProgress: 1,
  gaps: new Map(),
  rejections: new Map(),
  commitTook: () => {}
})
