/** Between the service and Postgres, message by message (PostgreSQL documentation, 54.7: message formats). */

import type { Direction, Frame, Proxy, Reader } from './proxy.ts'
import { startProxy } from './proxy.ts'

export interface PostgresFrame extends Frame {
  /** The letter of the message; empty for the start-up, which has none. */
  type: string
  /** Belongs to an append of ingest, or of an import: from Parse or Bind to the ReadyForQuery that follows its COMMIT. */
  append: boolean
  /** The process that serves this connection; 0 until it has said so. */
  backendPid: number
}

export interface PostgresProxy extends Proxy<PostgresFrame> {
  /** The given URL, by way of the proxy. */
  url: string
}

export async function startPostgresProxy(url: string): Promise<PostgresProxy> {
  const target = new URL(url)
  const proxy = await startProxy<PostgresFrame>(Number(target.port), (link) => {
    let append = false
    let backendPid = 0
    const reader = (direction: Direction, started: boolean): Reader<PostgresFrame> =>
      splitMessages(started, (type, bytes) => {
        if (direction === 'toServer' && namesAppend(type, bytes)) append = true
        if (direction === 'toService' && type === 'K') backendPid = bytes.readInt32BE(5)
        const frame = { direction, bytes, link, type, append, backendPid }
        if (direction === 'toService' && type === 'Z') append = false
        return frame
      })
    return { toServer: reader('toServer', false), toService: reader('toService', true) }
  })
  target.port = String(proxy.port)
  return Object.assign(proxy, { url: target.href })
}

/** Before an append reaches the server: its Sync, without which nothing is executed for good. */
export const beforeCommit = ({ append, direction, type }: PostgresFrame): boolean =>
  append && direction === 'toServer' && type === 'S'

/** The server has committed an append, and the service has not heard of it. */
export const afterCommit = ({ append, direction, type, bytes }: PostgresFrame): boolean =>
  append && direction === 'toService' && type === 'Z' && bytes[5] === 'I'.charCodeAt(0)

const statements = ['append_batch\0', 'append_import\0'].map((name) => Buffer.from(name))

/** Parse begins with the name of the statement, Bind with that of the portal. */
function namesAppend(type: string, bytes: Buffer): boolean {
  if (type !== 'P' && type !== 'B') return false
  const at = type === 'P' ? 5 : bytes.indexOf(0, 5) + 1
  return statements.some((name) => bytes.subarray(at, at + name.length).equals(name))
}

/** A letter, then a length that counts itself; the start-up has no letter. */
function splitMessages(
  started: boolean,
  toFrame: (type: string, bytes: Buffer) => PostgresFrame
): Reader<PostgresFrame> {
  let chunks: Buffer[] = []
  let length = 0
  let inside = started
  return (read) => {
    chunks.push(read)
    length += read.length
    const needed = endOfMessage(chunks[0]!, 0, inside)
    if (needed !== null && needed > length) return [] // a large message: do not copy it again and again
    const bytes = chunks.length === 1 ? read : Buffer.concat(chunks)
    const frames: PostgresFrame[] = []
    let at = 0
    for (;;) {
      const end = endOfMessage(bytes, at, inside)
      if (end === null || end > bytes.length) break
      frames.push(toFrame(inside ? String.fromCharCode(bytes[at]!) : '', bytes.subarray(at, end)))
      inside = true
      at = end
    }
    chunks = at === bytes.length ? [] : [Buffer.from(bytes.subarray(at))]
    length = bytes.length - at
    return frames
  }
}

function endOfMessage(bytes: Buffer, start: number, inside: boolean): number | null {
  const at = start + (inside ? 1 : 0)
  return bytes.length < at + 4 ? null : at + bytes.readUInt32BE(at)
}
