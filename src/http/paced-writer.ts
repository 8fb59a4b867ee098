/** Writes to a client at the pace at which it reads. */

import type { ServerResponse } from 'node:http'
import type { Limits } from '../limits.ts'

/** The reader has taken nothing for so long that it counts as gone. */
export class StalledError extends Error {}

/** Writes a text; while the reader does not take it, it waits. Rejects with StalledError, or when `signal` aborts. */
export type PacedWriter = (text: string) => Promise<void>

/** `stalledMsMax`: milliseconds. */
export function createPacedWriter(
  out: ServerResponse,
  limits: Pick<Limits, 'streamWriteBytesMax'>,
  stalledMsMax: number,
  signal: AbortSignal
): PacedWriter {
  async function writeChunk(chunk: string | Buffer): Promise<void> {
    if (!out.write(chunk)) await drained(out, stalledMsMax, signal)
  }

  return async (text) => {
    if (text.length <= limits.streamWriteBytesMax) return writeChunk(text)
    // In parts: of one large chunk nobody sees whether the reader takes any
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += limits.streamWriteBytesMax)
      await writeChunk(bytes.subarray(at, at + limits.streamWriteBytesMax))
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
