/** What a bucket of datapoints can be asked for. Pure. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'

export const functionKinds = [
  'count',
  'min',
  'max',
  'mean',
  'sum',
  'first',
  'last',
  'timeWeightedMean',
  'rate'
] as const
export type FunctionKind = (typeof functionKinds)[number] | 'percentile'

/** How empty buckets are filled, for functions of values. */
export const fills = ['null', 'previous', 'linear'] as const
export type Fill = (typeof fills)[number]

export interface HistoryFunction {
  /** As it was given, `p99.9` for instance. */
  name: string
  kind: FunctionKind
  /** Of a percentile, above 0 and at most 1; else null. */
  fraction: number | null
}

/** What must be known of the datapoints of a bucket to answer functions. */
export interface Needs {
  sum: boolean
  min: boolean
  max: boolean
  /** The first and the last datapoint. */
  ends: boolean
  /** Value times seconds between the first and the last. */
  integral: boolean
  increase: boolean
  /** Fractions, each once. */
  percentiles: readonly number[]
  /** The last datapoint before the first bucket. */
  prior: boolean
}

/** Throws Problem invalid_value that names `pointer`. Those that are given twice are there once. */
export function readFunctions(
  names: readonly string[],
  limits: Pick<Limits, 'historyFunctionsMax'>,
  pointer: string
): HistoryFunction[] {
  const wanted = [...new Set(names)]
  if (wanted.length === 0) throw refusal(pointer, `needs a function: ${known}`)
  if (wanted.length > limits.historyFunctionsMax)
    throw refusal(pointer, `has ${wanted.length} functions: ask for at most ${limits.historyFunctionsMax}`)
  return wanted.map((name) => readFunction(name, pointer))
}

const known = `${functionKinds.join(', ')}, or a percentile such as p95 or p99.9`

function readFunction(name: string, pointer: string): HistoryFunction {
  const kind = functionKinds.find((one) => one === name)
  if (kind !== undefined) return { name, kind, fraction: null }
  const percent = /^p((?:0|[1-9]\d{0,2})(?:\.\d{1,6})?)$/.exec(name)?.[1]
  if (percent === undefined)
    throw refusal(pointer, `has no function ${JSON.stringify(name)}: ask for ${known}`)
  const number = Number(percent)
  if (!(number > 0 && number <= 100))
    throw refusal(pointer, `has ${name}: a percentile is above p0 and at most p100`)
  // Not by dividing, since 99.9 / 100 is not 0.999
  return { name, kind: 'percentile', fraction: Number(`${percent}e-2`) }
}

const refusal = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])

export function needsOf(functions: readonly HistoryFunction[], fill: Fill): Needs {
  const kinds = new Set(functions.map(({ kind }) => kind))
  const flow = kinds.has('timeWeightedMean') || kinds.has('rate')
  return {
    sum: kinds.has('sum') || kinds.has('mean'),
    min: kinds.has('min'),
    max: kinds.has('max'),
    ends: flow || kinds.has('first') || kinds.has('last'),
    integral: kinds.has('timeWeightedMean'),
    increase: kinds.has('rate'),
    percentiles: [...new Set(functions.flatMap(({ fraction }) => (fraction === null ? [] : [fraction])))],
    prior: flow || (fill === 'previous' && functions.some(isOfValues))
  }
}

/** Those that empty buckets are filled for. */
export const isOfValues = ({ kind }: HistoryFunction): boolean =>
  kind !== 'count' && kind !== 'sum' && kind !== 'timeWeightedMean' && kind !== 'rate'
