/** Compressed payloads of conventions that say so. Pure. */

import { defaultLimits } from '../limits.ts'
import { decompress } from '../normalize/decompress.ts'
import type { Facts } from './facts.ts'

/** Bounded; what the message may say is measured by what it becomes. Throws an error that says what is wrong. */
export function inflate(payload: Uint8Array, format: 'gzip' | 'zlib', facts: Facts): Uint8Array {
  const inflated = decompress(payload, format, defaultLimits.decompressedBytesMax)
  if ('fault' in inflated) throw new Error(inflated.fault)
  facts.measure(inflated.payload.length)
  return inflated.payload
}
