/** The requests of webhooks: bodies, and what they are signed with. Pure. */

import type { Cursors } from '../cursor.ts'
import type { Millis } from '../model.ts'
import type { Place, Webhook } from '../store/webhook-rows.ts'
import { toTime } from '../views.ts'
import type { Outgoing } from './send.ts'
import { messageId, sign } from './signature.ts'

/** For a while after a rotation, the secret before signs as well. */
const secretsOf = ({ secret, previousSecret, previousUntil }: Webhook, now: Millis): string[] =>
  previousSecret !== null && previousUntil !== null && now < previousUntil
    ? [secret, previousSecret]
    : [secret]

/** Events (JSON texts) of a webhook up to a place. The same events of the same webhook have the same id. */
export function toEventsMessage(
  webhook: Webhook,
  { events, until }: { events: readonly string[]; until: Place },
  cursors: Pick<Cursors, 'encode'>,
  now: Millis
): Outgoing {
  const { id, place, types, filters, where, finalOnly } = webhook
  const [from, to] = [cursors.encode(place.seq, place.part), cursors.encode(until.seq, until.part)]
  const selection = JSON.stringify([types, filters, where, finalOnly])
  const head = `{"type":"rialto.events","timestamp":"${toTime(now)}","data":{"webhook":"${id}","cursor":"${to}","events":[`
  const body = Buffer.from(`${head}${events.join(',')}]}}`)
  return {
    url: webhook.url,
    headers: sign(messageId(id, from, to, selection), now, body, secretsOf(webhook, now)),
    body
  }
}

/** Tells nothing but that it can be told. `nonce` makes it another message than the last. */
export function toPing(webhook: Webhook, nonce: string, now: Millis): Outgoing {
  const { id, url } = webhook
  const data = { webhook: id }
  const body = Buffer.from(JSON.stringify({ type: 'rialto.ping', timestamp: toTime(now), data }))
  return { url, headers: sign(messageId(id, 'ping', nonce), now, body, secretsOf(webhook, now)), body }
}
