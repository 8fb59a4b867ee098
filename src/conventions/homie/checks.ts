/** What every message of Homie has to be; where it is not, `facts` say why. Pure. */

import type { DecoderMessage } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import type { Facts } from '../facts.ts'
import { readText } from '../facts.ts'

/** Section Topic IDs. */
export const isId = (text: unknown): text is string => typeof text === 'string' && /^[a-z0-9-]+$/.test(text)

export function isLegal(id: string, facts: Facts): boolean {
  if (isId(id)) return true
  facts.reject(
    'wrong_shape',
    `${quote(id)} is no ID of Homie: those have a to z, 0 to 9 and -; the message is ignored`
  )
  return false
}

/** Section Payloads: UTF-8, and no byte order mark. */
export function readPayload(message: DecoderMessage, facts: Facts): string | undefined {
  const [first, second, third] = message.payload
  if (first === 0xef && second === 0xbb && third === 0xbf) {
    facts.reject('wrong_shape', 'The payload begins with a byte order mark, which Homie forbids')
    return undefined
  }
  return readText(message, facts)
}
