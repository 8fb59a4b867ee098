/** All messages and states, as each surface tells them: pages, GraphQL, and a stream from the beginning. */

import { graphql, request } from './bridge.ts'
import { openSse } from './sse.ts'
import { eventually } from './eventually.ts'

/** What is compared between surfaces. */
export interface ReadMessage {
  topic: string
  format: string
  payload: unknown
  payloadText: string | null
  payloadBase64: string
  payloadFault: string | null
}

const fields = 'topic format payload payloadText payloadBase64 payloadFault'

export async function readPages(url: string, list: 'messages' | 'topics'): Promise<ReadMessage[]> {
  const items: ReadMessage[] = []
  let page: string | null = ''
  while (page !== null) {
    const answer = await request(`${url}/v1/${list}?order=asc&limit=1000${page && `&page=${page}`}`)
    if (answer.status !== 200) throw new Error(`${list}: ${answer.status} ${JSON.stringify(answer.body)}`)
    items.push(...answer.body.items)
    page = answer.body.next
  }
  return items
}

export async function readGraphql(url: string, list: 'messages' | 'topics'): Promise<ReadMessage[]> {
  const items: ReadMessage[] = []
  let after: string | null = null
  for (;;) {
    const query = `query ($after: String) {
      list: ${list}(first: 1000, after: $after, order: asc) { nodes { ${fields} } pageInfo { hasNextPage endCursor } }
    }`
    const data = await graphql(url, query, { after })
    items.push(...data.list.nodes)
    if (data.list.pageInfo.hasNextPage !== true) return items
    after = data.list.pageInfo.endCursor
  }
}

/** Waits until `count` messages have come. */
export async function readStream(url: string, count: number): Promise<ReadMessage[]> {
  const stream = await openSse(`${url}/v1/stream?types=message&after=earliest`)
  const messages = () => stream.events.filter(({ event }) => event === 'message')
  await eventually(() => messages().length >= count, { withinMs: 60_000, what: `${count} events` })
  stream.close()
  return messages().map(({ data }) => data.message)
}
