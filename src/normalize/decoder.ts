/**
 * Decoders of users: a pure reducer, `(state, message) -> { facts, state, effects }`. What one gives is checked to the last
 * byte before it is believed; a decoder can be wrong, and can never do harm. docs/decoders.md tells how to write one.
 */

import type { Presence, RejectionReason, Role, SourceMessage } from '../datapoints.ts'
import { presences, rejectionReasons, roles } from '../datapoints.ts'
import type { MessageProperties, Millis } from '../model.ts'
import { topicFault } from '../topic.ts'
import { UnwritableError, decodeState, encodeState, writeExact } from './exact-json.ts'
import type { Findings } from './findings.ts'
import type { DecoderState } from './mapping-set.ts'
import { quote } from './names.ts'
import { toInstant } from './timestamps.ts'
import type { Captures } from './topic-template.ts'

export interface DecoderMessage {
  topic: string
  /** Levels of the topic under the names that the mapping's template gives them. */
  captures: Readonly<Captures>
  /** `message`: live; `snapshot`: a retained message found; `cleared`: the retained message is gone, the payload empty. */
  kind: SourceMessage['kind']
  payload: Uint8Array
  properties: MessageProperties | null
  receivedAt: Millis
  /** The device that the mapping names, or null. */
  device: string | null
}

export interface DecodedDatapoint {
  /** Default: the device that the mapping names. */
  device?: string
  metric: string
  /** Objects and lists are kept as JSON, a bigint exactly, a Uint8Array as bytes. */
  value: number | bigint | boolean | string | Uint8Array | object | null
  /** Milliseconds since 1970; default: when the message was received. */
  observedAt?: Millis
  unit?: string
  quality?: string
  /** Default: state. */
  role?: Role
}

export interface DecodedFacts {
  datapoints?: DecodedDatapoint[]
  presence?: Array<{ device?: string; presence: Presence; source?: 'availability' | 'birth' | 'death' }>
  attributes?: Array<{ device?: string; attributes: Record<string, unknown> }>
  /** Why the message, or a part of it, says nothing; default reason: wrong_shape. */
  rejections?: Array<{ reason?: RejectionReason; detail: string }>
}

export interface DecoderResult {
  facts: DecodedFacts
  /** What to remember, as JSON; null: nothing any more; absent: as it was. */
  state?: DecoderState | null
  /** Messages to publish, after the commit; never when history is read again. */
  effects?: Array<{ topic: string; payload: Uint8Array | string; qos?: 0 | 1 | 2 }>
}

/** What the module of a decoder exports. */
export interface DecoderModule {
  decode(state: DecoderState | null, message: DecoderMessage): DecoderResult
  /** Messages with the same key share a state. Without it the decoder has no memory. */
  stateKey?(captures: Readonly<Captures>): string
}

export interface Decoder extends DecoderModule {
  /** SHA-256 of its text: another hash, another meaning. */
  hash: string
}

/** A module as imported, or an Error that tells what is missing. */
export function toDecoder(module: unknown, hash: string): Decoder {
  const { decode, stateKey } = (module ?? {}) as Partial<DecoderModule>
  if (typeof decode !== 'function') throw new Error('exports no function decode(state, message)')
  if (stateKey !== undefined && typeof stateKey !== 'function')
    throw new Error('exports a stateKey that is no function')
  return { decode, hash, ...(stateKey !== undefined && { stateKey }) }
}

/** What it found, and its state; undefined: as it was. Never throws, and what fails has no effect but a rejection. */
export function runDecoder(
  decoder: Decoder,
  device: string | null,
  captures: Captures,
  state: DecoderState | null,
  findings: Findings
): { findings: Findings; state: DecoderState | null | undefined } {
  const { message } = findings
  const { topic, kind, properties, receivedAt } = message
  try {
    const given: DecoderMessage = {
      topic,
      captures,
      kind,
      payload: Uint8Array.from(message.payload),
      properties: properties === null ? null : structuredClone(properties),
      receivedAt,
      device
    }
    const result = decoder.decode(decoder.stateKey === undefined ? null : state, given)
    if (typeof result?.facts !== 'object' || result.facts === null)
      throw new TypeError('it gave no facts; a decoder gives { facts, state, effects }, and no promise')
    // The state before the rest: where it is refused, what was found is still true
    const next = decoder.stateKey === undefined ? undefined : toState(result.state, findings)
    takeFacts(result.facts, device, findings)
    takeEffects(result.effects ?? [], findings)
    return { findings, state: next }
  } catch (error) {
    const failed = findings.beside()
    if (device !== null) failed.heard(device)
    failed.reject('decoder_failed', describe(error))
    return { findings: failed, state: undefined }
  }
}

/** Whatever was thrown: it may be anything, and its message may throw, too. */
function describe(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : `It threw ${quote(error)}`
  } catch {
    return 'It threw what cannot be read'
  }
}

function toState(state: unknown, findings: Findings): DecoderState | null | undefined {
  if (state === undefined || state === null) return state
  const { decoderStateBytesMax } = findings.limits
  try {
    // As it will be read again, so that it makes no difference whether it was
    return decodeState(encodeState(state, decoderStateBytesMax))
  } catch (error) {
    if (!(error instanceof UnwritableError)) throw error
    findings.reject(
      error.tooLarge ? 'state_too_large' : 'decoder_failed',
      `The state: ${error.message}; what was remembered stays as it was`
    )
    return undefined
  }
}

function takeFacts(facts: DecodedFacts, device: string | null, findings: Findings): void {
  const { message, limits } = findings
  const max = limits.datapointsPerMessageMax
  for (const datapoint of list(facts.datapoints, 'datapoints', max + 1)) {
    const { metric, value, observedAt, unit, quality, role = 'state' } = datapoint
    if (typeof metric !== 'string') throw new TypeError('a datapoint has no metric')
    if (!Object.hasOwn(roles, role)) throw new TypeError(`${quote(role)} is no role`)
    if (observedAt !== undefined && !Number.isFinite(observedAt))
      throw new TypeError('observedAt is no number')
    const name = text(datapoint.device ?? device, 'device')
    const millis = observedAt === undefined ? null : Math.round(observedAt)
    findings.heard(name)
    findings.datapoint(
      {
        device: name,
        metric,
        value,
        at: toInstant(millis, message.receivedAt, limits),
        role,
        unit: unit === undefined ? null : text(unit, 'unit'),
        quality: quality === undefined ? null : text(quality, 'quality')
      },
      false
    )
  }
  for (const { device: named, presence, source = 'availability' } of list(facts.presence, 'presence', max)) {
    if (!Object.hasOwn(presences, presence)) throw new TypeError(`${quote(presence)} is no presence`)
    if (!['availability', 'birth', 'death'].includes(source))
      throw new TypeError(`${quote(source)} is no source`)
    findings.presence(text(named ?? device, 'device'), presence, source)
  }
  for (const { device: named, attributes } of list(facts.attributes, 'attributes', max))
    takeAttributes(text(named ?? device, 'device'), attributes, findings)
  for (const { reason = 'wrong_shape', detail } of list(facts.rejections, 'rejections', max)) {
    if (!Object.hasOwn(rejectionReasons, reason)) throw new TypeError(`${quote(reason)} is no reason`)
    findings.reject(reason, text(detail, 'detail'))
  }
}

function takeAttributes(device: string, attributes: unknown, findings: Findings): void {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
    throw new TypeError('attributes are no object')
  if (!findings.isDevice(device)) return
  const json = writeExact(attributes, findings.limits.datapointBytesMax)
  if (!findings.spend(json.length)) return findings.reject('value_too_large', 'The attributes are too large')
  findings.attributes.push({ device, attributes: JSON.parse(json) as Record<string, unknown> })
}

function takeEffects(effects: NonNullable<DecoderResult['effects']>, findings: Findings): void {
  const { effectsPerMessageMax, topicLevelsMax, datapointBytesMax } = findings.limits
  for (const { topic, payload, qos = 1 } of list(effects, 'effects', effectsPerMessageMax)) {
    const fault = topicFault(text(topic, 'topic'), topicLevelsMax)
    if (fault !== null) throw new TypeError(`an effect's topic is none: ${fault}`)
    if (![0, 1, 2].includes(qos)) throw new TypeError(`${quote(qos)} is no QoS`)
    if (typeof payload !== 'string' && !(payload instanceof Uint8Array))
      throw new TypeError('the payload of an effect is neither text nor bytes')
    if (payload.length > datapointBytesMax) throw new TypeError('the payload of an effect is too large')
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : Uint8Array.from(payload)
    if (!findings.spend(bytes.length)) return findings.reject('value_too_large', 'The effects are too large')
    findings.effects.push({ kind: 'publish', topic, payload: bytes, qos })
  }
}

function list<T>(items: T[] | undefined, what: string, max: number): T[] {
  if (items === undefined) return []
  if (!Array.isArray(items)) throw new TypeError(`${what} are no list`)
  if (what === 'effects' && items.length > max) throw new TypeError(`more than ${max} effects`)
  return items.slice(0, max)
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new TypeError(`a ${what} is no text, and the mapping names none`)
  return value
}
