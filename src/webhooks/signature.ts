/** Secrets and signatures, as Standard Webhooks has them (https://www.standardwebhooks.com). Pure but for chance. */

import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Millis } from '../model.ts'

const prefix = 'whsec_'
/** Standard Webhooks: 24 to 64. */
const secretBytes = 32

export const createSecret = (): string => `${prefix}${randomBytes(secretBytes).toString('base64')}`

export interface SignedHeaders {
  'webhook-id': string
  'webhook-timestamp': string
  'webhook-signature': string
}

/** `at`: when it is sent, which is not before it happened. A signature for each secret, of which the receiver has one. */
export function sign(id: string, at: Millis, body: Buffer, secrets: readonly string[]): SignedHeaders {
  const timestamp = String(Math.floor(at / 1_000))
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
  })
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

/**
 * The same for the same parts. Cursors name the journal that they are of, so that what comes after a restore from backup
 * does not have the id of something that was sent before it.
 */
export const messageId = (...parts: string[]): string =>
  `msg_${createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27)}`
