/**
 * Delivers one webhook: what it is to be sent, one request after the other, in the order of the journal. The end of a request
 * is written before it is sent and the place behind it when it was taken, so that after a crash the same request is sent
 * again, and nothing is left out. What fails is tried again, for as long as it takes: the journal keeps it.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { isOver, withEnd } from '../access/ended.ts'
import type { Cursors } from '../cursor.ts'
import type { EventSource } from '../feed/events.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { Place, Webhook } from '../store/webhook-rows.ts'
import type { WebhookProgress } from '../store/webhook-progress.ts'
import { waitAfter } from './backoff.ts'
import type { Delivery, DeliveryReader } from './deliveries.ts'
import { openDeliveries } from './deliveries.ts'
import { toEventsMessage } from './message.ts'
import type { Send, Sent } from './send.ts'
import type { Slots } from './slots.ts'

export interface DeliverParts {
  /** This instance. */
  instanceId: string
  progress: WebhookProgress
  events: EventSource
  cursors: Cursors
  /** What a principal may now; null: nobody is known by that name. */
  accessOf: (principal: string) => Access | null
  /** Resolves when it is known what they may read. */
  ready?: (principal: string) => Promise<void>
  send: Send
  slots: Slots
  limits: Limits
  stats: Stats
  log: Logger
}

const goneStatus = 410

/**
 * Until `outer` aborts, the webhook was changed or disabled, who made it is over, or this instance leads no more. Rejects
 * when the database is away, or with the signal's reason.
 */
export async function deliver(parts: DeliverParts, given: Webhook, outer: AbortSignal): Promise<void> {
  const { progress, instanceId, limits, stats, log } = parts
  let webhook = given
  const { principal } = webhook
  const maker = (): Access | null => {
    const found = parts.accessOf(principal)
    return found === null || isOver(found) ? null : found
  }
  await parts.ready?.(principal)
  const signal = withEnd(maker() ?? {}, outer)
  // Asked for each event: what they may read may change while the webhook is delivered
  const access: Access = {
    principal,
    mayRead: (topic) => maker()?.mayRead(topic) === true,
    mayReadDevice: (device, topic) => maker()?.mayReadDevice?.(device, topic) === true,
    mayPublish: () => false,
    get rights() {
      return maker()?.rights ?? nobody
    }
  }

  async function disable(reason: string): Promise<void> {
    if (await progress.disable(instanceId, webhook, reason))
      log.warn({ webhook: webhook.id, reason }, 'A webhook is disabled')
  }

  /** False: no more is to be delivered by this one. */
  async function moveTo(place: Place, sent: boolean): Promise<boolean> {
    webhook = { ...webhook, place, until: null, attempts: 0, nextAttemptAt: null }
    return progress.moveTo(instanceId, webhook, place, sent)
  }

  async function fail({ error, retryAfterMs }: Sent): Promise<boolean> {
    stats.webhookFailures++
    const attempts = webhook.attempts + 1
    const nextAttemptAt: Millis = Date.now() + waitAfter(attempts, retryAfterMs, Math.random(), limits)
    webhook = { ...webhook, attempts, nextAttemptAt }
    log.debug({ webhook: webhook.id, attempts, error }, 'A webhook was not delivered; trying again')
    return progress.fail(instanceId, webhook, error ?? 'it was not delivered', nextAttemptAt)
  }

  /** What is to be sent was read for other rights than there are now. */
  let stale = false

  async function attempt(delivery: Delivery, rights: object | undefined): Promise<boolean> {
    if (!(await progress.begin(instanceId, webhook, delivery.until))) return false
    webhook = { ...webhook, until: delivery.until }
    const outgoing = toEventsMessage(webhook, delivery, parts.cursors, Date.now())
    const sent = await parts.slots.run(
      async () => (access.rights === rights ? parts.send(outgoing, signal) : null),
      signal
    )
    if (sent === null) return (stale = true)
    if (sent.status === goneStatus) {
      stats.webhookFailures++
      await disable('the receiver says that it is gone (status 410)')
      return false
    }
    if (!sent.delivered) return fail(sent)
    stats.webhookDeliveries++
    stats.webhookEvents += delivery.events.length
    return moveTo(delivery.until, true)
  }

  let placedAt: Millis = Date.now()

  /** Nothing is wanted up to a place. That is written now and then, for what is not kept any more is not missed before it. */
  async function pass({ until }: Delivery): Promise<boolean> {
    const due = webhook.until !== null || Date.now() - placedAt >= limits.webhookPlaceMs
    webhook = { ...webhook, place: until }
    if (!due) return true
    placedAt = Date.now()
    return moveTo(until, false)
  }

  /** One request after the other, as long as they are taken. True: from where it is, to be read again. */
  async function follow(reader: DeliveryReader): Promise<boolean> {
    for (;;) {
      const { rights } = access
      const delivery = await reader.next(webhook.until)
      if (delivery === null) return false
      stale = access.rights !== rights
      if (stale) return true
      const goesOn = delivery.events.length === 0 ? await pass(delivery) : await attempt(delivery, rights)
      if (!goesOn) return false
      if (webhook.nextAttemptAt !== null || stale) return true
    }
  }

  async function deliverAll(): Promise<void> {
    for (let goesOn = true; goesOn && maker() !== null;) {
      if (webhook.nextAttemptAt !== null)
        await delay(Math.max(webhook.nextAttemptAt - Date.now(), 0), null, { signal })
      webhook = { ...webhook, nextAttemptAt: null }
      // What waits to be sent again is not held in memory meanwhile
      const reader = openDeliveries(parts, access, webhook, signal)
      try {
        goesOn = await follow(reader)
      } finally {
        await reader.close()
      }
    }
  }

  try {
    await deliverAll()
  } catch (error) {
    if (outer.aborted || maker() !== null) throw error
  }
  if (maker() === null && !outer.aborted)
    await disable('who made it is not known any more, or their key is over: make it again')
}

/** Stands for the rights of somebody who has none. */
const nobody = {}
