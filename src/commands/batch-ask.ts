/** Reads what a client asks of many devices: the same rules on every surface. Pure. */

import type { StopRule } from '../command-batch.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { metricNames } from '../predicate/metric-names.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import { readNamePattern } from '../predicate/name-pattern.ts'
import { readPredicate } from '../predicate/predicate.ts'
import type { BatchAsk } from './batches.ts'
import type { TermsInput } from './terms.ts'
import { readTerms } from './terms.ts'

/** As a client gives it: null and absent are the same. */
export interface BatchInput extends Omit<TermsInput, 'expect' | 'condition'> {
  devices?: readonly string[] | null
  where?: string | null
  name: string
  ratePerSecond?: number | null
  stopAtFailureShare?: number | null
  stopAfter?: number | null
}

/** Throws Problem, which names the place in the input. `contentType`: what the payload is, where it does not say itself. */
export function readBatchAsk(
  input: BatchInput,
  { payload, contentType }: { payload: Buffer; contentType: string | null },
  limits: Limits
): BatchAsk {
  const { name, where = null, ratePerSecond = null } = input
  const { batchRatePerSecondMin: min, batchRatePerSecondMax: max } = limits
  if (name === '') throw refuse('/name', 'is empty: which command of the devices')
  if (ratePerSecond !== null && !(ratePerSecond >= min && ratePerSecond <= max))
    throw refuse('/ratePerSecond', `must be ${min} to ${max}`)
  const predicate = where === null ? null : readPredicate(where, limits, '/where')
  if (predicate !== null) metricNames({ where: predicate })
  return {
    devices: readDevices(input.devices ?? [], limits),
    where: predicate,
    command: { name, payload, contentType, ...readTerms(input, limits) },
    ratePerSecond,
    stop: readStop(input, limits)
  }
}

function readDevices(given: readonly string[], limits: Limits): NamePattern[] {
  const { batchDevicesMax, seriesPatternsMax } = limits
  const texts = [...new Set(given)]
  if (texts.length > batchDevicesMax)
    throw refuse('/devices', `are more than ${batchDevicesMax}: send several batches`)
  const patterns = texts.map((text) => readNamePattern(text, limits, '/devices'))
  if (patterns.filter(({ exact }) => exact === null).length > seriesPatternsMax)
    throw refuse('/devices', `has more than ${seriesPatternsMax} patterns with *`)
  return patterns
}

function readStop(input: BatchInput, limits: Limits): StopRule | null {
  const { stopAtFailureShare = null, stopAfter = null } = input
  if (stopAtFailureShare === null) {
    if (stopAfter === null) return null
    throw refuse('/stopAfter', 'goes with stopAtFailureShare: what is to be stopped at')
  }
  if (!(stopAtFailureShare >= 0 && stopAtFailureShare <= 1))
    throw refuse('/stopAtFailureShare', 'must be 0 to 1')
  if (
    stopAfter !== null &&
    !(Number.isInteger(stopAfter) && stopAfter >= 1 && stopAfter <= limits.batchDevicesMax)
  )
    throw refuse('/stopAfter', `must be a whole number, 1 to ${limits.batchDevicesMax}`)
  return { failureShare: stopAtFailureShare, after: stopAfter ?? limits.batchStopAfterDefault }
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
