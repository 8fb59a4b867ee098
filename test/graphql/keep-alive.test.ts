/** A connection ends when its other side is gone, or takes nothing for too long; not when it is only slow. */

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { keepAlive } from '../../src/graphql/keep-alive.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { TestServer } from './server.ts'
import { startServer, until } from './server.ts'

const heartbeatMs = 100

/** Follows messages and stops reading as soon as the stream is open; then more is sent than any buffer holds. */
async function stall(t: TestContext, { url, parts, memory }: TestServer): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws')
  t.after(() => socket.terminate())
  await once(socket, 'open')
  const say = (message: object): void => socket.send(JSON.stringify(message))
  say({ type: 'connection_init' })
  await once(socket, 'message')
  const query = 'subscription { messages { message { payloadBase64 } } }'
  say({ type: 'subscribe', id: '1', payload: { query } })
  await until(() => parts.stats.streams === 1)
  socket.pause()
  const payload = Buffer.alloc(100_000)
  for (let sent = 0; sent < 300; sent++) memory.receive('a', payload)
  return socket
}

test('a reader that takes nothing is let go, but not before its time', async (t) => {
  const streamStalledMsMax = 8 * heartbeatMs
  const server = await startServer(t, { limits: { ...defaultLimits, heartbeatMs, streamStalledMsMax } })
  const begun = performance.now()
  await stall(t, server)
  await until(() => server.parts.stats.streams === 0)
  assert.ok(performance.now() - begun >= streamStalledMsMax, 'pings that wait behind messages do not count')
})

test('a reader that stood still for many pings and reads again goes on, and misses nothing', async (t) => {
  const server = await startServer(t, { limits: { ...defaultLimits, heartbeatMs } })
  const socket = await stall(t, server)
  let beats = 0
  const [connection] = server.app.websocketServer.clients
  const ping = connection!.ping.bind(connection)
  connection!.ping = (...given: []) => {
    beats++
    ping(...given)
  }
  const begun = performance.now()
  await until(() => performance.now() - begun > 8 * heartbeatMs)
  assert.ok(beats <= 1, 'pings do not pile up')
  let received = 0
  socket.on('message', () => received++)
  socket.resume()
  await until(() => received === 300)
  await until(() => beats > 3)
  assert.equal(server.parts.stats.streams, 1)
})

test('the answer to a ping that waited behind messages may take as long as any other', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const done: string[] = []
  const socket = Object.assign(new EventEmitter(), {
    ping: () => void done.push('ping'),
    terminate: () => void done.push('terminate')
  })
  const alive = keepAlive(socket as unknown as WebSocket, defaultLimits)
  const beat = (): void => t.mock.timers.tick(defaultLimits.heartbeatMs)
  const left = alive.sending()
  beat()
  beat()
  beat()
  assert.deepEqual(done, ['ping'], 'no more pings pile up behind it')
  left()
  beat()
  assert.deepEqual(done, ['ping'])
  socket.emit('pong')
  beat()
  assert.deepEqual(done, ['ping', 'ping'])
  beat()
  assert.deepEqual(done, ['ping', 'ping', 'terminate'], 'nothing waits, and nobody answers')
  alive.stop()
})
