/** Relay connections over the pages of the store. */

import type { Cursors, SearchPlace } from '../cursor.ts'
import type { Head, Seq } from '../model.ts'
import type { PageArguments } from './arguments.ts'

export interface Connection<Node> {
  edges: Array<{ cursor: string; node: Node }>
  nodes: Node[]
  pageInfo: {
    hasNextPage: boolean
    hasPreviousPage: boolean
    startCursor: string | null
    endCursor: string | null
  }
  cursor: string
}

export interface ListAsk {
  /** Names the list with its arguments, so that a place in it fits no other. */
  list: string
  page: PageArguments
}

/** A list with its places: a page begins behind one of them, and each item has one. */
export interface PlacedList<Item, Node, Place> {
  /** A page after a place; what is newer than `until` belongs to no page of this list. */
  read: (after: Place | null, until: Seq) => Promise<{ items: Item[]; next: Place | null }>
  place: (item: Item, node: Node) => Place
  view: (item: Item) => Node
}

/** A list whose order is that of one number: an id or a seq. */
export type List<Item, Node> = PlacedList<Item, Node, number>

/** A list whose order takes several numbers. */
export interface KeyedList<Item, Node> extends PlacedList<Item, Node, readonly number[]> {
  /** How many. */
  numbers: number
}

/** A list in the order of ids, or of what is at a path and then of ids. */
export type SearchedList<Item, Node> = PlacedList<Item, Node, PlaceInSearch>

export interface PlaceInSearch extends SearchPlace {
  /** That the ids are of; 0 where they are of none. */
  projection: number
}

interface Parts {
  cursors: Cursors
  /** Position that the list shows: that of the journal at its first page, or of an instant. */
  head: () => Promise<Pick<Head, 'seq'>>
}

export const readConnection = <Item, Node>(
  parts: Parts,
  ask: ListAsk,
  list: List<Item, Node>
): Promise<Connection<Node>> =>
  readPlaced(parts, ask, list, {
    encode: (until, after) => parts.cursors.encodePage(ask.list, { until, after }),
    decode(token) {
      const { until, after } = parts.cursors.decodePage(ask.list, token)
      return [after, until]
    }
  })

export const readKeyedConnection = <Item, Node>(
  parts: Parts,
  ask: ListAsk,
  list: KeyedList<Item, Node>
): Promise<Connection<Node>> =>
  readPlaced(parts, ask, list, {
    encode: (until, after) => parts.cursors.encodePage(ask.list, { until, after }),
    decode(token) {
      const { until, after } = parts.cursors.decodeKeyedPage(ask.list, token, list.numbers)
      return [after, until]
    }
  })

export const readSearchConnection = <Item, Node>(
  parts: Parts,
  ask: ListAsk,
  list: SearchedList<Item, Node>
): Promise<Connection<Node>> =>
  readPlaced(parts, ask, list, {
    encode: (until, { id, key, projection }) =>
      parts.cursors.encodeSearchPage(ask.list, { until, place: { id, key }, projection }),
    decode(token) {
      const { until, place, projection } = parts.cursors.decodeSearchPage(ask.list, token)
      return [{ ...place, projection }, until]
    }
  })

interface Tokens<Place> {
  encode(until: Seq, place: Place): string
  decode(token: string): [after: Place, until: Seq]
}

/** A place in a list is told with the position the journal had when its first page was read, which all pages share. */
async function readPlaced<Item, Node, Place>(
  { cursors, head }: Parts,
  { page: { after: token } }: ListAsk,
  { read, place, view }: PlacedList<Item, Node, Place>,
  { encode, decode }: Tokens<Place>
): Promise<Connection<Node>> {
  const [after, until] = token == null ? [null, (await head()).seq] : decode(token)
  const { items, next } = await read(after, until)
  // Made only for those who ask: a place costs a message authentication code
  const edges = items.map((item) => {
    const node = view(item)
    return {
      get cursor() {
        return encode(until, place(item, node))
      },
      node
    }
  })
  return {
    edges,
    nodes: edges.map((edge) => edge.node),
    pageInfo: {
      hasNextPage: next !== null,
      hasPreviousPage: after !== null,
      get startCursor() {
        return edges[0]?.cursor ?? null
      },
      get endCursor() {
        return next === null ? (edges.at(-1)?.cursor ?? null) : encode(until, next)
      }
    },
    cursor: cursors.encode(until)
  }
}
