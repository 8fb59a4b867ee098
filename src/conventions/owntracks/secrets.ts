/** The file of secrets, and the box that an encrypted message is: libsodium's crypto_secretbox. Pure. */

import { createHmac } from 'node:crypto'
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import { OptionFault } from '../../normalize/convention.ts'

/** A secret by `user/device`; `*` stands for all others. */
export type Secrets = ReadonlyMap<string, Uint8Array>

/** Octets of a secret at most: shorter ones are padded with zeroes (booklet, features/encrypt). */
const secretBytes = 32
const nonceBytes = 24
/** Of the authenticator, Poly1305. */
const tagBytes = 16

const example = 'Write lines such as jane/phone: her secret, or *: the secret of all'

/** Lines `user/device: secret`. What is wrong is told by its line, never by the secret. */
export function readSecrets(file: Uint8Array | null): Secrets {
  const secrets = new Map<string, Uint8Array>()
  if (file === null) return secrets
  for (const [index, line] of toText(file).split('\n').entries()) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    const where = `Line ${index + 1} of the keys`
    const colon = text.indexOf(': ')
    if (colon === -1) throw new OptionFault('keys', `${where} is no user/device: secret`, example)
    const device = text.slice(0, colon).trim()
    if (device !== '*' && !/^[^/+#*]+\/[^/+#*]+$/.test(device))
      throw new OptionFault('keys', `${where} begins with neither user/device nor *`, example)
    if (secrets.has(device))
      throw new OptionFault('keys', `${where} names a device a second time`, 'Leave one of them out')
    secrets.set(device, toKey(text.slice(colon + 2).trim(), where))
  }
  if (secrets.size === 0) throw new OptionFault('keys', 'The file of keys has none', example)
  return secrets
}

function toText(file: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file)
  } catch {
    throw new OptionFault('keys', 'The file of keys is not UTF-8 text', example)
  }
}

function toKey(secret: string, where: string): Uint8Array {
  const bytes = Buffer.from(secret)
  if (/^(["']).*\1$/.test(secret))
    throw new OptionFault(
      'keys',
      `${where} has a secret in quotes`,
      'Write it without: it is taken as it stands'
    )
  if (bytes.length === 0 || bytes.length > secretBytes)
    throw new OptionFault(
      'keys',
      `${where} has a secret of ${bytes.length} bytes`,
      `A secret has 1 to ${secretBytes} bytes, as in the app`
    )
  const key = new Uint8Array(secretBytes)
  key.set(bytes)
  return key
}

export const secretOf = (secrets: Secrets, device: string): Uint8Array | null =>
  secrets.get(device) ?? secrets.get('*') ?? null

/** What is in the box (base64 of nonce, authenticator, ciphertext); undefined where the key does not open it. */
export function openBox(data: string, key: Uint8Array): Uint8Array | undefined {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'))
  if (bytes.length < nonceBytes + tagBytes) return undefined
  try {
    const text = xsalsa20poly1305(key, bytes.subarray(0, nonceBytes)).decrypt(bytes.subarray(nonceBytes))
    // Those written in C may send the end of the string, and the Recorder reads up to it
    const end = text.indexOf(0)
    return end === -1 ? text : text.subarray(0, end)
  } catch {
    return undefined
  }
}

/**
 * The nonce is made of what is said, for whom and in which command, under the key: rendering is pure, and never may two
 * texts share a nonce.
 */
export function closeBox(text: string, key: Uint8Array, about: string): string {
  const mac = createHmac('sha256', key)
    .update(JSON.stringify([about, text]))
    .digest()
  const nonce = Uint8Array.from(mac.subarray(0, nonceBytes))
  const box = xsalsa20poly1305(key, nonce).encrypt(Uint8Array.from(Buffer.from(text)))
  return Buffer.concat([nonce, box]).toString('base64')
}
