/** The payload of a message, compressed or not; or why there is none. Pure. */

import type { Facts } from '../facts.ts'
import { inflate } from '../inflate.ts'
import { decodePayload } from './payload.ts'
import type { Payload } from './payload.ts'

/** Cirrus Link's extension, as in Tahu: the payload is in the body, and a metric names how it is compressed. */
const compressed = 'SPBV1.0_COMPRESSED'

/** Undefined: `facts` say why. */
export function readPayload(bytes: Uint8Array, facts: Facts): Payload | undefined {
  try {
    const payload = decodePayload(bytes)
    if (payload.uuid !== compressed) return payload
    const inner = decodePayload(bodyOf(payload, facts))
    // Tahu's Java has seq outside, too, its JavaScript only inside
    if (inner.seq === undefined && payload.seq !== undefined) inner.seq = payload.seq
    return inner
  } catch (error) {
    facts.reject('wrong_shape', `The payload is not Sparkplug B: ${(error as Error).message}`)
    return undefined
  }
}

function bodyOf({ metrics, body = new Uint8Array() }: Payload, facts: Facts): Uint8Array {
  const algorithm = metrics.find(({ name }) => name === 'algorithm')?.stringValue?.toUpperCase() ?? 'DEFLATE'
  if (algorithm === 'DEFLATE') return inflate(body, 'zlib', facts)
  if (algorithm === 'GZIP') return inflate(body, 'gzip', facts)
  throw new Error(`it is compressed by ${algorithm.slice(0, 40)}; GZIP and DEFLATE can be read`)
}
