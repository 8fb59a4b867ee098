/** Relay connections over the pages of the store. */

import type { Cursors } from '../cursor.ts'
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

/** A list whose order is that of one number: an id or a seq. */
export interface List<Item, Node> {
  /** A page after a place; what is newer than `until` belongs to no page of this list. */
  read: (after: number | null, until: Seq) => Promise<{ items: Item[]; next: number | null }>
  place: (item: Item) => number
  view: (item: Item) => Node
}

/** A list whose order takes several numbers. */
export interface KeyedList<Item, Node> {
  /** How many. */
  numbers: number
  read: (
    after: readonly number[] | null,
    until: Seq
  ) => Promise<{ items: Item[]; next: readonly number[] | null }>
  place: (item: Item) => readonly number[]
  view: (item: Item) => Node
}

interface Parts {
  cursors: Cursors
  head: () => Promise<Head>
}

export const readConnection = <Item, Node>(
  parts: Parts,
  ask: ListAsk,
  { read, place, view }: List<Item, Node>
): Promise<Connection<Node>> =>
  readKeyedConnection(parts, ask, {
    numbers: 1,
    async read(after, until) {
      const { items, next } = await read(after?.[0] ?? null, until)
      return { items, next: next === null ? null : [next] }
    },
    place: (item) => [place(item)],
    view
  })

/** A place in a list is told with the position the journal had when its first page was read, which all pages share. */
export async function readKeyedConnection<Item, Node>(
  parts: Parts,
  { list, page }: ListAsk,
  { numbers, read, place, view }: KeyedList<Item, Node>
): Promise<Connection<Node>> {
  const { cursors } = parts
  const [after, until] = await begin(parts, list, page.after, numbers)
  const { items, next } = await read(after, until)
  const toToken = (at: readonly number[]): string => cursors.encodePage(list, { until, after: at })
  const edges = items.map((item) => ({ cursor: toToken(place(item)), node: view(item) }))
  return {
    edges,
    nodes: edges.map((edge) => edge.node),
    pageInfo: {
      hasNextPage: next !== null,
      hasPreviousPage: after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: next === null ? (edges.at(-1)?.cursor ?? null) : toToken(next)
    },
    cursor: cursors.encode(until)
  }
}

async function begin(
  { cursors, head }: Parts,
  list: string,
  token: string | null | undefined,
  numbers: number
): Promise<[after: readonly number[] | null, until: Seq]> {
  if (token == null) return [null, (await head()).seq]
  const { after, until } = cursors.decodeKeyedPage(list, token, numbers)
  return [after, until]
}
