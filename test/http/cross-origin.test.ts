/** Pages of other origins ask from a browser where their origin is named, and else see nothing. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { chromium } from 'playwright-core'
import { atEnd } from '../support/cleanup.ts'
import { startServer } from './server.ts'

const elsewhere = createServer((_, response) => {
  response.setHeader('content-type', 'text/html')
  response.end('<!doctype html><title>Elsewhere</title>')
})
elsewhere.listen(0, '127.0.0.1')
await once(elsewhere, 'listening')
atEnd(() => elsewhere.close())
const { port } = elsewhere.address() as { port: number }
const named = `http://127.0.0.1:${port}`
/** The same server, and to a browser another origin. */
const unnamed = `http://localhost:${port}`

const key = 'a-key-of-at-least-16'
const server = await startServer({ apiKey: key, parts: { corsOrigins: [named] } })
const authorization = `Bearer ${key}`

const allowed = (headers: Headers): string | null => headers.get('access-control-allow-origin')

for (const [what, path] of [
  ['an answer', '/v1/topics'],
  ['a refusal', '/v1/topics?nonsense=1'],
  ['no such path', '/nope'],
  ['an export', '/v1/export/messages'],
  ['a stream', '/v1/stream']
] as const) {
  test(`${what} is for the named origin alone, and never for cookies`, async () => {
    for (const [origin, told] of [
      [named, named],
      [unnamed, null],
      ['null', null],
      [`${named}.evil.example`, null]
    ] as const) {
      const abort = new AbortController()
      const { headers } = await fetch(`${server.url}${path}`, {
        headers: { origin, authorization },
        signal: abort.signal
      })
      abort.abort()
      assert.deepEqual([allowed(headers), headers.get('access-control-allow-credentials')], [told, null])
      assert.match(headers.get('vary') ?? '', /Origin/i)
    }
  })
}

test('who is not known may read why', async () => {
  const response = await fetch(`${server.url}/v1/topics`, { headers: { origin: named } })
  assert.deepEqual([response.status, allowed(response.headers)], [401, named])
})

test('where no origin is named, none is told of anything', async () => {
  const { url } = await startServer()
  const asked = await fetch(`${url}/v1/topics`, { headers: { origin: named } })
  const before = await fetch(`${url}/v1/topics`, {
    method: 'OPTIONS',
    headers: { origin: named, 'access-control-request-method': 'GET' }
  })
  assert.deepEqual([allowed(asked.headers), before.status, allowed(before.headers)], [null, 404, null])
})

test(
  'in a browser: the named page asks with its key, and reads what it needs',
  { timeout: 60_000 },
  async () => {
    await server.receive({ topic: 'a' })
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
    })
    atEnd(() => browser.close())
    const ask = async (page: string): Promise<unknown> => {
      const tab = await browser.newPage()
      await tab.goto(page)
      return tab.evaluate(
        `fetch('${server.url}/v1/topics/a', { headers: { authorization: '${authorization}' } }).then(
         async (answer) => [answer.status, answer.headers.get('etag') !== null, (await answer.json()).topic],
         (error) => error.name)`
      )
    }
    assert.deepEqual(await ask(named), [200, true, 'a'])
    assert.equal(await ask(unnamed), 'TypeError')
    await browser.close()
  }
)
