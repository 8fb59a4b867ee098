/** Commands as clients see them, on every surface. */

import type { Awaits, Command, CommandEvent, CommandState, CommandTransition, Delivery } from './command.ts'
import type { Millis, Seq } from './model.ts'
import { readTraceparent, traceOf } from './trace.ts'
import type { MessageView, PayloadView } from './views.ts'
import { toMessageView, toPayloadView, toSeq, toTime, toTimeOrNull } from './views.ts'

const toSeqOrNull = (seq: Seq | null | undefined): string | null => (seq == null ? null : toSeq(seq))

export interface CommandView extends PayloadView {
  id: string
  topic: string
  device: string | null
  name: string | null
  qos: number
  retain: boolean
  delivery: Delivery
  state: CommandState
  final: boolean
  awaits: Awaits
  attempts: number
  createdAt: string
  notBefore: string | null
  expiresAt: string | null
  publishedAt: string | null
  timeoutSeconds: number | null
  timeoutAt: string | null
  finishedAt: string | null
  brokerReasonCode: number | null
  response: MessageView | null
  lateResponse: MessageView | null
  effectSeq: string | null
  reason: string | null
  retryOf: string | null
  batchId: string | null
  traceparent: string | null
  principal: string
}

export interface CommandEventView {
  id: string
  seq: string
  at: string
  topic: string
  from: CommandState | null
  to: CommandState
  event: CommandEvent | 'submit' | null
  final: boolean
  attempt: number
  brokerReasonCode: number | null
  reason: string | null
  responseSeq: string | null
  effectSeq: string | null
  traceparent: string | null
}

/** For facts of before they told it themselves: then nothing was awaited. */
const notFinal: ReadonlySet<CommandState> = new Set(['scheduled', 'pending', 'publishing'])

export const toCommandView = (command: Command): CommandView => ({
  id: command.id,
  topic: command.topic,
  device: command.device,
  name: command.name,
  qos: command.qos,
  retain: command.retain,
  delivery: command.delivery,
  state: command.state,
  final: command.finishedAt !== null,
  awaits: command.awaits,
  attempts: command.attempts,
  createdAt: toTime(command.createdAt),
  notBefore: toTimeOrNull(command.notBefore),
  expiresAt: toTimeOrNull(command.expiresAt),
  publishedAt: toTimeOrNull(command.publishedAt),
  timeoutSeconds: command.timeoutSeconds,
  timeoutAt: toTimeOrNull(command.timeoutAt),
  finishedAt: toTimeOrNull(command.finishedAt),
  brokerReasonCode: command.brokerReasonCode,
  response: command.response && toMessageView(command.response),
  lateResponse: command.lateResponse && toMessageView(command.lateResponse),
  effectSeq: toSeqOrNull(command.effectSeq),
  reason: command.reason,
  retryOf: command.retryOf,
  batchId: command.batchId,
  traceparent: traceOf(command.properties)?.traceparent ?? null,
  principal: command.principal,
  ...toPayloadView(command.payload, command.properties)
})

export const toCommandEventView = (
  event: { seq: Seq; at: Millis } & CommandTransition
): CommandEventView => ({
  id: event.id,
  seq: toSeq(event.seq),
  at: toTime(event.at),
  topic: event.topic,
  from: event.from,
  to: event.to,
  event: event.event ?? null,
  final: event.final ?? !notFinal.has(event.to),
  attempt: event.attempt,
  brokerReasonCode: event.brokerReasonCode,
  reason: event.reason ?? null,
  responseSeq: toSeqOrNull(event.responseSeq),
  effectSeq: toSeqOrNull(event.effectSeq),
  traceparent: readTraceparent(event.traceparent)
})
