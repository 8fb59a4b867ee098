/** MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) of values as JSON has them. Pure. */

/**
 * Each value in its shortest form; numbers that are no safe integers as float 64. `value` has no cycles, and its texts are
 * well formed. Throws RangeError where it is nested more deeply than the stack goes.
 */
export function writeMsgPack(value: unknown): Buffer {
  const parts: Uint8Array[] = []
  write(value, parts)
  return Buffer.concat(parts)
}

function write(value: unknown, parts: Uint8Array[]): void {
  if (value === null || value === undefined) parts.push(Uint8Array.of(0xc0))
  else if (typeof value === 'boolean') parts.push(Uint8Array.of(value ? 0xc3 : 0xc2))
  else if (typeof value === 'number') parts.push(toNumber(value))
  else if (typeof value === 'string') {
    const text = Buffer.from(value)
    parts.push(toHead(text.length, texts), text)
  } else if (Array.isArray(value)) {
    parts.push(toHead(value.length, arrays))
    for (const item of value) write(item, parts)
  } else {
    const members = Object.entries(value as object)
    parts.push(toHead(members.length, maps))
    for (const [name, member] of members) {
      write(name, parts)
      write(member, parts)
    }
  }
}

/** How the length of a text or the number of items stands before it: in the first byte, or behind it in 8, 16 or 32 bits. */
interface Heads {
  short: number
  shortMax: number
  /** Only texts have this. */
  in8: number | null
  in16: number
  in32: number
}

const texts: Heads = { short: 0xa0, shortMax: 31, in8: 0xd9, in16: 0xda, in32: 0xdb }
const arrays: Heads = { short: 0x90, shortMax: 15, in8: null, in16: 0xdc, in32: 0xdd }
const maps: Heads = { short: 0x80, shortMax: 15, in8: null, in16: 0xde, in32: 0xdf }

function toHead(length: number, { short, shortMax, in8, in16, in32 }: Heads): Uint8Array {
  if (length <= shortMax) return Uint8Array.of(short | length)
  if (in8 !== null && length <= 0xff) return Uint8Array.of(in8, length)
  return length <= 0xffff
    ? sized(in16, 2, (view) => view.setUint16(1, length))
    : sized(in32, 4, (view) => view.setUint32(1, length))
}

function toNumber(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) return sized(0xcb, 8, (view) => view.setFloat64(1, value))
  if (value >= 0) {
    if (value <= 0x7f) return Uint8Array.of(value)
    if (value <= 0xff) return Uint8Array.of(0xcc, value)
    if (value <= 0xffff) return sized(0xcd, 2, (view) => view.setUint16(1, value))
    if (value <= 0xffff_ffff) return sized(0xce, 4, (view) => view.setUint32(1, value))
    return sized(0xcf, 8, (view) => view.setBigUint64(1, BigInt(value)))
  }
  if (value >= -0x20) return Uint8Array.of(value & 0xff)
  if (value >= -0x80) return sized(0xd0, 1, (view) => view.setInt8(1, value))
  if (value >= -0x8000) return sized(0xd1, 2, (view) => view.setInt16(1, value))
  if (value >= -0x8000_0000) return sized(0xd2, 4, (view) => view.setInt32(1, value))
  return sized(0xd3, 8, (view) => view.setBigInt64(1, BigInt(value)))
}

function sized(first: number, size: number, set: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(1 + size)
  bytes[0] = first
  set(new DataView(bytes.buffer))
  return bytes
}
