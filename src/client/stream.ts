/** A stream that goes on where it was cut off: over restarts of the service, each event comes once, in order. */

import type { Connection } from './connection.ts'
import type { StreamEvent, StreamQuery } from './events.ts'
import { parseProblem, RialtoError, toError } from './problem.ts'
import { createSseReader } from './sse.ts'
import { backoffMs, pause } from './waits.ts'

export interface StreamOptions {
  /** Ends the stream; what is awaited then ends without an error. */
  signal?: AbortSignal
  /** Instead of the key, where there is none: asked at each connection (docs/streams.md, "In a browser"). */
  ticket?: () => Promise<string>
  /** Called when the stream was cut off, or could not be opened, and will be tried again. */
  onCut?: (error: unknown) => void
  /** Without a sign of life for so long the connection counts as dead, ms. The service gives one every 15 s. */
  silenceMsMax?: number
}

const silenceMsDefault = 45_000

/**
 * The events that are asked for, for as long as somebody reads them. Whoever stops reading, stops the service from sending.
 * Where the service or the way to it is away, it is tried again, without end. Throws RialtoError where it makes no sense to go
 * on: the query is wrong, the cursor expired, the key is none, or was revoked.
 */
export async function* openStream(
  connection: Connection,
  query: StreamQuery,
  options: StreamOptions = {}
): AsyncGenerator<StreamEvent, void, undefined> {
  const { signal, ticket, onCut, silenceMsMax = silenceMsDefault } = options
  let after = query.after
  let failures = 0
  let refusedKeys = 0
  let retryMs = 0
  const isOver = (): boolean => signal?.aborted === true
  while (!isOver()) {
    const attempt = new AbortController()
    const stop = (): void => attempt.abort()
    signal?.addEventListener('abort', stop)
    const silence = createSilence(silenceMsMax, stop)
    try {
      const answer = await connection.ask('GET', '/v1/stream', {
        query: { ...query, after, ...(ticket && { ticket: await ticket() }) },
        headers: { accept: 'text/event-stream' },
        signal: attempt.signal
      })
      if (answer.status !== 200 || answer.body === null) throw await toError(answer)
      const sse = createSseReader()
      for await (const text of textOf(answer.body)) {
        silence.heard()
        for (const { id, event, data } of sse.push(text)) {
          if (event === 'problem') throw toRefusal(data)
          failures = 0
          refusedKeys = 0
          const told = JSON.parse(data) as StreamEvent
          silence.pause()
          yield told
          silence.heard()
          // What was taken is behind us, whatever happens now
          after = id ?? told.cursor
        }
        retryMs = sse.retryMs() ?? retryMs
      }
    } catch (error) {
      if (isOver()) return
      if (error instanceof RialtoError && !error.passes) {
        // A key that can be renewed has a second chance
        const renewable = error.status === 401 && (connection.renewable || ticket !== undefined)
        if (!renewable || refusedKeys++ > 0) throw error
      }
      onCut?.(error)
      const asked = error instanceof RialtoError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
      await pause(Math.max(asked, backoffMs(failures++)), signal)
      continue
    } finally {
      silence.end()
      signal?.removeEventListener('abort', stop)
      attempt.abort()
    }
    // It ended in order: the service stops, and says how long to wait
    onCut?.(null)
    await pause(Math.min(retryMs, backoffMs(failures++)), signal)
  }
}

const toRefusal = (data: string): RialtoError =>
  new RialtoError(
    parseProblem(data) ?? {
      type: 'about:blank',
      title: 'The stream ended',
      status: 500,
      detail: data,
      code: 'internal'
    }
  )

/** Watches for signs of life; not while whoever reads is busy with an event. */
function createSilence(msMax: number, onSilent: () => void) {
  let timer = setTimeout(onSilent, msMax)
  return {
    heard(): void {
      clearTimeout(timer)
      timer = setTimeout(onSilent, msMax)
    },
    pause: (): void => clearTimeout(timer),
    end: (): void => clearTimeout(timer)
  }
}

/** Not every browser can iterate over a body. */
async function* textOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield decoder.decode(value, { stream: true })
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
