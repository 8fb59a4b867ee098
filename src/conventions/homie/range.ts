/** `[min]:[max][:step]`, the format of integers and floats. Pure. */

import { readLiteral } from './literals.ts'

export interface Range {
  min: number | null
  max: number | null
  step: number | null
}

/** Null: it is no such format. */
export function parseRange(datatype: 'integer' | 'float', format: string): Range | null {
  const parts = format.split(':', 4)
  if (parts.length < 2 || parts.length > 3) return null
  const numbers = parts.map((part) => {
    if (part === '') return null
    const read = readLiteral(datatype, undefined, part)
    return 'value' in read ? Number(read.value) : NaN
  })
  const [min = null, max = null, step = null] = numbers
  if (numbers.some((number) => Number.isNaN(number)) || (step !== null && step <= 0)) return null
  return { min, max, step }
}

export const isWithin = ({ min, max }: Range, value: number): boolean =>
  (min === null || value >= min) && (max === null || value <= max)

/** The nearest step; the device rounds as well, and what it tells then would not be what was asked for. */
export function nearestStep({ min, max, step }: Range, value: number): number {
  if (step === null) return value
  // The current value would be the base where there are neither; any value is a step from somewhere
  const base = min ?? max
  if (base === null) return value
  const steps = Math.round((value - base) / step)
  return Number((base + steps * step).toPrecision(12))
}
