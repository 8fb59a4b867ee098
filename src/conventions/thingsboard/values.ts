/** Telemetry and attributes: keys and their values, which are metrics as they are. Pure. */

import type { DecodedDatapoint } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { readNumber } from '../../normalize/values.ts'
import type { Facts } from '../facts.ts'
import { isObject } from '../facts.ts'

export class Values {
  readonly #facts: Facts
  readonly #castTypes: boolean

  constructor(facts: Facts, castTypes: boolean) {
    this.#facts = facts
    this.#castTypes = castTypes
  }

  /** An object, or a list of objects; the time is that of receipt, or each has its own. */
  telemetry(device: string, given: unknown): void {
    for (const item of Array.isArray(given) ? (given as unknown[]) : [given])
      if (!isObject(item)) this.#refuse('Telemetry', device, item)
      else if (Object.hasOwn(item, 'ts') && Object.hasOwn(item, 'values')) this.#timed(device, item)
      else this.#each(device, item, null)
  }

  /** Values that are known now; `deleted` are names of attributes that are there no more. */
  attributes(device: string, given: unknown): void {
    if (!isObject(given)) return this.#refuse('Attributes', device, given)
    for (const [key, value] of Object.entries(given))
      if (key === 'deleted' && isNames(value)) for (const name of value) this.#add(device, name, null, null)
      else this.#add(device, key, value, null)
  }

  #timed(device: string, { ts, values }: Record<string, unknown>): void {
    if (!isObject(values)) return this.#refuse('Telemetry with ts', device, values)
    const at = readTimestamp(ts, 'auto')
    if (at === null)
      this.#facts.reject('invalid_timestamp', `Telemetry of ${quote(device)} has the ts ${quote(ts)}`)
    this.#each(device, values, at)
  }

  #each(device: string, values: Record<string, unknown>, at: number | null): void {
    for (const [key, value] of Object.entries(values)) this.#add(device, key, value, at)
  }

  /** ThingsBoard keeps an object as one value of type JSON, and so do we. */
  #add(device: string, metric: string, given: unknown, at: number | null): void {
    const value = typeof given === 'string' && this.#castTypes ? (readNumber(given) ?? given) : given
    this.#facts.datapoint({
      device,
      metric,
      value: value as DecodedDatapoint['value'],
      ...(at !== null && { observedAt: at })
    })
  }

  #refuse(what: string, device: string, given: unknown): void {
    this.#facts.reject(
      'wrong_shape',
      `${what} of ${quote(device)} should be an object of keys and values; it is ${quote(given)}`
    )
  }
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string')
