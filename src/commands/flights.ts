/** The commands that are being published now: from before that is recorded until what the broker says is. */

import type { Logger } from 'pino'
import type { Command } from '../command.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import type { Publisher } from '../mqtt/publisher.ts'
import type { Stats } from '../stats.ts'
import type { WaitingCommand } from '../store/command-queue.ts'
import type { Lease } from '../store/sessions.ts'
import { keyOf } from './at-once.ts'
import type { InFlight } from './candidates.ts'
import { toMessage } from './outgoing.ts'
import type { Word } from './send.ts'
import { send } from './send.ts'
import type { Suspects } from './suspects.ts'

export interface Flights {
  /** By the ids of the commands. */
  flying: Map<string, InFlight>
  /** How many more there may be. */
  room(): number
  /** How often it became unknown whether the broker has one: each time the connection has ended. */
  losses(): number
  /** Those that go, as being published from now on; not those that others came before while the table was read. */
  reserve(items: readonly WaitingCommand[], commands: readonly Command[]): Map<Command, InFlight>
  /** Publishes at once; or not at all, where one was lost since `lossesBefore`, or the lease is over. */
  launch(command: Command, flight: InFlight, lossesBefore: number, lease: Lease): void
  /** Resolves when what became of all of them is recorded. */
  landed(): Promise<void>
}

export function createFlights(parts: {
  publisher: Publisher
  suspects: Suspects
  limits: Limits
  stats: Stats
  log: Logger
  now: () => Millis
  /** Resolves when it is stored. */
  record: (command: Command, word: Word) => Promise<void>
  /** One has ended, and its place is free. */
  onEnd: () => void
}): Flights {
  const { publisher, suspects, limits, stats, log, now } = parts
  const flying = new Map<string, InFlight>()
  const working = new Set<Promise<void>>()
  let losses = 0

  async function publish(command: Command, flight: InFlight, mayGo: () => boolean): Promise<void> {
    const word = await send(
      { command, message: toMessage(command, now()), mayGo },
      {
        publisher,
        suspects,
        limits,
        onLost: () => {
          flight.lost = true
          losses++
        }
      }
    )
    const { event } = word
    if (event === 'lose') flight.lost = true
    if (event === 'refuse') stats.commandsRefused++
    if (event === 'accept' || event === 'deliverToNobody') stats.commandsPublished++
    else log.debug({ commandId: command.id, ...word }, 'A command was not published')
    await parts.record(command, word)
  }

  return {
    flying,
    room: () => Math.min(limits.commandsPublishingMax, publisher.inFlightMax()) - flying.size,
    losses: () => losses,
    reserve(items, commands) {
      const byId = new Map(items.map((item) => [item.id, item]))
      const ahead = [...flying.values()].filter(({ key }) => key === '')
      const reserved = new Map<Command, InFlight>()
      const held = new Set<string>()
      for (const command of commands) {
        const { key, qos, oneInFlight, bytes } = byId.get(command.id)!
        const name = keyOf(command)
        if (ahead.some((other) => other.name === name && (other.qos !== qos || oneInFlight))) held.add(name)
        if (held.has(name)) continue
        const flight: InFlight = { key, name, qos, oneInFlight, bytes, lost: false }
        flying.set(command.id, flight)
        reserved.set(command, flight)
      }
      return reserved
    },
    launch(command, flight, lossesBefore, lease) {
      const work = publish(command, flight, () => losses === lossesBefore && holds(lease))
        .catch((error: unknown) =>
          log.error({ err: error, commandId: command.id }, 'A command could not be recorded')
        )
        .finally(() => {
          flying.delete(command.id)
          working.delete(work)
          parts.onEnd()
        })
      working.add(work)
    },
    landed: async () => void (await Promise.all(working))
  }
}

/** By our own clock, which began before the database's: after a pause another instance may lead, and this one not know. */
export const holds = ({ validUntil, ended }: Lease): boolean =>
  performance.now() < validUntil && !ended.signal.aborted
