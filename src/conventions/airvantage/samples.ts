/** Datapoints of one message; what its values and times are. Pure. */

import { defaultLimits } from '../../limits.ts'
import type { DecoderMessage } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { readNumber } from '../../normalize/values.ts'
import type { Facts } from '../facts.ts'
import { hasRepetitive, membersOf, toPlain } from './members.ts'

const { flattenDepthMax } = defaultLimits

export class Samples {
  readonly facts: Facts
  readonly device: string
  readonly #unquote: boolean
  #none = true

  constructor(facts: Facts, device: string, unquote: boolean) {
    this.facts = facts
    this.device = device
    this.#unquote = unquote
  }

  get none(): boolean {
    return this.#none
  }

  /** `at`: null where the device does not tell the time. Objects become paths with dots. */
  add(path: string, value: unknown, at: number | null, depth = flattenDepthMax): void {
    const members = membersOf(value)
    if (members !== null && members.length > 0 && depth > 1) {
      for (const [name, member] of members) this.add(`${path}.${name}`, member, at, depth - 1)
      return
    }
    this.#none = false
    if (hasRepetitive(value)) rejectRepetition(path, this.facts)
    this.facts.datapoint({
      device: this.device,
      metric: path,
      value: typeof value === 'string' && this.#unquote ? unquote(value) : toPlain(value),
      ...(at !== null && { observedAt: at })
    })
  }

  /** A time as devices write it; null: now, or none that can be read, which is rejected. */
  time(timestamp: unknown, path: string): number | null {
    // Null (mbed) and empty (Arduino, Legato) are the moment at which AirVantage receives it
    if (timestamp === undefined || timestamp === null) return null
    if (typeof timestamp === 'string' && timestamp.trim() === '') return null
    const at = readTimestamp(timestamp, 'auto')
    if (at === null)
      this.facts.reject('invalid_timestamp', `${quote(path)} has the timestamp ${quote(timestamp)}`)
    return at
  }
}

/** What cannot be told apart is lost but for the last; it is said. */
export function rejectRepetition(what: string, facts: Facts): void {
  facts.reject('duplicate_keys', `${quote(what)} has a name twice in one value; the last was taken`)
}

/** Devices that write every value as text leave it to AirVantage's application model what it is. */
function unquote(text: string): number | bigint | boolean | string {
  if (text === 'true' || text === 'false') return text === 'true'
  return readNumber(text) ?? text
}

/** The retained message is gone: it says nothing of the device. */
export const isCleared = ({ kind }: DecoderMessage): boolean => kind === 'cleared'
