/** Compressed payloads of conventions, bounded; what a message may say is measured by what it becomes. Pure. */

import { defaultLimits } from '../limits.ts'
import { decompress } from '../normalize/decompress.ts'
import type { DecoderMessage } from '../normalize/decoder.ts'
import type { Facts } from './facts.ts'

/** Said to be so compressed. Throws an error that says what is wrong. */
export function inflate(payload: Uint8Array, format: 'gzip' | 'zlib', facts: Facts): Uint8Array {
  const inflated = decompress(payload, format, defaultLimits.decompressedBytesMax)
  if ('fault' in inflated) throw new Error(inflated.fault)
  facts.measure(inflated.payload.length)
  return inflated.payload
}

/** The message as it was before it was compressed, if its magic number says that it is; null, and `facts` say why there is none. */
export function inflateMessage(message: DecoderMessage, facts: Facts): DecoderMessage | null {
  const inflated = decompress(message.payload, 'auto', defaultLimits.decompressedBytesMax)
  if ('fault' in inflated) {
    facts.reject('not_decompressed', inflated.fault)
    return null
  }
  facts.measure(inflated.payload.length)
  return { ...message, payload: inflated.payload }
}
