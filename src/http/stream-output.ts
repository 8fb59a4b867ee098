/** Writes Server-Sent Events (HTML Living Standard, section 9.2) at the pace of who reads them. */

import type { ServerResponse } from 'node:http'
import type { Problem } from '../errors.ts'
import { eventJson } from '../feed/event-json.ts'
import type { Limits } from '../limits.ts'
import type { StreamEvent } from '../views.ts'
import { createPacedWriter } from './paced-writer.ts'

export interface StreamOutput {
  /** Writes events; while the reader does not take them, it waits. Rejects with StalledError, or when `signal` aborts. */
  send(events: Iterable<StreamEvent>): Promise<void>
  /**
   * Ends the answer at once, and says why, by an event that has no `id`, so that the client may go on from the last that had
   * one. What the reader has not taken in `accessOverMsMax`, he does not get.
   */
  refuse(problem: Problem): void
}

/** Begins the answer. Ends nothing by itself: that is for whoever opened it. */
export function openStreamOutput(
  out: ServerResponse,
  limits: Pick<
    Limits,
    'heartbeatMs' | 'streamRetryMs' | 'streamStalledMsMax' | 'streamWriteBytesMax' | 'accessOverMsMax'
  >,
  signal: AbortSignal
): StreamOutput {
  out.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
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
  /** A part of an event was written, and its rest was not. */
  let midway = false
  const write = async (text: string): Promise<void> => {
    quiet = false
    midway = text.length > limits.streamWriteBytesMax
    await writePaced(text)
    midway = false
  }

  return {
    async send(events) {
      let text = ''
      for (const event of events) {
        signal.throwIfAborted()
        text += `id: ${event.cursor}\nevent: ${event.type}\ndata: ${eventJson(event)}\n\n`
        if (text.length < limits.streamWriteBytesMax) continue
        await write(text)
        text = ''
      }
      if (text !== '') await write(text)
    },
    refuse(problem) {
      clearInterval(heartbeat)
      if (midway) return void out.destroy()
      out.end(`event: problem\ndata: ${JSON.stringify(problem)}\n\n`)
      const timer = setTimeout(() => out.destroy(), limits.accessOverMsMax)
      out.once('close', () => clearTimeout(timer))
    }
  }
}
