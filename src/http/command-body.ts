/** What a client may ask to be published, and how it is read. Pure. */

import { isUtf8 } from 'node:buffer'
import { Type } from 'typebox'
import type { Static } from 'typebox'
import type { CommandRequest } from '../commands/commands.ts'
import type { ProblemCode } from '../errors.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { MessageProperties, QoS } from '../model.ts'
import { topicFault } from '../topic.ts'
import { strict, word } from './schemas.ts'
import { createCheck } from './validation.ts'

const propertiesSchema = (limits: Limits) =>
  strict({
    contentType: Type.Optional(Type.String()),
    payloadFormatIndicator: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1, description: '1: the payload is UTF-8' })
    ),
    responseTopic: Type.Optional(Type.String()),
    correlationData: Type.Optional(Type.String({ contentEncoding: 'base64' })),
    userProperties: Type.Optional(
      Type.Array(Type.Array(Type.String(), { minItems: 2, maxItems: 2 }), {
        maxItems: limits.userPropertiesMax,
        description: 'Pairs of name and value, in order; names may repeat'
      })
    )
  })

export const commandSchema = (limits: Limits) =>
  Type.Object(
    {
      topic: Type.String({ description: 'Topic to publish to: no wildcards' }),
      payload: Type.Optional(
        Type.Unknown({
          description:
            'Any JSON value. It is sent as JSON text made anew from the value, so a number beyond 2^53 loses digits: ' +
            'where every character counts, send `encoding: text` or `payloadBase64`'
        })
      ),
      encoding: Type.Optional(
        word(
          ['json', 'text'],
          'How `payload` is sent. json (default): as JSON text. text: a string, as itself'
        )
      ),
      payloadBase64: Type.Optional(
        Type.String({
          contentEncoding: 'base64',
          description: 'The bytes, instead of `payload`; the empty string for none'
        })
      ),
      qos: Type.Optional(Type.Integer({ minimum: 0, maximum: 2, description: 'Default 1' })),
      retain: Type.Optional(Type.Boolean({ description: 'Default false' })),
      expiresInSeconds: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: limits.commandExpirySecondsMax,
          description: 'Not published after that'
        })
      ),
      properties: Type.Optional(propertiesSchema(limits))
    },
    {
      $id: 'CommandRequest',
      title: 'CommandRequest',
      description: 'A message to publish. Exactly one of `payload` and `payloadBase64`.',
      additionalProperties: false
    }
  )

type CommandBody = Static<ReturnType<typeof commandSchema>>

/** Known, and not here yet: better said than refused like a misspelling. */
const later = ['device', 'name', 'timeoutSeconds', 'notBefore', 'expect', 'awaits']

/** Makes a reader of one command. It throws Problem; what depends on who asks is checked by commands. */
export function createCommandReader(limits: Limits): (value: unknown) => CommandRequest {
  const check = createCheck(commandSchema(limits))
  return (value) => {
    const early = later.find(
      (name) => typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    )
    if (early !== undefined) throw refuse(`/${early}`, 'is not supported yet', 'unknown_field')
    const body = check(value)
    const { topic, qos = 1, retain = false, expiresInSeconds = null } = body
    const payload = readPayload(body)
    const properties = body.properties === undefined ? null : readProperties(body.properties, payload, limits)
    return { topic, payload, qos: qos as QoS, retain, expiresInSeconds, properties }
  }
}

const refuse = (pointer: string, detail: string, code: ProblemCode = 'invalid_value'): Problem =>
  new Problem(code, `${pointer} ${detail}`, [{ pointer, detail }])

function readPayload({ payload, encoding, payloadBase64 }: CommandBody): Buffer {
  if ((payload === undefined) === (payloadBase64 === undefined)) {
    throw refuse('/payload', 'or /payloadBase64 must be given, and not both')
  }
  if (payloadBase64 !== undefined) {
    if (encoding !== undefined)
      throw refuse('/encoding', 'says how payload is sent, and there is payloadBase64')
    return readBase64(payloadBase64, '/payloadBase64')
  }
  if (encoding !== 'text') return Buffer.from(JSON.stringify(payload))
  if (typeof payload !== 'string') throw refuse('/payload', 'must be a string, because encoding is text')
  if (!payload.isWellFormed()) throw refuse('/payload', 'has a lone surrogate, which has no UTF-8')
  return Buffer.from(payload)
}

/** Buffer ignores what is not base64, so a text is only base64 if it comes back the same (RFC 4648 section 4). */
function readBase64(text: string, pointer: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text)
    throw refuse(pointer, 'must be base64 with its padding, and nothing else')
  return bytes
}

/** MQTT strings and binary data have a 16-bit length [MQTT-1.5.4], [MQTT-1.5.6]. */
const stringBytesMax = 65_535

function readProperties(
  {
    contentType,
    payloadFormatIndicator,
    responseTopic,
    correlationData,
    userProperties
  }: NonNullable<CommandBody['properties']>,
  payload: Buffer,
  limits: Limits
): MessageProperties {
  const properties: MessageProperties = {}
  if (contentType !== undefined) properties.contentType = readString(contentType, '/properties/contentType')
  if (payloadFormatIndicator !== undefined) {
    if (payloadFormatIndicator === 1 && !isUtf8(payload)) {
      throw refuse('/properties/payloadFormatIndicator', 'is 1, but the payload is not UTF-8') // [MQTT-3.3.2.3.2]
    }
    properties.payloadFormatIndicator = payloadFormatIndicator as 0 | 1
  }
  if (responseTopic !== undefined) {
    const fault = topicFault(responseTopic, limits.topicLevelsMax) // [MQTT-3.3.2-14]
    if (fault !== null) throw refuse('/properties/responseTopic', `is not a topic: ${fault}`, 'invalid_topic')
    properties.responseTopic = responseTopic
  }
  if (correlationData !== undefined) {
    const bytes = readBase64(correlationData, '/properties/correlationData')
    if (bytes.length > stringBytesMax)
      throw refuse('/properties/correlationData', `has more than ${stringBytesMax} bytes`)
    properties.correlationData = correlationData
  }
  if (userProperties !== undefined) {
    properties.userProperties = userProperties.map(([name, value], index) => [
      readString(name!, `/properties/userProperties/${index}/0`),
      readString(value!, `/properties/userProperties/${index}/1`)
    ])
  }
  return properties
}

/** Some brokers close the connection on these characters, for ever if the client retries [MQTT-1.5.4-2]. */
function readString(text: string, pointer: string): string {
  if (Buffer.byteLength(text) > stringBytesMax) throw refuse(pointer, `has more than ${stringBytesMax} bytes`)
  if (!text.isWellFormed()) throw refuse(pointer, 'has a lone surrogate') // [MQTT-1.5.4-1]
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) throw refuse(pointer, 'has a control character')
  return text
}
