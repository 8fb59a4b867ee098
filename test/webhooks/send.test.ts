/** One request of a webhook, over real connections. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import type { Resolve } from '../../src/webhooks/addresses.ts'
import type { Sent } from '../../src/webhooks/send.ts'
import { createSend } from '../../src/webhooks/send.ts'
import { sign } from '../../src/webhooks/signature.ts'
import { atEnd } from '../support/cleanup.ts'
import { startReceiver } from '../support/webhook-receiver.ts'

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const body = Buffer.from('{"type":"rialto.ping"}')
const never = new AbortController().signal

function send(
  url: string,
  given: { allowPrivate?: boolean; resolve?: Resolve; answerMsMax?: number } = {},
  signal: AbortSignal = never
): Promise<Sent> {
  const { allowPrivate = true, answerMsMax = 5_000, resolve } = given
  const limits = { ...defaultLimits, webhookAnswerMsMax: answerMsMax }
  const sends = createSend({ allowPrivate, limits, version: 'test', ...(resolve && { resolve }) })
  return sends({ url, headers: sign('msg_1', Date.now(), body, [secret]), body }, signal)
}

/** Counts connections, and does to each what it is told. */
async function listen(onConnection: Parameters<typeof createServer>[1] = () => {}) {
  let connections = 0
  const server: Server = createServer((socket) => {
    connections++
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => server.close())
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}/hook?token=hidden`, count: () => connections }
}

for (const [status, delivered] of [
  [200, true],
  [201, true],
  [204, true],
  [299, true],
  [300, false],
  [304, false],
  [400, false],
  [404, false],
  [410, false],
  [429, false],
  [500, false],
  [503, false]
] as const) {
  test(`status ${status}: ${delivered ? 'it was taken' : 'it was not'}`, async () => {
    const receiver = await startReceiver()
    receiver.answer(() => status)
    const sent = await send(receiver.url)
    assert.deepEqual([sent.delivered, sent.status], [delivered, status])
    assert.equal(sent.error === null, delivered)
  })
}

test('a redirect is not followed', async () => {
  const target = await startReceiver()
  const receiver = await startReceiver()
  receiver.answer((_request, response) => {
    response.writeHead(307, { location: target.url }).end()
    return null
  })
  assert.equal((await send(receiver.url)).error, 'status 307, and redirects are not followed')
  assert.equal(target.requests.length, 0)
})

test('what the receiver asks to wait is told', async () => {
  const receiver = await startReceiver()
  for (const [value, ms] of [
    ['120', 120_000],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
    ['-5', null]
  ] as const) {
    receiver.answer((_request, response) => {
      response.writeHead(429, { 'retry-after': value }).end()
      return null
    })
    assert.equal((await send(receiver.url)).retryAfterMs, ms)
  }
})

test('who never answers, or never ends the head, is waited for so long', async () => {
  const silent = await listen()
  const slow = await listen((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    const timer = setInterval(() => socket.write('x-more: 1\r\n'), 20)
    socket.once('close', () => clearInterval(timer))
  })
  for (const { url } of [silent, slow]) {
    const sent = await send(url, { answerMsMax: 300 })
    assert.deepEqual([sent.delivered, sent.error], [false, 'no answer within 0.3 seconds'])
  }
})

test('the status counts, whatever becomes of the body: endless, or broken off', async () => {
  let written = 0
  const endless = await listen((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n')
      const timer = setInterval(() => {
        if (socket.writable) socket.write('x'.repeat(1_000), () => (written += 1_000))
      }, 1)
      socket.once('close', () => clearInterval(timer))
    })
  })
  assert.equal((await send(endless.url, { answerMsMax: 20_000 })).delivered, true)
  assert.ok(written < 1_000_000)
  const broken = await listen((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort'))
  })
  assert.equal((await send(broken.url)).delivered, true)
})

test('what is no answer is none, and nothing of it or of the URL is told', async () => {
  const closed = await listen()
  const free = await listen()
  const texts = [
    await send((await listen((socket) => socket.end('hidden, and not HTTP\r\n\r\n'))).url),
    await send((await listen((socket) => socket.destroy())).url),
    await send(closed.url.replace(String(closed.port), '1')),
    await send(free.url.replace('127.0.0.1', 'name.invalid'))
  ].map(({ delivered, error }) => {
    assert.equal(delivered, false)
    return error!
  })
  assert.deepEqual(texts.slice(1, 3), [
    'the connection ended before the answer (ECONNRESET)',
    'the connection was refused (ECONNREFUSED)'
  ])
  for (const text of texts) assert.ok(!/hidden|whsec|127\.0\.0\.1|invalid/.test(text), text)
})

test('when it is no longer to be sent, it ends', async () => {
  const silent = await listen()
  const ends = new AbortController()
  const sending = send(silent.url, {}, ends.signal)
  while (silent.count() === 0) await new Promise(setImmediate)
  ends.abort(new Error('enough'))
  await assert.rejects(sending, /enough/)
  await assert.rejects(send(silent.url, {}, ends.signal), /enough/)
  assert.equal(silent.count(), 1)
})

test('addresses that are not public are not connected to, by address or by name', async () => {
  const server = await listen((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
  const allowPrivate = false
  for (const host of ['127.0.0.1', '127.1', '2130706433', '[::ffff:127.0.0.1]', 'localhost']) {
    const sent = await send(`https://${host}:${server.port}/`, { allowPrivate })
    assert.deepEqual([sent.delivered, sent.error], [false, 'its address is not public'], host)
  }
  assert.equal((await send(`http://example.com/`, { allowPrivate })).error, 'only https is allowed')
  assert.equal(server.count(), 0)
  assert.equal((await send(server.url)).delivered, true)
  assert.equal(server.count(), 1)
})

test('a name that resolves to another address a moment later gains nothing', async () => {
  const server = await listen()
  let asked = 0
  const rebinding: Resolve = (_name, _options, callback) => {
    asked++
    // For who looks first a public one, which IANA has given to nobody; and then where it should not go
    if (asked === 1) callback(null, [{ address: '2d00::1', family: 6 }])
    else callback(null, [{ address: '127.0.0.1', family: 4 }])
  }
  const url = `https://rebinding.example:${server.port}/`
  // It goes to the address that was looked at: there is nobody, and certainly not our server
  const first = await send(url, { allowPrivate: false, resolve: rebinding, answerMsMax: 500 })
  assert.equal(first.delivered, false)
  assert.equal(asked, 1, 'the name was resolved once, for the connection itself')
  const second = await send(url, { allowPrivate: false, resolve: rebinding })
  assert.equal(second.error, 'its address is not public')
  assert.equal(asked, 2)
  assert.equal(server.count(), 0)
})

test('a certificate that nobody vouches for is refused', async () => {
  const { readFileSync } = await import('node:fs')
  const file = (name: string): Buffer => readFileSync(new URL(`../support/tls/${name}`, import.meta.url))
  let requests = 0
  const server = createHttpsServer(
    { key: file('server-key.pem'), cert: file('server.pem') },
    (_, response) => {
      requests++
      response.end()
    }
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => server.close())
  const { port } = server.address() as AddressInfo
  const sent = await send(`https://127.0.0.1:${port}/`)
  assert.equal(sent.delivered, false)
  assert.match(sent.error!, /^the request failed \([A-Z_]+\)$/)
  assert.equal(requests, 0)
})
