/** Reads what a client wants published. Throws Problem; what depends on who asks is checked by commands. */

import { isUtf8 } from 'node:buffer'
import type { CommandRequest } from '../commands/commands.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { MessageProperties, QoS } from '../model.ts'
import { topicFault } from '../topic.ts'
import { invalid } from './arguments.ts'

export interface PayloadInput {
  payload?: unknown
  payloadText?: string | null
  payloadBase64?: string | null
}

export interface CommandInput extends PayloadInput {
  topic: string
  qos: number
  retain: boolean
  expiresInSeconds?: number | null
  properties?: PropertiesInput | null
}

interface PropertiesInput {
  contentType?: string | null
  payloadFormatIndicator?: number | null
  responseTopic?: string | null
  correlationData?: string | null
  userProperties?: string[][] | null
}

export function readCommand(input: CommandInput, limits: Limits): CommandRequest {
  const { topic, retain, expiresInSeconds = null } = input
  const { qos } = input
  if (!isQos(qos)) throw invalid('qos', 'qos is 0, 1 or 2')
  if (
    expiresInSeconds !== null &&
    (expiresInSeconds < 1 || expiresInSeconds > limits.commandExpirySecondsMax)
  ) {
    throw invalid('expiresInSeconds', `expiresInSeconds is 1 to ${limits.commandExpirySecondsMax}`)
  }
  const payload = readPayload(input)
  const properties = input.properties == null ? null : readProperties(input.properties, payload, limits)
  return { topic, payload, qos, retain, expiresInSeconds, properties }
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

function readProperties(input: PropertiesInput, payload: Buffer, limits: Limits): MessageProperties {
  const { contentType, payloadFormatIndicator, responseTopic, correlationData, userProperties } = input
  const properties: MessageProperties = {}
  if (contentType != null) properties.contentType = readText(contentType, 'contentType')
  if (payloadFormatIndicator != null) {
    if (payloadFormatIndicator !== 0 && payloadFormatIndicator !== 1) {
      throw invalid('properties/payloadFormatIndicator', 'payloadFormatIndicator is 0 or 1')
    }
    if (payloadFormatIndicator === 1 && !isUtf8(payload)) {
      throw invalid('properties/payloadFormatIndicator', 'The payload is not UTF-8') // [MQTT-3.3.2.3.2]
    }
    properties.payloadFormatIndicator = payloadFormatIndicator
  }
  if (responseTopic != null) {
    const fault = topicFault(responseTopic, limits.topicLevelsMax) // [MQTT-3.3.2-14]
    if (fault !== null) {
      throw new Problem('invalid_topic', fault, [{ pointer: '/properties/responseTopic', detail: fault }])
    }
    properties.responseTopic = responseTopic
  }
  if (correlationData != null) {
    if (Buffer.byteLength(correlationData, 'base64') > stringBytesMax) {
      throw invalid('properties/correlationData', `At most ${stringBytesMax} bytes`)
    }
    properties.correlationData = correlationData
  }
  if (userProperties != null) properties.userProperties = readUserProperties(userProperties, limits)
  return properties
}

function readUserProperties(given: string[][], limits: Limits): Array<[string, string]> {
  if (given.length > limits.userPropertiesMax) {
    throw invalid('properties/userProperties', `At most ${limits.userPropertiesMax} user properties`)
  }
  return given.map((pair, index) => {
    const [name, value] = pair
    if (name === undefined || value === undefined || pair.length > 2) {
      throw invalid(`properties/userProperties/${index}`, 'A user property is a pair of name and value')
    }
    return [readText(name, `userProperties/${index}/0`), readText(value, `userProperties/${index}/1`)]
  })
}

/** MQTT strings and binary data have a 16-bit length [MQTT-1.5.4], [MQTT-1.5.6]. */
const stringBytesMax = 65_535

function readText(text: string, name: string): string {
  const pointer = `properties/${name}`
  if (Buffer.byteLength(text) > stringBytesMax) throw invalid(pointer, `At most ${stringBytesMax} bytes`)
  if (!text.isWellFormed()) throw invalid(pointer, 'A text has no lone surrogates') // [MQTT-1.5.4-1]
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) throw invalid(pointer, 'No control characters') // [MQTT-1.5.4-2]
  return text
}
