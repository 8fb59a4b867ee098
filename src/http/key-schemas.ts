/** The shapes of API keys, named as in openapi.yaml. */

import { Type } from 'typebox'
import type { TProperties, TSchema } from 'typebox'
import { roles } from '../grant.ts'
import { keyStates } from '../key.ts'
import type { Limits } from '../limits.ts'
import { named, nullable, page, ref, strict, text, time, word } from './schemas.ts'

const about = {
  name: 'For people; names may repeat',
  grants: 'What it may; none: nothing. Grants only add',
  tenant: 'All that it may is limited to topics that begin with this and a slash; null: it is not',
  expiresAt: 'When it ends; null: never'
}

const grantFields = (limits: Pick<Limits, 'nameBytesMax'>) => ({
  role: word(
    roles,
    'read; command: to send commands and retained messages; admin: both everywhere, and to change how the service works'
  ),
  topic: Type.Optional(
    Type.String({ description: 'A topic filter: what it matches', examples: ['plant/#'] })
  ),
  device: Type.Optional(
    Type.String({ description: `Name of a device, at most ${limits.nameBytesMax} bytes` })
  )
})

const keyFields: TProperties = {
  id: text('12 letters and digits, which stand in the key, too: `rialto_<id>_…`'),
  name: text(about.name),
  grants: Type.Array(ref('Grant'), { description: about.grants }),
  tenant: nullable(text(about.tenant)),
  state: word(keyStates, 'revoked: for ever'),
  createdBy: text('Who made it'),
  createdAt: time('When it was made'),
  updatedAt: time('When it was last changed'),
  expiresAt: nullable(time(about.expiresAt)),
  rotatedAt: nullable(time('When it last got another text')),
  previousUntil: nullable(time('Up to then, the text before is good, too; null: it is not')),
  revokedAt: nullable(time('When it was revoked')),
  lastUsedAt: nullable(time('When somebody last came with it, to a minute; null: nobody did'))
}

const key = text('The key, as it is sent: `Authorization: Bearer <key>`. It is not shown again')

export const keySchemas = (limits: Pick<Limits, 'nameBytesMax'>): TSchema[] => [
  named(
    'Grant',
    'A role, for the topics that a filter matches, or for a device; admin is for everything.',
    grantFields(limits)
  ),
  named('Key', 'An API key, without its text, of which only a digest is kept.', keyFields),
  named('KeyWithText', 'An API key that was made, or got another text.', { ...keyFields, key }),
  page('KeyPage', 'Key', 'API keys, and the newest position when the first page was read.')
]

/** Of requests: of what is more than a shape, access/key-ask.ts tells what is wrong. */
export function keyBodies(limits: Limits) {
  const name = Type.String({ description: about.name })
  const grants = Type.Array(strict(grantFields(limits)), {
    maxItems: limits.grantsMax,
    description: about.grants
  })
  const settings = {
    tenant: Type.Optional(Type.Union([Type.String(), Type.Null()], { description: about.tenant })),
    expiresAt: Type.Optional(
      Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description: about.expiresAt })
    ),
    expiresInSeconds: Type.Optional(
      Type.Union([Type.Integer(), Type.Null()], {
        description: `Instead of expiresAt: from now on, 1 to ${limits.keySecondsMax}`
      })
    )
  }
  return {
    create: strict({ name, grants, ...settings }),
    change: strict({ name: Type.Optional(name), grants: Type.Optional(grants), ...settings }),
    rotate: strict({
      overlapSeconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: limits.keyOverlapSecondsMax,
          description: 'How long the text before is good, too. Default 0: it ends now'
        })
      )
    })
  }
}
