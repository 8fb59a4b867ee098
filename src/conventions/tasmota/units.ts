/**
 * Units of what Tasmota measures: those that the message tells (`TempUnit`, `PressureUnit`, `SpeedUnit`), and those that
 * are fixed (https://tasmota.github.io/docs/Commands/#power-monitoring, and the pages of the sensors).
 */

type Members = Readonly<Record<string, unknown>>

export type Units = (path: readonly string[], siblings: Members) => string | undefined

const told = new Map([
  ['Temperature', 'TempUnit'],
  ['DewPoint', 'TempUnit'],
  ['HeatIndex', 'TempUnit'],
  ['ProbeTemperature', 'TempUnit'],
  ['ReferenceTemperature', 'TempUnit'],
  ['Pressure', 'PressureUnit'],
  ['SeaPressure', 'PressureUnit'],
  ['Speed', 'SpeedUnit']
])

/** Members that tell units, and are no measurement. */
export const unitMembers: ReadonlySet<string> = new Set(told.values())

const fixed = new Map([
  ['Humidity', '%'],
  ['Illuminance', 'lx'],
  ['CarbonDioxide', 'ppm'],
  ['eCO2', 'ppm'],
  ['TVOC', 'ppb'],
  ['Noise', 'dB'],
  ['Distance', 'cm'],
  ['Gas', 'kΩ'],
  ['Moisture', '%'],
  ['Battery', '%'],
  ['BatteryPercentage', '%'],
  ['BatteryVoltage', 'V'],
  ['Voltage', 'V'],
  ['Current', 'A'],
  ['Power', 'W'],
  ['ActivePower', 'W'],
  ['ApparentPower', 'VA'],
  ['ReactivePower', 'var'],
  ['Frequency', 'Hz'],
  ['PM1', 'µg/m³'],
  ['PM2.5', 'µg/m³'],
  ['PM10', 'µg/m³']
])

const energy = new Map([
  ['Total', 'kWh'],
  ['Yesterday', 'kWh'],
  ['Today', 'kWh'],
  ['Period', 'Wh'],
  ['ImportActive', 'kWh'],
  ['ExportActive', 'kWh'],
  ['ImportReactive', 'kvarh'],
  ['ExportReactive', 'kvarh'],
  ['ImportPower', 'W'],
  ['ExportPower', 'W'],
  ['PhaseAngle', '°']
])

const ofState = new Map([
  ['Vcc', 'V'],
  ['UptimeSec', 's'],
  ['Heap', 'kB'],
  ['Sleep', 'ms'],
  // Quality, and beside it the level
  ['Wifi.RSSI', '%'],
  ['Wifi.Signal', 'dBm']
])

export const stateUnits: Units = (path) => ofState.get(path.join('.'))

/** By a quantity's own name, or that of the object whose members are its average, minimum and so on. */
export function sensorUnits(members: Members): Units {
  return (path, siblings) => {
    const [name, of] = [path.at(-1)!, path.at(-2)]
    if (of === 'ENERGY' && energy.has(name)) return energy.get(name)
    // In ZbReceived, Power is whether it is on
    if (name === 'Power' && path[0] === 'ZbReceived') return undefined
    const own = named(name, siblings, members)
    return own === undefined && of !== undefined ? named(of, siblings, members) : own
  }
}

/** The unit stands at the top; what Zigbee devices say has it beside the value. */
function named(name: string, siblings: Members, members: Members): string | undefined {
  const member = told.get(name)
  if (member === undefined) return fixed.get(name)
  const unit = Object.hasOwn(siblings, member)
    ? siblings[member]
    : Object.hasOwn(members, member)
      ? members[member]
      : undefined
  if (typeof unit !== 'string' || unit === '') return undefined
  return member === 'TempUnit' ? `°${unit}` : unit
}
