/** Reads the arguments that lists and subscriptions share. Throws Problem. */

import type { GraphQLResolveInfo } from 'graphql'
import { Kind } from 'graphql'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import { metricNames } from '../predicate/metric-names.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import { readNamePattern } from '../predicate/name-pattern.ts'
import type { Predicate } from '../predicate/predicate.ts'
import { readPredicate } from '../predicate/predicate.ts'
import type { Sort } from '../predicate/sort.ts'
import { readSort } from '../predicate/sort.ts'
import type { AsOf, Instant } from '../store/as-of.ts'
import { filterFault } from '../topic.ts'

export type Order = 'asc' | 'desc'

export interface PageArguments {
  first?: number | null
  after?: string | null
  order: Order
}

export interface RangeArguments {
  from?: string | null
  to?: string | null
}

export interface SearchArguments extends PageArguments {
  where?: string | null
  sort?: string | null
  asOf?: string | null
}

/** `list` are these arguments as they are part of a list's name. */
export function readSearch(
  { first, order, where = null, sort = null, asOf = null }: SearchArguments,
  info: GraphQLResolveInfo,
  limits: Limits
): { ask: { where: Predicate | null; sort: Sort | null; order: Order; limit: number }; list: unknown[] } {
  if (sort !== null && isGiven('order', info))
    throw invalid('order', 'order does not go with sort: write - before the path for the reverse')
  return {
    ask: {
      where: where === null ? null : readPredicate(where, limits),
      sort: sort === null ? null : readSort(sort, limits),
      order,
      limit: readFirst(first, limits)
    },
    list: [where, sort, asOf]
  }
}

/** Whether the client gave an argument that has a default. */
const isGiven = (name: string, { fieldNodes, variableValues }: GraphQLResolveInfo): boolean =>
  (fieldNodes[0]?.arguments ?? []).some(
    (given) =>
      given.name.value === name &&
      (given.value.kind !== Kind.VARIABLE || Object.hasOwn(variableValues, given.value.name.value))
  )

/** The place of the journal that a time is; null: now. */
export async function readInstant(
  asOf: string | null | undefined,
  store: Pick<AsOf, 'instant'>
): Promise<Instant | null> {
  if (asOf == null) return null
  try {
    return await store.instant(Date.parse(asOf))
  } catch (error) {
    throw error instanceof Problem && error.code === 'invalid_value' ? invalid('asOf', error.message) : error
  }
}

/** DateTime has checked that they are times. */
export function readRange({ from = null, to = null }: RangeArguments): {
  from: Millis | null
  to: Millis | null
} {
  const read = (time: string | null): Millis | null => (time === null ? null : Date.parse(time))
  const range = { from: read(from), to: read(to) }
  if (range.from !== null && range.to !== null && range.to < range.from)
    throw invalid('to', '`to` is before `from`')
  return range
}

/** Pages of one list have the same arguments. */
export const listName = (name: string, order: string, more: readonly unknown[]): string =>
  `graphql ${name} ${order} ${JSON.stringify(more)}`

export function readFilters(
  filters: readonly string[] | null | undefined,
  limits: Limits
): readonly string[] {
  const given = filters ?? []
  if (given.length > limits.filtersMax) throw invalid('filter', `Give at most ${limits.filtersMax} filters`)
  for (const [index, filter] of given.entries()) {
    const tooLong = Buffer.byteLength(filter) > limits.filterBytesMax
    const fault = tooLong
      ? `a filter has at most ${limits.filterBytesMax} bytes`
      : filterFault(filter, limits.topicLevelsMax)
    if (fault !== null)
      throw new Problem('invalid_filter', fault, [{ pointer: `/filter/${index}`, detail: fault }])
  }
  return given
}

/** One name or several: patterns, as of devices and metrics. */
export function readPatterns(
  name: 'device' | 'metric',
  one: string | null | undefined,
  several: readonly string[] | null | undefined,
  limits: Limits
): NamePattern[] {
  const texts = [...new Set([...(one == null ? [] : [one]), ...(several ?? [])])]
  if (texts.length > limits.seriesPatternsMax) {
    const detail = `Name at most ${limits.seriesPatternsMax}: use patterns with *`
    throw new Problem('query_too_complex', detail, [{ pointer: `/${name}`, detail }])
  }
  return texts.map((text) => readNamePattern(text, limits, `/${name}`))
}

/** Asked of devices; null: none. */
export function readDeviceWhere(where: string | null, limits: Limits): Predicate | null {
  if (where === null) return null
  const read = readPredicate(where, limits)
  metricNames({ where: read })
  return read
}

export function readFirst(
  first: number | null | undefined,
  limits: Pick<Limits, 'pageItemsDefault' | 'pageItemsMax'>
): number {
  const given = first ?? limits.pageItemsDefault
  if (given < 1) throw invalid('first', 'Ask for at least 1 item')
  if (given > limits.pageItemsMax) {
    throw new Problem(
      'page_too_large',
      `Ask for at most ${limits.pageItemsMax} items, and for further pages by \`after\``
    )
  }
  return given
}

export const invalid = (name: string, detail: string): Problem =>
  new Problem('invalid_value', detail, [{ pointer: `/${name}`, detail }])

/** Ids of commands and redrives are UUIDs; what is none names nothing, and the database would not take it. */
export const isUuid = (id: string): boolean =>
  /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(id)
