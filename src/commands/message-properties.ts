/** Reads the MQTT 5 properties that a client wants a message to carry: the same rules on every surface. Pure. */

import { isUtf8 } from 'node:buffer'
import type { ProblemCode } from '../errors.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { MessageProperties } from '../model.ts'
import { topicFault } from '../topic.ts'

/** As a client gives them: null and absent are the same. */
export interface PropertiesInput {
  contentType?: string | null
  payloadFormatIndicator?: number | null
  responseTopic?: string | null
  /** Base64. */
  correlationData?: string | null
  userProperties?: string[][] | null
}

/** MQTT strings and binary data have a 16-bit length [MQTT-1.5.4], [MQTT-1.5.6]. */
const stringBytesMax = 65_535

const refuse = (name: string, fault: string, code: ProblemCode = 'invalid_value'): Problem => {
  const pointer = `/properties/${name}`
  return new Problem(code, `${pointer} ${fault}`, [{ pointer, detail: fault }])
}

/** Throws Problem. */
export function readMessageProperties(
  input: PropertiesInput,
  payload: Uint8Array,
  limits: Limits
): MessageProperties {
  const { contentType, payloadFormatIndicator, responseTopic, correlationData, userProperties } = input
  return {
    ...(contentType != null && { contentType: readText(contentType, 'contentType') }),
    ...(payloadFormatIndicator != null && {
      payloadFormatIndicator: readIndicator(payloadFormatIndicator, payload)
    }),
    ...(responseTopic != null && { responseTopic: readTopic(responseTopic, limits) }),
    ...(correlationData != null && { correlationData: readBytes(correlationData) }),
    ...(userProperties != null && { userProperties: readPairs(userProperties, limits) })
  }
}

function readIndicator(indicator: number, payload: Uint8Array): 0 | 1 {
  if (indicator !== 0 && indicator !== 1) throw refuse('payloadFormatIndicator', 'is neither 0 nor 1')
  if (indicator === 1 && !isUtf8(payload)) {
    throw refuse('payloadFormatIndicator', 'is 1, but the payload is not UTF-8') // [MQTT-3.3.2.3.2]
  }
  return indicator
}

function readTopic(topic: string, limits: Limits): string {
  const fault = topicFault(topic, limits.topicLevelsMax) // [MQTT-3.3.2-14]
  if (fault !== null) throw refuse('responseTopic', `is not a topic: ${fault}`, 'invalid_topic')
  return topic
}

function readBytes(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  // Buffer ignores what is not base64, so a text is only base64 if it comes back the same (RFC 4648 section 4)
  if (bytes.toString('base64') !== base64) throw refuse('correlationData', 'must be base64 with its padding')
  if (bytes.length > stringBytesMax) throw refuse('correlationData', `has more than ${stringBytesMax} bytes`)
  return base64
}

function readPairs(pairs: string[][], limits: Limits): Array<[string, string]> {
  if (pairs.length > limits.userPropertiesMax) {
    throw refuse('userProperties', `has more than ${limits.userPropertiesMax} pairs`)
  }
  return pairs.map((pair, index) => {
    const [name, value] = pair
    if (name === undefined || value === undefined || pair.length > 2) {
      throw refuse(`userProperties/${index}`, 'is not a pair of name and value')
    }
    return [readText(name, `userProperties/${index}/0`), readText(value, `userProperties/${index}/1`)]
  })
}

/** Some brokers close the connection on control characters, for ever if the client retries [MQTT-1.5.4-2]. */
function readText(text: string, name: string): string {
  if (Buffer.byteLength(text) > stringBytesMax) throw refuse(name, `has more than ${stringBytesMax} bytes`)
  if (!text.isWellFormed()) throw refuse(name, 'has a lone surrogate') // [MQTT-1.5.4-1]
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) throw refuse(name, 'has a control character')
  return text
}
