/** Pages: filters and tokens, the same for every list. */

import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { Store } from '../store/store.ts'
import { filterFault } from '../topic.ts'
import { word } from './schemas.ts'

export interface Page<Item> {
  items: Item[]
  next: string | null
  cursor: string
}

/** Where a list is being read: up to where the journal was at its first page, behind its last item. */
export interface Place {
  until: Seq
  after: number | null
}

export const filterQuery = {
  filter: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'Topic filter, as in MQTT: `+` is one level, `#` the rest. May be repeated. None: every topic',
      examples: [['plant/+/temperature']]
    })
  )
}

export const pageQuery = (limits: Limits, order: 'asc' | 'desc') => ({
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: limits.pageItemsMax,
      description: `Items at most, default ${limits.pageItemsDefault}`
    })
  ),
  page: Type.Optional(Type.String({ description: '`next` of the page before, with the same arguments' })),
  order: Type.Optional(word(['asc', 'desc'], `asc: oldest first. Default ${order}`))
})

/** `list` names the list with its arguments: a token of another one is refused. */
export function createPaging({ journal, cursors }: Pick<Store, 'journal' | 'cursors'>) {
  return {
    async open(list: readonly unknown[], token: string | undefined): Promise<Place> {
      if (token === undefined) return { until: (await journal.head()).seq, after: null }
      return cursors.decodePage(JSON.stringify(list), token)
    },
    close<Item>(list: readonly unknown[], { until }: Place, items: Item[], next: number | null): Page<Item> {
      return {
        items,
        next: next === null ? null : cursors.encodePage(JSON.stringify(list), { until, after: next }),
        cursor: cursors.encode(until)
      }
    }
  }
}

/** For a list whose order takes several numbers; `names` of them, in that order. */
export function createKeyedPaging<Name extends string>(
  { journal, cursors }: Pick<Store, 'journal' | 'cursors'>,
  names: readonly Name[]
) {
  type Key = Record<Name, number>
  return {
    async open(
      list: readonly unknown[],
      token: string | undefined
    ): Promise<{ until: Seq; after: Key | null }> {
      if (token === undefined) return { until: (await journal.head()).seq, after: null }
      const { until, after } = cursors.decodeKeyedPage(JSON.stringify(list), token, names.length)
      return { until, after: Object.fromEntries(names.map((name, at) => [name, after[at]])) as Key }
    },
    close<Item>(list: readonly unknown[], until: Seq, items: Item[], next: Key | null): Page<Item> {
      const after = next === null ? null : names.map((name) => next[name])
      return {
        items,
        next: after === null ? null : cursors.encodePage(JSON.stringify(list), { until, after }),
        cursor: cursors.encode(until)
      }
    }
  }
}

export type Paging = ReturnType<typeof createPaging>

/** Throws Problem invalid_filter. */
export function checkFilters(given: readonly string[] = [], limits: Limits, pointer = 'filter'): string[] {
  const refuse = (detail: string): Problem => new Problem('invalid_filter', detail, [{ pointer, detail }])
  if (given.length > limits.filtersMax) throw refuse(`at most ${limits.filtersMax} filters`)
  for (const filter of given) {
    const fault = filterFault(filter, limits.topicLevelsMax)
    if (fault !== null) throw refuse(`"${filter.slice(0, 100)}": ${fault}`)
    if (Buffer.byteLength(filter) > limits.filterBytesMax)
      throw refuse(`a filter has at most ${limits.filterBytesMax} bytes`)
  }
  return [...new Set(given)]
}
