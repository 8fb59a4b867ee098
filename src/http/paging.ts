/** Pages: filters and tokens, the same for every list. */

import { Type } from 'typebox'
import type { SearchPlace } from '../cursor.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { Store } from '../store/store.ts'
import { filterFault } from '../topic.ts'
import { toListEtag } from './conditions.ts'
import type { Found } from './reads.ts'
import { word } from './schemas.ts'

export interface Page<View> {
  items: View[]
  next: string | null
  cursor: string
  limit: number
  /** With `fields`. */
  fields?: string[]
  /** Of a range of time that begins before what is kept. */
  keptFrom?: string
}

/** Where a list is being read: up to where the journal was at its first page, behind its last item. */
export interface Place {
  until: Seq
  after: number | null
}

/** A page as it was read. */
export interface Read<Item, Key> {
  /** Names the list with its arguments: a token of another one is refused. */
  list: readonly unknown[]
  until: Seq
  items: readonly Item[]
  /** Behind what the next page begins; null at the end. */
  next: Key | null
  limit: number
  toView: (item: Item) => unknown
  /** Paths that were asked for, which `toView` picks; absent: everything. */
  fields?: readonly string[]
  /** Tells an item's versions apart; absent: its view does. */
  versionOf?: (item: Item) => unknown
  /** Where to go on from, if that is not `until`. */
  cursor?: Seq
  /** What else the page tells. */
  more?: object
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

type Tokens = Pick<Store, 'journal' | 'cursors'>

export function createPaging({ journal, cursors }: Tokens) {
  return {
    async open(list: readonly unknown[], token: string | undefined): Promise<Place> {
      if (token === undefined) return { until: (await journal.head()).seq, after: null }
      return cursors.decodePage(JSON.stringify(list), token)
    },
    close: <Item>(read: Read<Item, number>): Found =>
      toFound(cursors, read, (list, until, after) => cursors.encodePage(list, { until, after }))
  }
}

/** For a list whose order takes several numbers; `names` of them, in that order. */
export function createKeyedPaging<Name extends string>({ journal, cursors }: Tokens, names: readonly Name[]) {
  type Key = Record<Name, number>
  return {
    async open(
      list: readonly unknown[],
      token: string | undefined,
      at?: Seq
    ): Promise<{ until: Seq; after: Key | null }> {
      if (token === undefined) return { until: at ?? (await journal.head()).seq, after: null }
      const { until, after } = cursors.decodeKeyedPage(JSON.stringify(list), token, names.length)
      return { until, after: Object.fromEntries(names.map((name, at) => [name, after[at]])) as Key }
    },
    close: <Item>(read: Read<Item, Key>): Found =>
      toFound(cursors, read, (list, until, key) =>
        cursors.encodePage(list, { until, after: names.map((name) => key[name]) })
      )
  }
}

/** For a list that is searched. */
export function createSearchPaging({ journal, cursors }: Tokens) {
  return {
    /** `at`: what the list shows, where that is not the journal at its first page. */
    async open(
      list: readonly unknown[],
      token: string | undefined,
      at: Seq | undefined
    ): Promise<{ until: Seq; place: SearchPlace | null; projection: number | null }> {
      if (token !== undefined) return cursors.decodeSearchPage(JSON.stringify(list), token)
      return { until: at ?? (await journal.head()).seq, place: null, projection: null }
    },
    /** `projection`: that the ids are of; 0 where they are of none. */
    close: <Item>(read: Read<Item, SearchPlace>, projection: number): Found =>
      toFound(cursors, read, (list, until, place) =>
        cursors.encodeSearchPage(list, { until, place, projection })
      )
  }
}

/**
 * Views are made only when they are sent, unless nothing else tells versions apart: then they are written down once, for
 * both, since a page of numbers has hundreds of thousands.
 */
function toFound<Item, Key>(
  cursors: Tokens['cursors'],
  { list, until, items, next, limit, toView, fields, versionOf, cursor = until, more }: Read<Item, Key>,
  toToken: (list: string, until: Seq, next: Key) => string
): Found {
  const name = JSON.stringify(list)
  const versions = items.map(versionOf ?? toView).map((version) => JSON.stringify(version))
  return {
    etag: toListEtag([name, String(limit), String(next === null), ...versions, JSON.stringify(more) ?? '']),
    send(reply) {
      const rest: Omit<Page<unknown>, 'items'> = {
        next: next === null ? null : toToken(name, until, next),
        cursor: cursors.encode(cursor),
        limit,
        ...more,
        ...(fields !== undefined && { fields: [...fields] })
      }
      if (versionOf !== undefined) return { items: items.map(toView), ...rest }
      void reply.type('application/json; charset=utf-8')
      return `{"items":[${versions.join(',')}],${JSON.stringify(rest).slice(1)}`
    }
  }
}

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
