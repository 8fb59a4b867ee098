/** What a client asks to be published, whatever surface it came by, and how a device is addressed. */

import type { Awaited, Awaits, CommandCondition, Delivery } from './command.ts'
import type { MessageProperties, Millis, QoS } from './model.ts'

/** Go with every command. */
export interface Terms {
  delivery: Delivery
  notBefore: Millis | null
  expiresInSeconds: number | null
  /** null: `commandTimeoutSecondsDefault`, where something is awaited. */
  timeoutSeconds: number | null
  /** null: what can be known of it: a response, else an effect, else none. */
  awaits: Awaits | null
  /** An effect: the state of a topic that the filter matches satisfies `where`. */
  expect: { filter: string; where: string } | null
  condition: CommandCondition | null
}

export interface TopicAsk extends Terms {
  kind: 'topic'
  topic: string
  payload: Buffer
  qos: QoS
  retain: boolean
  properties: MessageProperties | null
  response: ResponseAsk | null
}

/** How a response is known. */
export interface ResponseAsk {
  /** Topics on which it comes; null: that of MQTT 5, which is given with the message. */
  filter: string | null
  /** Predicates on messages: whether one answers, and whether it says yes. null: every one does. */
  where: string | null
  ok: string | null
}

export interface DeviceAsk extends Terms {
  kind: 'device'
  device: string
  /** Of one of its commands. */
  name: string
  /** Parameters of a convention's command, or the payload of a mapping's. */
  payload: Buffer
  /** Of the payload, where neither convention nor mapping says one. */
  contentType?: string | null
}

export type CommandAsk = TopicAsk | DeviceAsk

/** A command to a device, by its name. */
export interface AddressAsk {
  /** Of the command that will be: what its response will carry, where the convention lets us choose. */
  id: string
  device: string
  name: string
  /** What the client gave: parameters of a convention's command, or the payload of a mapping's. */
  payload: Buffer
}

/**
 * What a response that says yes proves, and so what is awaited unless asked otherwise. `done`: the device did it: the
 * response. `received`: someone has it, and it is not done: never the response. `perhaps`: it is done, but only some devices
 * respond: the effect, else the response.
 */
export type Responds = 'done' | 'received' | 'perhaps'

/** The message that carries it, and how it will be known what became of it. */
export interface Addressed {
  topic: string
  payload: Buffer
  qos: QoS
  properties: MessageProperties | null
  /** null: there will be no response; no effect is known. */
  response: Awaited | null
  effect: Awaited | null
  responds: Responds
  /** Published twice, it is something else than once: it must not be published again, whatever was asked. */
  once: boolean
  /** How long an answer is waited for, unless asked otherwise; null: `commandTimeoutSecondsDefault`. */
  timeoutSeconds: number | null
  /** Responses to several such commands cannot be told apart. */
  oneInFlight: boolean
}
