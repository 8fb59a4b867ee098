/** What the service tells of itself, gathered from its parts. */

import type { AppParts } from './app.ts'
import type { Core } from './core.ts'
import type { ServedCertificate } from './http/certificate.ts'
import type { SessionStatus } from './mqtt/session-parts.ts'
import type { Receiving } from './http/parts.ts'
import type { ServiceStatus } from './service-status.ts'

export function toStatus(
  parts: AppParts,
  core: Core,
  certificate: ServedCertificate | null,
  startedAt: Date
): ServiceStatus {
  const { sparkplug } = parts.config
  const mqtt = core.receiver()?.status() ?? null
  const host = core.host?.receiver()?.status() ?? null
  return {
    version: parts.version,
    schemaVersion: core.store.schema.known,
    startedAt: startedAt.toISOString(),
    instanceId: core.store.instanceId,
    leading: core.leader.leading(),
    mqtt: {
      ...toSessionStatus(mqtt, startedAt),
      sessionExpirySeconds: mqtt?.sessionExpirySeconds ?? null,
      takenOver: mqtt?.takenOver ?? false,
      snapshot: mqtt?.snapshot ?? { state: 'unread', at: null, reason: null },
      publisherConnected: core.publisher.connected()
    },
    sparkplugHost: sparkplug && { hostId: sparkplug.hostId, ...toSessionStatus(host, startedAt) },
    projection: core.projection.status(),
    certificate: certificate?.status() ?? null,
    embedded: parts.embedded
  }
}

const toSessionStatus = (session: SessionStatus | null, startedAt: Date) => ({
  state: session?.state ?? 'stopped',
  since: new Date(session?.since ?? startedAt).toISOString(),
  version: session?.version == null ? null : session.version === 5 ? '5' : '3.1.1',
  lastError: session?.lastError ?? null,
  lastErrorCode: session?.lastErrorCode ?? null,
  refusedFilters: session?.refusedFilters ?? []
})

/** For `/metrics`: what only the instance that receives can tell. */
export function toReceiving({ receiver, host, leader }: Core): Receiving {
  const held = [receiver(), host?.receiver()].flatMap((one) => one?.oldestHeldAt() ?? [])
  const lease = leader.lease()
  const hosting = host?.receiver() ?? null
  return {
    oldestHeldAt: held.length > 0 ? Math.min(...held) : null,
    lease: lease && { epoch: lease.epoch, msLeft: lease.validUntil - performance.now() },
    hostConnected: hosting && hosting.alive()
  }
}
