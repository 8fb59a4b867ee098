/** A load balancer of TCP connections: in turn to those that say that they are ready, and to another one where one refuses. */

import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { atEnd } from './cleanup.ts'

export interface Balancer {
  url: string
  stop(): Promise<void>
}

const lookMs = 100
const pauseMs = 50
/** How long a connection waits for anybody who takes it. */
const waitMsMax = 20_000

export async function startBalancer(targets: () => readonly string[]): Promise<Balancer> {
  const ready = new Set<string>()
  const open = new Set<Socket>()
  let turn = 0
  let stopped = false

  const look = setInterval(() => {
    for (const url of targets())
      fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })
        .then(async (answer) => {
          await answer.text()
          if (answer.ok) ready.add(url)
          else ready.delete(url)
        })
        .catch(() => ready.delete(url))
  }, lookMs)

  /** Null: nobody takes it. */
  async function reach(): Promise<Socket | null> {
    const end = Date.now() + waitMsMax
    while (!stopped && Date.now() < end) {
      const usable = targets().filter((url) => ready.has(url))
      const url = usable[turn++ % Math.max(1, usable.length)]
      if (url !== undefined) {
        const socket = connect(Number(new URL(url).port), '127.0.0.1')
        const connected = await once(socket, 'connect').catch(() => null)
        if (connected !== null) return socket
        ready.delete(url)
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    return null
  }

  async function serve(client: Socket): Promise<void> {
    client.pause()
    client.on('error', () => {}) // 'close' follows
    const server = await reach()
    if (server === null) return void client.destroy()
    for (const [one, other] of [
      [client, server],
      [server, client]
    ] as const) {
      open.add(one)
      one.setNoDelay(true)
      one.on('error', () => {})
      one.once('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }

  const listener = createServer({ allowHalfOpen: true }, (client) => void serve(client)).listen(
    0,
    '127.0.0.1'
  )
  await once(listener, 'listening')
  async function stop(): Promise<void> {
    if (stopped) return
    stopped = true
    clearInterval(look)
    listener.close()
    for (const socket of open) socket.destroy()
  }
  atEnd(stop)
  return { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`, stop }
}
