/** Every answer tells browsers that it is no page, whoever gives it; what devices send runs nowhere; the pages work. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { readConfig } from '../../src/config.ts'
import { securityHeaders } from '../../src/http/security-headers.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { createBareServer, startServer } from './server.ts'

const server = await startServer()
const { url, receive } = server

/** Those of the headers that the answer has as they are said. */
const told = (headers: Headers): string[] =>
  Object.keys(securityHeaders).filter((name) => headers.get(name) === securityHeaders[name])

const all = Object.keys(securityHeaders)

for (const [what, path] of [
  ['an answer', '/v1/topics'],
  ['a refusal', '/v1/topics?nonsense=1'],
  ['no such path', '/nope'],
  ['a path that cannot be decoded', '/v1/topics/a%2'],
  ['health', '/livez'],
  ['metrics', '/metrics'],
  ['the description', '/openapi.yaml'],
  ['an export', '/v1/export/messages'],
  ['a stream', '/v1/stream']
] as const) {
  test(`${what} has every header, and does not say what serves it`, async () => {
    const abort = new AbortController()
    const { headers } = await fetch(`${url}${path}`, { signal: abort.signal })
    abort.abort()
    assert.deepEqual(told(headers), all)
    assert.deepEqual([headers.get('server'), headers.get('x-powered-by')], [null, null])
  })
}

test('what is not HTTP is answered with every header', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.end('HELLO\r\n\r\n')
  let text = ''
  socket.on('data', (data: Buffer) => (text += data.toString()))
  await once(socket, 'close')
  for (const [name, value] of Object.entries(securityHeaders))
    assert.ok(text.includes(`${name}: ${value}\r\n`))
})

test('pages may not be framed, and say what they run', async () => {
  const { headers } = await fetch(`${url}/docs/`)
  assert.deepEqual(
    told(headers),
    all.filter((name) => name !== 'content-security-policy')
  )
  assert.match(headers.get('content-security-policy')!, /default-src 'self'.*frame-ancestors 'none'/)
})

const environment = (host: string, explorers?: string) =>
  readConfig({
    HOST: host,
    RIALTO_API_KEY: 'k'.repeat(16),
    ...(explorers !== undefined && { RIALTO_EXPLORERS: explorers })
  }).explorers

test('pages to try it with are there on loopback, or where it is said', async () => {
  assert.deepEqual(
    [
      environment('127.0.0.1'),
      environment('0.0.0.0'),
      environment('0.0.0.0', 'true'),
      environment('::1', 'false')
    ],
    [true, false, true, false]
  )
  assert.throws(() => environment('127.0.0.1', 'yes'), /RIALTO_EXPLORERS is not one of true, false/)
  const without = await createBareServer({ parts: { explorers: false } })
  const statuses = ['/docs', '/docs/', '/docs/json', '/docs/static/index.css', '/openapi.yaml'].map(
    async (path) => (await without.inject(path)).statusCode
  )
  assert.deepEqual(await Promise.all(statuses), [404, 404, 404, 404, 200])
})

const script = `fetch('/pwned')`
const payloads: Record<string, [contentType: string | null, text: string]> = {
  'hostile/html': ['text/html', `<!doctype html><script>${script}</script>`],
  'hostile/untyped': [null, `<!doctype html><script>${script}</script>`],
  'hostile/capitals': ['Text/HTML; charset=utf-8', `<html><body onload="${script}"></body></html>`],
  'hostile/svg': ['image/svg+xml', `<svg xmlns="http://www.w3.org/2000/svg" onload="${script}"/>`],
  'hostile/xml': ['text/xml', `<x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>${script}</h:script></x>`],
  'hostile/script': ['text/javascript', script]
}

async function launch(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
  })
  atEnd(() => browser.close())
  return browser
}

/** Opens the address, also if it is only saved, and has the browser do what it would do then. */
async function visit(tab: Page, address: string): Promise<void> {
  await tab
    .goto(address)
    .catch((error: Error) => assert.match(error.message, /Download is starting|ERR_ABORTED/))
  // What was asked for until then has been told
  await tab.evaluate('1')
}

test('what a device sends runs in no browser, opened or embedded', { timeout: 60_000 }, async (t) => {
  for (const [topic, [contentType, text]] of Object.entries(payloads))
    await receive({
      topic,
      payload: Buffer.from(text),
      properties: contentType === null ? null : { contentType }
    })
  // Elsewhere: the same bytes as they say they are, and a page that embeds ours
  const elsewhere = createServer((request, response) => {
    const name = request.url!.slice(1)
    if (name in payloads) {
      response.setHeader('content-type', payloads[name]![0] ?? 'text/html')
      return response.end(payloads[name]![1])
    }
    response.setHeader('content-type', 'text/html')
    const source = `${url}/v1/topics/${encodeURIComponent(name.slice('embed/'.length))}/payload`
    response.end(
      `<script src="${source}"></script><iframe src="${source}"></iframe><object data="${source}"></object>`
    )
  })
  elsewhere.listen(0, '127.0.0.1')
  await once(elsewhere, 'listening')
  atEnd(() => elsewhere.close())
  const browser = await launch()
  for (const topic of Object.keys(payloads)) {
    const tab = await browser.newPage()
    const run: string[] = []
    tab.on('request', (asked) => asked.url().endsWith('/pwned') && run.push(asked.url()))
    const other = `http://127.0.0.1:${(elsewhere.address() as { port: number }).port}`
    await visit(tab, `${url}/v1/topics/${encodeURIComponent(topic)}/payload`)
    await visit(tab, `${other}/embed/${topic}`)
    assert.deepEqual(run, [], topic)
    if (topic === 'hostile/script') continue
    await visit(tab, `${other}/${topic}`)
    await eventually(() => run.length === 1, { what: `${topic} runs where nothing keeps it from it` })
    await tab.close()
  }
  t.diagnostic(`${Object.keys(payloads).length} payloads`)
})

test('the API reference works under its policy', { timeout: 60_000 }, async () => {
  const tab = await (await launch()).newPage()
  const errors: string[] = []
  tab.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  tab.on('pageerror', (error) => errors.push(error.message))
  await tab.goto(`${url}/docs/`)
  await tab.locator('.opblock').first().waitFor()
  assert.deepEqual(errors, [])
})
