/** Which version of the protocol to try next: MQTT 5 first, 3.1.1 where the broker does not speak it. Pure. */

import type { ProtocolVersion } from './connection.ts'
import { ConnectError } from './connect-error.ts'

/**
 * After a failed attempt. Some brokers refuse MQTT 5 with a reason code, some just close: the latter is taken for a
 * refusal only while nobody knows what the broker speaks (`accepted` is null).
 */
export function nextVersion(
  tried: ProtocolVersion,
  error: unknown,
  accepted: ProtocolVersion | null
): ProtocolVersion {
  if (!(error instanceof ConnectError)) return tried
  if (error.versionRefused) return tried === 5 ? 4 : 5
  return accepted ?? (tried === 5 && isClosed(error) ? 4 : 5)
}

/** Not a refused TCP connection, nor a name that does not resolve: something accepted, and closed. */
const isClosed = (error: ConnectError): boolean => error.cause === null || error.cause === undefined
