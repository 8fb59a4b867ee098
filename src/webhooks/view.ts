/** Webhooks as clients see them, on every surface. Never with a secret. Pure. */

import type { Cursors } from '../cursor.ts'
import type { Seq } from '../model.ts'
import type { Webhook, WebhookState } from '../store/webhook-rows.ts'
import { toTime, toTimeOrNull } from '../views.ts'

export interface WebhookView {
  id: string
  url: string
  description: string
  types: string[]
  filters: string[]
  where: string | null
  finalOnly: boolean
  state: WebhookState
  reason: string | null
  /** Everything up to here was delivered, or is not wanted. */
  cursor: string
  /** Positions of the journal behind it. */
  lag: number
  /** Of the present request, those that failed. */
  attempts: number
  nextAttemptAt: string | null
  lastError: string | null
  lastErrorAt: string | null
  lastDeliveredAt: string | null
  previousSecretUntil: string | null
  principal: string
  createdAt: string
  updatedAt: string
}

/** `head`: of the journal. */
export const toWebhookView = (
  webhook: Webhook,
  head: Seq,
  cursors: Pick<Cursors, 'encode'>
): WebhookView => ({
  id: webhook.id,
  url: webhook.url,
  description: webhook.description,
  types: webhook.types,
  filters: webhook.filters,
  where: webhook.where,
  finalOnly: webhook.finalOnly,
  state: webhook.state,
  reason: webhook.reason,
  cursor: cursors.encode(webhook.place.seq, webhook.place.part),
  lag: Math.max(0, head - webhook.place.seq),
  attempts: webhook.attempts,
  nextAttemptAt: toTimeOrNull(webhook.nextAttemptAt),
  lastError: webhook.lastError,
  lastErrorAt: toTimeOrNull(webhook.lastErrorAt),
  lastDeliveredAt: toTimeOrNull(webhook.deliveredAt),
  previousSecretUntil: toTimeOrNull(webhook.previousUntil),
  principal: webhook.principal,
  createdAt: toTime(webhook.createdAt),
  updatedAt: toTime(webhook.updatedAt)
})
