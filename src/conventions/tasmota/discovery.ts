/**
 * `tasmota/discovery/MAC/config`, retained: what a device says of itself (xdrv_12_discovery.ino of the firmware). Kept of
 * it: which device has this MAC, and its words for online and offline, where they are not the usual ones.
 */

import { defaultLimits } from '../../limits.ts'
import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { Facts, isObject, readObject, readText } from '../facts.ts'
import { deviceTokens } from './full-topic.ts'

/** MAC, device, and its words for online and offline. */
type Discovered = readonly [mac: string, device: string, online: string, offline: string]

const toDiscovered = (state: DecoderState | null): readonly Discovered[] =>
  (state as { devices: Discovered[] } | null)?.devices ?? []

const isMac = (mac: string): boolean => /^[0-9A-Fa-f]{12}$/.test(mac)

export function decodeConfig(state: DecoderState | null, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  const mac = message.captures.mac!.toUpperCase()
  const others = toDiscovered(state).filter(([other]) => other !== mac)
  const forget = others.length === 0 ? null : { devices: others }
  if (message.kind === 'cleared' || message.payload.length === 0)
    return state === null ? facts.result() : facts.result(forget)
  const members = readObject(message, facts)
  if (members === undefined) return facts.result()
  if (!isMac(mac)) return facts.reject('wrong_shape', `${mac} is no MAC address, which stands here`).result()
  const device = toDevice(members, mac)
  if (device === null)
    return facts.reject('wrong_shape', 'It does not say which topic the device has (`t`)').result()
  facts.attributes(device, toAttributes(members))
  const { onln, ofln } = members
  const online = typeof onln === 'string' ? onln : 'Online'
  const offline = typeof ofln === 'string' ? ofln : 'Offline'
  const known = toDiscovered(state).find(([other]) => other === mac)
  if (known?.[1] === device && known[2] === online && known[3] === offline) return facts.result()
  if (others.length >= defaultLimits.discoveredDevicesMax)
    return facts
      .reject(
        'state_too_large',
        `More than ${defaultLimits.discoveredDevicesMax} devices; this one is not kept`
      )
      .result()
  return facts.result({ devices: [...others, [mac, device, online, offline]] })
}

/** As the FullTopic has it; the topic's own name in the usual case. */
function toDevice(members: Record<string, unknown>, mac: string): string | null {
  const { ft = '%prefix%/%topic%/', t, hn } = members
  const names = { topic: t, hostname: hn, id: mac }
  const token = deviceTokens.find((one) => String(ft).includes(`%${one}%`)) ?? 'topic'
  const name = names[token]
  return typeof name === 'string' && name !== '' ? name : null
}

const names = new Map([
  ['dn', 'name'],
  ['fn', 'friendlyNames'],
  ['md', 'model'],
  ['sw', 'firmware'],
  ['ip', 'ip'],
  ['hn', 'hostname'],
  ['mac', 'mac'],
  ['t', 'topic'],
  ['ft', 'fullTopic'],
  ['tp', 'prefixes'],
  ['rl', 'relays'],
  ['state', 'stateTexts'],
  ['bat', 'battery'],
  ['dslp', 'deepSleep']
])

function toAttributes(members: Record<string, unknown>): Record<string, unknown> {
  const attributes = new Map<string, unknown>()
  for (const [short, name] of names) {
    const value = Object.hasOwn(members, short) ? members[short] : undefined
    if (value === undefined) continue
    attributes.set(name, Array.isArray(value) ? toList(short, value) : value)
  }
  return Object.fromEntries(attributes)
}

/** Eight places, most of them empty; of relays: how many there are. */
function toList(short: string, values: readonly unknown[]): unknown {
  if (short === 'rl') return values.filter((value) => value !== 0).length
  return values.filter((value) => value !== null).slice(0, 32)
}

/** What was measured when it started is old when it is found: only which sensors there are. */
export function decodeSensors(state: DecoderState | null, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  const mac = message.captures.mac!.toUpperCase()
  const device = toDiscovered(state).find(([other]) => other === mac)?.[1]
  if (message.kind === 'cleared' || device === undefined) return facts.result()
  const { sn } = readObject(message, facts) ?? {}
  if (!isObject(sn)) return facts.result()
  const sensors = Object.entries(sn).flatMap(([name, value]) => (isObject(value) ? [name] : []))
  return facts.attributes(device, { sensors }).result()
}

export function decodeLwt(
  device: string,
  state: DecoderState | null,
  message: DecoderMessage
): DecoderResult {
  const facts = new Facts()
  if (message.kind === 'cleared' || message.payload.length === 0)
    return facts.presence(device, 'unknown').result()
  const word = readText(message, facts)
  if (word === undefined) return facts.result()
  const own = toDiscovered(state).find(([, other]) => other === device)
  if (word === (own?.[2] ?? 'Online')) facts.presence(device, 'online')
  else if (word === (own?.[3] ?? 'Offline')) facts.presence(device, 'offline', 'death')
  else
    facts.reject(
      'unknown_presence',
      `${JSON.stringify(word.slice(0, 60))} is neither Online nor Offline, nor a word that its discovery message gives`
    )
  return facts.result()
}
