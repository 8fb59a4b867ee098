/**
 * Tickets: what stands in the URL of a stream, for clients that cannot send headers, such as a browser's EventSource.
 * Nothing is stored: a ticket carries who asked and until when it is good, sealed, so that every instance can read it. What it
 * carries is not hidden.
 * Pure.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Millis } from '../model.ts'

/** Who got it: by name; or, where nobody is known by name, with all that there is to know, as text. */
export type TicketBearer = { principal: string } | { carried: string }

export interface OpenedTicket {
  bearer: TicketBearer
  expiresAt: Millis
  /** Whether it was sealed here, and for this credential. Nothing else in it counts before. */
  isSealedFor(credential: Uint8Array): boolean
}

export interface Tickets {
  /** `credential`: what the bearer proves to be itself with, or a digest of it; a ticket ends with it. */
  seal(bearer: TicketBearer, credential: Uint8Array, expiresAt: Millis): string
  /** null: this is no ticket. */
  open(ticket: string): OpenedTicket | null
}

/** The first byte: what the text behind the head is. */
const versions = { principal: 1, carried: 2 }
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
    seal(bearer, credential, expiresAt) {
      const named = 'principal' in bearer
      const head = Buffer.alloc(headBytes)
      head[0] = named ? versions.principal : versions.carried
      head.writeBigUInt64BE(BigInt(expiresAt), 1)
      const body = Buffer.concat([head, Buffer.from(named ? bearer.principal : bearer.carried)])
      return Buffer.concat([body, mac(body, credential)]).toString('base64url')
    },
    open(ticket) {
      const raw = Buffer.from(ticket, 'base64url')
      // Buffer ignores what is not base64url, so a ticket is only itself if it comes back the same
      if (raw.length <= headBytes + macBytes || raw.toString('base64url') !== ticket) return null
      if (raw[0] !== versions.principal && raw[0] !== versions.carried) return null
      const body = raw.subarray(0, -macBytes)
      const given = raw.subarray(-macBytes)
      const text = body.subarray(headBytes).toString('utf8')
      return {
        bearer: raw[0] === versions.principal ? { principal: text } : { carried: text },
        expiresAt: Number(body.readBigUInt64BE(1)),
        isSealedFor: (credential) => timingSafeEqual(given, mac(body, credential))
      }
    }
  }
}
