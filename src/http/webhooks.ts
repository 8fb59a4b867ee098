/** Webhooks: made, looked at, changed, tried, and deleted. Sending is webhooks/runner.ts. */

import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { WebhookChangeAsk, WebhookCreateAsk } from '../webhooks/webhooks.ts'
import { empty, header, json, noQuery, refusalsOfV1 } from './answers.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref } from './schemas.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'
import { webhookBodies } from './webhook-schemas.ts'

const tags = ['Webhooks']
const params = Type.Object({ id: Type.String({ description: '`id` of a Webhook' }) })
const location = {
  Location: Type.String({ format: 'uri-reference', description: 'Where the webhook is' })
}
const bodyRefusals = ['malformed_json', 'payload_too_large', 'unsupported_media_type'] as const
const settingRefusals = [
  ...bodyRefusals,
  'invalid_filter',
  'query_too_complex',
  'cursor_invalid',
  'cursor_kind',
  'cursor_ahead',
  'cursor_expired'
] as const

export async function webhookRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, webhooks, limits, closing } = parts
  const bodies = webhookBodies(limits)
  const checkCreate = createCheck(bodies.create)
  const checkChange = createCheck(bodies.change)

  /** What is written is no fact, so the head is behind it. */
  async function tellCursor(reply: FastifyReply): Promise<void> {
    void reply.header('rialto-cursor', store.cursors.encode((await store.journal.head()).seq))
  }

  app.get(
    '/webhooks',
    {
      schema: {
        operationId: 'listWebhooks',
        summary: 'All webhooks, and how far they are',
        description: `At most ${limits.webhooksMax}, so in one piece. Secrets are not shown.`,
        tags,
        querystring: noQuery,
        response: { 200: json('The webhooks', ref('WebhookList')), ...refusalsOfV1() }
      }
    },
    async ({ access }) => ({ items: await webhooks.list(access) })
  )

  app.post(
    '/webhooks',
    {
      validatorCompiler: bodyIsReadByRoute,
      schema: {
        operationId: 'createWebhook',
        summary: 'Sends events to a URL',
        description:
          'In order, and again until the receiver takes them; docs/webhooks.md says how to verify the signature. What a stream ' +
          'with the same types, filters and `where` tells is sent. The secret is in this answer and in no later one.',
        tags,
        querystring: noQuery,
        body: bodies.create,
        response: {
          201: json('The webhook, with its secret', ref('WebhookWithSecret'), {
            ...location,
            ...header.rialtoCursor
          }),
          ...refusalsOfV1(...settingRefusals, 'forbidden', 'too_many_webhooks')
        }
      }
    },
    async ({ access, body }, reply) => {
      const webhook = await webhooks.create(access, checkCreate(body) as WebhookCreateAsk)
      await tellCursor(reply)
      return reply
        .code(201)
        .header('location', `/v1/webhooks/${webhook.id}`)
        .header('cache-control', 'no-store')
        .send(webhook)
    }
  )

  app.get(
    '/webhooks/:id',
    {
      schema: {
        operationId: 'getWebhook',
        summary: 'A webhook, and how far it is',
        description: 'Its cursor, what failed last, and when it is tried again. The secret is not shown.',
        tags,
        params,
        querystring: noQuery,
        response: { 200: json('The webhook', ref('Webhook')), ...refusalsOfV1('not_found') }
      }
    },
    async ({ access, params: { id } }) => webhooks.get(access, id)
  )

  app.patch(
    '/webhooks/:id',
    {
      validatorCompiler: bodyIsReadByRoute,
      schema: {
        operationId: 'updateWebhook',
        summary: 'Changes a webhook',
        description:
          'What is absent stays; null is the default. What failed is tried again at once. With other types, filters or another ' +
          '`where`, what was being sent is sent anew, and has another id.',
        tags,
        params,
        querystring: noQuery,
        body: bodies.change,
        response: {
          200: json('The webhook', ref('Webhook'), header.rialtoCursor),
          ...refusalsOfV1('not_found', ...settingRefusals)
        }
      }
    },
    async ({ access, body, params: { id } }, reply) => {
      const webhook = await webhooks.change(access, id, checkChange(body) as WebhookChangeAsk)
      await tellCursor(reply)
      return webhook
    }
  )

  app.delete(
    '/webhooks/:id',
    {
      schema: {
        operationId: 'deleteWebhook',
        summary: 'Sends nothing more',
        description: 'A request that is under way may still arrive.',
        tags,
        params,
        querystring: noQuery,
        response: { 204: empty('It is gone'), ...refusalsOfV1('not_found') }
      }
    },
    async ({ access, params: { id } }, reply) => {
      await webhooks.remove(access, id)
      await tellCursor(reply)
      return reply.code(204).send()
    }
  )

  app.post(
    '/webhooks/:id/rotate',
    {
      schema: {
        operationId: 'rotateWebhookSecret',
        summary: 'Gives a webhook another secret',
        description:
          `Both sign for ${limits.webhookSecretOverlapSeconds / 3_600} hours; the one before ends at once when it is rotated ` +
          'again. The new secret is in this answer and in no later one.',
        tags,
        params,
        querystring: noQuery,
        response: {
          200: json('The webhook, with its new secret', ref('WebhookWithSecret'), header.rialtoCursor),
          ...refusalsOfV1('not_found')
        }
      }
    },
    async ({ access, params: { id } }, reply) => {
      const webhook = await webhooks.rotate(access, id)
      await tellCursor(reply)
      return reply.header('cache-control', 'no-store').send(webhook)
    }
  )

  app.post(
    '/webhooks/:id/ping',
    {
      schema: {
        operationId: 'pingWebhook',
        summary: 'Sends a request without events, and tells what became of it',
        description:
          'Its `type` is `rialto.ping`. It is sent once and now, whatever the state of the webhook is, and changes nothing.',
        tags,
        params,
        querystring: noQuery,
        response: {
          200: json('What became of it', ref('WebhookPing')),
          ...refusalsOfV1('not_found')
        }
      }
    },
    async ({ access, params: { id } }) => webhooks.ping(access, id, closing)
  )
}
