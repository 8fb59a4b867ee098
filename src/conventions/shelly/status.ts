/**
 * The status of components: whole on `status/COMPONENT`, changes in NotifyStatus. A change says only what is another, and
 * null of what is no more (https://shelly-api-docs.shelly.cloud/gen2/General/Notifications): as each leaf is a metric of its
 * own, nothing needs to be remembered to lay one over the other.
 */

import type { DecodedDatapoint } from '../../normalize/decoder.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import type { Facts } from '../facts.ts'
import { flatten, isObject } from '../facts.ts'
import { unitOf } from './units.ts'

/** Those of which there is one, and which have no number. */
const single =
  /^(sys|wifi|eth|cloud|mqtt|ws|ble|bthome|blugw|knx|matter|modbus|zigbee|lora|bm|dali|serial|service|([a-z]+_)?ui)$/

export const isComponent = (name: string): boolean => /^[a-z][a-z0-9_]*:\d+$/.test(name) || single.test(name)

export type Time = { observedAt?: number }

/** Seconds since 1970; null while the device does not know the time. */
export function readTime(ts: unknown, facts: Facts): Time {
  if (ts === undefined || ts === null) return {}
  const observedAt = typeof ts === 'string' ? null : readTimestamp(ts, 's')
  if (observedAt !== null) return { observedAt }
  facts.reject('invalid_timestamp', 'The ts is no number of seconds; the time of receipt was taken')
  return {}
}

export function sayStatus(
  facts: Facts,
  device: string,
  component: string,
  status: Record<string, unknown>,
  time: Time
): void {
  const { id, ...members } = status
  // The number that stands in the name already
  const isNamed = id === undefined || component.endsWith(`:${String(id as number)}`)
  const rest = isNamed ? members : status
  // What a Bluetooth device said may be older than the frame
  const at = component.startsWith('bthome') ? { ...time, ...lastUpdated(rest) } : time
  const attributes = attributesOf(component, rest)
  if (attributes !== null) facts.attributes(device, attributes)
  flatten(rest, (path, value) => {
    if (isAttribute(component, path)) return
    const unit = typeof value === 'number' || Array.isArray(value) ? unitOf(path) : undefined
    facts.datapoint({
      device,
      metric: `${component}.${path}`,
      value: value as DecodedDatapoint['value'],
      ...at,
      ...(unit !== undefined && { unit })
    })
  })
}

function lastUpdated({ last_updated_ts: ts }: Record<string, unknown>): Time {
  const observedAt = typeof ts === 'number' && ts > 0 ? readTimestamp(ts, 's') : null
  return observedAt === null ? {} : { observedAt }
}

const names = new Map([
  ['sys.mac', 'mac'],
  ['wifi.sta_ip', 'ip'],
  ['eth.ip', 'ip']
])

const isAttribute = (component: string, path: string): boolean => names.has(`${component}.${path}`)

function attributesOf(component: string, members: Record<string, unknown>): Record<string, unknown> | null {
  const found = [...names].flatMap(([path, name]): Array<[string, unknown]> => {
    const [of, member] = path.split('.') as [string, string]
    return of === component && Object.hasOwn(members, member) && !isObject(members[member])
      ? [[name, members[member]]]
      : []
  })
  return found.length === 0 ? null : Object.fromEntries(found)
}

const information = new Map([
  ['id', 'id'],
  ['name', 'name'],
  ['mac', 'mac'],
  ['model', 'model'],
  ['gen', 'generation'],
  ['app', 'app'],
  ['ver', 'firmware'],
  ['fw_id', 'firmwareId'],
  ['profile', 'profile']
])

/** Shelly.GetDeviceInfo; null: it is something else. */
export function deviceInformation(value: unknown): Record<string, unknown> | null {
  if (!isObject(value) || typeof value.id !== 'string' || typeof value.gen !== 'number') return null
  const found = [...information].flatMap(([member, name]): Array<[string, unknown]> => {
    const told = Object.hasOwn(value, member) ? value[member] : undefined
    return told === undefined || told === null || typeof told === 'object' ? [] : [[name, told]]
  })
  return Object.fromEntries(found)
}
