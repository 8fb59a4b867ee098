/** CBOR (RFC 8949) to values as JSON has them. The library reads; what it leaves open is bounded here. Pure. */

import { Token, Tokenizer, Type, decode } from 'cborg'
import type { BinaryDocument } from './binary-document.ts'
import {
  UnreadableError,
  depthMax,
  toInteger,
  toMemberName,
  toRfc3339,
  tooDeep,
  tooMany
} from './binary-document.ts'

/** Throws UnreadableError. */
export function readCbor(payload: Uint8Array, itemsMax: number): BinaryDocument {
  // No Buffer, whose slices are no copies
  const { buffer, byteOffset, byteLength } = payload
  const tokenizer = new BoundedTokenizer(new Uint8Array(buffer, byteOffset, byteLength), itemsMax)
  try {
    const value = toPlain(decode(payload, { ...options, tokenizer }), tokenizer)
    return { value, duplicates: tokenizer.names > 0 }
  } catch (error) {
    if (error instanceof UnreadableError) throw error
    const said = (error as Error).message.replace(/^CBOR decode error: /, '')
    const message = said.startsWith('too many terminals') ? 'bytes stand behind its end' : said
    throw new UnreadableError('malformed_binary', `Not CBOR: ${message}`)
  }
}

type Content = () => unknown

/** Tags of RFC 8949 section 3.4 that say how to read; of all others the content is taken as it is. */
const tags: Record<number, (content: Content) => unknown> = {
  1: (content) => toInstant(content()),
  2: (content) => toBignum(content(), (value) => value),
  3: (content) => toBignum(content(), (value) => -1n - value),
  4: (content) => toFraction(content(), 10),
  5: (content) => toFraction(content(), 2)
}

const options = { allowBigInt: true, useMaps: true, coerceUndefinedToNull: true, tags }

interface Container {
  /** Items to come; below zero where it has no length. */
  left: number
  isMap: boolean
}

class BoundedTokenizer extends Tokenizer {
  /** Names in all maps, as they stand there. */
  names = 0
  readonly #itemsMax: number
  #items = 0
  readonly #open: Container[] = []

  constructor(data: Uint8Array, itemsMax: number) {
    super(data, options)
    this.#itemsMax = itemsMax
  }

  override next(): Token {
    let token = this.#read()
    while (token.type === Type.tag && !Object.hasOwn(tags, String(token.value))) token = this.#read()
    this.#close()
    const parent = this.#open.at(-1)
    if (token.type === Type.break) {
      if (parent?.isMap === true) this.names += (-1 - parent.left) / 2
      this.#open.pop()
      return token
    }
    if (parent !== undefined) parent.left--
    if (token.type === Type.array) this.#enter(token.value as number, false)
    else if (token.type === Type.map) this.#enter((token.value as number) * 2, true)
    else if (token.type === Type.tag) this.#enter(1, false)
    return token
  }

  #enter(length: number, isMap: boolean): void {
    if (length === 0) return
    const endless = length === Infinity
    if (isMap && !endless) this.names += length / 2
    this.#open.push({ left: endless ? -1 : length, isMap })
    if (this.#open.length > depthMax) throw tooDeep('CBOR')
  }

  #close(): void {
    while (this.#open.at(-1)?.left === 0) this.#open.pop()
  }

  #read(): Token {
    if (++this.#items > this.#itemsMax) throw tooMany('CBOR', this.#itemsMax)
    const head = this.data[this._pos]
    if (head === 0x5f || head === 0x7f) return this.#chunks(head)
    const from = this._pos
    const token = super.next()
    // The library writes a replacement character where there is no UTF-8
    if (token.type === Type.string && (token.value as string).includes('\ufffd'))
      this.#checkText(this.data.subarray(from, this._pos))
    return token
  }

  /** RFC 8949 section 3.2.3: bytes or text in pieces, each of a known length. */
  #chunks(head: number): Token {
    this._pos++
    const pieces: unknown[] = []
    while (this.data[this._pos] !== 0xff) {
      const piece = this.data[this._pos]
      if (piece === undefined) throw new Error('a text or bytes without an end')
      if (piece >> 5 !== head >> 5 || (piece & 31) === 31)
        throw new Error('a piece of a text or of bytes is something else')
      pieces.push(this.#read().value)
    }
    this._pos++
    return head === 0x7f
      ? new Token(Type.string, pieces.join(''), 0)
      : new Token(Type.bytes, Uint8Array.from(Buffer.concat(pieces as Uint8Array[])), 0)
  }

  #checkText(token: Uint8Array): void {
    const info = token[0]! & 31
    const head = info < 24 ? 1 : 1 + 2 ** (info - 24)
    try {
      strict.decode(token.subarray(head))
    } catch {
      throw new UnreadableError('not_utf8', 'CBOR has a text that is not UTF-8')
    }
  }
}

const strict = new TextDecoder('utf-8', { fatal: true })

/** Maps to objects; `tokenizer.names` counts down what became a member. */
function toPlain(value: unknown, tokenizer: BoundedTokenizer): unknown {
  if (Array.isArray(value)) return value.map((item) => toPlain(item, tokenizer))
  if (!(value instanceof Map)) return value
  const members: Array<[string, unknown]> = []
  for (const [key, member] of value) members.push([toMemberName(key, 'CBOR'), toPlain(member, tokenizer)])
  // fromEntries makes own members, __proto__ among them
  const object = Object.fromEntries(members)
  tokenizer.names -= Object.keys(object).length
  return object
}

function toInstant(content: unknown): unknown {
  if (typeof content !== 'number') return content
  const seconds = Math.floor(content)
  const micros = Math.round((content - seconds) * 1e6)
  return toRfc3339(micros === 1e6 ? seconds + 1 : seconds, (micros % 1e6) * 1_000) ?? content
}

/** More than 1,024 bits are more than any double, which is told where the value is kept. */
const bignumBytesMax = 128

function toBignum(content: unknown, sign: (value: bigint) => bigint): unknown {
  if (!(content instanceof Uint8Array)) return content
  const first = content.findIndex((byte) => byte !== 0)
  const bytes = first === -1 ? new Uint8Array(1) : content.subarray(first)
  if (bytes.length > bignumBytesMax) return sign(1n) < 0n ? -Infinity : Infinity
  return toInteger(sign(BigInt(`0x${Buffer.from(bytes).toString('hex')}`)))
}

function toFraction(content: unknown, base: 2 | 10): unknown {
  const [exponent, mantissa] = Array.isArray(content) && content.length === 2 ? (content as unknown[]) : []
  if (typeof exponent !== 'number' || (typeof mantissa !== 'number' && typeof mantissa !== 'bigint'))
    return content
  return base === 10 ? Number(`${mantissa}e${exponent}`) : Number(mantissa) * 2 ** exponent
}
