/** What clients do with webhooks, the same on REST and GraphQL. */

import { randomUUID } from 'node:crypto'
import type { Cursors } from '../cursor.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Head, Millis } from '../model.ts'
import type { WebhookChange, WebhookStore } from '../store/webhooks.ts'
import type { Place, Webhook } from '../store/webhook-rows.ts'
import { toPing } from './message.ts'
import type { Send } from './send.ts'
import type { WebhookAsk } from './settings.ts'
import { readSettings } from './settings.ts'
import { createSecret } from './signature.ts'
import type { WebhookView } from './view.ts'
import { toWebhookView } from './view.ts'

/** Where it begins or goes on: a cursor, or `earliest`; absent: from now on, or where it is. */
interface After {
  after?: string | null | undefined
}

export type WebhookCreateAsk = WebhookAsk & After

/** What is absent stays; null is the default. */
export type WebhookChangeAsk = Partial<WebhookAsk> & After & { state?: 'active' | 'paused' | undefined }

/** The only times that a secret is shown. */
export type WebhookWithSecret = WebhookView & { secret: string }

export interface Ping {
  delivered: boolean
  status: number | null
  error: string | null
  /** How long it took. */
  ms: Millis
}

/**
 * Whoever asks has their own webhooks, and may see and change all if they may read all. Each throws Problem `not_found` where
 * there is none, and those of what is wrong in what is asked for.
 */
export interface Webhooks {
  /** Oldest first; at most `webhooksMax`. */
  list(access: Access): Promise<WebhookView[]>
  get(access: Access, id: string): Promise<WebhookView>
  create(access: Access, ask: WebhookCreateAsk): Promise<WebhookWithSecret>
  change(access: Access, id: string, ask: WebhookChangeAsk): Promise<WebhookView>
  /** The secret before signs, too, for `webhookSecretOverlapSeconds`. */
  rotate(access: Access, id: string): Promise<WebhookWithSecret>
  remove(access: Access, id: string): Promise<void>
  /** Sends a request without events now, from this instance, also where the webhook is paused or disabled. */
  ping(access: Access, id: string, signal: AbortSignal): Promise<Ping>
}

export function createWebhooks(parts: {
  store: WebhookStore
  cursors: Cursors
  head: () => Promise<Head>
  send: Send
  allowPrivate: boolean
  /** A webhook was made or changed, here. */
  onChange: () => void
  limits: Limits
}): Webhooks {
  const { store, cursors, limits, allowPrivate, onChange } = parts
  let pings = 0
  const view = async (webhook: Webhook): Promise<WebhookView> =>
    toWebhookView(webhook, (await parts.head()).seq, cursors)

  async function find(access: Access, id: string): Promise<Webhook> {
    return found(isUuid(id) ? await store.byId(access, id) : null)
  }

  async function placeOf(after: string | null): Promise<Place> {
    const head = await parts.head()
    if (after === null) return { seq: head.seq, part: 0 }
    if (after === 'earliest') return { seq: head.horizon, part: 0 }
    const { seq, part } = cursors.decodePosition(after, head)
    return { seq, part }
  }

  async function changed(webhook: Webhook | null): Promise<Webhook> {
    const there = found(webhook)
    onChange()
    return there
  }

  return {
    async list(access) {
      const { seq } = await parts.head()
      return (await store.list(access)).map((webhook) => toWebhookView(webhook, seq, cursors))
    },
    get: async (access, id) => view(await find(access, id)),
    async create(access, { after, ...ask }) {
      if (access.principal.startsWith('oidc:'))
        throw new Problem(
          'forbidden',
          'A webhook goes on when the token is over, and only tokens tell what their bearers may: make it with an API key'
        )
      const settings = readSettings(ask, allowPrivate, limits)
      const secret = createSecret()
      const webhook = await store.create(access, settings, await placeOf(after ?? null), secret)
      onChange()
      return { ...(await view(webhook)), secret }
    },
    async change(access, id, { after, state, ...ask }) {
      const before = await find(access, id)
      const given = Object.keys(ask).filter((name) => ask[name as keyof typeof ask] !== undefined)
      // What is there already stays, also where it would not be allowed any more: it is not sent there
      const anywhere = allowPrivate || ask.url === undefined
      const settings = readSettings({ ...settingsOf(before), ...ask }, anywhere, limits)
      const change: WebhookChange = {
        ...Object.fromEntries(Object.entries(settings).filter(([name]) => given.includes(name))),
        ...(state !== undefined && { state }),
        ...(after != null && { place: await placeOf(after) })
      }
      return view(await changed(await store.change(access, id, change)))
    },
    async rotate(access, id) {
      await find(access, id)
      const secret = createSecret()
      const until = Date.now() + limits.webhookSecretOverlapSeconds * 1_000
      return { ...(await view(await changed(await store.rotate(access, id, secret, until)))), secret }
    },
    async remove(access, id) {
      if (!isUuid(id) || !(await store.remove(access, id))) throw notFound()
      onChange()
    },
    async ping(access, id, signal) {
      const webhook = await find(access, id)
      const max = limits.webhookPingsMax
      if (pings >= max)
        throw new Problem('too_many_requests', `${max} pings are under way: wait for one of them`)
      pings++
      const begun = performance.now()
      try {
        const outgoing = toPing(webhook, randomUUID(), Date.now())
        const { delivered, status, error } = await parts.send(outgoing, signal)
        return { delivered, status, error, ms: Math.round(performance.now() - begun) }
      } catch (error) {
        if (!signal.aborted) throw error
        const ms = Math.round(performance.now() - begun)
        return { delivered: false, status: null, error: 'the service is stopping', ms }
      } finally {
        pings--
      }
    }
  }
}

/** As a client gives it. */
const settingsOf = ({ url, description, types, filters, where, finalOnly }: Webhook) =>
  ({ url, description, types, filters, where, finalOnly }) as WebhookAsk

const notFound = (): Problem => new Problem('not_found', 'There is no such webhook')

function found(webhook: Webhook | null): Webhook {
  if (webhook === null) throw notFound()
  return webhook
}

/** What is none names nothing, and the database would not take it. */
const isUuid = (id: string): boolean => /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(id)
