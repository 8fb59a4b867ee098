/**
 * Publishes accepted commands. The database owns them: nothing is published that is not first recorded as being
 * published, under the lease, so that only one instance does. What a crash leaves in between is published again, under the
 * same id; or not, where that was asked for.
 */

import type { Logger } from 'pino'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Command } from '../command.ts'
import type { Millis } from '../model.ts'
import type { Publisher } from '../mqtt/publisher.ts'
import type { Stats } from '../stats.ts'
import type { LostCommand, WaitingCommand } from '../store/command-queue.ts'
import type { NewTransition } from '../store/commands.ts'
import type { Lease } from '../store/sessions.ts'
import type { Store } from '../store/store.ts'
import { createAdmission } from './admit.ts'
import { createAlarm } from './alarm.ts'
import { isCorrelated } from './answer.ts'
import type { Faultable, OfferAtOnce } from './at-once.ts'
import { createAtOnce } from './at-once.ts'
import { createCandidates } from './candidates.ts'
import type { CheckCondition } from './condition.ts'
import { createFlights, holds } from './flights.ts'
import type { MovingEvent } from './lifecycle.ts'
import { moves } from './lifecycle.ts'
import { toMessage } from './outgoing.ts'
import { createRecorder } from './recorder.ts'
import { createSuspects } from './suspects.ts'

export interface Dispatcher {
  /** A command is waiting. */
  wake(): void
  /** Something was written to the journal: a command may be waiting, or free to go. */
  hint(): void
  /** For commands that are accepted now. */
  offerAtOnce: OfferAtOnce
  run(): Promise<void>
  /** Takes no new ones, and waits for those being published. */
  stop(): Promise<void>
}

export interface DispatcherParts {
  store: Store
  feed: Feed
  publisher: Publisher
  /** Only the instance that holds the lease dispatches; null: another one does. */
  lease: () => Lease | null
  /** Whether what a command asks of its topic holds now. Asked right before it is published. */
  checkCondition: CheckCondition
  limits: Limits
  stats: Stats
  log: Logger
  now?: () => Millis
}

type Details = Partial<Pick<NewTransition, 'brokerReasonCode' | 'reason' | 'ofAttempt'>>

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { store, feed, publisher, limits, stats, log, now = Date.now } = parts
  const { commandQueue: queue } = store
  const suspects = createSuspects(limits)
  const alarm = createAlarm({ hintMs: limits.commandHintMs })
  let recovered: Lease | null = null
  let stopped = false
  let ended: Promise<void> = Promise.resolve()
  /** As far as is known: one that ends may be what others wait for. */
  let othersWait = true

  const write = async (transitions: readonly NewTransition[], lease?: Lease): Promise<Set<string>> => {
    if (transitions.length === 0) return new Set()
    const moved = await store.commands.move(transitions, lease)
    if (moved.size > 0) feed.hint(null)
    return moved
  }
  const recorder = createRecorder({ write, transitionsMax: limits.commandsPerRequestMax })
  const fault = (command: Faultable): string | null =>
    publisher.fault(toMessage(command, now()), isCorrelated(command.awaited))
  const flights = createFlights({
    publisher,
    suspects,
    limits,
    stats,
    log,
    now,
    async record({ id, attempts }, { event, ...details }) {
      // That the broker has it is true of the command; all else only of this attempt
      const ofAttempt = brokerHasIt(event) ? null : attempts + 1
      await recorder.record(toTransition(id, event, { ...details, ofAttempt }))
      if (event === 'lose') {
        candidates.returned()
        othersWait = true
      }
    },
    onEnd: () => {
      if (othersWait) alarm.wake()
    }
  })
  const { flying, room, losses, launch } = flights
  const candidates = createCandidates({ queue, suspects, flying, limits })
  const admit = createAdmission({
    fault,
    checkCondition: parts.checkCondition,
    settle: async (id, { event, reason }) => {
      if (event === 'refuse') stats.commandsRefused++
      if (event === 'accept') stats.commandsPublished++
      await recorder.record(toTransition(id, event, { reason }))
    },
    lookAgain: alarm.wake
  })

  /** What an earlier process, or an instance that led before, left behind: nobody waits for the broker's word on it. */
  async function recover(lease: Lease): Promise<void> {
    for (;;) {
      const left = await queue.publishing(limits.commandsPerRequestMax + flying.size)
      const lost = left.filter(({ id }) => !flying.has(id))
      if (lost.length === 0) return
      await write(lost.map(toAbandoned), lease)
    }
  }

  async function expire(): Promise<void> {
    const transitions = (await queue.expired(limits.commandsPerRequestMax)).map(({ id, attempts }) =>
      attempts === 0
        ? toTransition(id, 'expire', { ofAttempt: 0 })
        : toTransition(id, 'abandon', {
            ofAttempt: attempts,
            reason: 'It expired while nobody knew whether the broker has it'
          })
    )
    await write(transitions)
  }

  /** Those that may be published now; where all of them have to wait for their topics, others. */
  async function choose(room: number): Promise<{ items: WaitingCommand[]; commands: Command[] }> {
    const held = new Set<string>()
    for (let looks = 1; ; looks++) {
      const { items, unread } = await candidates.next(room, held)
      if (unread) alarm.hint()
      const { admitted, waits } = await admit(items, await queue.byIds(items.map(({ id }) => id)))
      const done = admitted.length > 0 || waits.size === 0
      if (done || looks >= limits.commandLooksPerTurnMax) return { items, commands: admitted }
      for (const key of waits) held.add(key)
    }
  }

  async function claim(lease: Lease): Promise<void> {
    if (room() <= 0 || !publisher.connected()) return
    const lossesBefore = losses()
    const { items, commands } = await choose(room())
    if (stopped || commands.length === 0) return
    const reserved = flights.reserve(items, commands)
    const moved = await write(
      [...reserved.keys()].map(({ id }) => toTransition(id, 'publish')),
      lease
    ).catch((error: unknown) => {
      for (const { id } of reserved.keys()) flying.delete(id)
      throw error
    })
    // In one go, so that they leave in this order
    for (const [command, flight] of reserved)
      if (moved.has(command.id)) launch(command, flight, lossesBefore, lease)
      else flying.delete(command.id)
  }

  /** What is to be done now; returns how long nothing will be, as far as is known, in milliseconds. */
  async function step(lease: Lease): Promise<number> {
    if (recovered !== lease) {
      await recover(lease)
      candidates.returned()
      recovered = lease
    }
    const { waiting, due, expired, nextMs } = await queue.look(candidates.from())
    othersWait = waiting || due
    if (due) {
      const ids = await queue.due(limits.commandsPerRequestMax)
      await write(ids.map((id) => toTransition(id, 'due')))
    }
    if (expired) await expire()
    if (due || expired) alarm.wake()
    if (waiting || due) await claim(lease)
    return Math.min(limits.commandPollMs, Math.max(1, nextMs ?? limits.commandPollMs))
  }

  return {
    wake() {
      othersWait = true
      alarm.wake()
    },
    hint: alarm.hint,
    offerAtOnce: createAtOnce({
      flying,
      limits,
      lease() {
        const lease = stopped || !publisher.connected() ? null : parts.lease()
        return lease !== null && lease === recovered && holds(lease) ? lease : null
      },
      room,
      hasSuspects: suspects.any,
      fault,
      losses,
      publish: launch
    }),
    run() {
      const work = async (): Promise<void> => {
        while (!stopped) {
          const lease = parts.lease()
          let ms = limits.commandPollMs
          if (lease !== null && holds(lease))
            ms = await step(lease).catch((error: unknown) => {
              log.debug({ err: error }, 'Cannot dispatch yet')
              return ms
            })
          if (!stopped) await alarm.wait(ms)
        }
      }
      return (ended = work())
    },
    async stop() {
      stopped = true
      alarm.wake()
      await ended
      await flights.landed()
    }
  }
}

const brokerHasIt = (event: MovingEvent): boolean => event === 'accept' || event === 'deliverToNobody'

function toTransition(id: string, event: MovingEvent, details: Details = {}): NewTransition {
  return { id, event, ...moves(event), attempt: event === 'publish', brokerReasonCode: null, ...details }
}

const toAbandoned = ({ id, attempts, delivery }: LostCommand): NewTransition =>
  delivery === 'atMostOnce'
    ? toTransition(id, 'abandon', {
        ofAttempt: attempts,
        reason:
          'Nobody knows whether the broker has it: the service ended, or another instance took over, while it was published'
      })
    : toTransition(id, 'lose', { ofAttempt: attempts })
