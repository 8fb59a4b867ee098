/**
 * Tickets: what stands in the URL of a stream, for clients that cannot send headers, such as a browser's EventSource.
 * Nothing is stored: a ticket carries who asked and until when it is good, sealed, so that every instance can read it.
 * Pure.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Millis } from '../model.ts'

export interface OpenedTicket {
  principal: string
  expiresAt: Millis
  /** Whether it was sealed here, and for this credential. Nothing else in it counts before. */
  isSealedFor(credential: Uint8Array): boolean
}

export interface Tickets {
  /** `credential`: what the principal proves to be itself with, or a digest of it; a ticket ends with it. */
  seal(principal: string, credential: Uint8Array, expiresAt: Millis): string
  /** null: this is no ticket. */
  open(ticket: string): OpenedTicket | null
}

const version = 1
const macBytes = 16
const headBytes = 1 + 8

/** `key`: of the database, so that a ticket is good on every instance. What else it seals is no ticket. */
export function createTickets(key: Uint8Array): Tickets {
  const ticketKey = createHmac('sha256', key).update('rialto stream ticket').digest()
  const mac = (body: Buffer, credential: Uint8Array): Buffer => {
    // The body's length first, so that no byte of it can pass for one of the credential
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    const sealed = createHmac('sha256', ticketKey).update(length).update(body).update(credential)
    return sealed.digest().subarray(0, macBytes)
  }
  return {
    seal(principal, credential, expiresAt) {
      const head = Buffer.alloc(headBytes)
      head[0] = version
      head.writeBigUInt64BE(BigInt(expiresAt), 1)
      const body = Buffer.concat([head, Buffer.from(principal)])
      return Buffer.concat([body, mac(body, credential)]).toString('base64url')
    },
    open(ticket) {
      const raw = Buffer.from(ticket, 'base64url')
      // Buffer ignores what is not base64url, so a ticket is only itself if it comes back the same
      if (raw.length <= headBytes + macBytes || raw.toString('base64url') !== ticket) return null
      if (raw[0] !== version) return null
      const body = raw.subarray(0, -macBytes)
      const given = raw.subarray(-macBytes)
      return {
        principal: body.subarray(headBytes).toString('utf8'),
        expiresAt: Number(body.readBigUInt64BE(1)),
        isSealedFor: (credential) => timingSafeEqual(given, mac(body, credential))
      }
    }
  }
}
