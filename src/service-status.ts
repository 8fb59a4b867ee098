/** What the service tells of itself, on REST and GraphQL alike. */

/** How far what the broker retains is known. */
export interface SnapshotStatus {
  /** `unread`: not yet; `incomplete`: read, but what the broker did not send may be there. */
  state: 'unread' | 'reading' | 'known' | 'incomplete'
  /** When it was asked last. */
  at: string | null
  /** Why it is incomplete. */
  reason: string | null
}

/** What is normalized, and what waits. */
export interface ProjectionStatus {
  id: string
  /** Newest fact that is normalized, and how many wait. */
  doneSeq: string
  lag: number
  mappingHash: string
  /** The one that will replace it; progress from 0 to 1. */
  building: { id: string; progress: number } | null
}

/** The certificate that HTTPS shows; times as clients see them. */
export interface CertificateStatus {
  validFrom: string
  validTo: string
  /** When it was read from its files. */
  readAt: string
  /** Why what is in the files now is not used; null: it is. */
  fault: string | null
}

/** What the service knows of itself; times as clients see them. */
export interface ServiceStatus {
  version: string
  /** The newest migration of the database that this version has. */
  schemaVersion: string
  startedAt: string
  instanceId: string
  /** Whether this instance receives from the broker. */
  leading: boolean
  mqtt: {
    state: string
    since: string
    version: string | null
    lastError: string | null
    /** Of it, where no TLS could be agreed on: such as `certificate_expired` (docs/tls.md). */
    lastErrorCode: string | null
    refusedFilters: string[]
    /** How long the broker keeps the session while we are away; null: not known (MQTT 3.1.1). */
    sessionExpirySeconds: number | null
    /** Another client seems to use our client id. */
    takenOver: boolean
    snapshot: SnapshotStatus
    publisherConnected: boolean
  }
  /** The session of the Sparkplug host; null: there is none. */
  sparkplugHost: {
    hostId: string
    state: string
    since: string
    version: string | null
    lastError: string | null
    /** Of it, where no TLS could be agreed on: such as `certificate_expired` (docs/tls.md). */
    lastErrorCode: string | null
    refusedFilters: string[]
  } | null
  /** null: another instance normalizes, or this one has not begun. */
  projection: ProjectionStatus | null
  /** null: HTTP without TLS. */
  certificate: CertificateStatus | null
  embedded: { postgres: boolean; broker: boolean }
}
