/** Writes Server-Sent Events (HTML Living Standard, section 9.2) at the pace of who reads them. */

import type { ServerResponse } from 'node:http'
import { eventJson } from '../feed/event-json.ts'
import type { Limits } from '../limits.ts'
import type { StreamEvent } from '../views.ts'

/** The reader has taken nothing for so long that it counts as gone. */
export class StalledError extends Error {}

export interface StreamOutput {
  /** Writes events; while the reader does not take them, it waits. Rejects with StalledError, or when `signal` aborts. */
  send(events: Iterable<StreamEvent>): Promise<void>
}

/** Begins the answer. Ends nothing: that is for whoever opened it. */
export function openStreamOutput(
  out: ServerResponse,
  limits: Pick<Limits, 'heartbeatMs' | 'streamRetryMs' | 'streamStalledMsMax' | 'streamWriteBytesMax'>,
  signal: AbortSignal
): StreamOutput {
  out.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
    // A stream ends when we close: its connection is not to be used again
    connection: 'close'
  })
  out.on('error', () => {}) // 'close' follows, and aborts the request's signal
  let quiet = false
  // A comment, so that proxies do not take silence for death
  const heartbeat = setInterval(() => {
    if (quiet && !out.writableNeedDrain) out.write(':\n\n')
    quiet = true
  }, limits.heartbeatMs)
  out.once('close', () => clearInterval(heartbeat))
  out.write(`retry: ${limits.streamRetryMs}\n\n`)

  async function write(text: string): Promise<void> {
    quiet = false
    if (text.length <= limits.streamWriteBytesMax) return writeChunk(text)
    // In parts: of one large chunk nobody sees whether the reader takes any
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += limits.streamWriteBytesMax)
      await writeChunk(bytes.subarray(at, at + limits.streamWriteBytesMax))
  }

  async function writeChunk(chunk: string | Buffer): Promise<void> {
    if (!out.write(chunk)) await drained(out, limits.streamStalledMsMax, signal)
  }

  return {
    async send(events) {
      let text = ''
      for (const event of events) {
        text += `id: ${event.cursor}\nevent: ${event.type}\ndata: ${eventJson(event)}\n\n`
        if (text.length < limits.streamWriteBytesMax) continue
        await write(text)
        text = ''
      }
      if (text !== '') await write(text)
    }
  }
}

/** Rejects with StalledError after `msMax`. Leaves nothing behind on the signal, which lives as long as the stream. */
function drained(out: ServerResponse, msMax: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      out.off('drain', taken)
      signal.removeEventListener('abort', aborted)
      settle()
    }
    const taken = (): void => end(resolve)
    const aborted = (): void => end(() => reject(signal.reason as Error))
    const timer = setTimeout(
      () => end(() => reject(new StalledError(`Nothing was taken for ${msMax} ms`))),
      msMax
    )
    if (signal.aborted) return aborted()
    out.once('drain', taken)
    signal.addEventListener('abort', aborted, { once: true })
  })
}
