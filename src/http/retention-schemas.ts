/** The shapes of retention, named as in openapi.yaml. */

import { Type } from 'typebox'
import type { TProperties } from 'typebox'
import type { RollupLevel } from '../history/levels.ts'
import type { Limits } from '../limits.ts'
import { named, nullable, ref, seq, strict, text } from './schemas.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const ofFilters =
  'Topic filters, of which one must match. `default` has none: it has the topics of no other class'
const filters = Type.Array(Type.String(), { description: ofFilters })
const keepSeconds = nullable(count('Kept for so many seconds; null: no limit'))
const keepBytes = nullable(
  count('So many bytes are kept, of messages and their datapoints, with indexes; null: no limit')
)

export const retentionClassName = Type.String({
  pattern: '^[a-z0-9-]{1,40}$',
  description: 'Name of the class'
})

const levels: Record<RollupLevel, string> = {
  minute: 'Rollups of a minute, in seconds; null: no limit',
  hour: 'Rollups of an hour, in seconds; null: no limit',
  day: 'Rollups of a day, in seconds; null: no limit'
}
const rollupFields: TProperties = Object.fromEntries(
  Object.entries(levels).map(([level, description]) => [level, nullable(count(description))])
)

export const retentionSchemas = [
  named('RetentionClass', 'Topics whose messages and datapoints are kept alike.', {
    name: text('Name of the class'),
    filters,
    keepSeconds,
    keepBytes,
    position: nullable(
      Type.Integer({
        minimum: 1,
        description:
          'Where it stands in the order in which classes are asked; null: it is not asked by its filters'
      })
    ),
    horizon: seq('The newest position of it that was dropped: all of it up to here were. 0: none was'),
    bytes: count('What is kept of it takes, with indexes'),
    topics: count('Topics that are of it now'),
    removed: Type.Boolean({
      description: 'It was removed: no topic comes to it, and it is gone when nothing of it is kept'
    })
  }),
  named('RollupRetention', 'How long rollups are kept.', rollupFields),
  named('Retention', 'How long what is kept.', {
    classes: Type.Array(ref('RetentionClass'), {
      description:
        'system, which has what is of no topic; those with filters in the order in which they are asked; default'
    }),
    rollups: ref('RollupRetention')
  })
]

/** Of requests: of what is wrong in them, the store tells where. */
export function retentionSchemaOf(
  limits: Pick<Limits, 'retentionKeepSecondsMin' | 'retentionKeepSecondsMax' | 'filtersMax'>
) {
  const { retentionKeepSecondsMin: minimum, retentionKeepSecondsMax: maximum, filtersMax } = limits
  const seconds = (description: string) =>
    Type.Optional(Type.Union([Type.Integer({ minimum, maximum }), Type.Null()], { description }))
  return {
    class: strict({
      filters: Type.Optional(Type.Array(Type.String(), { maxItems: filtersMax, description: ofFilters })),
      keepSeconds: seconds('Kept for so many seconds; null, or absent: no limit'),
      keepBytes: Type.Optional(
        Type.Union([Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()], {
          description:
            'So many bytes are kept, of messages and their datapoints, with indexes; null, or absent: no limit'
        })
      )
    }),
    rollups: strict({
      minute: seconds(levels.minute),
      hour: seconds(levels.hour),
      day: seconds(levels.day)
    })
  }
}
