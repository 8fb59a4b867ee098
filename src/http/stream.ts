/** GET stream: events as they are committed, as Server-Sent Events (HTML Living Standard, section 9.2). */

import { Type } from 'typebox'
import { checkNotOver, overProblem, withEnd } from '../access/ended.ts'
import { Problem } from '../errors.ts'
import { createFollow } from '../feed/follow.ts'
import type { Limits } from '../limits.ts'
import type { EventType } from '../views.ts'
import { eventKinds } from '../views.ts'
import { refusalsOfV1 } from './answers.ts'
import { streamExample } from './examples.ts'
import { StalledError } from './paced-writer.ts'
import { checkFilters, filterQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { strict, word } from './schemas.ts'
import { hijackWithHeaders } from './security-headers.ts'
import { openStreamOutput } from './stream-output.ts'

const types = Object.keys(eventKinds) as EventType[]
const typesDefault: EventType[] = ['message', 'gap']

const optionalText = (description: string, example: string) =>
  Type.Optional(Type.String({ description, examples: [example] }))

const streamQuery = (limits: Limits) =>
  strict({
    ...filterQuery,
    types: Type.Optional(
      Type.Array(word(types), {
        description: `Types of events, default ${typesDefault.join(', ')}`,
        examples: [['message', 'state']]
      })
    ),
    after: optionalText(
      'A cursor, or `earliest` for all that is kept. Absent: from now on, or from a snapshot',
      'earliest'
    ),
    snapshot: Type.Optional(
      Type.Boolean({
        description:
          'Begins with the current state of every matching topic, as events of type `state`; the first `progress` ' +
          'tells that it is complete. With `after`, the stream goes on from there instead'
      })
    ),
    where: optionalText(
      'Only events whose message, state, datapoint, change of presence or command satisfies it',
      'gt(payload/temperature,21.5)'
    ),
    device: optionalText('Only datapoints and changes of presence of this device', 'press-3'),
    metric: optionalText('Only datapoints of metrics with this name', 'temperature'),
    mode: Type.Optional(
      word(
        ['all', 'latest'],
        'all: every event. latest: while the reader is not ready, only the newest message and state of each topic, ' +
          'datapoint of each metric, presence of each device and transition of each command wait; `skippedCount` ' +
          'tells how many of the same were left out. Default all'
      )
    ),
    maxRate: Type.Optional(
      Type.Number({
        minimum: limits.streamRateMin,
        maximum: limits.streamRateMax,
        description: 'With mode latest: events per second of each topic, metric, device or command, at most',
        examples: [2]
      })
    ),
    ticket: Type.Optional(
      Type.String({ description: 'Of `POST /v1/stream/tickets`: stands for `Authorization`' })
    )
  })

export async function streamRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, events, limits, stats, closing } = parts
  const follow = createFollow({
    events,
    cursors: store.cursors,
    head: () => store.journal.head(),
    limits,
    pointer: ''
  })

  app.get(
    '/stream',
    {
      exposeHeadRoute: false,
      config: { takesTickets: true },
      schema: {
        operationId: 'stream',
        summary: 'Follows messages, states, datapoints, presence, commands and gaps',
        description:
          'Server-Sent Events: `event` is the type, `id` the cursor, `data` the event as JSON. A client that connects ' +
          'again with `Last-Event-ID` misses nothing and gets nothing twice. `skipped` tells what retention took ' +
          'before it could be sent; `progress` carries only a cursor. A datapoint that a redrive found, or changed, ' +
          'comes when it was found; its `seq` and `n` are those of its message. A reader that takes nothing for ' +
          `${limits.streamStalledMsMax / 1_000} seconds is disconnected, and may go on from its last \`id\`. ` +
          'When the key or token is over, `problem` says so, without an `id`, and the stream ends: open another one with a ' +
          'newer key or token and the last `id`.',
        tags: ['Streams'],
        security: [{ key: [] }, { ticket: [] }, {}],
        querystring: streamQuery(limits),
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
            'query_too_complex',
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
      const { access, query, headers } = request
      const { filter, types: asked = typesDefault, ticket: _, ...rest } = query
      const ask = {
        ...rest,
        filters: checkFilters(filter, limits),
        types: asked,
        after: (headers['last-event-id'] as string | undefined) || query.after
      }
      if (stats.streams >= limits.streamsMax) {
        throw new Problem(
          'too_many_requests',
          `${limits.streamsMax} streams are open, and no more are allowed`
        )
      }
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const signal = withEnd(access, gone.signal, closing)
      let over = (): void => {}
      stats.streams++
      try {
        const following = await follow(access, ask)
        checkNotOver(access)
        hijackWithHeaders(reply)
        const output = openStreamOutput(reply.raw, limits, signal)
        // At once, whatever the stream waits for
        over = () => output.refuse(overProblem())
        access.ended?.addEventListener('abort', over, { once: true })
        for await (const page of following(signal)) await output.send(page)
      } catch (error) {
        if (!reply.sent) throw error
        if (error instanceof StalledError) reply.raw.destroy()
        else if (!signal.aborted) request.log.warn({ err: error }, 'A stream ended; its client will resume')
      } finally {
        stats.streams--
        access.ended?.removeEventListener('abort', over)
        if (reply.sent) reply.raw.end()
      }
    }
  )
}
