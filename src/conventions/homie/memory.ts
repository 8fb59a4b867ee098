/** What is remembered of the devices of a domain: their states and descriptions, and values that came before them. Pure. */

import { defaultLimits } from '../../limits.ts'
import type { Presence } from '../../datapoints.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { emptyMap, entriesOf, get, isEmpty, set, without } from '../shared-map.ts'
import type { SharedMap } from '../shared-map.ts'
import type { Datatype } from './literals.ts'

/** Of a domain. One for all its devices, since what is told of a root is true of its descendants. */
export interface Memory {
  devices: SharedMap<Device>
  /** Values by device and metric that wait for a description: only that tells what they are. */
  waiting: SharedMap<SharedMap<string>>
  waitingValues: number
}

export interface Device {
  /** Its own `$state`, which is not yet whether it can be reached. */
  state?: State
  root?: string
  /** By `node/property`. Absent: it has not described itself. */
  properties?: SharedMap<Property>
}

/** As in the description, without what is default. */
export interface Property {
  datatype: Datatype
  format?: string
  unit?: string
  settable?: true
  /** It is not retained: what it tells happened, and is no state. */
  event?: true
  /** It tells `$target`, too. */
  target?: true
}

export const states = ['init', 'ready', 'disconnected', 'sleeping', 'lost'] as const
export type State = (typeof states)[number]

/** More values, or longer ones, do not wait. */
export const { homieWaitingValuesMax: waitingValuesMax, homieWaitingCharsMax: waitingCharsMax } =
  defaultLimits

const nothing: Memory = { devices: emptyMap, waiting: emptyMap, waitingValues: 0 }

export const toMemory = (state: DecoderState | null): Memory => (state as Memory | null) ?? nothing

export const deviceOf = ({ devices }: Memory, id: string): Device | undefined => get(devices, id)

export const propertyOf = (memory: Memory, id: string, path: string): Property | undefined =>
  get(deviceOf(memory, id)?.properties, path)

/** undefined: forgotten. */
export function withDevice(memory: Memory, id: string, device: Device | undefined): Memory {
  const known = device !== undefined && Object.keys(device).length > 0
  return { ...memory, devices: known ? set(memory.devices, id, device) : without(memory.devices, id) }
}

/** Null: there is no more room. */
export function withWaiting(memory: Memory, id: string, metric: string, text: string): Memory | null {
  const values: SharedMap<string> = get(memory.waiting, id) ?? emptyMap
  const before = get(values, metric)
  const waitingValues = memory.waitingValues + (before === undefined ? 1 : 0)
  if (before === text) return memory
  if (waitingValues > waitingValuesMax || text.length > waitingCharsMax) return null
  return { ...memory, waiting: set(memory.waiting, id, set(values, metric, text)), waitingValues }
}

export function withoutWaiting(memory: Memory, id: string): Memory {
  const values = [...entriesOf(get(memory.waiting, id))]
  if (values.length === 0) return memory
  return {
    ...memory,
    waiting: without(memory.waiting, id),
    waitingValues: memory.waitingValues - values.length
  }
}

export const isNothing = ({ devices, waiting }: Memory): boolean => isEmpty(devices) && isEmpty(waiting)

/**
 * Whether the device is there: section Device hierarchy. Only the root has a will, so that once it is lost, all of its
 * tree is. Undefined: it does not tell.
 */
export function presenceOf(memory: Memory, id: string): Presence | undefined {
  const device = deviceOf(memory, id)
  if (device?.state === undefined) return undefined
  const state = isLost(memory, device.root) ? 'lost' : device.state
  return state === 'lost' || state === 'disconnected' ? 'offline' : 'online'
}

export const isLost = (memory: Memory, id: string | undefined): boolean =>
  id !== undefined && deviceOf(memory, id)?.state === 'lost'

/** All that name it as their root: children, and theirs. */
export function* descendantsOf({ devices }: Memory, root: string): Generator<string> {
  for (const [id, device] of entriesOf(devices)) if (device.root === root) yield id
}
