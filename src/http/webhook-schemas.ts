/** The shapes of webhooks, named as in openapi.yaml. */

import { Type } from 'typebox'
import type { TProperties, TSchema } from 'typebox'
import type { Limits } from '../limits.ts'
import { webhookTypes } from '../webhooks/settings.ts'
import { named, nullable, ref, strict, text, time, word } from './schemas.ts'

const count = (description: string): TSchema => Type.Integer({ minimum: 0, description })
const about = {
  url: 'Where it is sent: https, without user and password, at a public address, unless RIALTO_WEBHOOKS_PRIVATE is true',
  description: 'For people',
  types: 'Types of events that are sent',
  filters: 'Topic filters, of which one must match; none: every topic',
  where:
    'What must hold of the message, datapoint, change of presence or command, as of streams; null: nothing',
  finalOnly: 'Of commands, only what became of them: events that are `final`',
  state:
    'disabled: the receiver said 410, or who made it is not known any more. Whatever it is, it goes on from its cursor'
}

const webhookFields: TProperties = {
  id: Type.String({ format: 'uuid' }),
  url: Type.String({ format: 'uri', description: about.url }),
  description: text(about.description),
  types: Type.Array(word(webhookTypes), { description: about.types }),
  filters: Type.Array(Type.String(), { description: about.filters }),
  where: nullable(text(about.where)),
  finalOnly: Type.Boolean({ description: about.finalOnly }),
  state: word(['active', 'paused', 'disabled'], about.state),
  reason: nullable(text('Why it is disabled')),
  cursor: text('Everything up to here was delivered, or is not wanted'),
  lag: count(
    'Positions of the journal behind the cursor; of a webhook that is sent nothing, up to some seconds'
  ),
  attempts: count('Requests that failed since the last one that was taken'),
  nextAttemptAt: nullable(time('When it is tried again; null: nothing failed last')),
  lastError: nullable(text('Why the last request failed that did')),
  lastErrorAt: nullable(time('When it failed')),
  lastDeliveredAt: nullable(time('When a request was last taken')),
  previousSecretUntil: nullable(time('Up to then, the secret before the last rotation signs, too')),
  principal: text('Who made it: it is sent what they may read'),
  createdAt: time('When it was made'),
  updatedAt: time('When a client last changed it')
}

const secret = text('Signs what is sent (Standard Webhooks). It is not shown again')

export const webhookSchemas = [
  named('Webhook', 'A URL that events are sent to, and how far it is.', webhookFields),
  named('WebhookWithSecret', 'A webhook that was made, or got another secret.', { ...webhookFields, secret }),
  named('WebhookList', 'All webhooks of whoever asks, oldest first.', { items: Type.Array(ref('Webhook')) }),
  named('WebhookPing', 'What became of a request without events.', {
    delivered: Type.Boolean({ description: 'The receiver took it: its status was 200 to 299' }),
    status: nullable(Type.Integer({ description: 'Status of the answer; null: there was none' })),
    error: nullable(text('Why it was not taken')),
    ms: count('How long it took, in milliseconds')
  })
]

/** Of requests: of what is more than a shape, webhooks tell what is wrong. */
export function webhookBodies(limits: Pick<Limits, 'filtersMax'>) {
  const url = Type.String({ description: about.url, examples: ['https://example.com/hooks/rialto'] })
  const orNull = <Schema extends TSchema>(schema: Schema, description: string) =>
    Type.Optional(Type.Union([schema, Type.Null()], { description }))
  const settings = {
    description: orNull(Type.String(), about.description),
    types: orNull(
      Type.Array(word(webhookTypes), { maxItems: webhookTypes.length }),
      `${about.types}; default command`
    ),
    filters: orNull(Type.Array(Type.String(), { maxItems: limits.filtersMax }), about.filters),
    where: orNull(Type.String(), about.where),
    finalOnly: orNull(Type.Boolean(), `${about.finalOnly}; default true`)
  }
  return {
    create: strict({
      url,
      ...settings,
      after: orNull(
        Type.String(),
        'A cursor, or `earliest` for all that is kept: where it begins. Absent: from now on'
      )
    }),
    change: strict({
      url: Type.Optional(url),
      ...settings,
      state: Type.Optional(word(['active', 'paused'], 'active goes on, also from disabled')),
      after: orNull(Type.String(), 'A cursor, or `earliest`: where it goes on. Absent: where it is')
    })
  }
}
