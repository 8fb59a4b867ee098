/** Compressed payloads, by their magic number or because the mapping says so; never more than the bound. Pure. */

import { gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'

export const compressions = ['auto', 'none', 'gzip', 'zlib', 'deflate'] as const
export type Compression = (typeof compressions)[number]

/** What was compressed; the payload itself where it is not compressed; or why it cannot be told. */
export type Decompressed = { payload: Uint8Array } | { fault: string }

/**
 * `auto`: what begins as gzip is gzip, since no text, CBOR, MessagePack or Protobuf begins so. The two bytes of zlib may
 * begin anything, so it is zlib only if all of it is, with its checksum.
 */
export function decompress(payload: Uint8Array, compression: Compression, bytesMax: number): Decompressed {
  if (compression === 'auto') {
    if (isGzip(payload)) return inflate(payload, 'gzip', bytesMax)
    if (!isZlib(payload)) return { payload }
    const inflated = inflate(payload, 'zlib', bytesMax)
    return 'payload' in inflated || inflated.tooLarge ? inflated : { payload }
  }
  return compression === 'none' ? { payload } : inflate(payload, compression, bytesMax)
}

/** RFC 1952 section 2.3.1: the magic number, and the only method. */
const isGzip = ([one, two, method]: Uint8Array): boolean =>
  one === 0x1f && two === 0x8b && (method === 8 || method === undefined)

/** RFC 1950 section 2.2: deflate with a window of 32 KiB, no dictionary, and a checksum of both bytes. */
const isZlib = ([method, flags]: Uint8Array): boolean =>
  method === 0x78 && (flags === 0x01 || flags === 0x5e || flags === 0x9c || flags === 0xda)

const inflaters = { gzip: gunzipSync, zlib: inflateSync, deflate: inflateRawSync }

/** With `info` it also gives the engine, which tells how much of the input it took. */
type Inflate = (
  payload: Uint8Array,
  options: { maxOutputLength: number; info: true }
) => { buffer: Uint8Array; engine: { bytesWritten: number } }

function inflate(
  payload: Uint8Array,
  format: keyof typeof inflaters,
  bytesMax: number
): { payload: Uint8Array } | { fault: string; tooLarge: boolean } {
  try {
    const { buffer, engine } = (inflaters[format] as unknown as Inflate)(payload, {
      maxOutputLength: bytesMax,
      info: true
    })
    const left = payload.length - engine.bytesWritten
    if (left === 0) return { payload: buffer }
    return { fault: `${left} bytes stand behind the end of the ${format} data`, tooLarge: false }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_BUFFER_TOO_LARGE')
      return { fault: `Decompressed, the payload has more than ${bytesMax} bytes`, tooLarge: true }
    return { fault: `The payload is no whole ${format} data: ${message}`, tooLarge: false }
  }
}
