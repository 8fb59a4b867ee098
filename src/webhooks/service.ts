/** The parts of webhooks put together: what clients do with them, and the task that delivers them. */

import type { Logger } from 'pino'
import type { EventSource } from '../feed/events.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'
import type { Resolve } from './addresses.ts'
import type { WebhookRunner } from './runner.ts'
import { createWebhookRunner } from './runner.ts'
import { createSend } from './send.ts'
import { createSlots } from './slots.ts'
import type { Webhooks } from './webhooks.ts'
import { createWebhooks } from './webhooks.ts'

export interface WebhookService {
  webhooks: Webhooks
  runner: WebhookRunner
}

export function createWebhookService(parts: {
  store: Pick<Store, 'webhooks' | 'cursors' | 'journal' | 'instanceId'>
  events: EventSource
  accessOf: (principal: string) => Access | null
  ready?: (principal: string) => Promise<void>
  leading: () => boolean
  /** Whether private addresses, and http, are allowed. */
  allowPrivate: boolean
  version: string
  /** Not given: as the machine resolves names. */
  resolve?: Resolve
  limits: Limits
  stats: Stats
  log: Logger
}): WebhookService {
  const { store, allowPrivate, limits } = parts
  const { cursors, journal } = store
  const send = createSend(parts)
  const runner = createWebhookRunner({
    ...parts,
    instanceId: store.instanceId,
    progress: store.webhooks,
    cursors,
    send,
    slots: createSlots(limits.webhooksSendingMax)
  })
  const webhooks = createWebhooks({
    store: store.webhooks,
    cursors,
    head: journal.head,
    send,
    allowPrivate,
    onChange: runner.wake,
    limits
  })
  return { webhooks, runner }
}
