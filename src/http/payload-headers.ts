/** How a payload is given to a browser: whoever can publish must not run code in our origin. Pure. */

import type { Message } from '../model.ts'
import type { PayloadFormat } from '../payload.ts'
import { decodePayload } from '../payload.ts'

const types: Record<PayloadFormat, string | null> = {
  json: 'application/json; charset=utf-8',
  number: 'application/json; charset=utf-8',
  boolean: 'application/json; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  binary: null,
  empty: null
}

/** Types that say no more than the formats above; text/html, for instance, says that it is to be run. */
const safe = new Set(['', 'application/json', 'text/plain'])

export function toPayloadHeaders({
  payload,
  properties
}: Pick<Message, 'payload' | 'properties'>): Record<string, string> {
  const declared = (properties?.contentType ?? '').split(';')[0]!.trim().toLowerCase()
  const type = safe.has(declared) ? types[decodePayload(payload, properties).format] : null
  return {
    'content-type': type ?? 'application/octet-stream',
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    ...(type === null && { 'content-disposition': 'attachment' })
  }
}
