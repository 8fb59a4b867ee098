/** What a client may ask to see normalized: a message of the journal, or one that is made up. Pure. */

import { Type } from 'typebox'
import { readMessageProperties } from '../commands/message-properties.ts'
import type { Limits } from '../limits.ts'
import type { PreviewAsk } from '../projection/projections.ts'
import { receivedTopicFault } from '../topic.ts'
import { propertiesSchema, readBase64, refuse } from './command-body.ts'
import { toCanonicalJson } from './json-body.ts'
import { createCheck } from './validation.ts'

export const previewSchema = (limits: Limits) =>
  Type.Object(
    {
      seq: Type.Optional(
        Type.String({
          pattern: '^[1-9][0-9]{0,14}$',
          description: 'Position of a message of the journal, as a string'
        })
      ),
      topic: Type.Optional(Type.String({ description: 'Topic of a message that is made up' })),
      payload: Type.Optional(
        Type.Unknown({ description: 'Any JSON value: the payload is JSON text made anew from it' })
      ),
      payloadText: Type.Optional(
        Type.String({ description: 'The text, instead of `payload`: every character counts' })
      ),
      payloadBase64: Type.Optional(
        Type.String({
          contentEncoding: 'base64',
          description: 'The bytes, instead of `payload`; the empty string for none'
        })
      ),
      properties: Type.Optional(propertiesSchema(limits)),
      mappings: Type.Optional(
        Type.String({
          description: 'Text of another rialto.yaml to try; absent: the mappings in use',
          examples: ['mappings:\n  - name: presses\n    topic: plant/{device}/{metric}\n']
        })
      )
    },
    {
      $id: 'PreviewRequest',
      title: 'PreviewRequest',
      description:
        'A message: `seq`, or `topic` with exactly one of `payload`, `payloadText` and `payloadBase64`.',
      additionalProperties: false
    }
  )

/** Makes a reader of the body. It throws Problem. */
export function createPreviewReader(limits: Limits): (value: unknown) => PreviewAsk {
  const check = createCheck(previewSchema(limits))
  return (value) => {
    toCanonicalJson(value) // throws where it is nested deeper than can be written anew
    const { seq, topic, properties, mappings = null, ...payloads } = check(value)
    if (mappings !== null && Buffer.byteLength(mappings) > limits.mappingsBytesMax)
      throw refuse('/mappings', `has more than ${limits.mappingsBytesMax} bytes`, 'payload_too_large')
    if (seq === undefined) {
      if (topic === undefined) throw refuse('/topic', 'or /seq must be given')
      const fault = receivedTopicFault(topic)
      if (fault !== null) throw refuse('/topic', `is not a topic: ${fault}`, 'invalid_topic')
      const payload = readPayload(payloads)
      if (payload.length > limits.previewPayloadBytesMax)
        throw refuse('/payload', `has more than ${limits.previewPayloadBytesMax} bytes`, 'payload_too_large')
      return {
        message: {
          topic,
          payload,
          properties: properties === undefined ? null : readMessageProperties(properties, payload, limits)
        },
        mappingText: mappings
      }
    }
    const [beside] = Object.entries({ topic, properties, ...payloads }).find(
      ([, given]) => given !== undefined
    ) ?? [null]
    if (beside !== null) throw refuse(`/${beside}`, 'is of a message that is made up, and there is /seq')
    return { message: { seq: Number(seq) }, mappingText: mappings }
  }
}

interface Payloads {
  payload?: unknown
  payloadText?: string
  payloadBase64?: string
}

function readPayload({ payload, payloadText, payloadBase64 }: Payloads): Buffer {
  if ([payload, payloadText, payloadBase64].filter((given) => given !== undefined).length !== 1)
    throw refuse('/payload', 'or /payloadText or /payloadBase64 must be given, and only one of them')
  if (payloadBase64 !== undefined) return readBase64(payloadBase64, '/payloadBase64')
  if (payloadText === undefined) return Buffer.from(JSON.stringify(payload))
  if (!payloadText.isWellFormed()) throw refuse('/payloadText', 'has a lone surrogate, which has no UTF-8')
  return Buffer.from(payloadText)
}
