/** What a client may ask to be published, and how it is read. Pure. */

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { awaitsKinds, deliveries } from '../command.ts'
import type { CommandAsk } from '../command-ask.ts'
import { contentTypeOf, encodePayload, encodings } from '../commands/encode-payload.ts'
import { readMessageProperties } from '../commands/message-properties.ts'
import { readResponse, readTerms } from '../commands/terms.ts'
import type { ProblemCode } from '../errors.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { QoS } from '../model.ts'
import { strict, word } from './schemas.ts'
import { createCheck } from './validation.ts'

export const propertiesSchema = (limits: Limits) =>
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

/** Beside `expiresInSeconds`, what goes with every command. */
export const termsSchema = (limits: Limits) => ({
  notBefore: Type.Optional(
    Type.String({
      description:
        `Not published before: RFC 3339, with an offset, at most ${limits.commandDelaySecondsMax} seconds from now. ` +
        'A time that is past is now',
      examples: ['2026-03-14T09:00:00Z']
    })
  ),
  timeoutSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: limits.commandTimeoutSecondsMax,
      description: `How long what it awaits is waited for after it is published. Default ${limits.commandTimeoutSecondsDefault}`
    })
  ),
  delivery: Type.Optional(
    word(
      deliveries,
      'Where nobody knows whether the broker has it: atLeastOnce (default) publishes it again, under the same ' +
        '`rialto-command-id`; atMostOnce does not, and it ends as `unknown`'
    )
  ),
  awaits: Type.Optional(
    word(
      awaitsKinds,
      'What it waits for after it is published. Default: what can be known of it, a response, else an effect, else nothing'
    )
  ),
  expect: Type.Optional(
    strict({
      filter: Type.String({ description: 'Topics whose state shows the effect' }),
      where: Type.String({
        description: 'A predicate on the state of one of them, as GET /v1/topics has it',
        examples: ['eq(payload/state,"on")']
      })
    })
  )
})

export const commandSchema = (limits: Limits) =>
  Type.Object(
    {
      topic: Type.Optional(Type.String({ description: 'Topic to publish to: no wildcards' })),
      device: Type.Optional(
        Type.String({
          description:
            'Name of a device, instead of `topic`: its convention or mapping says which message it is'
        })
      ),
      name: Type.Optional(
        Type.String({
          description:
            'With `device`: name of one of its commands; their parameters are the members of `payload`'
        })
      ),
      payload: Type.Optional(
        Type.Unknown({
          description:
            'Any JSON value. It is sent as JSON text made anew from the value, so a number beyond 2^53 loses digits: ' +
            'where every character counts, send `encoding: text` or `payloadBase64`'
        })
      ),
      encoding: Type.Optional(
        word(
          encodings,
          'How `payload` is sent. json (default): as JSON text. text: a string, as itself. cbor, msgpack: the JSON value in ' +
            'these bytes, with the content type that says so where `properties` has none'
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
      ...termsSchema(limits),
      response: Type.Optional(
        strict({
          filter: Type.Optional(
            Type.String({
              description:
                'Topics on which it comes. Without it: the response topic, which is made where `properties` has none'
            })
          ),
          where: Type.Optional(
            Type.String({ description: 'A predicate on messages: whether one is the response' })
          ),
          ok: Type.Optional(
            Type.String({
              description: 'A predicate on it: whether the device did it (`succeeded`), or not (`failed`)'
            })
          )
        })
      ),
      properties: Type.Optional(propertiesSchema(limits))
    },
    {
      $id: 'CommandRequest',
      title: 'CommandRequest',
      description:
        'A message to publish, to a `topic`, or to a `device` by the `name` of a command. Exactly one of `payload` and `payloadBase64`.',
      additionalProperties: false
    }
  )

type CommandBody = Static<ReturnType<typeof commandSchema>>

/** Makes a reader of one command. It throws Problem; what depends on who asks is checked by requests.ts. */
export function createCommandReader(limits: Limits): (value: unknown) => CommandAsk {
  const check = createCheck(commandSchema(limits))
  return (value) => {
    const body = check(value)
    const { topic, qos = 1, retain = false } = body
    const terms = readTerms(body, limits)
    const contentType = contentTypeOf[body.encoding ?? 'json']
    if (topic === undefined)
      return { kind: 'device', ...terms, ...readDevice(body), payload: readPayload(body), contentType }
    for (const field of ['device', 'name'] as const)
      if (body[field] !== undefined) throw refuse(`/${field}`, 'does not go with topic: give one of both')
    const payload = readPayload(body)
    const given = contentType === null ? body.properties : { contentType, ...body.properties }
    const properties = given === undefined ? null : readMessageProperties(given, payload, limits)
    const response = readResponse(body.response)
    return { kind: 'topic', ...terms, topic, payload, qos: qos as QoS, retain, properties, response }
  }
}

function readDevice(body: CommandBody): { device: string; name: string } {
  const { device, name } = body
  if (device === undefined) throw refuse('/topic', 'or /device with /name must be given')
  if (name === undefined) throw refuse('/name', 'must be given: which command of the device')
  for (const field of ['qos', 'retain', 'properties', 'response'] as const)
    if (body[field] !== undefined)
      throw refuse(`/${field}`, 'does not go with device: its convention or mapping says how it is sent')
  return { device, name }
}

export const refuse = (pointer: string, detail: string, code: ProblemCode = 'invalid_value'): Problem =>
  new Problem(code, `${pointer} ${detail}`, [{ pointer, detail }])

export function readPayload({ payload, encoding, payloadBase64 }: CommandBody): Buffer {
  if ((payload === undefined) === (payloadBase64 === undefined)) {
    throw refuse('/payload', 'or /payloadBase64 must be given, and not both')
  }
  if (payloadBase64 !== undefined) {
    if (encoding !== undefined)
      throw refuse('/encoding', 'says how payload is sent, and there is payloadBase64')
    return readBase64(payloadBase64, '/payloadBase64')
  }
  return encodePayload(payload, encoding ?? 'json')
}

/** Buffer ignores what is not base64, so a text is only base64 if it comes back the same (RFC 4648 section 4). */
export function readBase64(text: string, pointer: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text)
    throw refuse(pointer, 'must be base64 with its padding, and nothing else')
  return bytes
}
