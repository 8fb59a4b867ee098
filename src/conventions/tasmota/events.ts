/** What happened, and is no state: buttons, switches that only tell, and what receivers hear. */

/** `{"Button1": {"Action": "SINGLE"}}`; before 9.3 and by topics of buttons: ACTION, TRIG. */
const actions = new Set(['Action', 'ACTION', 'TRIG'])

/** IrReceived, RfReceived, SerialReceived, SSerialReceived, TuyaReceived, RfRaw, and more. */
const received = /^(\w*Received|RfRaw)$/

/** Texts of a report that tell what the device is. */
const stays = new Set(['Device', 'Name', 'ModelId', 'Manufacturer', 'IEEEAddr', 'PressureUnit'])

const pressed = new Set(['Click', 'MultiInValue'])

export function isEvent(path: readonly string[], value: unknown): boolean {
  const [first, name] = [path[0]!, path.at(-1)!]
  if (actions.has(name) && path.length > 1) return true
  if (!received.test(first)) return false
  return first !== 'ZbReceived' || !isReport(name, value)
}

/** Of a Zigbee device, numbers are measured; commands (`0006!01`, Power of a remote) and words happened. */
function isReport(name: string, value: unknown): boolean {
  if (name.includes('!') || pressed.has(name)) return false
  return stays.has(name) || typeof value === 'number' || typeof value === 'boolean'
}
