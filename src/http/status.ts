/** GET status: what the service knows of itself. */

import { Type } from 'typebox'
import type { TSchema } from 'typebox'
import type { Access } from '../model.ts'
import { mayReadFact } from '../visibility.ts'
import { toGapView, toSeq, toTime } from '../views.ts'
import { json, noQuery, refusals } from './answers.ts'
import type { HttpParts, RouteParts, Routes } from './parts.ts'
import { nullable, ref } from './schemas.ts'
import { within } from './within.ts'

const count = (description: string): TSchema => Type.Integer({ minimum: 0, description })

const tlsFault = nullable(
  Type.String({ description: 'Where no TLS could be agreed on: such as certificate_expired (docs/tls.md)' })
)

const statusSchema = Type.Object({
  version: Type.String(),
  schemaVersion: Type.String({ description: 'Newest migration of the database that this version has' }),
  startedAt: Type.String({ format: 'date-time' }),
  instanceId: Type.String({ format: 'uuid' }),
  leading: Type.Boolean({ description: 'Whether this instance receives from the broker' }),
  mqtt: Type.Object({
    state: Type.String({ description: 'connecting, connected or stopped' }),
    since: Type.String({ format: 'date-time' }),
    version: nullable(Type.String({ description: 'Of the protocol: 5 or 3.1.1' })),
    lastError: nullable(Type.String()),
    lastErrorCode: tlsFault,
    refusedFilters: Type.Array(Type.String(), { description: 'Filters that the broker refused' }),
    sessionExpirySeconds: nullable(
      Type.Integer({
        minimum: 0,
        description: 'How long the broker keeps our session while we are away; null: not known (MQTT 3.1.1)'
      })
    ),
    takenOver: Type.Boolean({ description: 'Another client seems to use our client id' }),
    snapshot: Type.Object(
      {
        state: Type.String({
          description:
            'unread, reading, known, or incomplete: then what the broker did not send may still be there'
        }),
        at: nullable(Type.String({ format: 'date-time', description: 'When the broker was asked last' })),
        reason: nullable(Type.String({ description: 'Why it is incomplete' }))
      },
      { description: 'How far it is known what the broker retains' }
    ),
    publisherConnected: Type.Boolean({ description: 'Whether commands can leave' })
  }),
  sparkplugHost: nullable(
    Type.Object(
      {
        hostId: Type.String({ description: 'By which edge nodes know it: RIALTO_SPARKPLUG_HOST' }),
        state: Type.String({ description: 'connecting, connected (STATE says online) or stopped' }),
        since: Type.String({ format: 'date-time' }),
        version: nullable(Type.String({ description: 'Of the protocol: 5 or 3.1.1' })),
        lastError: nullable(Type.String()),
        lastErrorCode: tlsFault,
        refusedFilters: Type.Array(Type.String(), { description: 'Filters that the broker refused' })
      },
      {
        description:
          'The second session, of a Sparkplug host application; null: RIALTO_SPARKPLUG_HOST is not set'
      }
    )
  ),
  projection: nullable(
    Type.Object(
      {
        id: Type.String({ description: '`id` of a Projection' }),
        doneSeq: Type.String({ description: 'Newest position that is normalized' }),
        lag: count('Facts that wait'),
        mappingHash: Type.String({ description: '`hash` of the mappings that are in use' }),
        building: nullable(
          Type.Object(
            {
              id: Type.String({ description: '`id` of a Projection' }),
              progress: Type.Number({ minimum: 0, maximum: 1 })
            },
            { description: 'The one that will replace it; null: none' }
          )
        )
      },
      {
        description:
          'What is normalized to devices, metrics and datapoints; null where another instance does it'
      }
    )
  ),
  certificate: nullable(
    Type.Object(
      {
        validFrom: Type.String({ format: 'date-time' }),
        validTo: Type.String({ format: 'date-time' }),
        readAt: Type.String({ format: 'date-time', description: 'When it was read from its files' }),
        fault: nullable(Type.String({ description: 'Why what is in the files now is not used' }))
      },
      { description: 'What HTTPS shows; null: HTTP without TLS' }
    )
  ),
  embedded: Type.Object({ postgres: Type.Boolean(), broker: Type.Boolean() }),
  database: Type.Object({
    healthy: Type.Boolean({ description: 'Whether it takes appends' }),
    schemaVersion: nullable(
      Type.String({
        description:
          'Its newest migration: that of a newer version while instances are upgraded, or null while it does not answer'
      })
    )
  }),
  journal: nullable(
    Type.Object(
      {
        seq: Type.String({ description: 'Newest position' }),
        at: Type.String({ format: 'date-time', description: 'When that was committed' }),
        horizon: Type.String({ description: 'Oldest position that is no longer kept' }),
        cursor: Type.String({ description: 'The newest position, to stream from' })
      },
      { description: 'null while the database does not answer' }
    )
  ),
  messages: Type.Object(
    {
      received: count('Taken from the broker'),
      stored: count('Committed'),
      duplicates: count('Recognised as redelivered'),
      confirmed: count('Found by a snapshot as they were here already'),
      leftToOther: count('Acknowledged, and stored by the other session: that of the Sparkplug host'),
      held: count('Not yet committed'),
      abandoned: count('Their connection ended before the commit; the broker sends QoS 1 and 2 again'),
      abandonedQos0: count('Those of QoS 0: lost')
    },
    {
      description:
        'Since the start: received = stored + duplicates + confirmed + leftToOther + held + abandoned'
    }
  ),
  lastGap: nullable(ref('Gap')),
  commandsOpen: nullable(count('Accepted and not final; null while the database does not answer')),
  streams: count('Open streams')
})

export async function statusRoutes(app: Routes, parts: RouteParts): Promise<void> {
  app.get(
    '/status',
    {
      schema: {
        operationId: 'getStatus',
        summary: 'State of the service',
        description: 'Answers also while the broker or the database is away.',
        tags: ['Service'],
        querystring: noQuery,
        response: {
          200: json('The state', statusSchema),
          ...refusals('malformed_request', 'unauthenticated', 'unknown_field')
        }
      }
    },
    async ({ access }) => readStatus(access, parts)
  )
}

async function readStatus(access: Access, { store, stats, status }: HttpParts): Promise<object> {
  const [head, gap, commandsOpen, schemaVersion] = await Promise.all([
    within(store.journal.head()).catch(() => null),
    within(store.journal.lastGap()).catch(() => null),
    within(store.commands.countOpen()).catch(() => null),
    within(store.schema.newest()).catch(() => null)
  ])
  const { received, stored, duplicates, confirmed, leftToOther, held, abandoned, abandonedQos0, streams } =
    stats
  return {
    ...status(),
    database: { healthy: head !== null && store.healthy(), schemaVersion },
    journal: head && {
      seq: toSeq(head.seq),
      at: toTime(head.at),
      horizon: toSeq(head.horizon),
      cursor: store.cursors.encode(head.seq)
    },
    messages: { received, stored, duplicates, confirmed, leftToOther, held, abandoned, abandonedQos0 },
    lastGap: gap !== null && mayReadFact(access, gap) ? toGapView(gap) : null,
    commandsOpen,
    streams
  }
}
