/** Rows of hot SQL reads to the domain's types. */

import type {
  Fact,
  Message,
  MessageProperties,
  QoS,
  Tombstone,
  TombstoneCause,
  TopicState
} from '../model.ts'
import { factKindNames } from '../model.ts'

export interface FactRow {
  seq: number
  at: Date
  kind: number
  topic_id: number | null
  name: string | null
  received_at: Date | null
  qos: number | null
  retain: boolean | null
  dup: boolean | null
  payload: Buffer | null
  properties: MessageProperties | null
  command_id: string | null
  detail: unknown
}

export const factColumns = `j.seq, j.at, j.kind, j.topic_id, t.name, j.received_at, j.qos, j.retain, j.dup, j.payload,
  j.properties, j.command_id, j.detail`

export function toFact(row: FactRow): Fact {
  if (row.name === '') return toForgotten(row)
  return {
    seq: row.seq,
    at: row.at.getTime(),
    kind: factKindNames[row.kind]!,
    topicId: row.topic_id,
    topic: row.name,
    message: row.payload === null || row.topic_id === null ? null : toMessage(row, row.topic_id, row.payload),
    commandId: row.command_id,
    detail: row.detail
  }
}

/** A topic without a name is being forgotten: nobody sees more of it, wherever the work is. */
const toForgotten = (row: FactRow): Fact => ({
  seq: row.seq,
  at: row.at.getTime(),
  kind: 'forgotten',
  topicId: null,
  topic: null,
  message: null,
  commandId: null,
  detail: null
})

const toMessage = (row: FactRow, topicId: number, payload: Buffer): Message => ({
  seq: row.seq,
  topicId,
  topic: row.name!,
  receivedAt: row.received_at!.getTime(),
  qos: row.qos as QoS,
  retain: row.retain,
  dup: row.dup ?? false,
  payload,
  properties: row.properties
})

export interface StateRow {
  topic_id: number
  name: string
  seq: number
  message_seq: number | null
  received_at: Date | null
  qos: number | null
  retain: boolean | null
  dup: boolean | null
  payload: Buffer | null
  properties: MessageProperties | null
  retained_seq: number | null
  retained_received_at: Date | null
  retained_qos: number | null
  retained_payload: Buffer | null
  retained_properties: MessageProperties | null
  retained_known: boolean
  expires_at: Date | null
  confirmed_at: Date | null
  tombstone: StoredTombstone | null
}

interface StoredTombstone {
  at: string
  seq: number
  cause: TombstoneCause
  previous: {
    seq: number
    receivedAt: string
    qos: QoS
    payload: string
    properties: MessageProperties | null
  } | null
}

export const stateColumns = `s.topic_id, t.name, s.seq, s.message_seq, s.received_at, s.qos, s.retain, s.dup, s.payload,
  s.properties, s.retained_seq, s.retained_received_at, s.retained_qos, s.retained_payload, s.retained_properties,
  s.retained_known, s.expires_at, s.confirmed_at, s.tombstone`

export function toTopicState(row: StateRow): TopicState {
  const topic = { topicId: row.topic_id, topic: row.name }
  const tombstone = row.tombstone === null ? null : toTombstone(row.tombstone, topic)
  const retained: Message | null =
    row.retained_seq === null
      ? null
      : {
          ...topic,
          seq: row.retained_seq,
          receivedAt: row.retained_received_at!.getTime(),
          qos: row.retained_qos as QoS,
          retain: true,
          dup: false,
          payload: row.retained_payload!,
          properties: row.retained_properties
        }
  const latest: Message =
    row.message_seq === null
      ? (retained ?? tombstone!.previous!) // nothing ever came but what a snapshot found
      : {
          ...topic,
          seq: row.message_seq,
          receivedAt: row.received_at!.getTime(),
          qos: row.qos as QoS,
          retain: row.retain,
          dup: row.dup ?? false,
          payload: row.payload!,
          properties: row.properties
        }
  return {
    ...topic,
    seq: row.seq,
    latest,
    retained,
    retainedKnown: row.retained_known,
    tombstone,
    expiresAt: row.expires_at?.getTime() ?? null,
    confirmedAt: row.confirmed_at?.getTime() ?? null
  }
}

function toTombstone(stored: StoredTombstone, topic: { topicId: number; topic: string }): Tombstone {
  const { previous } = stored
  return {
    at: Date.parse(stored.at),
    seq: stored.seq,
    cause: stored.cause,
    previous: previous && {
      ...topic,
      seq: previous.seq,
      receivedAt: Date.parse(previous.receivedAt),
      qos: previous.qos,
      retain: true,
      dup: false,
      payload: Buffer.from(previous.payload, 'base64'),
      properties: previous.properties
    }
  }
}
