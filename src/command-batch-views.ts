/** Batches as clients see them, on every surface. */

import type { BatchOutcome, BatchState, CommandBatch } from './command-batch.ts'
import { judge, toAllCounts } from './command-batch.ts'
import type { CommandState } from './command.ts'
import type { CommandView } from './command-views.ts'
import { toCommandView } from './command-views.ts'
import { Problem } from './errors.ts'
import { toTime, toTimeOrNull } from './views.ts'

export interface BatchView {
  id: string
  state: BatchState
  name: string
  devices: string[]
  where: string | null
  ratePerSecond: number | null
  stopAtFailureShare: number | null
  stopAfter: number | null
  /** Devices that it is for: those with a command, and those without. */
  total: number
  accepted: number
  notAccepted: number
  counts: Record<CommandState, number>
  final: number
  failures: number
  failureShare: number | null
  reason: string | null
  createdAt: string
  finishedAt: string | null
  principal: string
}

/** One of the two is null. */
export interface BatchOutcomeView {
  device: string
  command: CommandView | null
  problem: Problem | null
}

export function toBatchView(batch: CommandBatch): BatchView {
  const { failures, share } = judge(batch)
  const notAccepted = batch.refusals.length
  return {
    id: batch.id,
    state: batch.state,
    name: batch.name,
    devices: batch.devices,
    where: batch.where,
    ratePerSecond: batch.ratePerSecond,
    stopAtFailureShare: batch.stop?.failureShare ?? null,
    stopAfter: batch.stop?.after ?? null,
    total: batch.accepted + notAccepted,
    accepted: batch.accepted,
    notAccepted,
    counts: toAllCounts(batch.counts),
    final: batch.final,
    failures,
    failureShare: share,
    reason: batch.reason,
    createdAt: toTime(batch.createdAt),
    finishedAt: toTimeOrNull(batch.finishedAt),
    principal: batch.principal
  }
}

export function toBatchOutcomeView(outcome: BatchOutcome): BatchOutcomeView {
  const { device } = outcome
  if ('command' in outcome) return { device, command: toCommandView(outcome.command), problem: null }
  const { code, detail, errors } = outcome.refusal
  return { device, command: null, problem: new Problem(code, detail, errors) }
}
