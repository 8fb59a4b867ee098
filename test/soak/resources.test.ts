/** What the soak measures, measured of what is known. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { createRandom } from './random.ts'
import { descriptorsOf, slope, watchMemory } from './resources.ts'

test('the slope is that of the line with the least squares', () => {
  const line = Array.from({ length: 60 }, (_, minute) => ({ minute, megabytes: 200 + minute * 1.5 }))
  assert.ok(Math.abs(slope(line) - 1.5) < 1e-9)
  const noisy = line.map(({ minute, megabytes }) => ({ minute, megabytes: megabytes + (minute % 2) * 40 }))
  // By hand: covariance of the noise with the minutes, through their variance
  assert.ok(Math.abs(slope(noisy) - (1.5 + (40 * 15) / 17_995)) < 1e-3, String(slope(noisy)))
  assert.equal(slope([]), 0)
  assert.equal(slope([{ minute: 1, megabytes: 5 }]), 0)
})

test('memory that a process takes is seen', async () => {
  const watch = watchMemory(() => process.pid, 5)
  const kept: Buffer[] = []
  const before = watch.samples.length
  while (watch.samples.length < before + 3) await new Promise((resolve) => setTimeout(resolve, 5))
  const first = watch.samples.at(-1)!.megabytes
  kept.push(Buffer.alloc(64 * 2 ** 20, 1))
  const count = watch.samples.length
  while (watch.samples.length < count + 2) await new Promise((resolve) => setTimeout(resolve, 5))
  watch.stop()
  assert.ok(
    watch.samples.at(-1)!.megabytes - first > 50,
    `${first} became ${watch.samples.at(-1)!.megabytes}`
  )
  assert.equal(kept.length, 1)
})

test('descriptors: a file counts, what a client holds open does not, what it has left does', async () => {
  const accepted: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket)).listen(
    0,
    '127.0.0.1'
  )
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const own = (): number => descriptorsOf(process.pid, port).own
  const before = own()
  const file = await open('/dev/null')
  assert.equal(own(), before + 1)
  await file.close()
  const client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  while (accepted.length === 0) await new Promise(setImmediate)
  // The client is this process, too: of the connection, its end is counted, and the end of the server is not
  assert.equal(own(), before + 1)
  assert.equal(descriptorsOf(process.pid, port).byPort[port], 1)
  const ended = once(accepted[0]!, 'end')
  accepted[0]!.resume()
  client.end()
  await ended
  // Left by its client, and not closed: it is the server's
  assert.equal(own(), before + 2)
  accepted[0]!.destroy()
  await once(client, 'close')
  server.close()
})

test('the same seed gives the same faults', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const deals = (seed: number): string[] => Array.from({ length: 20 }, createRandom(seed).deal(names))
  assert.deepEqual(deals(7), deals(7))
  assert.notDeepEqual(deals(7), deals(8))
  for (let at = 0; at < 20; at += 5)
    assert.deepEqual(
      deals(9)
        .slice(at, at + 5)
        .toSorted(),
      names,
      'each before any comes again'
    )
})
