/** Which version of the protocol to try next: MQTT 5 first, 3.1.1 where the broker does not speak it. Pure. */

import type { ProtocolVersion } from './connection.ts'
import { ConnectError } from './connection.ts'

/**
 * After a failed attempt. Some brokers refuse MQTT 5 with a reason code, some just close: the latter is taken for a
 * refusal only while no version has ever been accepted (`accepted` is null).
 */
export function nextVersion(
  tried: ProtocolVersion,
  error: unknown,
  accepted: ProtocolVersion | null
): ProtocolVersion {
  if (tried === 5 && error instanceof ConnectError) {
    const closed = error.reasonCode === null && isClosed(error) && accepted === null
    return error.versionRefused || closed ? 4 : 5
  }
  return tried === 4 && accepted === null ? 5 : tried
}

/** Not a refused TCP connection, nor a name that does not resolve: something accepted, and closed. */
const isClosed = (error: ConnectError): boolean => error.cause === null || error.cause === undefined
