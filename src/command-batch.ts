/** Batches: one request for commands to many devices, with an outcome for each. */

import type { Command, CommandState } from './command.ts'
import { commandStates } from './command.ts'
import type { ProblemCode, ProblemDetail } from './errors.ts'
import type { Millis, Seq } from './model.ts'

/**
 * running: commands of it are published as they are due, or waited for. stopped: too many failed; cancelled: a client said
 * so; none is published any more, and those that were may still be waited for. finished: nothing more will happen.
 */
export const batchStates = ['running', 'stopped', 'cancelled', 'finished'] as const
export type BatchState = (typeof batchStates)[number]

/** Final states that count as a failure. Who cancels a command judges nothing, so that is neither. */
export const failureStates = [
  'failed',
  'timedOut',
  'undeliverable',
  'refused',
  'expired',
  'unknown'
] as const satisfies readonly CommandState[]

/** When the rest is not published. */
export interface StopRule {
  /** Above 0, at most 1: failures among the commands that are final, of those that were not cancelled. */
  failureShare: number
  /** It is asked once so many are final, 1 or more. */
  after: number
}

/** A device that no command was accepted for. */
export interface BatchRefusal {
  device: string
  /** By which the device is known, so that it is told only to those who may read it; null: it is no device that is known. */
  topic: string | null
  code: ProblemCode
  detail: string
  errors: ProblemDetail[]
}

export type StateCounts = Partial<Record<CommandState, number>>

export interface CommandBatch {
  id: string
  /** Position of its first command; the others follow, in the order of their devices. */
  seq: Seq
  principal: string
  /** Patterns of names; and what must have held of each device. */
  devices: string[]
  where: string | null
  /** Of the command. */
  name: string
  ratePerSecond: number | null
  stop: StopRule | null
  accepted: number
  refusals: BatchRefusal[]
  createdAt: Millis
  state: BatchState
  /** Why it was stopped or cancelled. */
  reason: string | null
  finishedAt: Millis | null
  /** How many of its commands are in each state, and how many of all are final. */
  counts: StateCounts
  final: number
}

/** Of a device of a batch: its command, or why there is none. `n`: its number in the batch, from 0. */
export type BatchOutcome = { n: number; device: string } & ({ command: Command } | { refusal: BatchRefusal })

export const failuresOf = (counts: StateCounts): number =>
  failureStates.reduce((sum, state) => sum + (counts[state] ?? 0), 0)

/** How many of those that are final count, and which share of them failed; null: there are none yet. */
export function judge({ counts, final }: Pick<CommandBatch, 'counts' | 'final'>): {
  judged: number
  failures: number
  share: number | null
} {
  const judged = final - (counts.cancelled ?? 0)
  const failures = failuresOf(counts)
  return { judged, failures, share: judged === 0 ? null : failures / judged }
}

/** What the rule says of a batch: why it is to be stopped; null: it goes on. Where nothing is left to publish, it does. */
export function stopReason(batch: Pick<CommandBatch, 'counts' | 'final' | 'stop' | 'state'>): string | null {
  const { stop, state, counts } = batch
  if (stop === null || state !== 'running') return null
  const { judged, failures, share } = judge(batch)
  if (judged < stop.after || share === null || share < stop.failureShare || failures === 0) return null
  if ((counts.scheduled ?? 0) + (counts.pending ?? 0) === 0) return null
  return `failure_share: ${failures} of ${judged} failed, and the batch stops at a share of ${stop.failureShare}`
}

export const isBatchState = (word: string): word is BatchState => batchStates.some((state) => state === word)

/** All states, those of no command as well. */
export const toAllCounts = (counts: StateCounts): Record<CommandState, number> =>
  Object.fromEntries(commandStates.map((state) => [state, counts[state] ?? 0])) as Record<
    CommandState,
    number
  >
