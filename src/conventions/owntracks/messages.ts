/** What each `_type` of message says. Pure. */

import { flatten, isObject } from '../facts.ts'
import type { Facts } from '../facts.ts'
import { decodeLocation, observed } from './location.ts'
import type { Members } from './location.ts'

/** What a message says of a device. */
type Say = (device: string, members: Members, facts: Facts) => void

/** What is no device's own word: it does not show that it is there. */
const fromOthers = new Set(['lwt', 'card'])

/** `live`: it was said now, so whoever said it is there. */
export function decodeMessage(device: string, members: Members, facts: Facts, live: boolean): void {
  const type = members['_type']
  const say = typeof type === 'string' ? types.get(type) : undefined
  if (say === undefined) {
    const what =
      typeof type === 'string'
        ? `There is no _type ${JSON.stringify(type.slice(0, 60))}`
        : 'There is no _type'
    facts.reject('wrong_shape', `${what} in OwnTracks; is this message of something else?`)
    return
  }
  say(device, members, facts)
  if (live && !fromOthers.has(type as string)) facts.presence(device, 'online')
}

const types: ReadonlyMap<string, Say> = new Map<string, Say>([
  ['location', decodeLocation],
  // The broker's word: its tst is when the app connected, and not when it was lost
  ['lwt', (device, _, facts) => void facts.presence(device, 'offline', 'death')],
  ['transition', (device, members, facts) => decodeEvent('transition', device, members, facts)],
  ['waypoint', (device, members, facts) => decodeWaypoint(device, members, facts)],
  ['waypoints', decodeWaypoints],
  ['steps', decodeSteps],
  ['beacon', decodeBeacon],
  ['status', decodeStatus],
  ['configuration', decodeConfiguration],
  ['card', decodeCard],
  [
    'request',
    (device, members, facts) =>
      void facts.datapoint({ device, metric: 'request', value: own(members), role: 'event' })
  ],
  // Of the Recorder or another app, to the device
  ['cmd', () => {}]
])

/** Without what says only which message it is. */
const own = (members: Members, but: readonly string[] = []): Members =>
  Object.fromEntries(Object.entries(members).filter(([name]) => !name.startsWith('_') && !but.includes(name)))

function decodeEvent(metric: string, device: string, members: Members, facts: Facts): void {
  facts.datapoint({
    device,
    metric,
    value: own(members, ['tst']),
    role: 'event',
    ...observed(members, facts)
  })
}

/** Its tst is when the region was made, and its key on Android: it stays with it. */
function decodeWaypoint(device: string, members: Members, facts: Facts): void {
  facts.datapoint({ device, metric: 'waypoint', value: own(members), role: 'event' })
}

function decodeWaypoints(device: string, members: Members, facts: Facts): void {
  const { waypoints } = members
  if (!Array.isArray(waypoints)) {
    facts.reject('wrong_shape', 'Waypoints are a list, and this message has none')
    return
  }
  facts.datapoint({ device, metric: 'waypoints', value: waypoints })
  facts.response({ device, correlation: 'waypoints', ok: true })
}

function decodeSteps(device: string, members: Members, facts: Facts): void {
  const { steps, from, to } = members
  if (typeof steps !== 'number') {
    facts.reject('wrong_shape', 'steps is no number')
    return
  }
  // -1: it does not count steps, or not in that time
  const ok = steps >= 0
  if (ok) {
    const at = observed(members, facts)
    facts.datapoint({ device, metric: 'steps', value: steps, ...at })
    for (const [name, value] of Object.entries({ from, to }))
      if (value !== undefined)
        facts.datapoint({ device, metric: `steps.${name}`, value: value as number, unit: 's', ...at })
  }
  facts.response({
    device,
    correlation: 'reportSteps',
    ok,
    ...(!ok && { detail: 'The device does not count steps, or has none of that time' })
  })
}

const beaconUnits = new Map([
  ['rssi', 'dBm'],
  ['acc', 'm']
])

/** Each beacon has a name, or is known by what it sends. */
function decodeBeacon(device: string, members: Members, facts: Facts): void {
  const { desc, uuid, major, minor } = members
  const name = typeof desc === 'string' && desc !== '' ? desc : [uuid, major, minor].map(String).join(':')
  const at = observed(members, facts)
  for (const [member, value] of Object.entries(own(members, ['tst', 'desc', 'uuid', 'major', 'minor']))) {
    const unit = beaconUnits.get(member)
    facts.datapoint({
      device,
      metric: `beacon.${name}.${member}`,
      value: value as number,
      ...at,
      ...(unit !== undefined && { unit })
    })
  }
}

/** Of iOS, what it is; the rest are settings that change. */
const attributesOfStatus = new Map([
  ['deviceModel', 'model'],
  ['deviceSystemName', 'system'],
  ['deviceSystemVersion', 'systemVersion'],
  ['version', 'firmware']
])

function decodeStatus(device: string, members: Members, facts: Facts): void {
  flatten(own(members), (metric, value) => void facts.datapoint({ device, metric, value: value as string }))
  const attributes: Members = {}
  if (isObject(members['iOS']))
    for (const [name, attribute] of attributesOfStatus)
      if (Object.hasOwn(members['iOS'], name)) attributes[attribute] = members['iOS'][name]
  if (Object.keys(attributes).length > 0) facts.attributes(device, attributes)
  facts.response({ device, correlation: 'status', ok: true })
}

/** An export has what logs in to brokers and services; that is nobody's state. */
const secret = [
  'password',
  'passphrase',
  'encryptionKey',
  'tlsClientCrtPassword',
  'opencageApiKey',
  'httpHeaders',
  'url'
]

function decodeConfiguration(device: string, members: Members, facts: Facts): void {
  facts.datapoint({ device, metric: 'configuration', value: own(members, secret) })
  if (typeof members['tid'] === 'string') facts.attributes(device, { tid: members['tid'] })
  facts.response({ device, correlation: 'dump', ok: true })
}

/** Its face, a picture, is left to those who show it. */
function decodeCard(device: string, { name, tid }: Members, facts: Facts): void {
  const attributes = Object.fromEntries(
    Object.entries({ name, tid }).filter(([, value]) => typeof value === 'string')
  )
  if (Object.keys(attributes).length > 0) facts.attributes(device, attributes)
  else facts.reject('wrong_shape', 'A card has a name or a tid')
}
