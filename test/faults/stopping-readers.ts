/** Readers of streams on real sockets that can stop, and go on from where they were. */

import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { get } from 'node:http'
import { WebSocket } from 'ws'

/** Messages by seq, and what the service said it could not send. */
export interface Reader {
  seqs: number[]
  skipped: Array<{ from: number; to: number }>
  /** Takes nothing from its socket any more. */
  stop(): void
  /** Takes what there is, on a new connection if the old one has ended. */
  goOn(): void
  close(): void
}

interface Told {
  cursor: string
  message?: { seq: string } | null
  skipped?: { from: string; to: string } | null
}

interface Connection {
  stop(): void
  goOn(): void
  close(): void
}

/** Begins at the oldest that is kept. Resolves when the stream is open. */
async function open(
  connect: (after: string, onTold: (told: Told) => void, onEnd: () => void) => Promise<Connection>
): Promise<Reader> {
  let after = 'earliest'
  let stopped = false
  let closed = false
  const reader: Pick<Reader, 'seqs' | 'skipped'> = { seqs: [], skipped: [] }

  function onTold({ cursor, message, skipped }: Told): void {
    after = cursor
    if (skipped != null) reader.skipped.push({ from: Number(skipped.from), to: Number(skipped.to) })
    if (message != null) reader.seqs.push(Number(message.seq))
  }
  let connection: Connection | null = null
  async function begin(): Promise<void> {
    connection = await connect(after, onTold, () => {
      connection = null
      if (!stopped && !closed) void begin()
    })
  }
  await begin()
  return {
    ...reader,
    stop() {
      stopped = true
      connection?.stop()
    },
    goOn() {
      stopped = false
      if (connection === null) void begin()
      else connection.goOn()
    },
    close() {
      closed = true
      connection?.close()
    }
  }
}

export const openSseReader = (url: string): Promise<Reader> =>
  open(async (after, onTold, onEnd) => {
    const request: ClientRequest = get(`${url}/v1/stream?types=message&after=${after}`, { agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let rest = ''
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop()!
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data !== undefined) onTold(JSON.parse(data) as Told)
      }
    })
    response.on('error', () => {}) // 'close' follows
    response.once('close', onEnd)
    return {
      stop: () => response.pause(),
      goOn: () => response.resume(),
      close: () => response.destroy()
    }
  })

export const openGraphqlReader = (url: string): Promise<Reader> =>
  open(async (after, onTold, onEnd) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    const query = `subscription ($after: String) {
      messages(after: $after) { cursor message { seq topic payloadBase64 } skipped { from to } } }`
    socket.on('message', (data: Buffer) => {
      const { type, payload } = JSON.parse(String(data)) as {
        type: string
        payload?: { data: { messages: Told } }
      }
      if (type === 'connection_ack')
        socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query, variables: { after } } }))
      else if (type === 'next') onTold(payload!.data.messages)
      else if (type === 'error') throw new Error(String(data))
    })
    socket.on('error', () => {}) // 'close' follows
    socket.once('close', onEnd)
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init' }))
    return { stop: () => socket.pause(), goOn: () => socket.resume(), close: () => socket.terminate() }
  })
