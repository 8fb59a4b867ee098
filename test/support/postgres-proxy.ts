/** Between the service and Postgres, message by message (PostgreSQL documentation, 54.7: message formats). */

import type { Direction, Frame, Proxy, Reader } from './proxy.ts'
import { startProxy } from './proxy.ts'

export interface PostgresFrame extends Frame {
  /** The letter of the message; empty for the start-up, which has none. */
  type: string
  /** Name of the prepared statement that it belongs to, from Parse or Bind to the ReadyForQuery that follows its COMMIT; or ''. */
  statement: string
  /** Those of its transaction so far. */
  statements: readonly string[]
  /** It is an append of ingest, or of an import, or of a transaction that has one. */
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
    let statement = ''
    let backendPid = 0
    let statements: string[] = []
    const reader = (direction: Direction, started: boolean): Reader<PostgresFrame> =>
      splitMessages(started, (type, bytes) => {
        if (direction === 'toServer' && (type === 'P' || type === 'B')) {
          statement = nameIn(type, bytes)
          statements = [...statements, statement]
        }
        if (direction === 'toService' && type === 'K') backendPid = bytes.readInt32BE(5)
        const append = statements.some((name) => appends.has(name))
        const frame = { direction, bytes, link, type, statement, statements, append, backendPid }
        if (direction === 'toService' && type === 'Z') statement = ''
        if (isCommitted(frame)) statements = []
        return frame
      })
    return { toServer: reader('toServer', false), toService: reader('toService', true) }
  })
  target.port = String(proxy.port)
  return Object.assign(proxy, { url: target.href })
}

/** Before an append reaches the server: its Sync, without which nothing is executed for good. */
export const beforeCommit = (frame: PostgresFrame): boolean => frame.append && isSync(frame)

/** The server has committed an append, and the service has not heard of it. */
export const afterCommit = (frame: PostgresFrame): boolean => frame.append && isCommitted(frame)

export const isSync = ({ direction, type }: PostgresFrame): boolean =>
  direction === 'toServer' && type === 'S'

/** ReadyForQuery, outside of any transaction. */
export const isCommitted = ({ direction, type, bytes }: PostgresFrame): boolean =>
  direction === 'toService' && type === 'Z' && bytes[5] === 'I'.charCodeAt(0)

const appends = new Set(['append_batch', 'append_import'])

/** Parse begins with the name of the statement, Bind with that of the portal. */
function nameIn(type: 'P' | 'B', bytes: Buffer): string {
  const at = type === 'P' ? 5 : bytes.indexOf(0, 5) + 1
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
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
