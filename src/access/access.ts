/** Who asks, and what they may. One function for every surface. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { Problem } from '../errors.ts'
import type { Rights } from '../grant.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import { rememberCompiled } from './compile.ts'
import type { DeviceTopics } from './device-topics.ts'
import type { CompiledRights } from './rights.ts'
import { compileRights } from './rights.ts'
import type { OpenedTicket } from './tickets.ts'
import { createTickets } from './tickets.ts'

export interface IssuedTicket {
  ticket: string
  expiresAt: Millis
}

/** Somebody who is known. */
export interface Holder {
  principal: string
  /** As they are now: they may change while streams run. null: everything. The same object as long as nothing changes. */
  rights(): Rights | null
  /** Digests of what they may prove to be themselves with. A ticket is sealed with the first, and good as long as it is here. */
  credentials(): readonly Uint8Array[]
  /** Aborts when it is over: revoked or expired. Not given: it never is. */
  ended?: AbortSignal
  /** When that will be, as it is known now. Tickets are over then, too. Not given, or null: nobody knows. */
  expiresAt?: Millis | null
  /** What a ticket has to carry of who is not known by name, for `restore`. Not given: its name is enough. */
  carried?(): string
  /** Whoever proves it by this one of `credentials`, which may end before the others. Not given: they are one. */
  provedBy?(credential: Uint8Array): Holder | null
}

/** One way of being known: keys, or tokens of an issuer. */
export interface Holders {
  /** null: this is none of its credentials. Throws Problem unauthenticated: it is one, and is not good (any more). */
  find(credential: string): Promise<Holder | null>
  /** Who is known by name, also while they are away. */
  byPrincipal(principal: string): Holder | null
  /** Where tickets carry who got them. `restore` trusts what was sealed with `credential`; null: not known any more. */
  carrier?: { credential: Uint8Array; restore(carried: string): Holder | null }
}

export interface Authenticator {
  /** Reads an `Authorization` value. `address`: where from. Throws Problem unauthenticated. */
  authenticate(authorization: string | undefined, address?: string): Promise<Access>
  /**
   * A ticket with which whoever asks may open streams for so many seconds, 1 to `streamTicketSecondsMax`, though not when
   * they are over themselves. Throws Problem invalid_value: too long, or what they may does not fit into `ticketBytesMax`.
   */
  issueTicket(access: Access, seconds: number): IssuedTicket
  /** Who got the ticket, with what they may now. Throws Problem unauthenticated where it is none, or is over. */
  readTicket(ticket: string, address?: string): Promise<Access>
  /** What a principal may now, for what is done for them while they are away; null: nobody is known by that name. */
  accessOf(principal: string): Access | null
  /** Resolves when it is known what a principal may read: for `accessOf`, which cannot wait for it. */
  ready(principal: string): Promise<void>
}

export interface AuthenticatorParts {
  /** Who knows it may everything. null: there is none. */
  apiKey: string | null
  /** Who sends no credential may everything. Not given: where there is no `apiKey`. */
  anonymous?: boolean
  holders?: readonly Holders[]
  /** Of the database: tickets are good on each of its instances. */
  tokenKey: Uint8Array
  /** For grants of devices. Not given: they give no topics. */
  deviceTopics?: DeviceTopics
  limits: Pick<Limits, 'streamTicketSecondsMax' | 'ticketBytesMax'>
}

/** Requests carry `Authorization: Bearer <credential>` (RFC 6750). */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { apiKey, limits, anonymous = apiKey === null } = parts
  const tickets = createTickets(parts.tokenKey)
  const { compiled, ready } = rememberCompiled(parts.deviceTopics ?? null)
  const fixed = apiKey === null ? [] : [withAll('api-key', digest(apiKey))]
  const nobody = anonymous ? withAll('anonymous', Buffer.alloc(0)) : null
  const keyHolders: Holders = {
    find: async (credential) => {
      const given = digest(credential)
      // Digests have one length, so that the comparison tells nothing of the key's
      return fixed.find((one) => timingSafeEqual(given, one.credentials()[0]!)) ?? null
    },
    byPrincipal: (principal) =>
      [...fixed, ...(nobody === null ? [] : [nobody])].find((one) => one.principal === principal) ?? null
  }
  const all = [keyHolders, ...(parts.holders ?? [])]
  /** Who is behind an access that was given. */
  const behind = new WeakMap<Access, Holder>()

  async function give(holder: Holder, address: string | undefined): Promise<Access> {
    await ready(holder.rights())
    const access = toAccess(compiled, holder, address)
    behind.set(access, holder)
    return access
  }

  function knownAs(principal: string): Holder | null {
    for (const holders of all) {
      const holder = holders.byPrincipal(principal)
      if (holder !== null) return holder
    }
    return null
  }

  /** Who got a ticket; null: it was not sealed for them, or they are not known any more. */
  function holderOf({ bearer, isSealedFor }: OpenedTicket): Holder | null {
    if ('principal' in bearer) {
      const holder = knownAs(bearer.principal)
      const credential = holder?.credentials().find(isSealedFor)
      if (!holder || !credential) return null
      return holder.provedBy === undefined ? holder : holder.provedBy(credential)
    }
    const carrier = all.find(
      (one) => one.carrier !== undefined && isSealedFor(one.carrier.credential)
    )?.carrier
    return carrier?.restore(bearer.carried) ?? null
  }

  return {
    accessOf(principal) {
      const holder = knownAs(principal)
      return holder && toAccess(compiled, holder, undefined)
    },
    async ready(principal) {
      const holder = knownAs(principal)
      if (holder !== null) await ready(holder.rights())
    },
    async authenticate(authorization, address) {
      if (authorization === undefined && nobody !== null) return give(nobody, address)
      const credential = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
      if (credential === undefined) throw unauthenticated(howToSend)
      for (const holders of all) {
        const holder = await holders.find(credential)
        if (holder !== null) return give(holder, address)
      }
      throw unauthenticated(howToSend)
    },
    issueTicket(access, seconds) {
      if (!(seconds >= 1 && seconds <= limits.streamTicketSecondsMax)) {
        const detail = `A ticket is good for 1 to ${limits.streamTicketSecondsMax} seconds`
        throw new Problem('invalid_value', detail, [{ pointer: '/expiresInSeconds', detail }])
      }
      const holder = behind.get(access)!
      const expiresAt = Math.min(Date.now() + seconds * 1_000, holder.expiresAt ?? Infinity)
      const [credential] = holder.credentials()
      const carried = holder.carried?.()
      const bearer = carried === undefined ? { principal: holder.principal } : { carried }
      const ticket = tickets.seal(bearer, credential!, expiresAt)
      if (ticket.length > limits.ticketBytesMax) {
        const detail = `What the token grants does not fit into a ticket of ${limits.ticketBytesMax} bytes`
        throw new Problem(
          'invalid_value',
          `${detail}: send the token as \`Authorization\`, or get one with fewer grants`
        )
      }
      return { ticket, expiresAt }
    },
    async readTicket(ticket, address) {
      const opened = tickets.open(ticket)
      const holder = opened && holderOf(opened)
      if (!opened || !holder) throw unauthenticated(`This is no ticket of this service. ${renewal}`)
      if (opened.expiresAt <= Date.now()) throw unauthenticated(`This ticket is over. ${renewal}`)
      return give(holder, address)
    }
  }
}

const withAll = (principal: string, credential: Uint8Array): Holder => ({
  principal,
  rights: () => null,
  credentials: () => [credential]
})

/**
 * Rights are compiled once, and asked for anew with each question: a grant that is taken away is gone from running streams.
 * Who is over may nothing, whatever still runs.
 */
function toAccess(
  compiled: (rights: Rights | null) => CompiledRights,
  holder: Holder,
  address: string | undefined
): Access {
  const now = (): CompiledRights => (holder.ended?.aborted === true ? noRights : compiled(holder.rights()))
  return {
    principal: holder.principal,
    mayRead: (topic) => now().mayRead(topic),
    mayPublish: (topic) => now().mayPublish(topic),
    mayReadDevice: (device, topic) => now().mayReadDevice(device, topic),
    mayCommandDevice: (device, topic) => now().mayCommandDevice(device, topic),
    get readsAll() {
      return now().readsAll
    },
    get administers() {
      return now().administers
    },
    get expiresAt() {
      return holder.expiresAt ?? undefined
    },
    get rights() {
      return now()
    },
    ...(address !== undefined && { address }),
    ...(holder.ended !== undefined && { ended: holder.ended })
  }
}

const noRights = compileRights({ grants: [], tenant: null })

const unauthenticated = (detail: string): Problem => new Problem('unauthenticated', detail)

const howToSend = 'Send a key as `Authorization: Bearer <key>`'

const renewal = 'Get one by POST /v1/stream/tickets, and go on with `after` and the last `id`'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
