/** Units of what components tell (https://shelly-api-docs.shelly.cloud/gen2/, the status of each component). */

const patterns: ReadonlyArray<readonly [RegExp, string]> = [
  // Of phases, too: a_act_power, total_aprt_power, n_current
  [/^(\w+_)?(apower|act_power)$/, 'W'],
  [/^(\w+_)?aprt_power$/, 'VA'],
  [/^(\w+_)?voltage$/, 'V'],
  [/^(\w+_)?current$/, 'A'],
  [/^(\w+_)?freq$/, 'Hz'],
  [/^(ret_)?aenergy\.total$/, 'Wh'],
  [/^(ret_)?aenergy\.by_minute$/, 'mWh'],
  [/^(\w+_)?total_act(_ret)?(_energy)?$/, 'Wh'],
  [/^(temperature\.)?tC$|^(target|current)_C$/, '°C'],
  [/^(temperature\.)?tF$|^(target|current)_F$/, '°F'],
  [/^rh$|^percent$|^battery(\.percent)?$|^brightness$|^(current_|target_)?pos$/, '%'],
  [/^battery\.V$/, 'V'],
  [/^lux$/, 'lx'],
  [/^ct$/, 'K'],
  [/^rssi$/, 'dBm'],
  [/^(ram|fs)_(size|free|min_free)$/, 'B'],
  [/^(uptime|timer_duration|wakeup_period|utc_offset)$/, 's']
]

/** `path` is that within the component: `aenergy.total`. No longer one has a unit. */
export const unitOf = (path: string): string | undefined =>
  path.length > 64 ? undefined : patterns.find(([pattern]) => pattern.test(path))?.[1]
