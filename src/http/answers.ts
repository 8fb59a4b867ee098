/** How routes describe their answers in openapi.yaml. */

import { Type } from 'typebox'
import type { TProperties, TSchema } from 'typebox'
import type { ProblemCode } from '../errors.ts'
import { problems } from '../errors.ts'
import { ref, strict } from './schemas.ts'

export const header = {
  rialtoCursor: { 'Rialto-Cursor': Type.String({ description: 'A position that includes this write' }) },
  location: { Location: Type.String({ format: 'uri-reference', description: 'Where the command is' }) },
  etag: { ETag: Type.String({ description: '`seq` of the state, in quotes' }) },
  listEtag: {
    ETag: Type.String({
      description: 'Weak: the same as long as the items are, while `cursor` and `next` may differ'
    })
  },
  preferenceApplied: {
    'Preference-Applied': Type.String({ description: 'The preference that was followed (RFC 7240)' })
  }
}

interface Answer {
  description: string
  content: Record<string, { schema: TSchema }>
}

/** An answer with a JSON body. */
export const json = (description: string, schema: TSchema, headers: TProperties = {}) => ({
  description,
  ...(Object.keys(headers).length > 0 && { headers }),
  content: { 'application/json': { schema } }
})

export const bytes = (description: string, type: string, headers: TProperties = {}) => ({
  description,
  headers,
  content: { [type]: { schema: Type.String({ format: 'binary' }) } }
})

/** Bytes of somebody else, with one of the types that payload-headers.ts gives. */
export const payload = (description: string, headers: TProperties) => {
  const { content, ...answer } = bytes(description, 'application/octet-stream', headers)
  return {
    ...answer,
    content: {
      ...content,
      'application/json': { schema: Type.Unknown() },
      'text/plain': { schema: Type.String() }
    }
  }
}

export const empty = (description: string) => ({ description, type: 'null' })

const problemHeaders: Record<number, TProperties> = {
  401: { 'WWW-Authenticate': Type.String({ description: 'Bearer (RFC 6750)' }) },
  429: {
    'Retry-After': Type.String({ description: 'Seconds' }),
    'RateLimit-Limit': Type.Optional(
      Type.String({ description: 'Requests a minute; not where something else is too many' })
    ),
    'RateLimit-Remaining': Type.Optional(Type.String({ description: 'How many are left of them' })),
    'RateLimit-Reset': Type.Optional(Type.String({ description: 'Seconds until there are as many again' }))
  },
  503: { 'Retry-After': Type.String({ description: 'Seconds' }) }
}

/** An answer that has the same status as a problem, and is none. */
export const alsoJson = (refusal: Answer, schema: TSchema): Answer => ({
  ...refusal,
  content: { ...refusal.content, 'application/json': { schema } }
})

/** Answers with a problem, by status, with the codes that they can have. */
export function refusals(...codes: ProblemCode[]): Record<number, Answer> {
  const answers: Record<number, Answer> = {}
  for (const status of new Set(codes.map((code) => problems[code].status))) {
    const same = codes.filter((code) => problems[code].status === status)
    answers[status] = {
      description: same.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' '),
      ...(status in problemHeaders && { headers: problemHeaders[status] }),
      content: { 'application/problem+json': { schema: ref('Problem') } }
    }
  }
  return answers
}

/** What every operation under /v1 may be refused with, and more. */
export const refusalsOfV1 = (...codes: ProblemCode[]): Record<number, Answer> =>
  refusals(
    'malformed_request',
    'unauthenticated',
    'unknown_field',
    'invalid_value',
    ...codes,
    'too_many_requests',
    'issuer_unavailable',
    'database_unavailable'
  )

/** For routes without query parameters, so that they refuse every one. */
export const noQuery = strict({})
