/** JSON whose integers beyond 2^53 are exact: bigint here, digits there. Both ways bounded. Pure. */

import type { DecoderState } from './mapping-set.ts'

/** A number with more digits than this is larger than any double. */
const digitsMax = 309

/** Only such text can have an integer beyond 2^53; 9007199254740993 has 16 digits. */
export const mayHaveLargeIntegers = (text: string): boolean => /\d{16}/.test(text)

/**
 * As JSON.parse, for text that JSON.parse takes. Large integers travel through it as strings with a mark that the text does
 * not have. (Node 20 does not show the source of a number to a reviver.)
 */
export function parseExact(text: string): unknown {
  let mark = 'integer:'
  while (text.includes(mark)) mark = `_${mark}`
  const marked = markIntegers(text, mark)
  return marked === null ? JSON.parse(text) : unmark(JSON.parse(marked), mark)
}

/** Null: there is none. By hand, since the stack of a regular expression ends before a long string does. */
function markIntegers(text: string, mark: string): string | null {
  let marked = ''
  let done = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quotationMark) {
      while (text.charCodeAt(++at) !== quotationMark) if (text.charCodeAt(at) === backslash) at++
    } else if (isNumeric(code)) {
      const begin = at
      while (at + 1 < text.length && isNumeric(text.charCodeAt(at + 1))) at++
      const token = text.slice(begin, at + 1)
      if (!isLargeInteger(token)) continue
      marked += `${text.slice(done, begin)}"${mark}${token}"`
      done = at + 1
    }
  }
  return done === 0 ? null : marked + text.slice(done)
}

const quotationMark = 0x22
const backslash = 0x5c

/** 0-9 + - . E e, of which a number of JSON consists. (The e of `true` is a token of its own.) */
const isNumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  code === 0x2d ||
  code === 0x2b ||
  code === 0x2e ||
  code === 0x65 ||
  code === 0x45

const isLargeInteger = (token: string): boolean =>
  token.length >= 16 &&
  token.length <= digitsMax + 1 &&
  /^-?\d+$/.test(token) &&
  !Number.isSafeInteger(Number(token))

function unmark(value: unknown, mark: string): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value
  if (typeof value !== 'object' || value === null) return value
  // All of them are own members, so that even an assignment to __proto__ is one
  const members = value as Record<string, unknown>
  for (const name of Object.keys(members)) {
    const member = members[name]
    if (typeof member === 'string' || typeof member === 'object') members[name] = unmark(member, mark)
  }
  return value
}

export class UnwritableError extends Error {
  readonly tooLarge: boolean
  /** It is a number that no double holds. */
  readonly outOfRange: boolean

  constructor(message: string, tooLarge: boolean, outOfRange = false) {
    super(message)
    this.tooLarge = tooLarge
    this.outOfRange = outOfRange
  }
}

const depthMax = 100

/**
 * Writes any value as JSON, or throws UnwritableError: too large, too deep, or nothing that JSON can say. It never takes
 * more work than the bound, whatever is given: values of decoders may contain themselves, or lie. `bytes`: what becomes of
 * bytes, which are not JSON.
 */
export function writeExact(value: unknown, bytesMax: number, bytes?: (item: Uint8Array) => string): string {
  const pieces: string[] = []
  let left = bytesMax
  const put = (piece: string): void => {
    // Never more bytes than this, so that the exact count is left to the end
    left -= piece.length
    if (left < 0) throw new UnwritableError(`It is larger than ${bytesMax} bytes`, true)
    pieces.push(piece)
  }
  const write = (item: unknown, depth: number): void => {
    if (item === null || item === undefined) put('null')
    else if (typeof item === 'number') {
      if (!Number.isFinite(item)) throw new UnwritableError(`${item} is not a number of JSON`, false, true)
      put(number(item))
    } else if (typeof item === 'bigint') put(digits(item))
    else if (typeof item === 'boolean') put(item ? 'true' : 'false')
    else if (typeof item === 'string') {
      if (item.length > left) throw new UnwritableError(`It is larger than ${bytesMax} bytes`, true)
      put(JSON.stringify(item))
    } else if (typeof item !== 'object') throw new UnwritableError(`A ${typeof item} is not JSON`, false)
    else if (bytes !== undefined && item instanceof Uint8Array) {
      if (item.length > left) throw new UnwritableError(`It is larger than ${bytesMax} bytes`, true)
      put(JSON.stringify(bytes(item)))
    } else if (ArrayBuffer.isView(item)) throw new UnwritableError('Bytes are not JSON', false)
    else if (depth >= depthMax) throw new UnwritableError(`It is nested deeper than ${depthMax} levels`, true)
    else if (Array.isArray(item)) {
      put('[')
      for (let index = 0; index < item.length; index++) {
        if (index > 0) put(',')
        write(item[index], depth + 1)
      }
      put(']')
    } else {
      put('{')
      let first = true
      for (const name of Object.keys(item)) {
        if (!first) put(',')
        first = false
        if (name.length > left) throw new UnwritableError(`It is larger than ${bytesMax} bytes`, true)
        put(`${JSON.stringify(name)}:`)
        write((item as Record<string, unknown>)[name], depth + 1)
      }
      put('}')
    }
  }
  write(value, 0)
  const text = pieces.join('')
  if (Buffer.byteLength(text) > bytesMax)
    throw new UnwritableError(`It is larger than ${bytesMax} bytes`, true)
  return text
}

/** So that it is read again as it is: digits alone would be an exact integer, and JSON.stringify drops the sign of -0. */
function number(value: number): string {
  if (Object.is(value, -0)) return '-0'
  return Number.isInteger(value) && !Number.isSafeInteger(value)
    ? value.toExponential()
    : JSON.stringify(value)
}

/** Digits of an integer that a double could hold, at most. */
function digits(value: bigint): string {
  if (!Number.isFinite(Number(value)))
    throw new UnwritableError('An integer is larger than any double', false, true)
  return value.toString()
}

/** Throws UnwritableError. */
export const encodeState = (state: DecoderState, bytesMax = Infinity): Uint8Array =>
  Buffer.from(writeExact(state, bytesMax))

/** Frozen, so that a decoder cannot change what it was given. */
export function decodeState(bytes: Uint8Array): DecoderState {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return freeze(mayHaveLargeIntegers(text) ? parseExact(text) : JSON.parse(text)) as DecoderState
}

function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) freeze(part)
  return Object.freeze(value)
}
