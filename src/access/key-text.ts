/**
 * The text of an API key: `rialto_<id>_<secret><checksum>`, of letters and digits, so that a double click takes all of it
 * and scanners for secrets know it by `rialto_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}`. The checksum tells a mistyped key
 * without asking anybody. Pure, but for what it draws.
 */

import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const idChars = 12
/** 256 bits: nobody can try them, so that a fast hash of the text is as good as a slow one. */
const secretBytes = 32
const secretChars = 43
const checksumChars = 6

const shape = new RegExp(
  `^rialto_([0-9A-Za-z]{${idChars}})_[0-9A-Za-z]{${secretChars}}([0-9A-Za-z]{${checksumChars}})$`
)
const idShape = new RegExp(`^[0-9A-Za-z]{${idChars}}$`)

/** 71 bits: no two keys get the same, and it is no secret. */
export function createKeyId(): string {
  return toBase62(BigInt(`0x${randomBytes(16).toString('hex')}`), idChars)
}

/** Another secret for a key. It is kept nowhere: only its digest is. */
export function createKeyText(id: string): string {
  const secret = toBase62(BigInt(`0x${randomBytes(secretBytes).toString('hex')}`), secretChars)
  const body = `rialto_${id}_${secret}`
  return body + checksumOf(body)
}

/** `mistyped`: it looks like a key, and a character or more is wrong. null: it is something else. */
export function readKeyText(text: string): { id: string } | 'mistyped' | null {
  if (!text.startsWith('rialto_')) return null
  const [, id, checksum] = shape.exec(text) ?? []
  if (id === undefined || checksumOf(text.slice(0, -checksumChars)) !== checksum) return 'mistyped'
  return { id }
}

export const isKeyId = (id: string): boolean => idShape.test(id)

/** SHA-256 of the whole text. */
export const digestOfKey = (text: string): Buffer => createHash('sha256').update(text).digest()

const checksumOf = (body: string): string => toBase62(BigInt(crc32(body)), checksumChars)

/** The last `chars` digits, with zeros in front. */
function toBase62(value: bigint, chars: number): string {
  let [rest, text] = [value, '']
  for (let at = 0; at < chars; at++) {
    text = alphabet[Number(rest % 62n)]! + text
    rest /= 62n
  }
  return text
}
