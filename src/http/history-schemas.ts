/** The shapes of history, named as in openapi.yaml. */

import { Type } from 'typebox'
import type { TSchema } from 'typebox'
import { metricTypes } from '../datapoints.ts'
import { fills } from '../history/functions.ts'
import { historySources } from '../history/views.ts'
import { named, nullable, page, text, time, word } from './schemas.ts'

const series = named('Series', 'Numbers of a metric by buckets of time.', {
  device: text('Name of the device'),
  metric: text('Name of the metric'),
  type: nullable(word(Object.keys(metricTypes), 'Type of its newest value; null where that may not be read')),
  unit: nullable(text('Unit of its newest value; null where there is none, or that may not be read')),
  topic: nullable(text('Topic that its newest value is from; null where it may not be read')),
  values: Type.Unsafe({
    type: 'object',
    additionalProperties: { type: 'array', items: { type: ['number', 'null'] } },
    description: 'By function, a value for each of `starts`; null where there is nothing to say'
  })
})

const historyPage = page(
  'HistoryPage',
  'Series',
  'Series by buckets of time, and the newest position when the first page was read.',
  {
    from: time('Where the first bucket begins'),
    to: time('Where the last bucket ends'),
    bucket: text('Length of a bucket, as it was asked for'),
    tz: text('Time zone of the buckets'),
    fill: word(fills, 'What stands in buckets without numbers'),
    starts: Type.Array(Type.String({ format: 'date-time' }), { description: 'Where each bucket begins' }),
    source: word(historySources, 'What was read: datapoints, or what those of a minute, hour or day come to'),
    keptFrom: nullable(
      time('Before this, what was read is no longer kept, or not as a whole; null: all of it is there')
    )
  }
)

export const historySchemas: readonly TSchema[] = [series, historyPage]
