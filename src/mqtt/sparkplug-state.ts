/**
 * The certificates of a Sparkplug 3.0 host application, which edge nodes wait for: under its STATE topic, as JSON, retained
 * and of QoS 1 [tck-id-host-topic-phid-birth-qos], [tck-id-host-topic-phid-birth-retain], [tck-id-host-topic-phid-death-qos].
 */

import type { Limits } from '../limits.ts'
import type { Presence } from './presence.ts'

/** [tck-id-host-topic-phid-birth-topic], [tck-id-host-topic-phid-death-topic] */
export const stateTopicOf = (hostId: string): string => `spBv1.0/STATE/${hostId}`

export function statePresence(
  hostId: string,
  { certificateBytesMax }: Limits,
  now: () => number = Date.now
): Presence {
  let last = 0
  /** Edge nodes ignore a death that is older than the birth they know, so no two connections share a time. */
  const next = (): number => (last = Math.max(now(), last + 1))
  return {
    topic: stateTopicOf(hostId),
    connecting() {
      // One time for both [tck-id-host-topic-phid-birth-payload-timestamp], that of CONNECT
      // [tck-id-host-topic-phid-death-payload-timestamp-connect]
      const timestamp = next()
      return { will: certificate(false, timestamp), birth: certificate(true, timestamp) }
    },
    // [tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean]
    death: () => certificate(false, next()),
    // [tck-id-message-flow-hid-sparkplug-state-message-delivered]
    denies: (payload) => payload.length <= certificateBytesMax && saysOffline(payload)
  }
}

/** [tck-id-host-topic-phid-birth-payload], [tck-id-host-topic-phid-death-payload] */
const certificate = (online: boolean, timestamp: number): string => JSON.stringify({ online, timestamp })

function saysOffline(payload: Buffer): boolean {
  try {
    return (JSON.parse(payload.toString()) as { online?: unknown } | null)?.online === false
  } catch {
    return false
  }
}
