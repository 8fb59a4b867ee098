/** Subscribes the receiving session to what the configuration says, and to nothing else. */

import type { Logger } from 'pino'
import type { QoS } from '../model.ts'
import { withoutCovered } from '../topic.ts'
import type { Connection, ProtocolVersion } from './connection.ts'

/** Filters as subscribed; `subscribing`, found at a start, means that nobody knows. */
export interface SubscriptionMemory {
  filters: readonly string[]
  subscription: 'none' | 'subscribing' | 'subscribed'
}

/**
 * On MQTT 5 at every connect: with retain handling 2 it heals a session that lost its subscriptions and brings no
 * flood. On 3.1.1 only where it is needed. Of the filters, those that the broker refused as far as it was asked.
 */
export async function subscribeSession(parts: {
  connection: Connection
  memory: SubscriptionMemory
  filters: readonly string[]
  qos: QoS
  /** All as they are given: a Sparkplug host subscribes to its own STATE by name, whatever covers it. */
  clean: boolean
  /** Writes ahead, durably. */
  remember: (
    state: 'subscribing' | 'subscribed',
    filters: string[],
    version: ProtocolVersion
  ) => Promise<void>
  log: Logger
}): Promise<{ subscribed: string[]; refused: string[] }> {
  const { connection, memory, qos, clean, remember, log } = parts
  const { version, sessionPresent } = connection
  // A message that matches two filters may come twice [MQTT-3.3.4-2]. On 3.1.1 they stay: RabbitMQ replays what is
  // retained only for exact topics, and sends one copy
  const wanted = version === 5 && !clean ? withoutCovered(parts.filters) : [...parts.filters]
  const dropped = memory.filters.filter((filter) => !wanted.includes(filter))
  const changed = dropped.length > 0 || wanted.some((filter) => !memory.filters.includes(filter))
  const known = sessionPresent && memory.subscription === 'subscribed'
  // On 3.1.1 a SUBSCRIBE replays all that is retained [MQTT-3.8.4-3], so only for what is new
  const asked = version === 4 && known ? wanted.filter((filter) => !memory.filters.includes(filter)) : wanted
  if (!known || changed) await remember('subscribing', [...new Set([...memory.filters, ...wanted])], version)
  const subscribe = (some: readonly string[]): Promise<number[]> =>
    connection.subscribe({ filters: some, qos, retainHandling: 2, retainAsPublished: true })
  const refused = refusedOf(asked, await subscribe(asked))
  if (refused.length > 0) {
    log.error({ filters: refused }, 'The broker refused subscriptions: check what this client may read')
    // What one of them would have covered may be granted by itself
    const rest = parts.filters.filter((filter) => !wanted.includes(filter))
    if (rest.length > 0) refused.push(...refusedOf(rest, await subscribe(rest)))
    wanted.push(...rest)
  }
  // Last, so that what moves from one filter to another is not missed in between
  if (sessionPresent) await connection.unsubscribe(dropped)
  await remember('subscribed', wanted, version)
  return { subscribed: wanted, refused }
}

const refusedOf = (filters: readonly string[], grants: readonly number[]): string[] =>
  filters.filter((_, index) => (grants[index] ?? 0x80) >= 0x80) // [MQTT-3.9.3]
