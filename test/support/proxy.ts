/**
 * Stands between the service and a server, knows where a message of their protocol begins and ends, and asks the test
 * about each: so that a fault hits at an exact point, without a hook in the service.
 */

import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { atEnd } from './cleanup.ts'

export type Direction = 'toServer' | 'toService'
/** A message is forwarded, or never arrives. A promise holds it, and what follows it in its direction. */
export type Verdict = 'pass' | 'drop'

export interface Frame {
  direction: Direction
  bytes: Buffer
  link: Link
}

/** One connection of the service, and ours for it to the server. */
export interface Link {
  service: Socket
  server: Socket
  /** Half-open: nothing arrives any more at either end, not even that the other has closed. */
  swallowing: boolean
  cut(): void
}

/** Cuts bytes into messages; what is incomplete it keeps until the rest comes. */
export type Reader<F extends Frame> = (bytes: Buffer) => F[]
export type Dialect<F extends Frame> = (link: Link) => Record<Direction, Reader<F>>

export interface Proxy<F extends Frame> {
  port: number
  /** Connections that are open. */
  links: Set<Link>
  /** What becomes of each message; null: all pass. */
  rule: ((frame: F) => Verdict | Promise<Verdict>) | null
  /** How long everything the service sends is under way. */
  delayMs: number
  /** Drops every connection, as a network does that tells. */
  cut(): void
  /** Drops every connection, as a network does that does not tell. New ones are served. */
  swallow(): void
  stop(): Promise<void>
}

export async function startProxy<F extends Frame>(port: number, dialect: Dialect<F>): Promise<Proxy<F>> {
  const proxy: Proxy<F> = {
    port: 0,
    links: new Set(),
    rule: null,
    delayMs: 0,
    cut: () => proxy.links.forEach((link) => link.cut()),
    swallow: () => proxy.links.forEach((link) => (link.swallowing = true)),
    async stop() {
      proxy.cut()
      if (!listener.listening) return
      listener.close()
      await once(listener, 'close')
    }
  }
  const listener = createServer((service) => {
    const server = connect(port, '127.0.0.1')
    const link: Link = {
      service,
      server,
      swallowing: false,
      cut: () => [service, server].forEach((socket) => socket.destroy())
    }
    proxy.links.add(link)
    const read = dialect(link)
    forward(proxy, link, service, server, read.toServer)
    forward(proxy, link, server, service, read.toService)
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  proxy.port = (listener.address() as AddressInfo).port
  atEnd(() => proxy.stop())
  return proxy
}

function forward<F extends Frame>(
  proxy: Proxy<F>,
  link: Link,
  source: Socket,
  sink: Socket,
  read: Reader<F>
): void {
  const waiting: F[] = []
  let asking = false
  source.setNoDelay(true)

  function write(bytes: Buffer): void {
    if (link.swallowing || !sink.writable) return
    if (!sink.write(bytes)) source.pause()
  }

  /** One message after another: where the test takes its time, those behind wait. */
  function go(): void {
    sink.cork()
    while (!asking) {
      const frame = waiting.shift()
      if (frame === undefined) break
      const verdict = proxy.rule === null ? 'pass' : proxy.rule(frame)
      if (verdict === 'pass') write(frame.bytes)
      else if (verdict !== 'drop') {
        asking = true
        void verdict.then((later) => {
          asking = false
          if (later === 'pass') write(frame.bytes)
          go()
        })
      }
    }
    sink.uncork()
  }

  source.on('data', (bytes: Buffer) => {
    const frames = read(bytes)
    const arrive = (): void => {
      waiting.push(...frames)
      go()
    }
    // Timers of one length end in the order in which they began
    if (proxy.delayMs > 0 && frames[0]?.direction === 'toServer') setTimeout(arrive, proxy.delayMs)
    else arrive()
  })
  sink.on('drain', () => source.resume())
  source.on('error', () => {})
  source.on('close', () => {
    if (link.swallowing) return
    sink.end()
    if (link.service.destroyed && link.server.destroyed) proxy.links.delete(link)
  })
}
