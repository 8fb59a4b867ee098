/** GET stream: events as they are committed, as Server-Sent Events (HTML Living Standard, section 9.2). */

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import type { EventsAsk } from '../feed/events.ts'
import type { EventType, StreamEvent } from '../views.ts'
import { eventKinds } from '../views.ts'
import { refusalsOfV1 } from './answers.ts'
import { streamExample } from './examples.ts'
import { checkFilters, filterQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { strict, word } from './schemas.ts'

const types = Object.keys(eventKinds) as EventType[]
const typesDefault: EventType[] = ['message', 'gap']

const query = strict({
  ...filterQuery,
  types: Type.Optional(
    Type.Array(word(types), {
      description: `Types of events, default ${typesDefault.join(', ')}`,
      examples: [['message', 'state']]
    })
  ),
  mode: Type.Optional(word(['all'], 'all: every event')),
  after: Type.Optional(
    Type.String({
      description: 'A cursor, or `earliest` for all that is kept. Absent: from now on',
      examples: ['earliest']
    })
  )
})

export async function streamRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, events, limits, stats, closing } = parts

  async function positionOf(after: string | undefined): Promise<EventsAsk['after']> {
    const head = await store.journal.head()
    if (after === undefined) return { seq: head.seq, part: 0 }
    return after === 'earliest' ? { seq: head.horizon, part: 0 } : store.cursors.decodePosition(after, head)
  }

  app.get(
    '/stream',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'stream',
        summary: 'Follows messages, states, datapoints, presence, commands and gaps',
        description:
          'Server-Sent Events: `event` is the type, `id` the cursor, `data` the event as JSON. A client that connects ' +
          'again with `Last-Event-ID` misses nothing and gets nothing twice. `skipped` tells what retention took ' +
          'before it could be sent; `progress` carries only a cursor. A datapoint that a redrive found, or changed, ' +
          'comes when it was found; its `seq` and `n` are those of its message.',
        tags: ['Streams'],
        querystring: query,
        headers: Type.Object({
          'last-event-id': Type.Optional(
            Type.String({ description: 'The `id` last seen; wins over `after`' })
          )
        }),
        response: {
          200: {
            description: 'Events, until either side ends',
            content: { 'text/event-stream': { schema: Type.String(), example: streamExample } }
          },
          ...refusalsOfV1(
            'invalid_filter',
            'cursor_invalid',
            'cursor_kind',
            'cursor_ahead',
            'cursor_expired',
            'too_many_requests'
          )
        }
      }
    },
    async (request, reply) => {
      const { access, query: asked, headers } = request
      const filters = checkFilters(asked.filter, limits)
      if (stats.streams >= limits.streamsMax) {
        throw new Problem(
          'too_many_requests',
          `${limits.streamsMax} streams are open, and no more are allowed`
        )
      }
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const signal = AbortSignal.any([gone.signal, closing])
      stats.streams++
      try {
        const after = await positionOf((headers['last-event-id'] as string | undefined) || asked.after)
        reply.hijack()
        const send = openStream(reply.raw, limits.heartbeatMs)
        await send({ type: 'progress', cursor: store.cursors.encode(after.seq, after.part) }, signal)
        const ask = { after, filters, types: asked.types ?? typesDefault }
        for await (const page of events.events(access, ask, signal)) {
          for (const event of page) await send(event, signal)
        }
      } catch (error) {
        if (!reply.sent) throw error
        if (!signal.aborted) request.log.warn({ err: error }, 'A stream ended; its client will resume')
      } finally {
        stats.streams--
        if (reply.sent) reply.raw.end()
      }
    }
  )
}

/** Returns what sends an event, and waits for a slow client: while it does not read, nothing more is read for it. */
function openStream(
  out: ServerResponse,
  heartbeatMs: number
): (event: StreamEvent, signal: AbortSignal) => Promise<void> {
  out.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
    // A stream ends when we close: its connection is not to be used again
    connection: 'close'
  })
  out.on('error', () => {}) // 'close' follows, and aborts the request's signal
  let quiet = false
  // A comment, so that proxies do not take silence for death
  const heartbeat = setInterval(() => {
    if (quiet && !out.writableNeedDrain) out.write(':\n\n')
    quiet = true
  }, heartbeatMs)
  out.once('close', () => clearInterval(heartbeat))
  return async (event, signal) => {
    quiet = false
    const more = out.write(`id: ${event.cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    if (!more) await once(out, 'drain', { signal })
  }
}
