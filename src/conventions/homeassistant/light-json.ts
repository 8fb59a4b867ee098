/** What a light with JSON is told: the page MQTT light, section JSON schema. Pure. */

import { defaultLimits } from '../../limits.ts'
import { writeExact } from '../../normalize/exact-json.ts'
import { isObject } from '../facts.ts'

/** Null: it is nothing that a light takes. `shows`: what its state will be; undefined: as it was. */
export function toLightJson(value: unknown): { payload: string; shows?: unknown } | null {
  const members = isObject(value) ? value : { state: value }
  if (Object.keys(members).length === 0) return null
  const { state } = members
  const on = typeof state === 'boolean' ? state : state === 'ON' ? true : state === 'OFF' ? false : undefined
  if (Object.hasOwn(members, 'state') && on === undefined) return null
  const said = on === undefined ? members : { ...members, state: on ? 'ON' : 'OFF' }
  return {
    payload: writeExact(said, defaultLimits.commandPayloadBytesMax),
    ...(on !== undefined && { shows: on })
  }
}
