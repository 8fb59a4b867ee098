/**
 * What is remembered of one zigbee2mqtt, under its base topic: units of properties (devices of one model share theirs),
 * whether the bridge is there, and what was said of the availability of devices. Names stand behind a `/`, so that none
 * of them means something to JavaScript.
 */

import { isDeepStrictEqual } from 'node:util'
import { defaultLimits } from '../../limits.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'

type ByName<T> = Readonly<Record<string, T>>

export interface Memory {
  readonly bridge?: 'online' | 'offline'
  /** Of paths of properties. */
  readonly units?: ReadonlyArray<ByName<string>>
  /** Devices of the bridge: index in `units`. */
  readonly devices?: ByName<number>
  readonly groups?: ByName<number>
  readonly available?: ByName<boolean>
}

export const toMemory = (state: DecoderState | null): Memory => (state ?? {}) as Memory

/** undefined: it is as it was. */
export const toState = (memory: Memory, before: DecoderState | null): DecoderState | undefined =>
  isDeepStrictEqual(memory, before ?? {}) ? undefined : (memory as DecoderState)

function get<T>(values: ByName<T> | undefined, name: string): T | undefined {
  return values !== undefined && Object.hasOwn(values, `/${name}`) ? values[`/${name}`] : undefined
}

export const byName = <T>(entries: Iterable<readonly [name: string, value: T]>): ByName<T> =>
  Object.fromEntries([...entries].map(([name, value]) => [`/${name}`, value]))

export function unitOf({ devices, units }: Memory, name: string, path: string): string | undefined {
  const index = get(devices, name)
  return index === undefined ? undefined : get(units?.[index], path)
}

export const isKnown = ({ devices, groups }: Memory, name: string): boolean =>
  get(devices, name) !== undefined || get(groups, name) !== undefined

export const availabilityOf = ({ available }: Memory, name: string): boolean | undefined =>
  get(available, name)

/** undefined: it was so already, or there is no room for one more. */
export function withAvailability(memory: Memory, name: string, online: boolean | null): Memory | undefined {
  const before = get(memory.available, name)
  if (before === (online ?? undefined)) return undefined
  const others = Object.entries(memory.available ?? {}).filter(([other]) => other !== `/${name}`)
  if (others.length >= defaultLimits.discoveredDevicesMax) return undefined
  const own: Array<[string, boolean]> = online === null ? [] : [[`/${name}`, online]]
  return { ...memory, available: Object.fromEntries([...others, ...own]) }
}

/** All that depend on the bridge. */
export const namesOf = ({ devices = {}, groups = {}, available = {} }: Memory): string[] => [
  ...new Set(
    [devices, groups, available].flatMap((values) => Object.keys(values)).map((name) => name.slice(1))
  )
]
