/** Reads the arguments that lists and subscriptions share. Throws Problem. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { filterFault } from '../topic.ts'

export type Order = 'asc' | 'desc'

export interface PageArguments {
  first?: number | null
  after?: string | null
  order: Order
}

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

export function readFirst(first: number | null | undefined, limits: Limits): number {
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

/** Ids of commands are UUIDs; what is none names no command, and the database would not take it. */
export const isCommandId = (id: string): boolean =>
  /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(id)
