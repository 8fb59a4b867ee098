/** Reads what a client wants published. Throws Problem; what depends on who asks is checked by commands. */

import type { CommandAsk } from '../command-ask.ts'
import type { ConditionAsk } from '../commands/condition.ts'
import type { Encoding } from '../commands/encode-payload.ts'
import { contentTypeOf, encodePayload } from '../commands/encode-payload.ts'
import type { PropertiesInput } from '../commands/message-properties.ts'
import { readMessageProperties } from '../commands/message-properties.ts'
import type { ResponseInput, TermsInput } from '../commands/terms.ts'
import { readResponse, readTerms } from '../commands/terms.ts'
import type { Limits } from '../limits.ts'
import type { QoS } from '../model.ts'
import { invalid } from './arguments.ts'

export interface PayloadInput {
  payload?: unknown
  encoding?: Encoding | null
  payloadText?: string | null
  payloadBase64?: string | null
}

export interface ConditionInput {
  ifMatch?: string | null
  ifNoneMatch?: string | null
}

export interface CommandInput extends PayloadInput, Omit<TermsInput, 'condition'> {
  topic?: string | null
  device?: string | null
  name?: string | null
  qos: number
  retain: boolean
  response?: ResponseInput | null
  properties?: PropertiesInput | null
}

export function readCommand(input: CommandInput, limits: Limits): CommandAsk {
  const { topic = null, device = null, name = null, qos, retain } = input
  if (!isQos(qos)) throw invalid('qos', 'qos is 0, 1 or 2')
  if ((topic === null) === (device === null)) throw invalid('topic', 'Give a topic, or a device and a name')
  if ((device === null) !== (name === null))
    throw invalid('name', 'A device and the name of a command go together')
  if (device !== null && (retain || input.properties != null || input.response != null))
    throw invalid(
      'device',
      'retain, properties and response do not go with a device: its convention or mapping says them'
    )
  const terms = readTerms(input, limits)
  const payload = readPayload(input)
  const contentType = contentTypeOf[input.encoding ?? 'json']
  if (device !== null && name !== null)
    return { kind: 'device', ...terms, device, name, payload, contentType }
  const given =
    contentType === null
      ? input.properties
      : { ...input.properties, contentType: input.properties?.contentType ?? contentType }
  const properties = given == null ? null : readMessageProperties(given, payload, limits)
  const response = readResponse(input.response)
  return { kind: 'topic', ...terms, topic: topic!, payload, qos, retain, properties, response }
}

/** The words of REST: `*` asks whether there is a retained message. */
export function readConditionInput({ ifMatch = null, ifNoneMatch = null }: ConditionInput): ConditionAsk {
  if (ifNoneMatch !== null && ifNoneMatch !== '*')
    throw invalid('ifNoneMatch', 'ifNoneMatch can only be `*`: there must be no retained message')
  const none = ifNoneMatch !== null
  if (ifMatch === null || ifMatch === '*') return { match: ifMatch, none }
  if (!/^(0|[1-9]\d{0,14})$/.test(ifMatch))
    throw invalid(
      'ifMatch',
      "ifMatch is the `seq` of the topic's state, or `*`: there must be a retained message"
    )
  return { match: [Number(ifMatch)], none }
}

const isQos = (qos: number): qos is QoS => qos === 0 || qos === 1 || qos === 2

/** GraphQL clients send null for what is not set, so null is no payload; the JSON value null is the text `null`. */
export function readPayload(input: PayloadInput): Buffer {
  const { payload = null, encoding = null, payloadText = null, payloadBase64 = null } = input
  const given = [payload, payloadText, payloadBase64].filter((one) => one !== null)
  if (given.length !== 1)
    throw invalid('payload', 'Give exactly one of payload, payloadText and payloadBase64')
  if (encoding !== null && payload === null)
    throw invalid('encoding', 'encoding says how payload is sent, and another one is given')
  if (payloadText !== null) return toUtf8(payloadText, 'payloadText')
  return payloadBase64 === null
    ? encodePayload(payload, encoding ?? 'json')
    : Buffer.from(payloadBase64, 'base64')
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
