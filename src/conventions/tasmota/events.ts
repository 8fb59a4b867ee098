/** What happened, and is no state: buttons, switches that only tell, and what receivers hear. */

import { isObject } from '../facts.ts'

/** `{"Button1": {"Action": "SINGLE"}}`; before 9.3 and by topics of buttons: ACTION, TRIG. */
const actions = new Set(['Action', 'ACTION', 'TRIG'])

/** IrReceived, RfReceived, SerialReceived, SSerialReceived, TuyaReceived, RfRaw, and more. */
const received = /^(\w*Received|RfRaw)$/

/** Of a Zigbee device: what it is, and how it was heard. */
const about = new Set(['Device', 'Name', 'ModelId', 'Manufacturer', 'IEEEAddr', 'Endpoint', 'LinkQuality'])

const pressed = new Set(['Click', 'MultiInValue'])

/** Names of the Zigbee devices whose report is a command: `"0006!02": ""`. */
export function commanding(members: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const { ZbReceived: reports } = members
  if (!isObject(reports)) return new Set()
  const found = Object.entries(reports).filter(
    ([, report]) => isObject(report) && Object.keys(report).some((name) => name.includes('!'))
  )
  return new Set(found.map(([device]) => device))
}

export function isEvent(path: readonly string[], value: unknown, commands: ReadonlySet<string>): boolean {
  const [first, second, name] = [path[0]!, path[1]!, path.at(-1)!]
  if (actions.has(name) && path.length > 1) return true
  if (!received.test(first)) return false
  if (first !== 'ZbReceived') return true
  if (about.has(name)) return false
  // Numbers are measured, but not beside a command (`"Power": 2`), whose meaning they are; words happened
  const isMeasured = typeof value === 'number' || typeof value === 'boolean'
  return !isMeasured || pressed.has(name) || commands.has(second)
}
