/** Reads what a client wants published. Throws Problem; what depends on who asks is checked by commands. */

import type { CommandAsk, Terms } from '../command-ask.ts'
import type { PropertiesInput } from '../commands/message-properties.ts'
import { readMessageProperties } from '../commands/message-properties.ts'
import type { Limits } from '../limits.ts'
import type { QoS } from '../model.ts'
import { invalid } from './arguments.ts'

export interface PayloadInput {
  payload?: unknown
  payloadText?: string | null
  payloadBase64?: string | null
}

export interface CommandInput extends PayloadInput {
  topic?: string | null
  device?: string | null
  name?: string | null
  qos: number
  retain: boolean
  expiresInSeconds?: number | null
  properties?: PropertiesInput | null
}

export function readCommand(input: CommandInput, limits: Limits): CommandAsk {
  const { topic = null, device = null, name = null, qos, retain, expiresInSeconds = null } = input
  if (!isQos(qos)) throw invalid('qos', 'qos is 0, 1 or 2')
  if ((topic === null) === (device === null)) throw invalid('topic', 'Give a topic, or a device and a name')
  if ((device === null) !== (name === null))
    throw invalid('name', 'A device and the name of a command go together')
  if (device !== null && (retain || input.properties != null))
    throw invalid(
      'device',
      'retain and properties do not go with a device: its convention or mapping says them'
    )
  if (
    expiresInSeconds !== null &&
    (expiresInSeconds < 1 || expiresInSeconds > limits.commandExpirySecondsMax)
  ) {
    throw invalid('expiresInSeconds', `expiresInSeconds is 1 to ${limits.commandExpirySecondsMax}`)
  }
  const payload = readPayload(input)
  const properties =
    input.properties == null ? null : readMessageProperties(input.properties, payload, limits)
  const terms: Terms = {
    delivery: 'atLeastOnce',
    notBefore: null,
    expiresInSeconds,
    timeoutSeconds: null,
    awaits: null,
    expect: null,
    condition: null
  }
  if (device !== null && name !== null) return { kind: 'device', ...terms, device, name, payload }
  return { kind: 'topic', ...terms, topic: topic!, payload, qos, retain, properties, response: null }
}

const isQos = (qos: number): qos is QoS => qos === 0 || qos === 1 || qos === 2

/** GraphQL clients send null for what is not set, so null is no payload; the JSON value null is the text `null`. */
export function readPayload({
  payload = null,
  payloadText = null,
  payloadBase64 = null
}: PayloadInput): Buffer {
  const given = [payload, payloadText, payloadBase64].filter((one) => one !== null)
  if (given.length !== 1)
    throw invalid('payload', 'Give exactly one of payload, payloadText and payloadBase64')
  if (payloadText !== null) return toUtf8(payloadText, 'payloadText')
  return payloadBase64 === null ? Buffer.from(stringify(payload)) : Buffer.from(payloadBase64, 'base64')
}

export function stringify(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error instanceof RangeError) throw invalid('payload', 'The JSON value is nested too deeply') // its stack ran out
    throw error
  }
}

/** A lone surrogate has no UTF-8: Buffer would publish something else. */
function toUtf8(text: string, name: string): Buffer {
  if (!text.isWellFormed()) throw invalid(name, 'A text has no lone surrogates')
  return Buffer.from(text)
}
