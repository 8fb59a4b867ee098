/** Between a broker and its client; flips bits in what the broker sends, while it is told to. */

import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { atEnd } from './cleanup.ts'

export interface FlippingProxy {
  url: string
  /** One of so many bytes gets another bit; 0: none does. */
  everyBytes: number
  flipped: number
}

export async function startFlippingProxy(port: number, seed: number): Promise<FlippingProxy> {
  const random = randomFrom(seed)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const upstream = connect(port, '127.0.0.1')
    for (const one of [socket, upstream]) {
      sockets.add(one)
      one.on('error', () => {})
      one.once('close', () => {
        socket.destroy()
        upstream.destroy()
      })
    }
    socket.pipe(upstream)
    upstream.on('data', (read: Buffer) => {
      flip(read)
      if (!socket.write(read)) upstream.pause()
    })
    socket.on('drain', () => upstream.resume())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: FlippingProxy = {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    everyBytes: 0,
    flipped: 0
  }
  let left = 0

  function flip(read: Buffer): void {
    if (proxy.everyBytes === 0) return
    for (; left < read.length; left += 1 + Math.floor(random() * 2 * proxy.everyBytes)) {
      read[left]! ^= 1 << Math.floor(random() * 8)
      proxy.flipped++
    }
    left -= read.length
  }

  atEnd(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return proxy
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
