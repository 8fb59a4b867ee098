/**
 * Publishes commands as soon as they are stored, where nothing is before them: they are stored as being published, so that
 * nobody has to look for them, nor to write that they are. All else waits in the table, as does what turns out to be behind
 * another one.
 */

import type { Command } from '../command.ts'
import type { Limits } from '../limits.ts'
import type { NewCommand } from '../store/commands.ts'
import type { Lease } from '../store/sessions.ts'
import type { InFlight } from './candidates.ts'
import type { toMessage } from './outgoing.ts'

/** To be stored as being published; `stored` is to be called whatever became of that. */
export interface Offer {
  lease: Lease
  ids: ReadonlySet<string>
  /** With those that are now being published, and the hashes of their keys. Publishes them, in order, before it returns. */
  stored(going: ReadonlyMap<string, string>): void
}

/** null: they have to wait. */
export type OfferAtOnce = (commands: readonly NewCommand[]) => Offer | null

/** What the command's order is kept by. */
export const keyOf = ({ orderKey, topic }: Pick<Command, 'orderKey' | 'topic'>): string => orderKey ?? topic

/** As much of a command as the broker sees. */
export type Faultable = Parameters<typeof toMessage>[0] & Pick<Command, 'awaited'>

export function createAtOnce(parts: {
  /** All that are being published, or stored as such. */
  flying: Map<string, InFlight>
  limits: Limits
  /** Of who may publish now; null: another instance leads, or there is no connection. */
  lease: () => Lease | null
  /** How many may be published at once. */
  room: () => number
  hasSuspects: () => boolean
  /** Why the broker would never take it, or null. */
  fault: (command: Faultable) => string | null
  /** How often it became unknown whether the broker has one. */
  losses: () => number
  publish: (command: Command, flight: InFlight, lossesBefore: number, lease: Lease) => void
}): OfferAtOnce {
  const { flying, limits } = parts

  /** None of its key is under way that it would have to wait for. */
  function isFree(command: NewCommand): boolean {
    const key = keyOf(command)
    for (const { name, qos, oneInFlight, lost } of flying.values())
      if (name === key && (qos !== command.qos || oneInFlight || lost)) return false
    return true
  }

  /** On its own, whatever else there is. */
  const isPlain = (command: NewCommand): boolean =>
    command.state === 'pending' &&
    command.condition === null &&
    !command.oneInFlight &&
    command.retryOf === null &&
    parts.fault({ ...command, payload: toBuffer(command.payload) }) === null

  function fits(commands: readonly NewCommand[]): boolean {
    let bytes = 0
    for (const flight of flying.values()) bytes += flight.bytes
    for (const { payload } of commands) bytes += payload.length
    return commands.length <= parts.room() && bytes <= limits.commandsPublishingBytesMax
  }

  return (commands) => {
    const lease = parts.lease()
    if (lease === null || parts.hasSuspects() || !fits(commands) || !commands.every(isPlain)) return null
    const lossesBefore = parts.losses()
    const flights = new Map<NewCommand, InFlight>()
    for (const command of commands) {
      if (!isFree(command)) continue
      const { id, qos, payload } = command
      const flight: InFlight = {
        key: '',
        name: keyOf(command),
        qos,
        oneInFlight: false,
        lost: false,
        bytes: payload.length
      }
      flights.set(command, flight)
      // From now on others of its key wait where they must
      flying.set(id, flight)
    }
    if (flights.size === 0) return null
    return {
      lease,
      ids: new Set([...flights.keys()].map(({ id }) => id)),
      stored(going) {
        for (const [command, flight] of flights) {
          const key = going.get(command.id)
          if (key === undefined) flying.delete(command.id)
          else {
            flight.key = key
            parts.publish(toCommand(command), flight, lossesBefore, lease)
          }
        }
      }
    }
  }
}

/** As before its first attempt: all but its place in the journal is known. */
export const toCommand = (command: NewCommand): Command => ({
  ...command,
  payload: toBuffer(command.payload),
  parameters: command.parameters && toBuffer(command.parameters),
  createdSeq: 0,
  seq: 0,
  attempts: 0,
  publishedAt: null,
  publishSeq: null,
  timeoutAt: null,
  finishedAt: null,
  brokerReasonCode: null,
  response: null,
  lateResponse: null,
  effectSeq: null,
  reason: null
})

/** The same bytes, not a copy. */
const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
