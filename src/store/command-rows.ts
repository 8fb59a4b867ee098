/** Rows of commands to the domain's type. */

import type {
  Awaited,
  Awaits,
  Command,
  CommandCondition,
  CommandState,
  Delivery,
  StoredMessage
} from '../command.ts'
import type { Access, Message, MessageProperties, QoS } from '../model.ts'
import { mayReadCommand } from '../visibility.ts'

/** A command as the Prisma client returns it. */
export interface CommandRow {
  id: string
  createdSeq: bigint
  seq: bigint
  topic: string
  device: string | null
  name: string | null
  parameters: Uint8Array | null
  payload: Uint8Array
  qos: number
  retain: boolean
  properties: unknown
  delivery: string
  orderKey: string | null
  oneInFlight: boolean
  state: string
  awaits: string
  awaited: unknown
  condition: unknown
  attempts: number
  createdAt: Date
  notBefore: Date | null
  expiresAt: Date | null
  publishedAt: Date | null
  publishSeq: bigint | null
  timeoutSeconds: number | null
  timeoutAt: Date | null
  finishedAt: Date | null
  brokerReasonCode: number | null
  response: unknown
  lateResponse: unknown
  effectSeq: bigint | null
  reason: string | null
  retryOf: string | null
  principal: string
  batchId: string | null
}

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export function toCommand(row: CommandRow): Command {
  const { publishSeq, effectSeq, parameters } = row
  return {
    id: row.id,
    createdSeq: Number(row.createdSeq),
    seq: Number(row.seq),
    topic: row.topic,
    device: row.device,
    name: row.name,
    parameters: parameters && toBuffer(parameters),
    payload: toBuffer(row.payload),
    qos: row.qos as QoS,
    retain: row.retain,
    properties: row.properties as MessageProperties | null,
    delivery: row.delivery as Delivery,
    orderKey: row.orderKey,
    oneInFlight: row.oneInFlight,
    state: row.state as CommandState,
    awaits: row.awaits as Awaits,
    awaited: row.awaited as Awaited | null,
    condition: row.condition as CommandCondition | null,
    attempts: row.attempts,
    createdAt: row.createdAt.getTime(),
    notBefore: row.notBefore?.getTime() ?? null,
    expiresAt: row.expiresAt?.getTime() ?? null,
    publishedAt: row.publishedAt?.getTime() ?? null,
    publishSeq: publishSeq === null ? null : Number(publishSeq),
    timeoutSeconds: row.timeoutSeconds,
    timeoutAt: row.timeoutAt?.getTime() ?? null,
    finishedAt: row.finishedAt?.getTime() ?? null,
    brokerReasonCode: row.brokerReasonCode,
    response: toKeptMessage(row.response as StoredMessage | null),
    lateResponse: toKeptMessage(row.lateResponse as StoredMessage | null),
    effectSeq: effectSeq === null ? null : Number(effectSeq),
    reason: row.reason,
    retryOf: row.retryOf,
    principal: row.principal,
    batchId: row.batchId
  }
}

/** As `access` may see it; null: not at all. Responses are messages of topics, too: who may not read these does not see them. */
export function toReadCommand(row: CommandRow, access: Access): Command | null {
  if (!mayReadCommand(access, row)) return null
  const command = toCommand(row)
  const readable = (message: Message | null): Message | null =>
    message !== null && (isOfResponses(message.topic, row.id) || access.mayRead(message.topic))
      ? message
      : null
  return { ...command, response: readable(command.response), lateResponse: readable(command.lateResponse) }
}

/**
 * Below `rialto/{client id}/responses` each command has a topic of its own, by its id, which nobody else can guess: what comes
 * there was said to who sent the command.
 */
const isOfResponses = (topic: string, id: string): boolean => `${topic}/`.includes(`/responses/${id}/`)

const toKeptMessage = (stored: StoredMessage | null): Message | null =>
  stored && { ...stored, payload: Buffer.from(stored.payload, 'base64') }
