/** Where a device is, and all that it tells with it. Pure. */

import { readTimestamp } from '../../normalize/timestamps.ts'
import { flatten } from '../facts.ts'
import type { Facts } from '../facts.ts'

export type Members = Record<string, unknown>

/** As the booklet documents them (tech/json), Queclink's trackers among them. */
const units = new Map([
  ['lat', '°'],
  ['lon', '°'],
  ['cog', '°'],
  ['acc', 'm'],
  ['vac', 'm'],
  ['alt', 'm'],
  ['rad', 'm'],
  ['vel', 'km/h'],
  ['batt', '%'],
  ['p', 'kPa'],
  ['odometer', 'km'],
  ['hmc', 's'],
  ['don', 's'],
  ['doff', 's'],
  ['ubatt', 'V'],
  ['uext', 'V'],
  ['aiv', 'V'],
  ['rpm', '1/min'],
  ['fcon', 'L/100km'],
  ['flvl', '%']
])

const unitOf = (name: string): string | undefined =>
  units.get(name) ?? (name.startsWith('temp_c-') ? '°C' : undefined)

/** What a device is called, and not what it measures. */
const names = new Set(['tid', 'vin', 'imei', 'name'])

/** A point of interest was set: that happened once, and the next location does not have it. */
const happened = new Set(['poi', 'image', 'imagename'])

/** `topic` repeats that of the message; `_id`, `_http` and the like are of its way here. */
const isEnvelope = (name: string): boolean => name === 'tst' || name === 'topic' || name.startsWith('_')

const ranges: ReadonlyArray<readonly [name: string, max: number]> = [
  ['lat', 90],
  ['lon', 180]
]

export function decodeLocation(device: string, members: Members, facts: Facts): void {
  const at = observed(members, facts)
  const wrong = ranges.filter(([name, max]) => !isWithin(members[name], max)).map(([name]) => name)
  if (wrong.length > 0)
    facts.reject(
      'wrong_shape',
      `A location has lat from -90 to 90 and lon from -180 to 180; without ${wrong.join(', ')}`
    )
  const attributes: Members = {}
  for (const [name, value] of Object.entries(members)) {
    if (isEnvelope(name) || wrong.includes(name)) continue
    if (names.has(name)) attributes[name] = value
    else
      flatten({ [name]: value }, (metric, flat) => {
        const unit = unitOf(metric)
        facts.datapoint({
          device,
          metric,
          value: flat as string,
          ...at,
          ...(unit !== undefined && { unit }),
          ...(happened.has(name) && { role: 'event' as const })
        })
      })
  }
  if (Object.keys(attributes).length > 0) facts.attributes(device, attributes)
}

const isWithin = (value: unknown, max: number): boolean =>
  typeof value === 'number' && value >= -max && value <= max

/** `tst`: seconds since 1970. */
export function observed(members: Members, facts: Facts): { observedAt?: number } {
  const { tst } = members
  const observedAt = readTimestamp(tst, 'auto')
  if (observedAt !== null) return { observedAt }
  facts.reject(
    'invalid_timestamp',
    tst === undefined ? 'There is no tst, seconds since 1970' : 'tst is no number of seconds since 1970'
  )
  return {}
}
