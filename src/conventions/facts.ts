/** What a convention finds in a message, put together; and its JSON, read as exactly as everywhere. Pure. */

import type { ConventionResult } from '../normalize/convention.ts'
import type { Presence, RejectionReason } from '../datapoints.ts'
import { defaultLimits } from '../limits.ts'
import { mayHaveLargeIntegers, parseExact } from '../normalize/exact-json.ts'
import type { DecodedDatapoint, DecodedFacts, DecoderMessage, DecoderResult } from '../normalize/decoder.ts'
import type { DecoderState } from '../normalize/mapping-set.ts'
import { decodePayload, payloadFaults } from '../payload.ts'

type Lists = { [List in keyof DecodedFacts]-?: NonNullable<DecodedFacts[List]> }

/** One more than is taken of each, so that it is seen that there were too many, and no message fills the memory. */
const factsMax = defaultLimits.datapointsPerMessageMax + 1

export class Facts {
  readonly #facts: Lists = { datapoints: [], presence: [], attributes: [], responses: [], rejections: [] }
  readonly #effects: NonNullable<DecoderResult['effects']> = []
  #decompressedBytes: number | null = null

  datapoint(datapoint: DecodedDatapoint): this {
    push(this.#facts.datapoints, datapoint)
    return this
  }

  presence(device: string, presence: Presence, source?: 'availability' | 'birth' | 'death'): this {
    push(this.#facts.presence, { device, presence, ...(source !== undefined && { source }) })
    return this
  }

  attributes(device: string, attributes: Record<string, unknown>): this {
    push(this.#facts.attributes, { device, attributes })
    return this
  }

  response(response: Lists['responses'][number]): this {
    push(this.#facts.responses, response)
    return this
  }

  reject(reason: RejectionReason, detail: string): this {
    push(this.#facts.rejections, { reason, detail })
    return this
  }

  effect(effect: NonNullable<DecoderResult['effects']>[number]): this {
    this.#effects.push(effect)
    return this
  }

  /** Bytes of the payload once it is decompressed. */
  measure(bytes: number): this {
    this.#decompressedBytes = bytes
    return this
  }

  /** `state`: what to remember; undefined: as it was, null: nothing any more. */
  result(state?: DecoderState | null): ConventionResult {
    const decompressedBytes = this.#decompressedBytes
    return {
      facts: this.#facts,
      effects: this.#effects,
      ...(decompressedBytes !== null && { decompressedBytes }),
      ...(state !== undefined && { state })
    }
  }
}

function push<T>(list: T[], item: T): void {
  if (list.length < factsMax) list.push(item)
}

const saidJson = { contentType: 'application/json' }

/**
 * The JSON of a message, integers beyond 2^53 as bigint; undefined where it is none, and `facts` say why. A name that
 * stands twice in an object is rejected, and the last one taken. Objects have `__proto__` as an own member at most: use
 * Object.entries, never assignment by such a name.
 */
export function readJson(message: DecoderMessage, facts: Facts): unknown {
  if (message.payload.length === 0) {
    facts.reject('empty_payload', 'The payload is empty, and should be JSON')
    return undefined
  }
  const { value, text, fault } = decodePayload(message.payload, saidJson)
  if (fault !== null) {
    facts.reject(fault, payloadFaults[fault].replace(/: .*/, '.'))
    if (fault !== 'duplicate_keys') return undefined
  }
  if (text!.length < 16 || !mayHaveLargeIntegers(text!)) return value
  return parseExact(text!.startsWith('\ufeff') ? text!.slice(1) : text!)
}

/** As readJson, where an object is expected. */
export function readObject(message: DecoderMessage, facts: Facts): Record<string, unknown> | undefined {
  const value = readJson(message, facts)
  if (value === undefined || isObject(value)) return value
  facts.reject('wrong_shape', 'The payload is JSON, but no object')
  return undefined
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** The payload as text; undefined where it is not UTF-8, and `facts` say so. */
export function readText(message: DecoderMessage, facts: Facts): string | undefined {
  try {
    return utf8.decode(message.payload)
  } catch {
    facts.reject('not_utf8', 'The payload is not UTF-8')
    return undefined
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** Deeper members are one value of type json. */
const depthMax = 5

/** The members of an object, and of objects in it, by names with dots; lists and what is deeper are values. */
export function flatten(
  members: Record<string, unknown>,
  push: (metric: string, value: unknown) => void,
  prefix = '',
  depth = depthMax
): void {
  for (const [name, value] of Object.entries(members)) {
    if (depth > 1 && isObject(value) && Object.keys(value).length > 0)
      flatten(value, push, `${prefix}${name}.`, depth - 1)
    else push(prefix + name, value)
  }
}
