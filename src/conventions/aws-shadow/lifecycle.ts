/** Lifecycle events: who is connected. They come twice, and out of order. Pure. */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { Facts, readObject } from '../facts.ts'

/** Of a client. */
interface Connection {
  version: number
  /** Milliseconds, as the event says. */
  timestamp: number
  connected: boolean
}

/** The versions of a client that was away about an hour begin anew; those of one connection are never so far apart. */
const anewMs = 30 * 60_000

export const decodeLifecycle =
  (connected: boolean) =>
  (state: DecoderState | null, message: DecoderMessage): DecoderResult => {
    const facts = new Facts()
    if (message.payload.length === 0) return facts.result()
    const event = readObject(message, facts)
    if (event === undefined) return facts.result()
    const { thingName, clientId, versionNumber, timestamp, disconnectReason, ipAddress } = event
    const device =
      [thingName, clientId].find((name): name is string => typeof name === 'string' && name !== '') ??
      message.captures['client']!
    const at = readTimestamp(timestamp, 'ms')
    if (at === null) facts.reject('invalid_timestamp', 'timestamp is no number of milliseconds since 1970')
    const now: Connection | null =
      typeof versionNumber === 'number' && at !== null
        ? { version: versionNumber, timestamp: at, connected }
        : null
    if (now !== null && !isNewer(now, state as Connection | null)) return facts.result()
    if (now === null)
      facts.reject(
        'wrong_shape',
        'Without versionNumber and timestamp nothing tells whether this is the latest'
      )
    facts.presence(device, connected ? 'online' : 'offline', connected ? 'birth' : 'death')
    if (!connected && disconnectReason !== undefined)
      facts.datapoint({
        device,
        metric: 'disconnectReason',
        value: disconnectReason as string,
        role: 'event',
        ...(at !== null && { observedAt: at })
      })
    if (connected && typeof ipAddress === 'string') facts.attributes(device, { ip: ipAddress })
    return { ...facts.result(now ?? undefined), toDevice: !connected }
  }

/** Both events of one connection have the same version; the one that ends it is the later. */
function isNewer(now: Connection, before: Connection | null): boolean {
  if (before === null || now.version > before.version) return true
  if (now.timestamp - before.timestamp > anewMs) return true
  return now.version === before.version && before.connected && !now.connected
}
