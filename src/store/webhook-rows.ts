/** Webhooks as the database has them. */

import type { Position } from '../cursor.ts'
import type { Millis } from '../model.ts'
import type { EventType } from '../views.ts'

/** A place between two events. */
export type Place = Pick<Position, 'seq' | 'part'>

/** What a client says of a webhook. */
export interface WebhookSettings {
  url: string
  description: string
  types: EventType[]
  filters: string[]
  /** A predicate (src/predicate) on what the events tell. */
  where: string | null
  /** Of commands, only what became of them. */
  finalOnly: boolean
}

export type WebhookState = 'active' | 'paused' | 'disabled'

export interface Webhook extends WebhookSettings {
  id: string
  secret: string
  /** Signs beside the other until `previousUntil`; null: there is none, or its time is over. */
  previousSecret: string | null
  previousUntil: Millis | null
  state: WebhookState
  /** Why it is disabled. */
  reason: string | null
  revision: number
  /** Everything up to here was delivered, or is not wanted. */
  place: Place
  /** The end of what is being delivered. */
  until: Place | null
  /** Of this delivery, those that failed. */
  attempts: number
  nextAttemptAt: Millis | null
  lastError: string | null
  lastErrorAt: Millis | null
  deliveredAt: Millis | null
  principal: string
  createdAt: Millis
  updatedAt: Millis
}

export interface WebhookRow {
  id: string
  url: string
  description: string
  types: EventType[]
  filters: string[]
  predicate: string | null
  final_only: boolean
  secret: string
  previous_secret: string | null
  previous_until: Date | null
  state: WebhookState
  reason: string | null
  revision: number
  seq: number
  part: number
  until_seq: number | null
  until_part: number | null
  attempts: number
  next_attempt_at: Date | null
  last_error: string | null
  last_error_at: Date | null
  delivered_at: Date | null
  principal: string
  created_at: Date
  updated_at: Date
}

export function toWebhook(row: WebhookRow): Webhook {
  const rotating = row.previous_until !== null && row.previous_until.getTime() > Date.now()
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    types: row.types,
    filters: row.filters,
    where: row.predicate,
    finalOnly: row.final_only,
    secret: row.secret,
    previousSecret: rotating ? row.previous_secret : null,
    previousUntil: rotating ? row.previous_until!.getTime() : null,
    state: row.state,
    reason: row.reason,
    revision: row.revision,
    place: { seq: row.seq, part: row.part },
    until: row.until_seq === null ? null : { seq: row.until_seq, part: row.until_part ?? 0 },
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at?.getTime() ?? null,
    lastError: row.last_error,
    lastErrorAt: row.last_error_at?.getTime() ?? null,
    deliveredAt: row.delivered_at?.getTime() ?? null,
    principal: row.principal,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime()
  }
}
