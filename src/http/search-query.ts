/** What lists are searched with, and how instants of the past are named. The grammar is in docs/reading.md. */

import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Fields } from '../predicate/fields.ts'
import { readFields } from '../predicate/fields.ts'
import type { Predicate } from '../predicate/predicate.ts'
import { readPredicate } from '../predicate/predicate.ts'
import type { Sort } from '../predicate/sort.ts'
import { readSort } from '../predicate/sort.ts'
import { readRfc3339 } from '../rfc3339.ts'
import type { AsOf, Instant } from '../store/as-of.ts'

export const asOfQuery = {
  asOf: Type.Optional(
    Type.String({
      description: 'As it was at this instant: RFC 3339, with an offset',
      examples: ['2026-03-14T09:26:53.589Z']
    })
  )
}

export const fieldsQuery = (example: string) => ({
  fields: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Only these members: paths with commas between them. May be repeated',
      examples: [[example]]
    })
  )
})

export const searchQuery = (examples: { where: string; sort: string; fields: string }) => ({
  where: Type.Optional(
    Type.String({
      description:
        'Only items that this holds of: `eq ne gt ge lt le` of a path and a value, `in`, `exists`, `prefix`, and `and`, ' +
        '`or`, `not` of these',
      examples: [examples.where]
    })
  ),
  sort: Type.Optional(
    Type.String({
      description: 'In the order of what is at this path; with `-` before it, in the reverse',
      examples: [examples.sort]
    })
  ),
  ...fieldsQuery(examples.fields)
})

interface SearchGiven {
  where?: string
  sort?: string
  fields?: string[]
  order?: 'asc' | 'desc'
}

export interface Search {
  where: Predicate | null
  sort: Sort | null
  order: 'asc' | 'desc'
  fields: Fields | null
}

/** Throws Problem invalid_value or query_too_complex. */
export function readSearch({ where, sort, fields, order }: SearchGiven, limits: Limits): Search {
  if (sort !== undefined && order !== undefined) {
    const detail = 'does not go with sort: write - before the path for the reverse'
    throw new Problem('invalid_value', `order ${detail}`, [{ pointer: 'order', detail }])
  }
  return {
    where: where === undefined ? null : readPredicate(where, limits),
    sort: sort === undefined ? null : readSort(sort, limits),
    order: order ?? 'asc',
    fields: readFieldsQuery(fields, limits)
  }
}

/** null: all of them. */
export const readFieldsQuery = (fields: string[] | undefined, limits: Limits): Fields | null =>
  fields === undefined ? null : readFields(fields, limits)

/** null: now. Throws Problem invalid_value. */
export async function readInstant(
  asOf: string | undefined,
  store: Pick<AsOf, 'instant'>
): Promise<Instant | null> {
  if (asOf === undefined) return null
  const at = readRfc3339(asOf)
  if (at === null) throw refuse('must be a time as RFC 3339 writes it, such as 2026-03-14T09:26:53.589Z')
  try {
    return await store.instant(Math.floor(at))
  } catch (error) {
    throw error instanceof Problem && error.code === 'invalid_value' ? refuse(error.message) : error
  }
}

const refuse = (detail: string): Problem =>
  new Problem('invalid_value', `asOf: ${detail}`, [{ pointer: 'asOf', detail }])
