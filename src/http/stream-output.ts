/** Writes Server-Sent Events (HTML Living Standard, section 9.2) at the pace of who reads them. */

import type { ServerResponse } from 'node:http'
import { eventJson } from '../feed/event-json.ts'
import type { Limits } from '../limits.ts'
import type { StreamEvent } from '../views.ts'
import { createPacedWriter } from './paced-writer.ts'

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

  const writePaced = createPacedWriter(out, limits, limits.streamStalledMsMax, signal)
  const write = (text: string): Promise<void> => {
    quiet = false
    return writePaced(text)
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
