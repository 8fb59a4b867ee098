/** How often callers may ask: each principal and each address has its own count, in bounds, on every surface. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import { createAuthenticator } from '../../src/access/access.ts'
import { createRates, networkOf, rateHeadersOf } from '../../src/access/rates.ts'
import type { Problem } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'

const key = 'the-key-of-the-rates-tests'
const broker = await startBroker()
const limits = { ...defaultLimits, rateCallersMax: 3, unauthenticatedPerMinuteMax: 2 }

/** As many come in as may, of whom the model says so, at times that only move on. */
test('each caller has as many requests a window as it may, whatever others do', async () => {
  const step = fc.record({
    caller: fc.constantFrom('a', 'b'),
    waitMs: fc.constantFrom(0, 0, 0, 1, 29_999, 60_000)
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 6 }),
      async (steps, max) => {
        let at = 0
        const rates = createRates(max, limits, () => at)
        const windows = new Map<string, { began: number; count: number }>()
        for (const { caller, waitMs } of steps) {
          at += waitMs
          const window = windows.get(caller)
          if (window === undefined || at - window.began >= 60_000)
            windows.set(caller, { began: at, count: 0 })
          const { began, count } = windows.get(caller)!
          windows.set(caller, { began, count: count + 1 })
          const access = { principal: caller } as Parameters<typeof rates.count>[0]
          if (count >= max) {
            assert.throws(() => rates.count(access), { code: 'too_many_requests' })
            continue
          }
          rates.count(access)
          assert.deepEqual(rateHeadersOf(access), {
            'ratelimit-limit': String(max),
            'ratelimit-remaining': String(max - count - 1),
            'ratelimit-reset': String(Math.max(1, Math.ceil((began + 60_000 - at) / 1000)))
          })
        }
      }
    ),
    { numRuns: 300 }
  )
})

test('a flood of callers is counted in bounded memory: who asked longest ago begins anew', () => {
  const rates = createRates(1, limits)
  const count = (principal: string): boolean => {
    try {
      rates.count({ principal } as Parameters<typeof rates.count>[0])
      return true
    } catch {
      return false
    }
  }
  assert.deepEqual(['a', 'b', 'c', 'a'].map(count), [true, true, true, false])
  // A fourth: `b` asked longest ago
  assert.deepEqual(['d', 'c', 'a', 'b'].map(count), [true, false, false, true])
})

test('who is not known is counted by address, and who has a key comes in from there all the same', async () => {
  const plain = createAuthenticator({ apiKey: 'known', tokenKey: Buffer.alloc(32, 7), limits: defaultLimits })
  const rates = createRates(100, limits)
  const authenticator = rates.limiting(plain)
  const come = (credential: string, address: string): Promise<string> =>
    authenticator.authenticate(`Bearer ${credential}`, address).then(
      ({ principal }) => principal,
      (error: Problem) => error.code
    )
  const come6 = (host: string): Promise<string> => come('unknown', `2001:db8:1:2:${host}`)
  assert.deepEqual(
    [
      await come('unknown', '192.0.2.1'),
      await come('other', '::ffff:192.0.2.1'),
      await come('unknown', '192.0.2.1')
    ],
    ['unauthenticated', 'unauthenticated', 'too_many_requests']
  )
  assert.equal(await come('known', '192.0.2.1'), 'api-key')
  assert.equal(await come('unknown', '192.0.2.2'), 'unauthenticated')
  // One client has the whole /64
  assert.deepEqual(
    [await come6(':1'), await come6('9:9:9:9'), await come6('a::')],
    ['unauthenticated', 'unauthenticated', 'too_many_requests']
  )
  await assert.rejects(authenticator.readTicket('none', '192.0.2.1'), { code: 'too_many_requests' })
})

test('networks', () => {
  assert.deepEqual(
    ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '2001:DB8:0:0:ffff::1', 'unknown'].map(networkOf),
    ['192.0.2.1', '192.0.2.1', '2001:db8:0:0::/64', '2001:db8:0:0::/64', 'unknown']
  )
})

test('REST, GraphQL and sockets count together; each answer says what is left; health is always told', async () => {
  const { url } = await startBridge({
    mqttUrl: broker.url,
    config: { apiKey: key, requestsPerMinute: 10 },
    limits: { rateWindowMs: 3_600_000 }
  })
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const rest = (): Promise<Response> => fetch(`${url}/v1/status`, { headers })
  const graphql = (): Promise<Response> =>
    fetch(`${url}/graphql`, { method: 'POST', headers, body: '{"query":"{ status { version } }"}' })
  const left = (answer: Response): string | null => answer.headers.get('ratelimit-remaining')
  assert.deepEqual([left(await rest()), left(await graphql()), left(await rest())], ['9', '8', '7'])
  const metrics = await fetch(`${url}/metrics`, { headers })
  assert.deepEqual([metrics.status, left(metrics), metrics.headers.get('ratelimit-limit')], [200, '6', '10'])

  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, ['graphql-transport-ws'])
  await once(socket, 'open')
  const told: Array<{ type: string; id?: string; payload?: Array<{ extensions: { code: string } }> }> = []
  const next = async (types: string[]): Promise<(typeof told)[number]> => {
    for (;;) {
      const at = told.findIndex(({ type }) => types.includes(type))
      if (at !== -1) return told.splice(at, 1)[0]!
      const [data] = (await once(socket, 'message')) as [Buffer]
      told.push(JSON.parse(String(data)) as (typeof told)[number])
    }
  }
  const say = (message: object): void => socket.send(JSON.stringify(message))
  say({ type: 'connection_init', payload: { authorization: headers.authorization } }) // the fifth
  await next(['connection_ack'])
  const ask = async (id: string) => {
    say({ id, type: 'subscribe', payload: { query: '{ status { version } }' } })
    return next(['next', 'error'])
  }
  for (let operation = 0; operation < 5; operation++) assert.equal((await ask(`ok${operation}`)).type, 'next')
  const refused = await ask('over')
  assert.deepEqual(
    [refused.type, refused.payload?.map(({ extensions }) => extensions.code)],
    ['error', ['too_many_requests']]
  )
  socket.close()

  const over = await rest()
  const problem = (await over.json()) as Problem
  assert.deepEqual([over.status, problem.code, left(over)], [429, 'too_many_requests', '0'])
  assert.equal(over.headers.get('retry-after'), over.headers.get('ratelimit-reset'))
  assert.ok(Number(over.headers.get('retry-after')) > 3_000)
  const asked = await graphql()
  assert.deepEqual([asked.status, ((await asked.json()) as Problem).code], [429, 'too_many_requests'])
  assert.ok(Number(asked.headers.get('retry-after')) > 3_000)
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
})

test('X-Forwarded-For is believed of the proxies that are named, and of nobody else', async () => {
  const from = async (url: string, forwarded: string): Promise<string | null> =>
    (await fetch(`${url}/v1/status`, { headers: { 'x-forwarded-for': forwarded } })).headers.get(
      'ratelimit-remaining'
    )
  const config = { anonymous: true, requestsPerMinute: 10 }
  const open = await startBridge({ mqttUrl: broker.url, config })
  assert.deepEqual([await from(open.url, '192.0.2.1'), await from(open.url, '192.0.2.2')], ['9', '8'])
  await open.close()
  const behind = await startBridge({
    mqttUrl: broker.url,
    config: { ...config, trustedProxies: ['127.0.0.0/8', '10.0.0.1'] }
  })
  const forwarded = ['192.0.2.1', '192.0.2.2', '198.51.100.1, 192.0.2.1', '192.0.2.2, 10.0.0.1']
  const left: Array<string | null> = []
  for (const one of forwarded) left.push(await from(behind.url, one))
  // The last that no proxy of ours has written; what a client made up before it is nobody's word
  assert.deepEqual(left, ['9', '9', '8', '8'])
})
