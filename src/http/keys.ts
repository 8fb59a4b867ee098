/** API keys: made, looked at, changed, given another text, and revoked. Only for who administers. */

import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { KeyChangeAsk, KeyCreateAsk } from '../access/key-ask.ts'
import { toKeyView } from '../access/key-view.ts'
import { mustManageKeys } from '../key.ts'
import { empty, header, json, noQuery, refusalsOfV1 } from './answers.ts'
import { keyBodies } from './key-schemas.ts'
import { createPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref, strict } from './schemas.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'

const tags = ['Access']
const params = Type.Object({ id: Type.String({ description: '`id` of a Key' }) })
const location = { Location: Type.String({ format: 'uri-reference', description: 'Where the key is' }) }
const bodyRefusals = ['forbidden', 'malformed_json', 'payload_too_large', 'unsupported_media_type'] as const
const soon = 'Within a second, on every instance, it holds also for who is in already.'

export async function keyRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, keys, limits } = parts
  const bodies = keyBodies(limits)
  const [checkCreate, checkChange, checkRotate] = [bodies.create, bodies.change, bodies.rotate].map((body) =>
    createCheck(body)
  ) as [(body: unknown) => unknown, (body: unknown) => unknown, (body: unknown) => unknown]
  const paging = createPaging(store)
  // Before the body is looked at: who may not ask is told so, whatever it is
  app.addHook('onRequest', async ({ access }) => mustManageKeys(access))

  /** What is written is no fact, so the head is behind it. */
  async function tellCursor(reply: FastifyReply): Promise<void> {
    void reply.header('rialto-cursor', store.cursors.encode((await store.journal.head()).seq))
  }

  app.get(
    '/keys',
    {
      config: { administers: true },
      schema: {
        operationId: 'listKeys',
        summary: 'API keys',
        description:
          'Also those that were revoked or have expired, for ' +
          `${limits.keyKeptAfterEndSeconds / 86_400} days. Newest first unless \`order\` says otherwise.`,
        tags,
        querystring: strict(pageQuery(limits, 'desc')),
        response: {
          200: json('A page of keys', ref('KeyPage')),
          ...refusalsOfV1('forbidden', 'cursor_invalid', 'cursor_kind', 'page_too_large')
        }
      }
    },
    async ({ access, query }, reply) => {
      const { limit = limits.pageItemsDefault, order = 'desc', page: token } = query
      const list = ['keys', order]
      const { until, after } = await paging.open(list, token)
      const { items, next } = await keys.page(access, { after, limit, order })
      return paging.close({ list, until, items, next, limit, toView: (key) => toKeyView(key) }).send(reply)
    }
  )

  app.post(
    '/keys',
    {
      validatorCompiler: bodyIsReadByRoute,
      config: { administers: true },
      schema: {
        operationId: 'createKey',
        summary: 'Makes an API key',
        description:
          'The key is in this answer and in no later one: only a digest of it is kept. It is good at once, on every instance.',
        tags,
        querystring: noQuery,
        body: bodies.create,
        response: {
          201: json('The key', ref('KeyWithText'), { ...location, ...header.rialtoCursor }),
          ...refusalsOfV1(...bodyRefusals, 'too_many_keys')
        }
      }
    },
    async ({ access, body }, reply) => {
      const { key, text } = await keys.create(access, checkCreate(body) as KeyCreateAsk)
      await tellCursor(reply)
      return reply
        .code(201)
        .header('location', `/v1/keys/${key.id}`)
        .header('cache-control', 'no-store')
        .send({ ...toKeyView(key), key: text })
    }
  )

  app.get(
    '/keys/:id',
    {
      config: { administers: true },
      schema: {
        operationId: 'getKey',
        summary: 'An API key',
        description: 'What it may, how long, and when it was last used. Its text is not shown.',
        tags,
        params,
        querystring: noQuery,
        response: { 200: json('The key', ref('Key')), ...refusalsOfV1('forbidden', 'not_found') }
      }
    },
    async ({ access, params: { id } }) => toKeyView(await keys.get(access, id))
  )

  app.patch(
    '/keys/:id',
    {
      validatorCompiler: bodyIsReadByRoute,
      config: { administers: true },
      schema: {
        operationId: 'changeKey',
        summary: 'Changes what an API key may, or how long',
        description: `What is absent stays. ${soon}`,
        tags,
        params,
        querystring: noQuery,
        body: bodies.change,
        response: {
          200: json('The key', ref('Key'), header.rialtoCursor),
          ...refusalsOfV1(...bodyRefusals, 'not_found', 'key_revoked')
        }
      }
    },
    async ({ access, body, params: { id } }, reply) => {
      const key = await keys.change(access, id, checkChange(body) as KeyChangeAsk)
      await tellCursor(reply)
      return toKeyView(key)
    }
  )

  app.post(
    '/keys/:id/rotate',
    {
      validatorCompiler: bodyIsReadByRoute,
      config: { administers: true },
      schema: {
        operationId: 'rotateKey',
        summary: 'Gives an API key another text',
        description:
          'Its id and what it may stay. The text before is good for `overlapSeconds` more, and that before it ends; then, ' +
          'within a second, what runs by it ends, too. The new text is in this answer and in no later one. The body may be left out.',
        tags,
        params,
        querystring: noQuery,
        body: bodies.rotate,
        response: {
          200: json('The key, with its new text', ref('KeyWithText'), header.rialtoCursor),
          ...refusalsOfV1(...bodyRefusals, 'not_found', 'key_revoked')
        }
      }
    },
    async ({ access, body, params: { id } }, reply) => {
      const { overlapSeconds = 0 } = checkRotate(body ?? {}) as { overlapSeconds?: number }
      const { key, text } = await keys.rotate(access, id, overlapSeconds)
      await tellCursor(reply)
      return reply.header('cache-control', 'no-store').send({ ...toKeyView(key), key: text })
    }
  )

  app.delete(
    '/keys/:id',
    {
      config: { administers: true },
      schema: {
        operationId: 'revokeKey',
        summary: 'Revokes an API key, for ever',
        description: `${soon} What runs by it ends.`,
        tags,
        params,
        querystring: noQuery,
        response: { 204: empty('It is revoked'), ...refusalsOfV1('forbidden', 'not_found') }
      }
    },
    async ({ access, params: { id } }, reply) => {
      await keys.revoke(access, id)
      await tellCursor(reply)
      return reply.code(204).send()
    }
  )
}
