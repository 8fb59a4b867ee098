/** The shapes of devices, metrics, datapoints and rejections, named as in openapi.yaml. */

import { Type } from 'typebox'
import type { TProperties, TSchema } from 'typebox'
import { clocks, metricTypes, presences, rejectionReasons, roles } from '../datapoints.ts'
import { named, nullable, page, payloadFields, ref, seq, text, time, word } from './schemas.ts'

const words = <Word extends string>(of: Record<Word, unknown>): Word[] => Object.keys(of) as Word[]
const count = (description: string): TSchema => Type.Integer({ minimum: 0, description })

const presenceSources = ['availability', 'birth', 'death', 'seen', 'timeout', 'cleared', 'projection']

export const presenceWord = word(
  words(presences),
  'unknown: neither its topics nor its messages say anything of it'
)
export const reasonWord = word(
  words(rejectionReasons),
  Object.entries(rejectionReasons)
    .map(([reason, about]) => `\`${reason}\`: ${about}.`)
    .join(' ')
)
export const mappingName = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  description: 'Name of a mapping',
  examples: ['presses']
})

const deviceName = text('Name of the device')
const metricName = text('Name of the metric')
const metricType = word(
  words(metricTypes),
  'number: a double. integer: one beyond 2^53. json: an object or an array'
)
const unit = nullable(text('Unit, as the mapping or the device gives it'))

const valueFields: TProperties = {
  type: metricType,
  value: Type.Unknown({
    description:
      'The value; null for null and bytes. An integer beyond 2^53 is the nearest double: see `valueText`'
  }),
  valueText: nullable(text('The exact text; null for null and bytes')),
  valueBase64: nullable(
    Type.String({ contentEncoding: 'base64', description: 'The bytes; null for everything else' })
  )
}

/** Of a datapoint that has no place in the journal yet. */
export const newDatapointFields: TProperties = {
  n: count('Its number in the message, from 0'),
  device: deviceName,
  metric: metricName,
  topic: text('Topic of the message'),
  ...valueFields,
  unit,
  quality: nullable(text('As the device gives it')),
  observedAt: time('When it was so; never far from `receivedAt`'),
  receivedAt: time('When the message was received'),
  clock: word(
    words(clocks),
    'Whose time `observedAt` is. device: its own. received: ours, since it gave none. ahead, behind: ours, since its own is too far off to be true'
  ),
  role: word(
    words(roles),
    'state: it may be the latest. event: it happened, and is no state. historical: told late, never the latest'
  )
}

const deviceFields: TProperties = {
  device: deviceName,
  seq: seq('Newest fact that changed it: its version'),
  mapping: text('Mapping that found it'),
  topic: text('Topic of the last message from it'),
  firstSeenAt: time('When the first message from it was received'),
  lastSeenAt: time('When the last message from it was received'),
  presence: presenceWord,
  presenceAt: nullable(time('Since when')),
  presenceSource: nullable(word(presenceSources, 'What said so: a topic, a message, or silence')),
  offlineAfterSeconds: nullable(
    Type.Integer({ minimum: 0, description: 'Silent so long, it is offline; null: silence says nothing' })
  ),
  attributes: Type.Unsafe({
    type: 'object',
    additionalProperties: true,
    description: 'What is known beside metrics, such as model and firmware'
  }),
  metricCount: count('Metrics that it has'),
  attributesChangedSince: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'Only with `asOf`: attributes that were said since then, first or anew; what they were is not kept'
    })
  )
}

const device = named('Device', 'What is known of a device.', deviceFields)

const deviceItem = named('DeviceItem', 'A device in a list.', {
  ...deviceFields,
  metrics: Type.Optional(
    Type.Unsafe({
      type: 'object',
      additionalProperties: ref('Datapoint'),
      description: 'Latest datapoints, by name, of metrics that `where`, `sort` or `fields` name; else absent'
    })
  )
})

const metric = named('Metric', 'A typed series of a device, with its latest datapoint.', {
  device: deviceName,
  metric: metricName,
  seq: seq('Newest fact that changed it'),
  type: metricType,
  unit,
  topic: text('Topic that its newest value is from'),
  latest: nullable(ref('Datapoint'))
})

const datapoint = named(
  'Datapoint',
  'One value of a metric at an instant. `seq` and `n` together are its place: the message, and its number there.',
  { seq: seq('Position of the message that it is from'), ...newDatapointFields }
)

const payload = named('Payload', 'What a message carried.', payloadFields)

const rejection = named(
  'Rejection',
  'A message, or a part of it, that could not be normalized. `seq` and `n` together are its place.',
  {
    seq: seq('Position of the message'),
    n: count('Its number among the rejections of the message, from 0'),
    topic: text('Topic of the message'),
    mapping: text('Mapping that rejected it'),
    reason: reasonWord,
    detail: text('What exactly, and what to do'),
    receivedAt: time('When the message was received'),
    raw: nullable(ref('Payload'))
  }
)

const rejectionCounts = named('RejectionCounts', 'How many rejections there are, by mapping and reason.', {
  items: Type.Array(
    Type.Object({ mapping: text('Name of the mapping'), reason: reasonWord, count: count('') })
  )
})

export const deviceSchemas: readonly TSchema[] = [
  device,
  deviceItem,
  metric,
  datapoint,
  payload,
  rejection,
  rejectionCounts,
  page('DevicePage', 'DeviceItem', 'Devices, and the position at which the first page was read.'),
  page('MetricPage', 'Metric', 'Metrics of a device, and the position at which the first page was read.'),
  page('DatapointPage', 'Datapoint', 'Datapoints, and the newest position when the first page was read.'),
  page('RejectionPage', 'Rejection', 'Rejections, and the newest position when the first page was read.')
]

/** Presences as words of a query. */
export const presenceWords = words(presences)
