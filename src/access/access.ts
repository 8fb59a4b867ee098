/** Who asks, and what they may. One function for every surface; later issues put grants behind it. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import { createTickets } from './tickets.ts'

export interface IssuedTicket {
  ticket: string
  expiresAt: Millis
}

export interface Authenticator {
  /** Reads an `Authorization` value. Throws Problem unauthenticated. */
  authenticate(authorization: string | undefined): Access
  /**
   * A ticket with which whoever asks may open streams for so many seconds, 1 to `streamTicketSecondsMax`. Throws
   * Problem invalid_value.
   */
  issueTicket(access: Access, seconds: number): IssuedTicket
  /** Who got the ticket, with what they may now. Throws Problem unauthenticated where it is none, or is over. */
  readTicket(ticket: string): Access
  /** What a principal may now, for what is done for them while they are away; null: nobody is known by that name. */
  accessOf(principal: string): Access | null
}

/** Somebody who is known, and a digest of what they prove it with. */
interface Known {
  access: Access
  credential: Buffer
}

const all = (principal: string): Access => ({
  principal,
  mayRead: () => true,
  readsAll: true,
  mayPublish: () => true
})

/** With a key, requests carry `Authorization: Bearer <key>` (RFC 6750); without one, everybody is `anonymous`. */
export function createAuthenticator(parts: {
  apiKey: string | null
  /** Of the database: tickets are good on each of its instances. */
  tokenKey: Uint8Array
  limits: Pick<Limits, 'streamTicketSecondsMax'>
}): Authenticator {
  const { apiKey, limits } = parts
  const tickets = createTickets(parts.tokenKey)
  const known: Known =
    apiKey === null
      ? { access: all('anonymous'), credential: Buffer.alloc(0) }
      : { access: all('api-key'), credential: digest(apiKey) }
  const knownAs = (principal: string): Known | null => (principal === known.access.principal ? known : null)

  return {
    accessOf: (principal) => knownAs(principal)?.access ?? null,
    authenticate(authorization) {
      if (apiKey === null) return known.access
      const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
      // Digests have one length, so that the comparison tells nothing of the key's
      if (given === undefined || !timingSafeEqual(digest(given), known.credential)) {
        throw new Problem('unauthenticated', 'Send the key as `Authorization: Bearer <RIALTO_API_KEY>`')
      }
      return known.access
    },
    issueTicket({ principal }, seconds) {
      if (!(seconds >= 1 && seconds <= limits.streamTicketSecondsMax)) {
        const detail = `A ticket is good for 1 to ${limits.streamTicketSecondsMax} seconds`
        throw new Problem('invalid_value', detail, [{ pointer: '/expiresInSeconds', detail }])
      }
      const expiresAt = Date.now() + seconds * 1_000
      const { credential } = knownAs(principal)!
      return { ticket: tickets.seal(principal, credential, expiresAt), expiresAt }
    },
    readTicket(ticket) {
      const opened = tickets.open(ticket)
      const holder = opened && knownAs(opened.principal)
      if (!opened || !holder || !opened.isSealedFor(holder.credential)) {
        throw new Problem('unauthenticated', `This is no ticket of this service. ${renewal}`)
      }
      if (opened.expiresAt <= Date.now())
        throw new Problem('unauthenticated', `This ticket is over. ${renewal}`)
      return holder.access
    }
  }
}

const renewal = 'Get one by POST /v1/stream/tickets, and go on with `after` and the last `id`'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
