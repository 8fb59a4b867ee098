/** POST commands/{id}/retry: a new command with what the client said of the first one. */

import { Type } from 'typebox'
import { isFinal } from '../commands/lifecycle.ts'
import { toRetry } from '../commands/retry.ts'
import { header, json, noQuery, refusalsOfV1 } from './answers.ts'
import type { RouteParts, Routes } from './parts.ts'
import { preferHeader, readPrefer } from './prefer.ts'
import { ref } from './schemas.ts'
import { commandParams, idempotencyHeader, submit } from './submit.ts'

const headers = { ...header.location, ...header.rialtoCursor, ...header.preferenceApplied }

export async function retryCommandRoutes(app: Routes, parts: RouteParts): Promise<void> {
  app.post(
    '/commands/:id/retry',
    {
      schema: {
        operationId: 'retryCommand',
        summary: 'Sends a final command once more, as a new one',
        description:
          'The new command has `retryOf`, and an `id` of its own; the first one stays what it became. It has the terms of ' +
          'the first one, is published at once, and expires as long from now as the first one did from its acceptance. One to ' +
          'a device is addressed anew, by the mappings of now. Conditions hold for it, too. With an Idempotency-Key it is ' +
          'sent once, however often the request is repeated.',
        tags: ['Commands'],
        params: commandParams,
        querystring: noQuery,
        headers: Type.Object({ ...idempotencyHeader(parts.limits), ...preferHeader }),
        response: {
          200: json('With Prefer: the outcome', ref('Command'), headers),
          202: json('Accepted', ref('Command'), headers),
          ...refusalsOfV1(
            'not_found',
            'not_retryable',
            'forbidden',
            'precondition_failed',
            'payload_too_large',
            'invalid_topic',
            'invalid_filter',
            'query_too_complex',
            'idempotency_mismatch',
            'too_many_requests'
          )
        }
      }
    },
    async (request, reply) => {
      const { access, headers, params } = request
      return submit(parts, request, reply, {
        command: () => toRetry(parts, access, params.id),
        idempotencyKey: headers['idempotency-key'] ?? null,
        body: `retry:${params.id}`,
        preference: readPrefer(headers.prefer, parts.limits.waitSecondsMax),
        waitSecondsDefault: 0,
        isDone: isFinal
      })
    }
  )
}
