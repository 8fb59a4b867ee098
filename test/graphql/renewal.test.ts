/** A WebSocket goes on with a newer credential that came in band, and ends with the newest. */

import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { createAuthenticator } from '../../src/access/access.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { ScriptedHolder } from '../support/scripted-holders.ts'
import { startIssuer } from '../support/issuer.ts'
import { createScriptedHolders, reads } from '../support/scripted-holders.ts'
import { takeTokens } from '../support/tokens.ts'
import { codes, query, startServer, until } from './server.ts'

interface Said {
  type: string
  id?: string
  // Tests look into messages freely
  // eslint-disable-next-line typescript/no-explicit-any
  payload?: any
}

async function start(t: TestContext, given: Partial<Limits> = {}) {
  const holders = createScriptedHolders()
  const limits = { ...defaultLimits, ...given }
  const authenticator = createAuthenticator({
    apiKey: 'of-the-environment',
    holders: [holders],
    tokenKey: Buffer.alloc(32, 7),
    limits
  })
  return { ...(await startServer(t, { authenticator, limits })), holders }
}

async function connect(t: TestContext, url: string) {
  const socket = new WebSocket(url.replace('http', 'ws'), ['graphql-transport-ws'])
  t.after(() => socket.terminate())
  const closed = once(socket, 'close').then(([code, reason]) => [code, String(reason)] as [number, string])
  const said: Said[] = []
  socket.on('message', (data) => said.push(JSON.parse(String(data)) as Said))
  await once(socket, 'open')
  const send = (message: Said): void => socket.send(JSON.stringify(message))
  async function next(type: string, id?: string): Promise<Said> {
    const isIt = (one: Said): boolean => one.type === type && (id === undefined || one.id === id)
    await until(() => said.some(isIt))
    return said.splice(said.findIndex(isIt), 1)[0]!
  }
  return {
    socket,
    said,
    send,
    next,
    closed: () => closed,
    async begin({ authorization }: ScriptedHolder) {
      send({ type: 'connection_init', payload: authorization })
      await next('connection_ack')
    },
    async renew(payload: object): Promise<Said['payload']> {
      send({ type: 'ping', payload })
      return (await next('pong')).payload
    }
  }
}

const follow = (id: string): Said => ({
  type: 'subscribe',
  id,
  payload: { query: 'subscription { messages(after: "earliest") { message { payloadText } } }' }
})

test('a newer token goes on with what runs: nothing is missed, repeated or begun anew; the newest ends it', async (t) => {
  const { url, holders, memory } = await start(t)
  const grants = reads('#')
  const first = holders.add('oidc:me', 'token-0', grants, { expiresAt: Date.parse('2030-01-01T00:00:00Z') })
  const { begin, renew, send, next, said, closed } = await connect(t, url)
  await begin(first)
  send(follow('one'))
  const told: number[] = []
  const count = 200
  let newest = first
  for (let n = 0; n < count; n++) {
    memory.receive('t', String(n))
    if (n % 40 === 20) {
      const token = holders.add('oidc:me', `token-${n}`, grants, {
        expiresAt: Date.parse('2031-01-01T00:00:00Z')
      })
      assert.deepEqual(await renew(token.authorization), {
        principal: 'oidc:me',
        expiresAt: '2031-01-01T00:00:00.000Z'
      })
      newest.end()
      newest = token
    }
  }
  while (told.length < count)
    told.push(Number((await next('next')).payload.data.messages.message.payloadText))
  assert.deepEqual(
    told,
    Array.from({ length: count }, (_, n) => n)
  )

  send({
    type: 'subscribe',
    id: 'wait',
    payload: { query: `{ topics(minCursor: "${memory.store.cursors.encode(10_000)}") { cursor } }` }
  })
  send({ type: 'ping' })
  await next('pong')
  newest.end()
  memory.receive('t', 'too late')
  for (const id of ['one', 'wait'])
    assert.equal((await next('error', id)).payload[0].extensions.code, 'unauthenticated')
  assert.deepEqual(await closed(), [4401, 'Unauthorized'])
  assert.deepEqual(said, [])
})

test('what may not replace it is refused, and changes nothing', async (t) => {
  const { url, holders, memory } = await start(t)
  const me = holders.add('oidc:me', 'mine', reads('mine/#'))
  const other = holders.add('oidc:other', 'others', reads('#'))
  const over = holders.add('oidc:me', 'over', reads('#'))
  over.end()
  const { begin, renew, send, next, closed } = await connect(t, url)
  assert.equal((await renew(me.authorization)).code, 'unauthenticated', 'before the first message')
  await begin(me)
  send(follow('one'))
  for (const [payload, code] of [
    [other.authorization, 'forbidden'],
    [over.authorization, 'unauthenticated'],
    [{ authorization: 'Bearer nobody-knows-this' }, 'unauthenticated'],
    [{ authorization: 'Bearer of-the-environment' }, 'forbidden'],
    [{ Authorization: 'Basic bWluZQ==' }, 'unauthenticated'],
    [{ authorization: ['Bearer mine'] }, 'invalid_value'],
    [{ authorization: null }, 'invalid_value']
  ] as const) {
    const answer = await renew(payload)
    assert.deepEqual(Object.keys(answer).toSorted(), ['code', 'detail'])
    assert.equal(answer.code, code, JSON.stringify(payload))
    assert.ok(!/nobody-knows|of-the-env|Bearer mine/.test(answer.detail))
  }
  assert.deepEqual(await renew({ a: 1 }), { a: 1 }, 'a ping that is no more than that')
  memory.receive('others', 'secret')
  memory.receive('mine/1', 'told')
  assert.equal((await next('next')).payload.data.messages.message.payloadText, 'told')
  me.end()
  assert.equal((await closed())[0], 4401)
  assert.equal(getEventListeners(other.ended, 'abort').length, 0)
})

test('credentials count in the order in which they came, and few wait', async (t) => {
  const { url, holders, memory } = await start(t, { renewalsWaitingMax: 3 })
  const goOn: Array<() => void> = []
  const client = await connect(t, url)
  await client.begin(holders.add('oidc:me', 'first', reads('mine/#')))
  holders.before = () => new Promise((resolve) => goOn.push(resolve))
  for (const name of ['a', 'b', 'c', 'd']) {
    const { authorization } = holders.add('oidc:me', name, reads(`${name}/#`))
    client.send({ type: 'ping', payload: authorization })
  }
  assert.equal((await client.next('pong')).payload.code, 'too_many_requests')
  for (let looked = 0; looked < 3; looked++) {
    await until(() => goOn.length === 1)
    goOn.pop()!()
    assert.equal((await client.next('pong')).payload.principal, 'oidc:me')
  }
  client.send(follow('one'))
  for (const topic of ['mine/1', 'a/1', 'b/1', 'd/1', 'c/1']) memory.receive(topic, topic)
  assert.equal((await client.next('next')).payload.data.messages.message.payloadText, 'c/1')
})

test('nobody is waited for longer than the first message may take, and who went meanwhile leaves nothing behind', async (t) => {
  const { url, holders } = await start(t, { socketInitMsMax: 200 })
  let goOn = (): void => {}
  holders.before = () => new Promise((resolve) => (goOn = resolve))
  const me = holders.add('oidc:me', 'mine', reads('#'))
  const slow = await connect(t, url)
  slow.send({ type: 'connection_init', payload: me.authorization })
  assert.deepEqual(await slow.closed(), [4408, 'Connection initialisation timeout'])
  goOn()

  const gone = await connect(t, url)
  gone.send({ type: 'connection_init', payload: me.authorization })
  const before = goOn
  await until(() => goOn !== before)
  gone.socket.close()
  await gone.closed()
  goOn()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(getEventListeners(me.ended, 'abort').length, 0)

  holders.before = async () => {}
  const early = await connect(t, url)
  await early.begin(me)
  me.end()
  assert.equal((await early.closed())[0], 4401)
})

test('who comes with a token while the issuer is away is told to come again later; with a bad one, not', async (t) => {
  const issuer = await startIssuer()
  const payload = { authorization: `Bearer ${await issuer.issue({ rialto: 'read:topic:#' })}` }
  await issuer.stop()
  const { authenticator } = takeTokens(issuer)
  const { url } = await startServer(t, { authenticator })
  const away = await connect(t, url)
  away.send({ type: 'connection_init', payload })
  assert.deepEqual(await away.closed(), [1013, 'Try again later'])
  const bad = await connect(t, url)
  bad.send({ type: 'connection_init', payload: { authorization: 'Bearer a.b.c' } })
  assert.deepEqual(await bad.closed(), [4403, 'Forbidden'])
})

test('over HTTP, a query that waits is told that it is over', async (t) => {
  const { url, holders, memory } = await start(t)
  const me = holders.add('oidc:me', 'mine', reads('#'))
  const ahead = memory.store.cursors.encode(1_000)
  let asked = 0
  holders.before = async () => void asked++
  const answering = query(url, `{ topics(minCursor: "${ahead}") { cursor } }`, {}, me.authorization)
  // Before the body is read; and over while it waits
  await until(() => asked === 1)
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  me.end()
  const answer = await answering
  assert.deepEqual([answer.status, codes(answer)], [401, ['unauthenticated']])
})
