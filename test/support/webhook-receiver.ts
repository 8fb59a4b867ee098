/** A receiver of webhooks on loopback, which keeps what it was sent and answers as it is told. */

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { StreamEvent } from '../../src/views.ts'
import { atEnd } from './cleanup.ts'

export interface ReceivedRequest {
  id: string
  method: string
  headers: IncomingHttpHeaders
  text: string
  body: { type: string; timestamp: string; data: { webhook: string; cursor: string; events: StreamEvent[] } }
  /** The status that it was answered with; null: it was not. */
  status: number | null
}

/** Gives a status; or answers by itself, or not at all, and gives null. */
export type Answering = (
  request: ReceivedRequest,
  response: ServerResponse
) => number | null | Promise<number | null>

export interface Receiver {
  url: string
  port: number
  /** All that came, in order. */
  requests: ReceivedRequest[]
  /** Events of requests that were taken, each once, as a receiver that remembers ids has them. */
  events(): StreamEvent[]
  /** From now on; at first 204. */
  answer(answering: Answering): void
  close(): Promise<void>
}

export async function startReceiver(port = 0): Promise<Receiver> {
  const requests: ReceivedRequest[] = []
  let answering: Answering = () => 204

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const received: ReceivedRequest = {
      id: String(request.headers['webhook-id']),
      method: request.method!,
      headers: request.headers,
      text,
      body: JSON.parse(text) as ReceivedRequest['body'],
      status: null
    }
    requests.push(received)
    const status = await answering(received, response)
    if (status === null) return
    received.status = status
    response.writeHead(status).end()
  }

  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const { port: bound } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  atEnd(close)
  return {
    url: `http://127.0.0.1:${bound}/hook`,
    port: bound,
    requests,
    events() {
      const taken = new Map<string, StreamEvent[]>()
      for (const { id, status, body } of requests)
        if (status !== null && status < 300 && !taken.has(id)) taken.set(id, body.data.events ?? [])
      return [...taken.values()].flat()
    },
    answer(next) {
      answering = next
    },
    close
  }
}
