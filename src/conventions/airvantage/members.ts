/**
 * JSON of which nothing is lost: an object may have a name several times, as in the vendor's own example, and JSON.parse
 * keeps the last. Pure.
 */

import { visit } from 'jsonc-parser'
import { mayHaveLargeIntegers, parseExact } from '../../normalize/exact-json.ts'
import type { DecodedDatapoint, DecoderMessage } from '../../normalize/decoder.ts'
import { decodePayload, payloadFaults } from '../../payload.ts'
import { isObject } from '../facts.ts'
import type { Facts } from '../facts.ts'

/** An object with all of its members, in their order. */
export class Members {
  readonly entries: Array<[string, unknown]>

  constructor(entries: Array<[string, unknown]>) {
    this.entries = entries
  }
}

/**
 * As readJson, but where an object has a name twice, all objects are Members; undefined where it is no JSON, and `facts`
 * say why. A number that no double holds is Infinity, so that the rest is kept.
 */
export function readMembers(message: DecoderMessage, facts: Facts): unknown {
  if (message.payload.length === 0) {
    facts.reject('empty_payload', 'The payload is empty, and should be JSON')
    return undefined
  }
  const { value, text, fault } = decodePayload(message.payload, { contentType: 'application/json' })
  if (fault === null) return mayHaveLargeIntegers(text!) ? parseExact(withoutMark(text!)) : value
  if (fault === 'duplicate_keys' || fault === 'number_out_of_range') {
    // JSON.parse has taken it, so that it is strict JSON, and decodePayload knows that it is not deep
    return visitMembers(withoutMark(text!))
  }
  facts.reject(fault, payloadFaults[fault].replace(/: .*/, '.'))
  return undefined
}

const withoutMark = (text: string): string => (text.startsWith('\ufeff') ? text.slice(1) : text)

/** The value of JSON that is known to be right. */
function visitMembers(text: string): unknown {
  const root: unknown[] = []
  const open: Array<Members | unknown[]> = [root]
  let name = ''
  const put = (value: unknown): void => {
    const parent = open.at(-1)!
    if (parent instanceof Members) parent.entries.push([name, value])
    else parent.push(value)
  }
  const begin = (container: Members | unknown[]): void => {
    put(container)
    open.push(container)
  }
  const end = (): void => void open.pop()
  visit(
    text,
    {
      onObjectBegin: () => begin(new Members([])),
      onObjectProperty: (property) => void (name = property),
      onObjectEnd: end,
      onArrayBegin: () => begin([]),
      onArrayEnd: end,
      onLiteralValue: (value: unknown, offset, length) =>
        put(typeof value === 'number' ? toNumber(text.slice(offset, offset + length)) : value)
    },
    { disallowComments: true }
  )
  return root[0]
}

function toNumber(digits: string): number | bigint {
  const number = Number(digits)
  const exact = Number.isSafeInteger(number) || !Number.isFinite(number) || !/^-?\d+$/.test(digits)
  return exact ? number : BigInt(digits)
}

/** Of an object, however it was read; null: it is none. */
export function membersOf(value: unknown): Array<[string, unknown]> | null {
  if (value instanceof Members) return value.entries
  return isObject(value) ? Object.entries(value) : null
}

/** The last member of that name; undefined: there is none. */
export function memberOf(value: unknown, name: string): unknown {
  if (value instanceof Members) return value.entries.findLast(([each]) => each === name)?.[1]
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** Whether it has a name twice, of which `memberOf` gives the last. */
export const isRepetitive = (value: unknown): boolean =>
  value instanceof Members && new Set(value.entries.map(([name]) => name)).size < value.entries.length

/** Whether an object in it has a name twice, of which `toPlain` keeps the last. */
export const hasRepetitive = (value: unknown): boolean =>
  isRepetitive(value) ||
  (value instanceof Members && value.entries.some(([, each]) => hasRepetitive(each))) ||
  (Array.isArray(value) && value.some(hasRepetitive))

/** Without Members, for what is kept; of members with one name the last. */
export function toPlain(value: unknown): DecodedDatapoint['value'] {
  if (value instanceof Members)
    return Object.fromEntries(value.entries.map(([name, each]) => [name, toPlain(each)]))
  // Where there is a Members, every object is one
  return Array.isArray(value) ? value.map(toPlain) : (value as DecodedDatapoint['value'])
}
