/** Commands: what is asked to be published, and what becomes of it. */

import type { Message, MessageProperties, Millis, QoS, Seq } from './model.ts'

export const commandStates = [
  'scheduled',
  'pending',
  'publishing',
  'published',
  'succeeded',
  'failed',
  'timedOut',
  'undeliverable',
  'refused',
  'expired',
  'cancelled',
  'unknown'
] as const

export type CommandState = (typeof commandStates)[number]

/** What a command waits for after the broker has it: nothing, the device's word, or what it does. */
export const awaitsKinds = ['none', 'response', 'effect'] as const
export type Awaits = (typeof awaitsKinds)[number]

/** Whether it may be published again where nobody knows whether the broker has it. */
export const deliveries = ['atLeastOnce', 'atMostOnce'] as const
export type Delivery = (typeof deliveries)[number]

/** How it is known what became of a command. Kept with it, since mappings may be others by then. */
export type Awaited =
  /** A response: a message that comes on one of the topics. All that is given must hold of it. */
  | {
      kind: 'message'
      filter: string
      /** MQTT 5 correlation data, base64. */
      correlationData: string | null
      /** What a JMESPath expression finds in its payload, as a key (normalize/value-key.ts). */
      correlation: { expression: string; value: string } | null
      /** Predicates (src/predicate) on the message as clients see it: whether it answers; and whether it says yes. */
      where: string | null
      ok: string | null
    }
  /** A response: an event of the metric `response` of a device. */
  | { kind: 'response'; device: string; correlation: string }
  /**
   * An effect: a datapoint of a device that has this value, as a key (normalize/value-key.ts). `refusal`: the correlation of
   * an event `response` of the device by which it says that it will not, if it does; that it will is no effect.
   */
  | { kind: 'datapoint'; device: string; metric: string; value: string; refusal: string | null }
  /** An effect: the state of a topic, as clients see it, satisfies the predicate. */
  | { kind: 'state'; filter: string; where: string }

/** What must hold of the topic's state when the command is published: its version, or whether there is a retained message. */
export type CommandCondition = { seq: Seq } | { retained: boolean }

/** A message that is kept beside what it answers, as JSON. */
export interface StoredMessage {
  seq: Seq
  topicId: number
  topic: string
  receivedAt: Millis
  qos: QoS
  retain: boolean | null
  dup: boolean
  /** Base64. */
  payload: string
  properties: MessageProperties | null
}

/** A request to publish a message, and what became of it. */
export interface Command {
  id: string
  /** Its acceptance, and its newest transition. */
  createdSeq: Seq
  seq: Seq
  topic: string
  /** Of a command to a device: which, and the command's name. */
  device: string | null
  name: string | null
  /** What the client gave for it, where that is not the payload. */
  parameters: Buffer | null
  payload: Buffer
  qos: QoS
  retain: boolean
  properties: MessageProperties | null
  delivery: Delivery
  orderKey: string | null
  /** No other of its key is published until it is final. */
  oneInFlight: boolean
  state: CommandState
  awaits: Awaits
  awaited: Awaited | null
  condition: CommandCondition | null
  attempts: number
  createdAt: Millis
  notBefore: Millis | null
  expiresAt: Millis | null
  publishedAt: Millis | null
  /** Its first transition to publishing: what came up to there is no answer to it. */
  publishSeq: Seq | null
  /** How long an answer is waited for after it is published. */
  timeoutSeconds: number | null
  timeoutAt: Millis | null
  /** Null until it is final. */
  finishedAt: Millis | null
  brokerReasonCode: number | null
  /** What the device said; and what it said when the command was final by other means, the first of these. */
  response: Message | null
  lateResponse: Message | null
  /** The fact that showed its effect. */
  effectSeq: Seq | null
  /** Why it was refused, or failed. */
  reason: string | null
  retryOf: string | null
  principal: string
  batchId: string | null
}

/** What happened to a command: commands/lifecycle.ts has what each of them does to every state. */
export type CommandEvent =
  | 'due'
  | 'publish'
  | 'accept'
  | 'deliverToNobody'
  | 'refuse'
  | 'lose'
  | 'abandon'
  | 'expire'
  | 'cancel'
  | 'succeed'
  | 'fail'
  | 'timeOut'
  | 'restore'
  /** A response to a command that is final: it is recorded beside it. */
  | 'answerLate'

/** The `detail` of a `command` fact: its acceptance, a transition, or (`from` and `to` are the same) a late response. */
export interface CommandTransition {
  id: string
  topic: string
  /** Who may see it. Absent in facts of before they told it. */
  device?: string | null
  principal?: string
  from: CommandState | null
  to: CommandState
  /** Absent in facts of before it was known. */
  event?: CommandEvent | 'submit'
  final?: boolean
  attempt: number
  brokerReasonCode: number | null
  reason?: string | null
  /** The message that was the response, and the fact that showed the effect. */
  responseSeq?: Seq | null
  effectSeq?: Seq | null
  /** As its message carries it, whether or not it is valid. */
  traceparent?: string | null
}
