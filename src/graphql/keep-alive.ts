/** Finds out whether the other side of a WebSocket is still there, and still reads. */

import type { WebSocket } from 'ws'
import type { Limits } from '../limits.ts'

export interface KeepAlive {
  /** Something is being sent; call what it returns when it has left. */
  sending(): () => void
  stop(): void
}

/**
 * Ends a connection whose other side has not answered a ping by the next. But a ping waits behind what was sent before:
 * a reader that stands still, or is slow, cannot answer, so it is given `streamStalledMsMax` to take the next message.
 */
export function keepAlive(
  socket: WebSocket,
  limits: Pick<Limits, 'heartbeatMs' | 'streamStalledMsMax'>
): KeepAlive {
  let answered = true
  let waiting = 0
  /** Since when the first of those that wait does; or when one left. */
  let since = 0
  /** A ping was behind messages until a moment ago, so its answer may still come. */
  let excused = false
  socket.on('pong', () => (answered = true))
  const beat = setInterval(() => {
    if (waiting > 0 && performance.now() - since > limits.streamStalledMsMax) return socket.terminate()
    if (!answered) {
      if (waiting === 0 && !excused) return socket.terminate()
      excused = waiting > 0
      return
    }
    answered = false
    socket.ping()
  }, limits.heartbeatMs)
  return {
    sending() {
      if (waiting++ === 0) since = performance.now()
      return () => {
        waiting--
        since = performance.now()
      }
    },
    stop: () => clearInterval(beat)
  }
}
