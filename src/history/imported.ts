/**
 * Datapoints of one device as a fact of the journal keeps them: a line that says how the others are to be read, then one for
 * each. Stored, so that what is written here once is read for ever. Pure.
 */

import type { Clock, MetricType, NormalizedDatapoint, Role } from '../datapoints.ts'
import { clocks, metricTypes, roles } from '../datapoints.ts'
import type { Millis } from '../model.ts'

/** A datapoint with the time at which it was received where it was received. */
export interface ImportedDatapoint extends NormalizedDatapoint {
  receivedAt: Millis
}

/** The mapping that devices are of which nothing but imports speak. */
export const importMapping = 'import'

const version = 1

type Line = [
  metric: string,
  observedAt: Millis,
  /** Behind `observedAt`. */
  receivedAfter: number,
  type: number,
  number: number | null,
  /** Base64. */
  exact: string | null,
  role: number,
  clock: number,
  unit: string | null,
  quality: string | null
]

/** All of one device. JSON has no word for -0, NaN and infinities: none of them may be among the numbers but -0, which becomes 0. */
export function writeImported(device: string, datapoints: readonly ImportedDatapoint[]): Buffer {
  const lines = datapoints.map((datapoint): Line => [
    datapoint.metric,
    datapoint.observedAt,
    datapoint.receivedAt - datapoint.observedAt,
    metricTypes[datapoint.type],
    datapoint.number,
    datapoint.exact && Buffer.from(datapoint.exact).toString('base64'),
    roles[datapoint.role],
    clocks[datapoint.clock],
    datapoint.unit,
    datapoint.quality
  ])
  return Buffer.from([{ v: version, device }, ...lines].map((line) => JSON.stringify(line)).join('\n'))
}

const invert = <Name extends string>(numbers: Record<Name, number>): Map<number, Name> =>
  new Map(Object.entries<number>(numbers).map(([name, number]) => [number, name as Name]))

const typeNames = invert<MetricType>(metricTypes)
const roleNames = invert<Role>(roles)
const clockNames = invert<Clock>(clocks)

/** In the order in which they were written. Throws for what a later version wrote. */
export function readImported(payload: Uint8Array): ImportedDatapoint[] {
  const [first, ...lines] = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    .toString('utf8')
    .split('\n')
  const { v, device } = JSON.parse(first!) as { v: number; device: string }
  if (v !== version)
    throw new Error(`Datapoints of version ${v}, which this version of the service cannot read`)
  return lines.map((line) => {
    const [metric, observedAt, receivedAfter, type, number, exact, role, clock, unit, quality] = JSON.parse(
      line
    ) as Line
    return {
      device,
      metric,
      observedAt,
      receivedAt: observedAt + receivedAfter,
      type: typeNames.get(type)!,
      number,
      exact: exact === null ? null : Buffer.from(exact, 'base64'),
      role: roleNames.get(role)!,
      clock: clockNames.get(clock)!,
      unit,
      quality
    }
  })
}
