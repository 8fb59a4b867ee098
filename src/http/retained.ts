/** PUT and DELETE of a topic's retained message: commands, as everything that is published. */

import { Type } from 'typebox'
import type { Terms, TopicAsk } from '../command-ask.ts'
import { conditionProblem, toCondition } from '../commands/condition.ts'
import { Problem } from '../errors.ts'
import type { MessageProperties, QoS } from '../model.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Addressing } from './addressings.ts'
import { addressSchema, createAddressings } from './addressings.ts'
import { header, json, refusalsOfV1 } from './answers.ts'
import { conditionHeaders, readConditions } from './conditions.ts'
import type { RouteParts, Routes } from './parts.ts'
import { preferHeader, readPrefer } from './prefer.ts'
import { ref } from './schemas.ts'
import { submit } from './submit.ts'
import { bodyIsReadByRoute } from './validation.ts'

const waitSecondsDefault = 5

const qosQuery = {
  qos: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 2, description: 'Quality of service to publish with, default 1' })
  )
}
const headers = Type.Object({ ...conditionHeaders, ...preferHeader })
const writeHeaders = { ...header.location, ...header.rialtoCursor, ...header.preferenceApplied }
const response = {
  200: json('The broker has it', ref('Command'), writeHeaders),
  202: json('Accepted; follow `Location` for what becomes of it', ref('Command'), writeHeaders),
  ...refusalsOfV1(
    'forbidden',
    'not_found',
    'precondition_failed',
    'payload_too_large',
    'invalid_topic',
    'too_many_requests'
  )
}
const conditionsNote =
  'Conditions are checked when the request is accepted, and again when the message is published; they hold among all ' +
  'that Rialto publishes, and MQTT itself has no conditional publish. ' +
  `Waits ${waitSecondsDefault} s for the broker, unless Prefer says otherwise.`

const plainTerms: Omit<Terms, 'condition'> = {
  delivery: 'atLeastOnce',
  notBefore: null,
  expiresInSeconds: null,
  timeoutSeconds: null,
  awaits: 'none',
  expect: null
}

export async function retainedRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, limits } = parts
  // The body is the payload, whatever its type
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) => body)

  async function publish(
    addressing: Addressing,
    request: FastifyRequest,
    reply: FastifyReply,
    message: Pick<TopicAsk, 'payload' | 'properties'>
  ): Promise<FastifyReply> {
    const { qos = 1 } = request.query as { qos?: QoS }
    const topic = await addressing.name(request)
    const ask = readConditions(request.headers)
    return submit(parts, request, reply, {
      async command() {
        const condition = await toCondition(ask, () => store.states.byName(request.access, topic))
        return parts.toRequest(request.access, {
          kind: 'topic',
          topic,
          ...message,
          qos,
          retain: true,
          response: null,
          ...plainTerms,
          condition
        })
      },
      idempotencyKey: null,
      body: '',
      preference: readPrefer(request.headers.prefer as string | undefined, limits.waitSecondsMax),
      waitSecondsDefault,
      isDone: ({ state }) => state === 'published' || state === 'undeliverable',
      problemOf: conditionProblem
    })
  }

  for (const addressing of createAddressings(store.states)) {
    const { path, suffix, by } = addressing
    const schema = { tags: ['Topics'], ...addressSchema(addressing, qosQuery), headers, response }

    app.put(
      `${path}/retained`,
      {
        bodyLimit: limits.commandPayloadBytesMax,
        validatorCompiler: bodyIsReadByRoute,
        schema: {
          ...schema,
          operationId: `setRetained${suffix}`,
          summary: `Sets a topic's retained message, topic ${by}`,
          description:
            'The body is the payload, byte by byte. Its Content-Type becomes the MQTT 5 content type, unless it is ' +
            `\`application/octet-stream\` or that of a form. ${conditionsNote}`,
          consumes: ['*/*'],
          body: Type.Unsafe<Buffer | undefined>({
            type: 'string',
            format: 'binary',
            description: 'The payload'
          })
        }
      },
      async (request, reply) => {
        const payload = request.body
        if (!payload?.length) {
          const detail = 'An empty retained message is none: use DELETE to clear it' // [MQTT-3.3.1-6]
          throw new Problem('invalid_value', detail, [{ pointer: '', detail }])
        }
        return publish(addressing, request, reply, {
          payload,
          properties: toProperties(request.headers['content-type'])
        })
      }
    )

    app.delete(
      `${path}/retained`,
      {
        schema: {
          ...schema,
          operationId: `clearRetained${suffix}`,
          summary: `Clears a topic's retained message, topic ${by}`,
          description: `Publishes an empty retained message. ${conditionsNote}`
        }
      },
      async (request, reply) =>
        publish(addressing, request, reply, { payload: Buffer.alloc(0), properties: null })
    )
  }
}

/** A client that says nothing says octet-stream, or, curl among them, form. */
const saysNothing = /^application\/(octet-stream|x-www-form-urlencoded)$/i

const toProperties = (contentType: string | undefined): MessageProperties | null =>
  contentType === undefined || saysNothing.test(contentType) ? null : { contentType }
