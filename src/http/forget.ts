/** DELETE a device or a topic: everything that is kept of it. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Forgotten } from '../projection/projections.ts'
import { addressSchema, createAddressings } from './addressings.ts'
import { header, json, refusalsOfV1 } from './answers.ts'
import { deviceAddressSchema, deviceAddressings } from './device-addressings.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref } from './schemas.ts'

const response = {
  200: json('What was deleted', ref('Forgotten'), header.rialtoCursor),
  ...refusalsOfV1('forbidden', 'not_found', 'not_leading')
}
const note = 'It cannot be taken back, and stands in the audit with who asked.'

export async function forgetRoutes(app: Routes, { store, projections }: RouteParts): Promise<void> {
  async function forget(
    { access }: FastifyRequest,
    reply: FastifyReply,
    subject: { device: string } | { topic: string }
  ): Promise<Forgotten> {
    const { messages, datapoints, devices, topics } = await projections.forget(access, subject)
    void reply.header('rialto-cursor', store.cursors.encode((await store.journal.head()).seq))
    return { messages, datapoints, devices, topics }
  }

  for (const addressing of deviceAddressings) {
    const { path, suffix, by } = addressing
    app.delete(
      path,
      {
        config: { administers: true },
        schema: {
          operationId: `forgetDevice${suffix}`,
          summary: `Deletes a device with all its data, ${by}`,
          description: `Its metrics, its datapoints and the messages they came from; of a topic that is its alone, everything. A message from it makes it anew. ${note}`,
          tags: ['Devices'],
          ...deviceAddressSchema(addressing),
          response
        }
      },
      async (request, reply) => forget(request, reply, { device: addressing.name(request) })
    )
  }

  for (const addressing of createAddressings(store.states)) {
    const { path, suffix, by } = addressing
    app.delete(
      path,
      {
        config: { administers: true },
        schema: {
          operationId: `forgetTopic${suffix}`,
          summary: `Deletes a topic with all its messages, ${by}`,
          description: `Its state, messages, datapoints and rejections. What the broker retains stays there: clear it first, or it comes back. ${note}`,
          tags: ['Topics'],
          ...addressSchema(addressing),
          response
        }
      },
      async (request, reply) => forget(request, reply, { topic: await addressing.name(request) })
    )
  }
}
