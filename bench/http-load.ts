/**
 * Questions over keep-alive connections, with as little work here as can be: what is measured is the server. An answer is
 * only found whole, by Content-Length or its last chunk; what it says is checked before, by `askOnce`.
 */

import type { Socket } from 'node:net'
import { connect } from 'node:net'

/** One question may take several requests, one after the other. */
export type Question = readonly Buffer[]

export interface Load {
  perSecond: number
  p50Ms: number
  p99Ms: number
  questions: number
}

export function toRequest(
  method: 'GET' | 'POST',
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {}
): Buffer {
  const text = body === undefined ? '' : JSON.stringify(body)
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined
      ? []
      : ['content-type: application/json', `content-length: ${Buffer.byteLength(text)}`])
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}`)
}

export interface Answer {
  status: number
  headers: string
  body: string
}

export interface Connection {
  ask(request: Buffer): Promise<Buffer[]>
  end(): void
}

export async function openConnection(port: number): Promise<Connection> {
  const socket: Socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  let chunks: Buffer[] = []
  /** Bytes still to come; null: the head is not read yet; -1: until the last chunk. */
  let missing: number | null = null
  let answered: (answer: Buffer[]) => void = () => {}
  let failed: (error: Error) => void = () => {}
  socket.on('error', (error) => failed(error))
  socket.on('close', () => failed(new Error('The server closed the connection')))
  socket.on('data', (data) => {
    chunks.push(data)
    if (missing === null) {
      if (chunks.length > 1) chunks = [Buffer.concat(chunks)]
      const [first] = chunks as [Buffer]
      const at = first.indexOf('\r\n\r\n')
      if (at === -1) return
      const length = /\r\ncontent-length: (\d+)/i.exec(first.toString('latin1', 0, at))
      if (first.subarray(0, 12).equals(notModified)) missing = 0
      else missing = length === null ? -1 : Number(length[1]) - (first.length - at - 4)
    } else if (missing !== -1) missing -= data.length
    if (missing === 0 || (missing === -1 && data.subarray(-5).equals(lastChunk))) {
      const answer = chunks
      chunks = []
      missing = null
      answered(answer)
    }
  })
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        answered = resolve
        failed = reject
        socket.write(request)
      }),
    end() {
      failed = () => {}
      socket.destroy()
    }
  }
}

const lastChunk = Buffer.from('0\r\n\r\n')
const ok = Buffer.from('HTTP/1.1 200')
const notModified = Buffer.from('HTTP/1.1 304')

export async function askOnce(port: number, request: Buffer): Promise<Answer> {
  const connection = await openConnection(port)
  const text = Buffer.concat(await connection.ask(request)).toString('utf8')
  connection.end()
  const at = text.indexOf('\r\n\r\n')
  return { status: Number(text.slice(9, 12)), headers: text.slice(0, at), body: text.slice(at + 4) }
}

/** Asks for so long, on so many connections at once; each takes the next question when it has its answer. */
export async function load(
  port: number,
  questions: readonly Question[],
  { connections, ms }: { connections: number; ms: number }
): Promise<Load> {
  const open = await Promise.all(Array.from({ length: connections }, () => openConnection(port)))
  let next = 0
  const result = await timed(open, ms, async (connection) => {
    for (const request of questions[next++ % questions.length]!) {
      const [first] = (await connection.ask(request)) as [Buffer]
      const start = first.subarray(0, 12)
      if (!start.equals(ok) && !start.equals(notModified)) throw new Error(first.toString('utf8'))
    }
  })
  for (const connection of open) connection.end()
  return result
}

/** Does work again and again with each of these at once, for so long. */
export async function timed<Worker>(
  workers: readonly Worker[],
  ms: number,
  work: (worker: Worker) => Promise<void>
): Promise<Load> {
  const times: number[] = []
  const begun = performance.now()
  const until = begun + ms
  await Promise.all(
    workers.map(async (worker) => {
      for (let before = performance.now(); before < until;) {
        await work(worker)
        const now = performance.now()
        times.push(now - before)
        before = now
      }
    })
  )
  const seconds = (performance.now() - begun) / 1_000
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))]!
  return {
    perSecond: times.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    questions: times.length
  }
}
