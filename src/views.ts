/** The domain's types as clients see them, on REST and GraphQL alike. Pure. */

import type {
  Fact,
  GapDetail,
  Message,
  MessageProperties,
  Millis,
  Seq,
  TombstoneCause,
  TopicState
} from './model.ts'
import type { CommandEventView } from './command-views.ts'
import type { DatapointView, PresenceChangeView } from './device-views.ts'
import type { PayloadFault, PayloadFormat } from './payload.ts'
import { decodePayload } from './payload.ts'

export const toTime = (at: Millis): string => new Date(at).toISOString()
export const toTimeOrNull = (at: Millis | null): string | null => (at === null ? null : toTime(at))
export const toSeq = (seq: Seq): string => String(seq)

export interface PropertiesView {
  contentType: string | null
  payloadFormatIndicator: 0 | 1 | null
  messageExpiryInterval: number | null
  responseTopic: string | null
  correlationData: string | null
  userProperties: Array<[string, string]>
}

export interface PayloadView {
  format: PayloadFormat
  payload: unknown
  payloadText: string | null
  payloadBase64: string
  payloadFault: PayloadFault | null
  properties: PropertiesView | null
}

export interface MessageView extends PayloadView {
  seq: string
  topic: string
  receivedAt: string
  qos: number
  retain: boolean | null
  dup: boolean
}

export interface TombstoneView {
  at: string
  seq: string
  cause: TombstoneCause
  previous: MessageView | null
}

export interface TopicStateView extends PayloadView {
  topic: string
  topicId: string
  seq: string
  messageSeq: string
  receivedAt: string
  qos: number
  retain: boolean | null
  dup: boolean
  retained: MessageView | null
  retainedStatus: 'known' | 'unknown'
  tombstone: TombstoneView | null
  expiresAt: string | null
  confirmedAt: string | null
}

export interface GapView {
  seq: string
  at: string
  cause: GapDetail['cause']
  session: string
  from: string
  to: string
  messages: number | null
}

export const toPropertiesView = (properties: MessageProperties | null): PropertiesView | null =>
  properties && {
    contentType: properties.contentType ?? null,
    payloadFormatIndicator: properties.payloadFormatIndicator ?? null,
    messageExpiryInterval: properties.messageExpiryInterval ?? null,
    responseTopic: properties.responseTopic ?? null,
    correlationData: properties.correlationData ?? null,
    userProperties: properties.userProperties ?? []
  }

export function toPayloadView(payload: Buffer, properties: MessageProperties | null): PayloadView {
  const { format, value, text, fault } = decodePayload(payload, properties)
  return {
    format,
    payload: value,
    payloadText: text,
    payloadBase64: payload.toString('base64'),
    payloadFault: fault,
    properties: toPropertiesView(properties)
  }
}

export const toMessageView = (message: Message): MessageView => ({
  seq: toSeq(message.seq),
  topic: message.topic,
  receivedAt: toTime(message.receivedAt),
  qos: message.qos,
  retain: message.retain,
  dup: message.dup,
  ...toPayloadView(message.payload, message.properties)
})

export const toTopicStateView = (state: TopicState): TopicStateView => ({
  ...toMessageView(state.latest),
  topicId: String(state.topicId),
  seq: toSeq(state.seq),
  messageSeq: toSeq(state.latest.seq),
  retained: state.retained && toMessageView(state.retained),
  retainedStatus: state.retainedKnown ? 'known' : 'unknown',
  tombstone: state.tombstone && {
    at: toTime(state.tombstone.at),
    seq: toSeq(state.tombstone.seq),
    cause: state.tombstone.cause,
    previous: state.tombstone.previous && toMessageView(state.tombstone.previous)
  },
  expiresAt: toTimeOrNull(state.expiresAt),
  confirmedAt: toTimeOrNull(state.confirmedAt)
})

export function toGapView(fact: Fact): GapView {
  const detail = fact.detail as GapDetail
  return {
    seq: toSeq(fact.seq),
    at: toTime(fact.at),
    cause: detail.cause,
    session: detail.session,
    from: toTime(detail.from),
    to: toTime(detail.to),
    messages: detail.messages
  }
}

/** Types of events on streams, and the kinds of facts they come from. */
export const eventKinds = {
  message: ['message', 'cleared'],
  state: ['message', 'snapshot', 'cleared', 'expired'],
  datapoint: ['message', 'snapshot', 'cleared', 'datapoints', 'imported'],
  presence: ['presence'],
  command: ['command'],
  gap: ['gap']
} as const satisfies Record<string, readonly Fact['kind'][]>

export type EventType = keyof typeof eventKinds

/** Messages of a class that retention took before they could be read: some of those from here to there. */
export interface SkippedView {
  from: string
  to: string
  /** Of which they were; null: of several. */
  retentionClass: string | null
}

/** What a stream sends: one of the types, or a word about the stream itself. */
export type StreamEvent =
  | { cursor: string; type: 'message'; message: MessageView }
  | { cursor: string; type: 'state'; state: TopicStateView }
  | { cursor: string; type: 'datapoint'; datapoint: DatapointView }
  | { cursor: string; type: 'presence'; presence: PresenceChangeView }
  | { cursor: string; type: 'command'; command: CommandEventView }
  | { cursor: string; type: 'gap'; gap: GapView }
  | { cursor: string; type: 'skipped'; skipped: SkippedView }
  | { cursor: string; type: 'progress' }
