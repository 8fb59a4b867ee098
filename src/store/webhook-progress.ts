/**
 * How far webhooks are. Only the instance that leads writes this, and only of a webhook as it knows it: each statement looks for
 * both, and what finds neither changes nothing.
 */

import type { Millis, Seq } from '../model.ts'
import type { Pool } from './database.ts'
import type { Place, Webhook, WebhookRow } from './webhook-rows.ts'
import { toWebhook } from './webhook-rows.ts'

/** A webhook as its deliverer knows it. */
export type Known = Pick<Webhook, 'id' | 'revision'>

/** Each tells whether it was written: false means that this instance leads no more, or that the webhook was changed. */
export interface WebhookProgress {
  /** For the instance that leads: those that are to be delivered, whoever may see them. */
  active(): Promise<Webhook[]>
  /** Before anything is sent: what is sent is from its place (nothing before is wanted) up to `until`. */
  begin(by: string, webhook: Known & Pick<Webhook, 'place'>, until: Place): Promise<boolean>
  /** Everything up to `place` was delivered; `sent`: something was, else nothing there was wanted. */
  moveTo(by: string, webhook: Known, place: Place, sent: boolean): Promise<boolean>
  fail(by: string, webhook: Known, error: string, nextAttemptAt: Millis): Promise<boolean>
  /** It is delivered no more until a client says so. */
  disable(by: string, webhook: Known, reason: string): Promise<boolean>
  /** Of those that are active: positions behind the head, of the one that is farthest; and how many of them failed last. */
  lag(): Promise<{ facts: Seq; failing: number }>
}

/** `by` is the instance: it leads as long as it owns the session of ingest. */
const guard = `id = $1 and revision = $2 and state = 'active'
  and exists (select from sessions where name = 'ingest' and owner = $3)`

export function createWebhookProgress(pool: Pool): WebhookProgress {
  async function write(
    by: string,
    { id, revision }: Known,
    set: string,
    values: unknown[]
  ): Promise<boolean> {
    const { rowCount } = await pool.query(`update webhooks set ${set} where ${guard}`, [
      id,
      revision,
      by,
      ...values
    ])
    return rowCount === 1
  }

  return {
    async active() {
      const { rows } = await pool.query<WebhookRow>("select * from webhooks where state = 'active'")
      return rows.map(toWebhook)
    },
    begin: (by, webhook, until) =>
      write(by, webhook, 'seq = $4, part = $5, until_seq = $6, until_part = $7', [
        webhook.place.seq,
        webhook.place.part,
        until.seq,
        until.part
      ]),
    moveTo: (by, webhook, { seq, part }, sent) =>
      write(
        by,
        webhook,
        `seq = $4, part = $5, until_seq = null, until_part = null, attempts = 0, next_attempt_at = null,
         delivered_at = case when $6 then now() else delivered_at end`,
        [seq, part, sent]
      ),
    fail: (by, webhook, error, nextAttemptAt) =>
      write(
        by,
        webhook,
        'attempts = attempts + 1, last_error = $4, last_error_at = now(), next_attempt_at = $5',
        [error, new Date(nextAttemptAt)]
      ),
    disable: (by, webhook, reason) =>
      write(
        by,
        webhook,
        "state = 'disabled', reason = $4, next_attempt_at = null, last_error = $4, last_error_at = now()",
        [reason]
      ),
    async lag() {
      const { rows } = await pool.query<{ facts: number; failing: number }>(
        `select coalesce(max(head.seq - webhooks.seq), 0)::bigint as facts, count(*) filter (where attempts > 0) as failing
         from webhooks, journal_head head where state = 'active'`
      )
      return rows[0]!
    }
  }
}
