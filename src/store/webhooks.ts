/** Webhooks: what is sent where, and how far each has come. */

import { randomUUID } from 'node:crypto'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import type { Actor } from './audit.ts'
import { insertAudit } from './audit.ts'
import type { Database, PoolClient } from './database.ts'
import type { WebhookProgress } from './webhook-progress.ts'
import { createWebhookProgress } from './webhook-progress.ts'
import { inTransaction } from './projected-facts.ts'
import type { Place, Webhook, WebhookRow, WebhookSettings } from './webhook-rows.ts'
import { toWebhook } from './webhook-rows.ts'

export interface WebhookChange extends Partial<WebhookSettings> {
  state?: 'active' | 'paused'
  /** It goes on from here. */
  place?: Place
}

/** Whoever asks sees their own, and all if they may read all. */
export interface WebhookStore extends WebhookProgress {
  /** Oldest first. */
  list(access: Access): Promise<Webhook[]>
  byId(access: Access, id: string): Promise<Webhook | null>
  /** Throws Problem `too_many_webhooks`. */
  create(access: Access, settings: WebhookSettings, place: Place, secret: string): Promise<Webhook>
  /** What is absent stays. Whoever delivers stops, and begins anew. null: there is none. */
  change(access: Access, id: string, change: WebhookChange): Promise<Webhook | null>
  /** The present secret becomes the previous one, which signs until then. null: there is none. */
  rotate(access: Access, id: string, secret: string, previousUntil: Millis): Promise<Webhook | null>
  /** False: there is none. */
  remove(access: Access, id: string): Promise<boolean>
}

export function createWebhookStore(
  { pool }: Pick<Database, 'pool'>,
  limits: Pick<Limits, 'webhooksMax'>
): WebhookStore {
  /** A change by a client, and its entry in the audit. `set` has parameters from $4 on. */
  async function update(
    { access, id, action, detail }: { access: Access; id: string; action: string; detail: object },
    set: string[],
    values: unknown[]
  ): Promise<Webhook | null> {
    return inTransaction(pool, async (client) => {
      const { rows } = await client.query<WebhookRow>(
        `update webhooks set revision = revision + 1, updated_at = now()${set.map((one) => `, ${one}`).join('')}
         where id = $1 and ${visible} returning *`,
        [id, ...seenBy(access), ...values]
      )
      if (rows[0] === undefined) return null
      await insertAudit(client, { ...by(access), action, subject: id, detail })
      return toWebhook(rows[0])
    })
  }

  return {
    ...createWebhookProgress(pool),
    async list(access) {
      const { rows } = await pool.query<WebhookRow>(
        `select * from webhooks where ${visibleFrom(1)} order by created_at, id`,
        seenBy(access)
      )
      return rows.map(toWebhook)
    },
    async byId(access, id) {
      const { rows } = await pool.query<WebhookRow>(`select * from webhooks where id = $1 and ${visible}`, [
        id,
        ...seenBy(access)
      ])
      return rows[0] === undefined ? null : toWebhook(rows[0])
    },
    create: (access, settings, place, secret) =>
      inTransaction(pool, async (client) => {
        await checkCount(client, limits.webhooksMax)
        const { rows } = await client.query<WebhookRow>(
          `insert into webhooks (id, url, description, types, filters, predicate, final_only, secret, seq, part, principal)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning *`,
          [randomUUID(), ...valuesOf(settings), secret, place.seq, place.part, access.principal]
        )
        const webhook = toWebhook(rows[0]!)
        const { id: subject } = webhook
        const entry = { action: 'createWebhook', subject, detail: told(settings) }
        await insertAudit(client, { ...by(access), ...entry })
        return webhook
      }),
    change(access, id, { place, ...change }) {
      const set: string[] = []
      const values: unknown[] = []
      const assign = (column: string, value: unknown): void => {
        values.push(value)
        set.push(`${column} = $${values.length + 3}`)
      }
      for (const [name, column] of columns)
        if (change[name] !== undefined) assign(column, toColumn(change[name]))
      if (change.state !== undefined) assign('state', change.state)
      if (change.state === 'active') set.push('reason = null')
      if (place !== undefined) assign('seq', place.seq)
      if (place !== undefined) assign('part', place.part)
      // Other events are another request; and whoever changes something wants to see what comes of it
      if (place !== undefined || selecting.some((name) => change[name] !== undefined))
        set.push('until_seq = null', 'until_part = null')
      set.push('attempts = 0', 'next_attempt_at = null')
      const detail = { ...told(change), ...(place !== undefined && { seq: place.seq }) }
      return update({ access, id, action: 'updateWebhook', detail }, set, values)
    },
    rotate: (access, id, secret, previousUntil) =>
      update(
        { access, id, action: 'rotateWebhookSecret', detail: {} },
        ['previous_secret = secret', 'secret = $4', 'previous_until = $5'],
        [secret, new Date(previousUntil)]
      ),
    remove: (access, id) =>
      inTransaction(pool, async (client) => {
        const { rowCount } = await client.query(`delete from webhooks where id = $1 and ${visible}`, [
          id,
          ...seenBy(access)
        ])
        if (rowCount === 0) return false
        await insertAudit(client, { ...by(access), action: 'deleteWebhook', subject: id, detail: {} })
        return true
      })
  }
}

const columns = [
  ['url', 'url'],
  ['description', 'description'],
  ['types', 'types'],
  ['filters', 'filters'],
  ['where', 'predicate'],
  ['finalOnly', 'final_only']
] as const satisfies ReadonlyArray<readonly [keyof WebhookSettings, string]>

/** What says which events are sent. */
const selecting = ['types', 'filters', 'where', 'finalOnly'] as const

const by = ({ principal, address }: Access): Actor => ({
  principal,
  ...(address !== undefined && { address })
})

const toColumn = (value: unknown): unknown => (Array.isArray(value) ? JSON.stringify(value) : value)
const valuesOf = (settings: WebhookSettings): unknown[] => columns.map(([name]) => toColumn(settings[name]))

/** Without the URL's path and query, in which receivers have their own secrets. */
const told = ({ url, ...change }: Omit<WebhookChange, 'place'>): object => ({
  ...change,
  ...(url !== undefined && { origin: new URL(url).origin })
})

/** Of principal and whether all is read, as parameters from this number on. */
const visibleFrom = (number: number): string => `(principal = $${number} or $${number + 1})`
const visible = visibleFrom(2)
const seenBy = ({ principal, readsAll }: Access): unknown[] => [principal, readsAll === true]

async function checkCount(client: PoolClient, max: number): Promise<void> {
  // Who creates one at the same time waits, and counts it
  await client.query('lock table webhooks in share row exclusive mode')
  const { rows } = await client.query<{ count: number }>('select count(*) as count from webhooks')
  if (rows[0]!.count >= max)
    throw new Problem(
      'too_many_webhooks',
      `There are ${max} webhooks, and no more are allowed: delete one first`
    )
}
