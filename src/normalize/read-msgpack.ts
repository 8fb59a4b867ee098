/**
 * MessagePack to values as JSON has them. By hand, since libraries make room for what a head declares before it is there: five
 * bytes are a list of four billion. Pure.
 */

import { isUtf8 } from 'node:buffer'
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
export function readMsgPack(payload: Uint8Array, itemsMax: number): BinaryDocument {
  const reader = new Reader(payload, itemsMax)
  const value = reader.read(0)
  const left = payload.length - reader.at
  if (left > 0) throw malformed(`${left} bytes stand behind its end`)
  return { value, duplicates: reader.duplicates }
}

const malformed = (message: string): UnreadableError =>
  new UnreadableError('malformed_binary', `Not MessagePack: ${message}`)

class Reader {
  at = 0
  duplicates = false
  readonly #bytes: Buffer
  readonly #itemsMax: number
  #items = 0

  constructor(payload: Uint8Array, itemsMax: number) {
    this.#bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    this.#itemsMax = itemsMax
  }

  read(depth: number): unknown {
    if (++this.#items > this.#itemsMax) throw tooMany('MessagePack', this.#itemsMax)
    const head = this.#bytes[this.#take(1)]!
    if (head < 0x80) return head
    if (head < 0x90) return this.#map(head & 0x0f, depth)
    if (head < 0xa0) return this.#list(head & 0x0f, depth)
    if (head < 0xc0) return this.#text(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    return this.#rest(head, depth)
  }

  #rest(head: number, depth: number): unknown {
    const bytes = this.#bytes
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#unsigned(1 << (head - 0xc4)))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#unsigned(1 << (head - 0xc7)))
      case 0xca:
        return bytes.readFloatBE(this.#take(4))
      case 0xcb:
        return bytes.readDoubleBE(this.#take(8))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (head - 0xcc))
      case 0xcf:
        return toInteger(bytes.readBigUInt64BE(this.#take(8)))
      case 0xd0:
        return bytes.readInt8(this.#take(1))
      case 0xd1:
        return bytes.readInt16BE(this.#take(2))
      case 0xd2:
        return bytes.readInt32BE(this.#take(4))
      case 0xd3:
        return toInteger(bytes.readBigInt64BE(this.#take(8)))
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (head - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#list(this.#unsigned(2 << (head - 0xdc)), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(2 << (head - 0xde)), depth)
      default:
        throw malformed('it has the byte c1, which is never used')
    }
  }

  /** Position of the next bytes, all of them there. */
  #take(length: number): number {
    const from = this.at
    if (length > this.#bytes.length - from) throw malformed('it ends in the middle')
    this.at += length
    return from
  }

  #unsigned(length: number): number {
    return this.#bytes.readUIntBE(this.#take(length), length)
  }

  #list(length: number, depth: number): unknown[] {
    if (depth >= depthMax) throw tooDeep('MessagePack')
    const items: unknown[] = []
    for (let index = 0; index < length; index++) items.push(this.read(depth + 1))
    return items
  }

  #map(length: number, depth: number): Record<string, unknown> {
    if (depth >= depthMax) throw tooDeep('MessagePack')
    const members: Array<[string, unknown]> = []
    for (let index = 0; index < length; index++)
      members.push([toMemberName(this.read(depth + 1), 'MessagePack'), this.read(depth + 1)])
    // fromEntries makes own members, __proto__ among them
    const object = Object.fromEntries(members)
    if (Object.keys(object).length < length) this.duplicates = true
    return object
  }

  #text(length: number): string {
    const from = this.#take(length)
    const bytes = this.#bytes.subarray(from, from + length)
    if (isUtf8(bytes)) return bytes.toString('utf8')
    throw new UnreadableError('not_utf8', 'MessagePack has a text that is not UTF-8')
  }

  #binary(length: number): Uint8Array {
    const from = this.#take(length)
    return Uint8Array.from(this.#bytes.subarray(from, from + length))
  }

  /** Type -1 is an instant; what others mean only their makers know, so they are bytes. */
  #extension(length: number): unknown {
    const type = this.#bytes.readInt8(this.#take(1))
    const data = Buffer.from(this.#binary(length))
    return (type === -1 ? toInstant(data) : null) ?? Uint8Array.from(data)
  }
}

function toInstant(data: Buffer): string | null {
  if (data.length === 4) return toRfc3339(data.readUInt32BE(), 0)
  if (data.length === 12) return toRfc3339(data.readBigInt64BE(4), data.readUInt32BE())
  if (data.length !== 8) return null
  const both = data.readBigUInt64BE()
  return toRfc3339(both & 0x3_ffff_ffffn, Number(both >> 34n))
}
