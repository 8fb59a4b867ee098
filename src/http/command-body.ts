/** What a client may ask to be published, and how it is read. Pure. */

import { isUtf8 } from 'node:buffer'
import { Type } from 'typebox'
import type { Static } from 'typebox'
import type { CommandRequest } from '../commands/commands.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { MessageProperties, QoS } from '../model.ts'
import { topicFault } from '../topic.ts'
import { example } from './examples.ts'
import { strict } from './schemas.ts'
import { createCheck } from './validation.ts'

const propertiesSchema = (limits: Limits) =>
  strict({
    contentType: Type.Optional(Type.String()),
    payloadFormatIndicator: Type.Optional(Type.Integer({ minimum: 0, maximum: 1, description: '1: the payload is UTF-8' })),
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
        Type.Enum(['json', 'text'], { description: 'How `payload` is sent. json (default): as JSON text. text: a string, as itself' })
      ),
      payloadBase64: Type.Optional(
        Type.String({ contentEncoding: 'base64', description: 'The bytes, instead of `payload`; the empty string for none' })
      ),
      qos: Type.Optional(Type.Integer({ minimum: 0, maximum: 2, description: 'Default 1' })),
      retain: Type.Optional(Type.Boolean({ description: 'Default false' })),
      expiresInSeconds: Type.Optional(
        Type.Integer({ minimum: 1, maximum: limits.commandExpirySecondsMax, description: 'Not published after that' })
      ),
      properties: Type.Optional(propertiesSchema(limits))
    },
    {
      $id: 'CommandRequest',
      title: 'CommandRequest',
      description: 'A message to publish. Exactly one of `payload` and `payloadBase64`.',
      additionalProperties: false,
      examples: [example.commandRequest]
    }
  )

type CommandBody = Static<ReturnType<typeof commandSchema>>

/** Known, and not here yet: better said than refused like a misspelling. */
const later = ['device', 'name', 'timeoutSeconds', 'notBefore', 'expect', 'awaits']

/** Makes a reader that throws Problem; `pointer` is where the command is in the body. */
export function createCommandReader(limits: Limits): (value: unknown, pointer?: string) => CommandRequest {
  const schema = commandSchema(limits)
  return (value, pointer = '') => {
    if (typeof value === 'object' && value !== null) {
      const early = later.find((name) => Object.hasOwn(value, name))
      if (early !== undefined) throw refuse('unknown_field', `${pointer}/${early}`, 'is not supported yet')
    }
    const body = createCheckAt(schema, pointer)(value)
    const { topic, qos = 1, retain = false, expiresInSeconds = null } = body
    const payload = readPayload(body, pointer)
    const properties = body.properties === undefined ? null : readProperties(body.properties, payload, limits, pointer)
    return { topic, payload, qos: qos as QoS, retain, expiresInSeconds, properties }
  }
}
