/** Units of a device's properties (https://www.zigbee2mqtt.io/guide/usage/exposes.html), by the paths that metrics have. */

import { isObject } from '../facts.ts'

/** Composites stand in lights, lists in composites; nothing is deeper. */
const depthMax = 5

export function unitsOf(exposes: unknown): Map<string, string> {
  const units = new Map<string, string>()
  collect(exposes, '', depthMax, units)
  return units
}

function collect(exposes: unknown, prefix: string, depth: number, units: Map<string, string>): void {
  if (!Array.isArray(exposes) || depth === 0) return
  for (const expose of exposes) {
    if (!isObject(expose)) continue
    const { property, unit, features, item_type: item } = expose
    const path = typeof property === 'string' ? prefix + property : null
    const own = unit ?? (isObject(item) ? item.unit : undefined)
    if (path !== null && typeof own === 'string' && own !== '') units.set(path, own)
    // Lights, switches, climates and so on have no property of their own; composites are objects
    collect(features, path === null ? prefix : `${path}.`, depth - 1, units)
  }
}
