/** Readers of exports that stop, go away, or are too many: what they hold ends, and they can see that it is not whole. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import type { Exports } from '../../src/store/export.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { call } from './contract.ts'
import { fetchFile, keptOf, rowsOf } from './exports.ts'
import type { TestServer } from './server.ts'
import { startServer } from './server.ts'

/** Far more than the sockets of both sides take. */
const [messages, bytes] = [80, 500_000]

interface Watched extends TestServer {
  /** Pages that were read for an export. */
  pages: () => number
  exportUrl: string
}

/** Over the real store; tells how many pages are read. */
async function start(limits: { exportsMax?: number; exportStalledMsMax?: number }): Promise<Watched> {
  let pages = 0
  const server = await startServer({ limits: { exportPageBytesMax: 1_000_000, ...limits } })
  const { exports } = server.store
  const counted: Exports = {
    ...exports,
    async messages(...asked) {
      const exported = await exports.messages(...asked)
      return {
        ...exported,
        async *pages() {
          for await (const page of exported.pages()) {
            pages++
            yield page
          }
        }
      }
    }
  }
  server.store.exports = counted
  for (let count = 0; count < messages; count += 8)
    await server.receive(
      ...Array.from({ length: 8 }, () => ({ topic: 'large', payload: Buffer.alloc(bytes, 'x') }))
    )
  return { ...server, pages: () => pages, exportUrl: `${server.url}/v1/export/messages` }
}

async function open(url: string): Promise<IncomingMessage> {
  const [answer] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 200)
  answer.on('error', () => {}) // cut off: `complete` tells
  return answer
}

/** However it ends. */
const closing = (answer: IncomingMessage): Promise<void> =>
  new Promise((resolve) => answer.once('close', () => resolve()))

/** What the service does for it has ended. */
const ended = ({ parts }: Watched): Promise<unknown> =>
  eventually(() => parts.stats.exports === 0, { what: 'the export ends' })

test('a reader that stops holds its pages and no more, and gets the rest when it goes on', async () => {
  const server = await start({})
  const whole = await fetchFile(server.exportUrl)
  const all = server.pages()
  assert.ok(all > messages / 4)
  const answer = await open(server.exportUrl)
  const head = (await once(answer, 'data'))[0] as Buffer
  answer.pause()
  let before = -1
  await eventually(() => before === (before = server.pages()), { everyMs: 300, what: 'it reads no more' })
  assert.ok(server.pages() - all < all / 2, `${server.pages() - all} of ${all} pages`)
  assert.equal(server.parts.stats.exports, 1)
  const rest = await buffer(answer)
  assert.ok(answer.complete)
  assert.ok(Buffer.concat([head, rest]).equals(whole.bytes))
  assert.equal(server.pages(), 2 * all)
  await ended(server)
})

test('a reader that takes nothing for too long is cut off, sees that, and goes on', async () => {
  const server = await start({ exportStalledMsMax: 300 })
  const whole = await fetchFile(server.exportUrl)
  const answer = await open(server.exportUrl)
  answer.pause()
  await ended(server)
  const parts: Buffer[] = []
  answer.on('data', (data: Buffer) => parts.push(data))
  const closed = closing(answer)
  answer.resume()
  await closed
  assert.equal(answer.complete, false)
  const kept = keptOf(Buffer.concat(parts), 'ndjson')
  const rest = await fetchFile(`${server.exportUrl}${kept === null ? '' : `?after=${kept.cursor}`}`)
  assert.ok(Buffer.concat([kept?.bytes ?? Buffer.alloc(0), rest.bytes]).equals(whole.bytes))
})

test('when a client has gone away, nothing more is read for it', async () => {
  const server = await start({})
  const answer = await open(server.exportUrl)
  await once(answer, 'data')
  answer.destroy()
  await ended(server)
  const read = server.pages()
  assert.ok(read < messages / 4)
  await eventually(
    async () =>
      (
        await query(
          server.databaseUrl,
          `select from pg_stat_activity where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()`
        )
      ).length === 0,
    { what: 'no statement runs' }
  )
  assert.equal(server.pages(), read)
})

test('more exports than are allowed at once are refused, and not when one has ended', async () => {
  const server = await start({ exportsMax: 2 })
  const held = [await open(server.exportUrl), await open(server.exportUrl)]
  const refused = await call(server.exportUrl)
  assert.deepEqual([refused.status, refused.body.code], [429, 'too_many_requests'])
  assert.equal(refused.headers.get('retry-after'), '1')
  held[0]!.destroy()
  await eventually(() => server.parts.stats.exports === 1)
  assert.equal((await fetchFile(`${server.exportUrl}?filter=none`)).status, 200)
  held[1]!.destroy()
  await ended(server)
})

test('what retention takes while it is read cuts it off: it is not taken for whole', async () => {
  const server = await start({})
  const answer = await open(server.exportUrl)
  const head = (await once(answer, 'data'))[0] as Buffer
  answer.pause()
  await query(
    server.databaseUrl,
    `update retention_classes set horizon = (select seq from journal_head) where name = 'default'`
  )
  const parts = [head]
  answer.on('data', (data: Buffer) => parts.push(data))
  const closed = closing(answer)
  answer.resume()
  await closed
  assert.equal(answer.complete, false)
  const kept = keptOf(Buffer.concat(parts), 'ndjson')!
  const rows = rowsOf(kept.bytes, 'ndjson')
  assert.ok(rows.length > 0 && rows.length < messages)
  assert.deepEqual(
    rows.map(({ seq }) => seq),
    rows.map((_, index) => String(index + 1))
  )
  const again = await call(`${server.exportUrl}?after=${kept.cursor}`)
  assert.deepEqual([again.status, again.body.code], [410, 'cursor_expired'])
  await ended(server)
})

test('a service that ends cuts off what it has not sent', async () => {
  const server = await start({})
  const answer = await open(server.exportUrl)
  await once(answer, 'data')
  answer.pause()
  await server.app.close()
  const closed = closing(answer)
  answer.resume()
  await closed
  assert.equal(answer.complete, false)
  assert.equal(server.parts.stats.exports, 0)
})
