/** The twin of a device: what it reports, what is desired; and what it answers to direct methods. Pure. */

import type { DecoderMessage } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { isObject, readJson, readObject } from '../facts.ts'
import type { Facts } from '../facts.ts'
import { mergeMembers, replaceMembers } from '../members.ts'
import type { KnownMembers } from '../members.ts'
import { readBag } from './property-bag.ts'
import type { PropertyBag } from './property-bag.ts'

type Members = Record<string, unknown>

/** What is remembered of a twin. */
interface Twin {
  reported: KnownMembers | null
  desired: KnownMembers | null
  /** null: not known, since the device has reported what the hub has not counted yet. */
  reportedVersion: number | null
  desiredVersion: number | null
}

const unknown: Twin = { reported: null, desired: null, reportedVersion: null, desiredVersion: null }

export type DecodeTwin = (
  device: string,
  state: DecoderState | null,
  message: DecoderMessage,
  facts: Facts
) => DecoderState | undefined

type Section = 'reported' | 'desired'

export const decodeReported: DecodeTwin = (device, state, message, facts) => {
  const patch = readObject(message, facts)
  if (patch === undefined) return undefined
  online(device, message, facts)
  const acknowledged: Acknowledgements = new Map()
  const before = (state as Twin | null) ?? unknown
  const told = plain(patch, acknowledged)
  const reported = mergeMembers(before.reported, told, teller(device, 'reported', facts))
  for (const [version, { ok, details }] of acknowledged)
    facts.response({
      device,
      correlation: toCorrelation(version),
      ok,
      ...(details.length > 0 && { detail: details.join('; ').slice(0, 1_000) })
    })
  return { ...before, reported, reportedVersion: null }
}

/** A part of what is desired. Its versions grow with each part. */
export const decodeDesired: DecodeTwin = (device, state, message, facts) => {
  const patch = readObject(message, facts)
  if (patch === undefined) return undefined
  const before = (state as Twin | null) ?? unknown
  const version = versionOf(patch) ?? toInteger(readRequest(message, facts).get('$version'))
  if (version === null) facts.reject('wrong_shape', 'Neither the topic nor the payload has a $version')
  else if (before.desiredVersion !== null && version <= before.desiredVersion) return undefined
  const desired = mergeMembers(before.desired, plain(patch), teller(device, 'desired', facts))
  rememberVersion(device, version, facts)
  return { ...before, desired, desiredVersion: version ?? before.desiredVersion }
}

/** Of the hub: the whole twin (200), or that it has what was reported (204). */
export const decodeResult: DecodeTwin = (device, state, message, facts) => {
  const before = (state as Twin | null) ?? unknown
  const request = readRequest(message, facts)
  const status = toInteger(message.captures['status'])
  if (status === null) {
    facts.reject('wrong_shape', 'The status in the topic is no integer')
    return undefined
  }
  if (status < 200 || status > 299) {
    const value = { status, request: request.get('$rid') ?? null }
    facts.datapoint({ device, metric: 'twinRefused', value, role: 'event' })
    return undefined
  }
  if (message.payload.length === 0) {
    const reportedVersion = toInteger(request.get('$version'))
    return reportedVersion === null ? undefined : { ...before, reportedVersion }
  }
  const document = readObject(message, facts)
  if (document === undefined) return undefined
  return decodeDocument(device, before, document, facts)
}

function decodeDocument(device: string, before: Twin, document: Members, facts: Facts): Twin {
  const after = { ...before }
  for (const section of ['reported', 'desired'] as const) {
    const members = document[section]
    if (!isObject(members)) {
      if (members !== undefined) facts.reject('wrong_shape', `${section} is no object`)
      continue
    }
    const version = versionOf(members)
    const known = before[`${section}Version`]
    if (version !== null && version === known) continue
    after[section] = replaceMembers(before[section], plain(members), teller(device, section, facts))
    after[`${section}Version`] = version
    if (section === 'desired') rememberVersion(device, version, facts)
  }
  return after
}

/** For commands: what is desired next has the version behind it. */
function rememberVersion(device: string, version: number | null, facts: Facts): void {
  if (version !== null) facts.attributes(device, { desiredVersion: version })
}

export const toCorrelation = (version: number): string => `$version=${version}`

const teller =
  (device: string, section: Section, facts: Facts) =>
  (path: readonly string[], value: unknown): void =>
    void facts.datapoint({ device, metric: `${section}.${path.join('.')}`, value: value as string })

/** What a device says of each version of what was desired. */
type Acknowledgements = Map<number, { ok: boolean | null; details: string[] }>

/** Writable properties of Plug and Play are reported with an acknowledgement: `{ value, ac, av, ad }`. */
const isAcknowledged = (value: Members): boolean =>
  Object.hasOwn(value, 'value') && Number.isSafeInteger(value['ac']) && Number.isSafeInteger(value['av'])

/** Without what is about the document: `$version`, `$metadata`, and `__t`, which marks components. */
function plain(document: Members, acknowledged?: Acknowledgements): Members {
  const members: Array<[string, unknown]> = []
  for (const [name, value] of Object.entries(document)) {
    if (name === '$version' || name === '$metadata' || name === '__t') continue
    if (!isObject(value)) members.push([name, value])
    else if (isAcknowledged(value)) {
      members.push([name, value['value']])
      if (acknowledged !== undefined) acknowledge(name, value, acknowledged)
    } else members.push([name, plain(value, acknowledged)])
  }
  return Object.fromEntries(members)
}

function acknowledge(name: string, { ac, av, ad }: Members, acknowledged: Acknowledgements): void {
  const version = av as number
  // 202: it is at work, and will say so again
  const ok = ac === 202 ? null : (ac as number) >= 200 && (ac as number) <= 299
  const known = acknowledged.get(version) ?? { ok: true, details: [] }
  if (ok === false) known.details.push(`${name}: ${String(ac)}${typeof ad === 'string' ? ` ${ad}` : ''}`)
  const both = known.ok === false || ok === false ? false : known.ok === null ? null : ok
  acknowledged.set(version, { ok: both, details: known.details })
}

/** What a device answers to a direct method. */
export const decodeMethodResult: DecodeTwin = (device, _, message, facts) => {
  const status = toInteger(message.captures['status'])
  const correlation = readRequest(message, facts).get('$rid') ?? ''
  if (status === null || correlation === '') {
    facts.reject('wrong_shape', 'An answer to a method has an integer and ?$rid= in its topic')
    return undefined
  }
  online(device, message, facts)
  const value = message.payload.length === 0 ? null : readJson(message, facts)
  facts.response({
    device,
    correlation,
    ok: status >= 200 && status <= 299,
    detail: `status ${status}`,
    value: value ?? null
  })
  return undefined
}

/** The device has asked for its twin, so it is there. */
export const decodeAsked: DecodeTwin = (device, _, message, facts) => {
  online(device, message, facts)
  return undefined
}

function online(device: string, { kind }: DecoderMessage, facts: Facts): void {
  if (kind === 'message') facts.presence(device, 'online')
}

const readRequest = ({ captures }: DecoderMessage, facts: Facts): PropertyBag =>
  readBag(captures['request'] ?? '', (detail) => facts.reject('wrong_shape', detail))

const versionOf = ({ $version: version }: Members): number | null =>
  Number.isSafeInteger(version) ? (version as number) : null

const toInteger = (text: string | null | undefined): number | null =>
  typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : null
