/**
 * Decoders of users: a pure reducer, `(state, message) -> { facts, state, effects }`. What one gives is checked to the last
 * byte before it is believed; a decoder can be wrong, and can never do harm. docs/decoders.md tells how to write one.
 */

import type { Presence, RejectionReason, Role, SourceMessage } from '../datapoints.ts'
import type { MessageProperties, Millis } from '../model.ts'
import { UnwritableError, decodeState, encodeState } from './exact-json.ts'
import type { Findings } from './findings.ts'
import type { DecoderState } from './mapping-set.ts'
import { quote } from './names.ts'
import { takeEffects, takeFacts } from './take-facts.ts'
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
  /** Objects and lists are kept as JSON, a bigint exactly, a Uint8Array as bytes; one inside of JSON is base64. */
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
  /** What a device says to a command; kept as an event of the metric `response`. `correlation` tells which command. */
  responses?: Array<{
    device?: string
    correlation: string
    /** Null: it does not say. */
    ok: boolean | null
    detail?: string
    value?: unknown
  }>
  /** Why the message, or a part of it, says nothing; default reason: wrong_shape. */
  rejections?: Array<{ reason?: RejectionReason; detail: string }>
}

export interface DecoderResult {
  facts: DecodedFacts
  /** What to remember, as JSON; null: nothing any more; absent: as it was. */
  state?: DecoderState | null
  /** Messages to publish, after the commit; never when history is read again. */
  effects?: DecodedEffect[]
  /** Others say it to the device, such as a command, or of it: it does not show that the device is there. */
  toDevice?: boolean
}

/**
 * Published after `afterMs` (default: at once), unless another effect cancels its `key` before. One with a key that is
 * waiting already changes nothing.
 */
export type DecodedEffect =
  | { topic: string; payload: Uint8Array | string; qos?: 0 | 1 | 2; afterMs?: number; key?: string }
  | { cancel: string }

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
    if (result.toDevice === true) findings.isToDevice()
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
export function describe(error: unknown): string {
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
