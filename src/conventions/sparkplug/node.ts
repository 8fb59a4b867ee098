/** What is remembered of an edge node and its devices. Never changed: a new one shares what stayed. Pure. */

import { defaultLimits } from '../../limits.ts'
import type { Millis } from '../../model.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { stateBytes } from '../../normalize/state-bytes.ts'
import type { Integer, Metric } from './payload.ts'
import type { Asked } from './rebirth.ts'
import type { Order } from './sequence.ts'
import { noOrder } from './sequence.ts'
import type { Table } from './tables.ts'
import { toTable } from './tables.ts'

/** A node, or a device of one. */
export interface Born {
  /** Its birth came, and no death since, that we know of: only then aliases mean what it said. */
  alive: boolean
  /** When it was published, by the node's clock; null: it did not say. */
  born: Millis | null
  table: Table | null
}

export interface DeviceState extends Born {
  /** Of the birth or death that came last. */
  seq: number | null
}

export interface NodeState extends Born {
  /** Of the newest birth, in digits; null: it had none. */
  bdSeq: string | null
  /** By their names, `__proto__` like any other: read with deviceOf, never by assignment. */
  devices: Readonly<Record<string, DeviceState>>
  order: Order
  asked: Asked | null
}

export const unborn: NodeState = {
  alive: false,
  born: null,
  table: null,
  bdSeq: null,
  devices: {},
  order: noOrder,
  asked: null
}

export const nodeOf = (state: DecoderState | null): NodeState => (state as NodeState | null) ?? unborn

export const deviceOf = (node: NodeState, device: string): DeviceState | null =>
  Object.hasOwn(node.devices, device) ? node.devices[device]! : null

export const withDevice = (node: NodeState, device: string, state: DeviceState): NodeState => ({
  ...node,
  devices: { ...node.devices, ...Object.fromEntries([[device, state]]) }
})

/** Kept for what changes without a birth. */
const sparedBytes = 16 * 1024

/** As many of the metrics as there is room for beside what is remembered else. */
export function makeTable(metrics: readonly Metric[], beside: NodeState, name: string): Table {
  const room = defaultLimits.conventionStateBytesMax - sparedBytes - stateBytes(beside) - stateBytes(name)
  return toTable(metrics, Math.max(0, room))
}

/** Milliseconds as a device tells them; null: they are none. */
export const toMillis = (timestamp: Integer | undefined): Millis | null =>
  timestamp !== undefined && Number.isSafeInteger(Number(timestamp)) ? Number(timestamp) : null
