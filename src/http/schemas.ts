/** The shapes that clients see, named as in openapi.yaml. They document answers; only requests are validated. */

import { Type } from 'typebox'
import type { TProperties, TSchema } from 'typebox'
import { problems } from '../errors.ts'
import { payloadFaults } from '../payload.ts'

export const ref = (name: string): TSchema => Type.Unsafe({ $ref: `${name}#` })
export const nullable = (schema: TSchema, description?: string): TSchema => {
  if ('$ref' in schema)
    return Type.Union([schema, Type.Null()], description === undefined ? {} : { description })
  const { type, enum: words } = schema as { type?: string; enum?: unknown[] }
  return Type.Unsafe({
    ...schema,
    type: [type, 'null'],
    ...(words !== undefined && { enum: [...words, null] })
  })
}

/** Of a request: a field that is not named is refused. */
export const strict = <Properties extends TProperties>(properties: Properties) =>
  Type.Object(properties, { additionalProperties: false })

/** One of some words; with its type, which not every reader of OpenAPI infers. */
export const word = <Words extends string>(words: readonly Words[], description?: string) =>
  Type.Unsafe<Words>({ type: 'string', enum: [...words], ...(description !== undefined && { description }) })

export const text = (description: string): TSchema => Type.String({ description })
export const seq = (description: string): TSchema => Type.String({ pattern: '^[0-9]{1,19}$', description })
export const time = (description: string): TSchema => Type.String({ format: 'date-time', description })
const cursor = text('Position in the journal, opaque: `after` of a stream goes on from here')
export const named = (name: string, description: string, properties: TProperties): TSchema =>
  Type.Object(properties, { $id: name, title: name, description })

export const payloadFields: TProperties = {
  format: word(['json', 'number', 'boolean', 'text', 'binary', 'empty'], 'What the payload is'),
  payload: Type.Unknown({
    description:
      'The decoded value, null for binary, empty and a number out of range. Numbers beyond 2^53 lose digits in most JSON clients: see `payloadText`'
  }),
  payloadText: nullable(text('The exact text; null for binary')),
  payloadBase64: Type.String({ contentEncoding: 'base64', description: 'The bytes' }),
  payloadFault: Type.Unsafe({
    type: ['string', 'null'],
    enum: [...Object.keys(payloadFaults), null],
    description: `Why \`payload\` does not say all that the bytes say; null: it does. ${Object.entries(
      payloadFaults
    )
      .map(([fault, about]) => `\`${fault}\`: ${about}`)
      .join(' ')}`
  }),
  properties: nullable(ref('Properties'))
}

export const qos = Type.Integer({
  minimum: 0,
  maximum: 2,
  description: 'Quality of service it was published with'
})
const messageFields: TProperties = {
  topic: text('Topic name'),
  receivedAt: time(
    'When it was received, by our clock. It was committed a moment later: `asOf` goes by that'
  ),
  qos,
  retain: nullable(Type.Boolean({ description: 'The RETAIN flag; null where MQTT 3.1.1 does not tell' })),
  dup: Type.Boolean({ description: 'The DUP flag: the broker may have sent it before' }),
  ...payloadFields
}

const problem = named(
  'Problem',
  'A failure, as RFC 9457 says. `code` is stable; `errors` tells the places.',
  {
    type: Type.String({ format: 'uri', description: 'Identifies the kind of problem' }),
    title: text('The same for every problem of this kind'),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: text('What happened, and what to do about it'),
    code: word(Object.keys(problems), 'The same in GraphQL, as `extensions.code`'),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: text('JSON pointer into the body, or the name of a parameter'),
          detail: Type.String()
        })
      )
    ),
    lines: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Of an import that ended early: how many lines are committed' })
    )
  }
)

const properties = named('Properties', 'MQTT 5 properties; the whole is null where there were none.', {
  contentType: nullable(Type.String()),
  payloadFormatIndicator: nullable(
    Type.Integer({ minimum: 0, maximum: 1, description: '1: the publisher says it is UTF-8' })
  ),
  messageExpiryInterval: nullable(Type.Integer({ minimum: 0, description: 'Seconds that were left' })),
  responseTopic: nullable(Type.String()),
  correlationData: nullable(Type.String({ contentEncoding: 'base64' })),
  userProperties: Type.Array(Type.Array(Type.String(), { minItems: 2, maxItems: 2 }), {
    description: 'Pairs of name and value, in order; names may repeat'
  })
})

const message = named('Message', 'A message as it was received.', {
  seq: seq('Its position in the journal: a 64-bit integer, so a string'),
  ...messageFields
})

const tombstone = named('Tombstone', 'Why there is no retained message any more.', {
  at: time('When it was noticed'),
  seq: seq('Position of the fact'),
  cause: word(['cleared', 'expired', 'reconciled'], 'reconciled: it was gone when we came back'),
  previous: nullable(ref('Message'))
})

const topicState = named(
  'TopicState',
  'What is known of one topic now: its latest message, its retained message or why there is none.',
  {
    ...messageFields,
    topicId: text('Short name of the topic, for URLs'),
    seq: seq('Newest fact that changed this state: its version, and its ETag'),
    messageSeq: seq('Position of the latest message'),
    retained: nullable(ref('Message')),
    retainedStatus: word(['known', 'unknown'], 'unknown: MQTT 3.1.1 does not tell'),
    tombstone: nullable(ref('Tombstone')),
    expiresAt: nullable(time('When the retained message expires')),
    confirmedAt: nullable(time('When a snapshot last found the retained message as it is here'))
  }
)

const gap = named('Gap', 'An interval in which messages may be missing, and why.', {
  seq: seq('Position of the fact'),
  at: time('When it was noted'),
  cause: word([
    'session_lost',
    'absence',
    'taken_over',
    'abandoned',
    'packet_too_large',
    'invalid_topic',
    'unstorable',
    'restored'
  ]),
  session: text('Which MQTT session'),
  from: time('Start of the interval'),
  to: time('End of the interval'),
  messages: nullable(
    Type.Integer({ minimum: 0, description: 'Messages concerned; null where nobody can tell' })
  )
})

export const page = (name: string, of: string, description: string, more: TProperties = {}): TSchema =>
  named(name, description, {
    items: Type.Array(ref(of)),
    next: nullable(
      text('Give it back as `page`; null when the range is finished. Items may be few, or none, before that')
    ),
    cursor,
    limit: Type.Integer({
      minimum: 1,
      description: 'Items of this page at most, as asked for or by default'
    }),
    ...more
  })

const ofTimes: TProperties = {
  keptFrom: Type.Optional(
    time(
      'With `from` or `to`, where that range begins before what is kept: everything committed from this time on is there'
    )
  )
}

export const sharedSchemas: readonly TSchema[] = [
  problem,
  properties,
  message,
  tombstone,
  topicState,
  gap,
  page('TopicPage', 'TopicState', 'States of topics, and the position at which the first page was read.'),
  page('MessagePage', 'Message', 'Messages, and the newest position when the first page was read.', ofTimes),
  page('GapPage', 'Gap', 'Gaps, and the newest position when the first page was read.', ofTimes)
]
