/**
 * Publishes accepted commands. The database owns them: nothing is published that is not first recorded as being
 * published, and what a crash leaves in between is published again, under the same id. One instance dispatches, the
 * one that receives.
 */

import type { Logger } from 'pino'
import { Problem } from '../errors.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Command } from '../command.ts'
import type { MessageProperties, Millis } from '../model.ts'
import type { OutgoingMessage } from '../mqtt/connection.ts'
import type { Publisher } from '../mqtt/publisher.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'
import type { MovingEvent } from './lifecycle.ts'
import { moves } from './lifecycle.ts'
import { createSuspects } from './suspects.ts'

export interface Dispatcher {
  /** A command may be waiting. */
  wake(): void
  run(): Promise<void>
  /** Takes no new ones, and waits for those being published. */
  stop(): Promise<void>
}

export interface DispatcherParts {
  store: Store
  feed: Feed
  publisher: Publisher
  /** Only the instance that holds the lease dispatches. */
  leading: () => boolean
  limits: Limits
  stats: Stats
  log: Logger
  now?: () => Millis
}

/** PUBACK and PUBREC: accepted, but nobody is subscribed [MQTT-3.4.2.1]. */
const noMatchingSubscribers = 0x10
/** Reason codes from here on are failures [MQTT-2.4]. */
const failure = 0x80

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { store, feed, publisher, limits, stats, log, now = Date.now } = parts
  const publishing = new Map<string, Promise<void>>()
  const suspects = createSuspects(limits)
  let stopped = false
  let woken = false
  let wakeUp: (() => void) | null = null

  const wake = (): void => {
    woken = true
    wakeUp?.()
  }

  const move = async (
    ids: readonly string[],
    event: MovingEvent,
    reason: number | null = null
  ): Promise<Set<string>> => {
    const { from, to } = moves(event)
    const attempt = event === 'publish'
    const moved = await store.commands.move(
      ids.map((id) => ({ id, event, from, to, attempt, brokerReasonCode: reason }))
    )
    if (moved.size > 0) feed.hint(null)
    return moved
  }

  async function publish(command: Command): Promise<void> {
    const message = toMessage(command, now())
    if (publisher.fault(message) !== null) {
      stats.commandsRefused++
      await move([command.id], 'refuse')
      return
    }
    try {
      const { reasonCode } = await publisher.publish(message)
      suspects.answered(command.id)
      if (reasonCode >= failure) stats.commandsRefused++
      else stats.commandsPublished++
      await move([command.id], toEvent(reasonCode, message.retain), reasonCode)
    } catch (error) {
      const { id } = command
      const sent = !(error instanceof Problem)
      if (sent && suspects.lost(id)) {
        stats.commandsRefused++
        log.warn(
          { err: error, commandId: id },
          'The broker answers this command with nothing but an end; refused'
        )
        return void (await move([id], 'refuse'))
      }
      log.debug({ err: error, commandId: id }, 'Nobody knows whether the broker has it; publishing again')
      await move([id], 'lose')
    }
  }

  async function claim(): Promise<void> {
    const room = Math.min(limits.commandsPublishingMax, publisher.inFlightMax()) - publishing.size
    if (room <= 0 || !publisher.connected()) return
    // Those that end while the table is read are still in what it says
    const busy = new Set(publishing.keys())
    const openMax = limits.commandsPublishingMax * 2
    const open = await store.commands.open(openMax)
    if (open.length < openMax) suspects.keepOnly(new Set([...open.map(({ id }) => id), ...busy]))
    const due = suspects.choose(
      open.filter(({ id }) => !busy.has(id)),
      busy,
      room
    )
    if (due.length === 0) return
    // What an earlier process left as `publishing` is not moved, and is published again all the same
    const moved = await move(
      due.filter((command) => command.state === 'pending').map((command) => command.id),
      'publish'
    )
    for (const command of due) {
      if (command.state === 'pending' && !moved.has(command.id)) continue
      const work = publish(command)
        .catch((error: unknown) =>
          log.error({ err: error, commandId: command.id }, 'A command could not be recorded')
        )
        .finally(() => {
          publishing.delete(command.id)
          wake()
        })
      publishing.set(command.id, work)
    }
  }

  return {
    wake,
    async run() {
      while (!stopped) {
        woken = false
        if (parts.leading()) {
          try {
            const expired = await store.commands.expired(limits.commandsPerRequestMax)
            if (expired.length > 0) await move(expired, 'expire')
            await claim()
          } catch (error) {
            log.debug({ err: error }, 'Cannot dispatch yet')
          }
        }
        if (woken) continue
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, limits.commandPollMs)
          wakeUp = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    },
    async stop() {
      stopped = true
      wake()
      await Promise.all(publishing.values())
    }
  }
}

/** A retained message has come where it was to come, whoever is subscribed. */
function toEvent(reasonCode: number, retain: boolean): MovingEvent {
  if (reasonCode >= failure) return 'refuse'
  return reasonCode === noMatchingSubscribers && !retain ? 'deliverToNobody' : 'accept'
}

/** With the command's id as a user property, so that a device can tell a repetition. */
function toMessage(command: Command, now: Millis): OutgoingMessage {
  const { topic, payload, qos, retain } = command
  const properties: MessageProperties = {
    ...command.properties,
    userProperties: [...(command.properties?.userProperties ?? []), ['rialto-command-id', command.id]],
    // The broker drops it for subscribers that come too late [MQTT-3.3.2-5]
    ...(command.expiresAt !== null && {
      messageExpiryInterval: Math.max(1, Math.ceil((command.expiresAt - now) / 1_000))
    })
  }
  return { topic, payload, qos, retain, properties }
}
