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

export interface ListPage<Item> {
  items: Item[]
  next: number | null
}

export interface List<Item, Node> {
  /** A page after a place; what is newer than `until` belongs to no page of this list. */
  read: (after: number | null, until: Seq) => Promise<ListPage<Item>>
  place: (item: Item) => number
  view: (item: Item) => Node
}

/** A place in a list is told with the position the journal had when its first page was read, which all pages share. */
export async function readConnection<Item, Node>(
  parts: { cursors: Cursors; head: () => Promise<Head> },
  { list, page }: ListAsk,
  { read, place, view }: List<Item, Node>
): Promise<Connection<Node>> {
  const { cursors } = parts
  const [after, until] = await begin(parts, list, page.after)
  const { items, next } = await read(after, until)
  const toToken = (at: number): string => cursors.encodePage(list, { until, after: at })
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
  { cursors, head }: { cursors: Cursors; head: () => Promise<Head> },
  list: string,
  token: string | null | undefined
): Promise<[after: number | null, until: Seq]> {
  if (token == null) return [null, (await head()).seq]
  const { after, until } = cursors.decodePage(list, token)
  return [after, until]
}
