/** Connections: how many there may be, and how long an answer may lie there before whoever asked takes it. */

import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { BlockList, isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { networkOf } from '../access/rates.ts'
import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'

/**
 * What is beyond `connectionsMax`, or of one address beyond `connectionsPerAddressMax`, is closed at once, before anything is
 * read; those that are open stay. `trustedProxies` come for many, and have no limit of their own.
 */
export function limitConnections(
  server: Server,
  {
    limits,
    stats,
    trustedProxies
  }: {
    limits: Pick<Limits, 'connectionsMax' | 'connectionsPerAddressMax'>
    stats: Pick<Stats, 'connectionsRefused'>
    trustedProxies: readonly string[]
  }
): void {
  const { connectionsMax, connectionsPerAddressMax } = limits
  const trusted = toMatcher(trustedProxies)
  const open = new Map<string, number>()
  let all = 0
  server.prependListener('connection', (socket: Socket) => {
    // null: it has gone already
    const address = socket.remoteAddress ?? null
    if (address === null) return
    const from = networkOf(address)
    const ofAddress = open.get(from) ?? 0
    if (all >= connectionsMax || (ofAddress >= connectionsPerAddressMax && !trusted(address))) {
      stats.connectionsRefused++
      socket.destroy()
      return
    }
    all++
    open.set(from, ofAddress + 1)
    socket.once('close', () => {
      all--
      const left = open.get(from)! - 1
      if (left === 0) open.delete(from)
      else open.set(from, left)
    })
  })
}

/**
 * Connections on which nothing has been asked yet end soon after the server begins to close: browsers and clients open some ahead, and
 * Node, which ends those that are idle between two requests, waits for a first one.
 */
export function endUnusedAtClose(app: FastifyInstance, limits: Pick<Limits, 'unusedAtCloseMsMax'>): void {
  const unused = new Map<string, Socket>()
  // The socket of TLS is another one, from the same place
  const placeOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
  let closing = false
  app.server.on('connection', (socket: Socket) => {
    const place = placeOf(socket)
    unused.set(place, socket)
    socket.once('close', () => unused.delete(place))
    if (closing) endSoon()
  })
  app.server.on('request', ({ socket }: { socket: Socket }) => void unused.delete(placeOf(socket)))
  // Sockets come here; a listener of `upgrade` would have Node wait for it to answer them
  app.addHook('onRequest', async ({ raw }) => void unused.delete(placeOf(raw.socket)))
  function endSoon(): void {
    setTimeout(() => {
      for (const socket of unused.values()) socket.destroy()
    }, limits.unusedAtCloseMsMax).unref()
  }
  app.addHook('preClose', async () => {
    closing = true
    endSoon()
  })
}

/**
 * An answer is taken within `answerMsMax`, or its connection ends: whoever reads a byte now and then holds what he does not read in our
 * memory. Streams and exports have their own pace, and are not looked at here.
 */
export function endSlowReaders(app: FastifyInstance, limits: Pick<Limits, 'answerMsMax'>): void {
  /** Since when they lie there. */
  const answers = new Map<ServerResponse, number>()
  app.addHook('onSend', async (_, { raw }) => {
    answers.set(raw, performance.now())
    raw.once('close', () => answers.delete(raw))
  })
  const looking = setInterval(
    () => {
      const before = performance.now() - limits.answerMsMax
      // In the order in which they were begun
      for (const [answer, since] of answers) {
        if (since > before) return
        answers.delete(answer)
        answer.destroy()
      }
    },
    Math.min(1_000, limits.answerMsMax)
  )
  looking.unref()
  app.addHook('onClose', async () => clearInterval(looking))
}

/** `networks`: addresses, and networks such as `10.0.0.0/8`. */
function toMatcher(networks: readonly string[]): (address: string) => boolean {
  const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
  const list = new BlockList()
  for (const one of networks) {
    const [address, bits] = one.split('/') as [string, string | undefined]
    if (bits === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(bits), familyOf(address))
  }
  return (address) => list.check(address, familyOf(address))
}
