/** What normalization finds in messages, in the field's words. Imports only the model. */

import type { CommandResponse, Effect } from './effects.ts'
import type { MessageProperties, Millis, Seq } from './model.ts'

/** What a value is; the numbers are stored, so they never change. */
export const metricTypes = { null: 0, number: 1, integer: 2, boolean: 3, text: 4, json: 5, bytes: 6 } as const
export type MetricType = keyof typeof metricTypes

/**
 * A value without loss. `number` is what can be calculated with: of a number, an integer (nearest double) and a boolean
 * (0 or 1). `exact` are the bytes of what no double says: the digits of an integer beyond 2^53, UTF-8 text, the text of a
 * JSON value, bytes.
 */
export interface Value {
  type: MetricType
  number: number | null
  exact: Uint8Array | null
}

/** `state` moves latest, `event` happened and is no state, `historical` is told late and never moves latest. */
export const roles = { state: 0, event: 1, historical: 2 } as const
export type Role = keyof typeof roles

/**
 * Where `observedAt` is from: the device's clock; or our receipt, since the device gave no time, or one that is too far
 * ahead or behind to be true.
 */
export const clocks = { device: 0, received: 1, ahead: 2, behind: 3 } as const
export type Clock = keyof typeof clocks

export const presences = { unknown: 0, online: 1, offline: 2 } as const
export type Presence = keyof typeof presences

/** What said so: an availability topic (the device's own word, or its will), a birth or death, a message, or silence. */
export type PresenceSource =
  | 'availability'
  | 'birth'
  | 'death'
  | 'seen'
  | 'timeout'
  | 'cleared'
  | 'projection'

/** A message of the journal, as normalization reads it. */
export interface SourceMessage {
  seq: Seq
  kind: 'message' | 'snapshot' | 'cleared'
  topic: string
  payload: Uint8Array
  properties: MessageProperties | null
  receivedAt: Millis
}

/** One value of a metric at an instant. */
export interface NormalizedDatapoint extends Value {
  device: string
  metric: string
  /** Bounded: never far from receipt; `clock` tells whether it is the device's. */
  observedAt: Millis
  clock: Clock
  role: Role
  unit: string | null
  quality: string | null
}

export interface NormalizedPresence {
  device: string
  presence: Presence
  source: PresenceSource
  at: Millis
}

/** Why a message, or a part of it, says nothing to a mapping. Stable codes. */
export const rejectionReasons = {
  empty_payload: 'The payload is empty, and the mapping expects a value',
  not_utf8: 'The payload is not UTF-8',
  malformed_json: 'The payload is not JSON',
  malformed_binary: 'The payload is not the CBOR, MessagePack or Protobuf that it should be',
  not_decompressed: 'The payload is compressed, and cannot be decompressed, or becomes too large',
  too_deep: 'The payload is nested too deep',
  number_out_of_range: 'A number that no double holds',
  duplicate_keys: 'A name stands twice in an object; the last one was taken',
  not_a_number: 'The text is not a number',
  not_a_boolean: 'The text is none of the words for true and false',
  wrong_shape: 'The decoded value has not the shape that the mapping expects',
  nothing_selected: 'No expression of the mapping selects anything',
  expression_failed: 'An expression of the mapping failed',
  invalid_device: 'The name of the device is empty, too long, or has characters that no name has',
  invalid_metric: 'The name of the metric is empty, too long, or has characters that no name has',
  invalid_timestamp: 'The timestamp cannot be read; the time of receipt was taken',
  unknown_presence: 'The payload is none of the words for online and offline',
  too_many_datapoints: 'More datapoints than one message may bring',
  value_too_large: 'A value larger than a datapoint may be',
  state_too_large: 'What the decoder remembers would grow too large',
  decoder_failed: 'The decoder threw an error, or gave what no decoder may give',
  decoder_timeout: 'The decoder took too long',
  unstorable: 'The database refuses what the decoder gave'
} as const
export type RejectionReason = keyof typeof rejectionReasons

export interface NormalizedRejection {
  reason: RejectionReason
  /** What exactly, and what to do. Plain text, at most `rejectionDetailCharsMax`. */
  detail: string
}

/** What one message says. */
export interface Outcome {
  /** The mapping that matched, or null. */
  mapping: string | null
  /** Devices that it was heard from. */
  devices: string[]
  datapoints: NormalizedDatapoint[]
  presence: NormalizedPresence[]
  rejections: NormalizedRejection[]
  /** What is known of devices beside metrics (model, firmware); names replace those there were. */
  attributes: Array<{ device: string; attributes: Record<string, unknown> }>
  /** A device of this mapping that is silent so long is offline; null: silence says nothing. */
  offlineAfterSeconds: number | null
  responses: CommandResponse[]
  effects: Effect[]
}

/** A device as stored. */
export interface Device {
  id: number
  name: string
  /** Newest fact that changed it: its version. */
  seq: Seq
  mapping: string
  /** Topic of the last message from it. */
  topic: string
  firstSeenAt: Millis
  lastSeenAt: Millis
  presence: Presence
  presenceAt: Millis | null
  presenceSource: PresenceSource | null
  offlineAfterSeconds: number | null
  attributes: Record<string, unknown>
  metrics: number
}

/** A typed series, with its latest datapoint; null where there was none but events or historical ones. */
export interface Metric {
  id: number
  device: string
  name: string
  seq: Seq
  type: MetricType
  unit: string | null
  topic: string
  latest: Datapoint | null
}

/** A datapoint as stored; (seq, n) is its place: the message it is from, and its number there, from 0. */
export interface Datapoint extends NormalizedDatapoint {
  seq: Seq
  n: number
  receivedAt: Millis
  topic: string
}

export interface Rejection extends NormalizedRejection {
  seq: Seq
  n: number
  topic: string
  mapping: string
  receivedAt: Millis
  /** The message as received, while the journal has it. */
  payload: Buffer | null
  properties: MessageProperties | null
}

/** The `detail` of a `presence` fact. */
export interface PresenceChange {
  device: string
  from: Presence
  to: Presence
  source: PresenceSource
  at: Millis
  /** Topic of the message that said so, or the last one from the device. */
  topic: string
}

/** The `detail` of a `datapoints` fact: these messages were normalized again. */
export interface Redriven {
  redrive: string
  seqs: Seq[]
}

export type ProjectionState = 'building' | 'current' | 'retired'

/** A version of devices, metrics and datapoints. */
export interface Projection {
  id: number
  state: ProjectionState
  mappingHash: string
  mappingText: string
  /** Facts up to here are in it. */
  doneSeq: Seq
  /** For one being built: the head when it began. */
  targetSeq: Seq
  createdAt: Millis
  switchedAt: Millis | null
}

export type RedriveState = 'pending' | 'running' | 'done' | 'failed'

export interface RedriveAsk {
  filters: readonly string[]
  reason: RejectionReason | null
  mapping: string | null
  from: Millis | null
  to: Millis | null
}

/** Rejected messages that run through the mapping again. */
export interface Redrive extends RedriveAsk {
  id: string
  state: RedriveState
  /** `messages`: they alone; `rebuild`: the mapping has a memory, so everything is projected anew. */
  mode: 'messages' | 'rebuild'
  principal: string
  createdAt: Millis
  finishedAt: Millis | null
  /** Done up to here; messages until there are meant. */
  lastSeq: Seq
  untilSeq: Seq
  /** Messages looked at, and those without a rejection now. */
  messages: number
  accepted: number
  error: string | null
}
