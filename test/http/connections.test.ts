/** Connections beyond the limits, and answers that nobody takes. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { test } from 'node:test'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { createBareServer } from './server.ts'

const hello = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'

async function open(port: number, from: string): Promise<Socket & { came: () => string }> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  socket.on('error', () => {})
  atEnd(() => void socket.destroy())
  await once(socket, 'connect')
  let text = ''
  socket.on('data', (data: Buffer) => (text += String(data)))
  return Object.assign(socket, { came: () => text })
}

async function start(limits: object, trustedProxies: string[] = []) {
  const app = await createBareServer({ parts: { trustedProxies }, limits })
  await app.listen({ host: '127.0.0.1', port: 0 })
  atEnd(() => app.close())
  return app.server.address() as { port: number }
}

/** Whether it is served, or closed at once without a word. */
async function isServed(socket: Socket & { came: () => string }): Promise<boolean> {
  const before = socket.came().length
  socket.write(hello)
  await eventually(() => socket.came().length > before || socket.destroyed)
  return socket.came().slice(before).startsWith('HTTP/1.1 200')
}

test('of one address so many are open, of others more, of all together so many; who goes makes room', async () => {
  const { port } = await start({ connectionsMax: 5, connectionsPerAddressMax: 3 })
  const first = [await open(port, '127.0.0.1'), await open(port, '127.0.0.1'), await open(port, '127.0.0.1')]
  for (const one of first) assert.equal(await isServed(one), true)
  assert.equal(await isServed(await open(port, '127.0.0.1')), false)
  const others = [await open(port, '127.0.0.2'), await open(port, '127.0.0.3')]
  for (const one of others) assert.equal(await isServed(one), true)
  assert.equal(await isServed(await open(port, '127.0.0.4')), false)
  others[0]!.destroy()
  await eventually(async () => isServed(await open(port, '127.0.0.4')))
  assert.equal(await isServed(first[0]!), true, 'those that were open stay')
})

test('a proxy that is trusted comes for many', async () => {
  const { port } = await start({ connectionsMax: 5, connectionsPerAddressMax: 1 }, ['127.0.0.0/30', '::1'])
  for (let at = 0; at < 3; at++) assert.equal(await isServed(await open(port, '127.0.0.2')), true)
  assert.equal(await isServed(await open(port, '127.0.0.9')), true)
  assert.equal(await isServed(await open(port, '127.0.0.9')), false)
})

test('an answer that nobody takes ends, though a byte of it is read now and then; one that is taken does not', async () => {
  const size = 64 * 1024 * 1024
  const held = new Set<ServerResponse>()
  const app = await createBareServer({
    limits: { answerMsMax: 2_000 },
    parts: {
      register: async (scope) => {
        scope.get('/large', async (_, reply) => {
          held.add(reply.raw)
          reply.raw.once('close', () => held.delete(reply.raw))
          return reply.type('application/octet-stream').send(Buffer.alloc(size))
        })
      }
    }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  atEnd(() => app.close())
  const { port } = app.server.address() as { port: number }

  const reading: NodeJS.Timeout[] = []
  async function askSlowly(): Promise<void> {
    const slow = await open(port, '127.0.0.1')
    slow.removeAllListeners('data')
    slow.pause()
    slow.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => held.size === 1)
    reading.push(setInterval(() => slow.read(1), 100))
  }
  const ended = (): Promise<unknown> =>
    eventually(() => held.size === 0, { what: 'nothing is held for it any more' })
  await askSlowly()
  const taken = await fetch(`http://127.0.0.1:${port}/large`)
  assert.equal((await taken.arrayBuffer()).byteLength, size)
  await ended()
  // One that was taken before another came that was not: what is open without an answer is left alone
  const kept = await open(port, '127.0.0.1')
  assert.equal(await isServed(kept), true)
  await askSlowly()
  await ended()
  assert.equal(await isServed(kept), true)
  for (const one of reading) clearInterval(one)
})

test('a server that closes does not wait for connections on which nothing was ever asked', async () => {
  const app = await createBareServer({})
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const unused = await open(port, '127.0.0.1')
  const used = await open(port, '127.0.0.1')
  assert.equal(await isServed(used), true)
  const begun = await open(port, '127.0.0.1')
  begun.write('GET /livez HTTP/1.1\r\n')
  const closed = app.close()
  // What comes in time is answered still
  begun.write('Host: x\r\n\r\n')
  await eventually(() => begun.came().startsWith('HTTP/1.1 200'))
  await closed
  await eventually(() => [unused, used, begun].every((one) => one.destroyed || one.readableEnded))
})
