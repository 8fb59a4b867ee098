/** Commands and retained messages on a condition, over a real store. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createRequests } from '../../src/commands/requests.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Answer } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { transition } from '../support/new-command.ts'
import { call } from './contract.ts'
import { alwaysAs, startServer } from './server.ts'

const server = await startServer()
const { store, parts, receive } = server
const base = `${server.url}/v1`

const send = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  call(`${base}/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body)
  })

/** A topic of its own, and its ETag. */
async function heard(retain = false): Promise<{ topic: string; etag: string }> {
  const topic = `if/${randomUUID()}`
  await receive({ topic, retain })
  return { topic, etag: (await call(`${base}/topic?name=${topic}`)).headers.get('etag')! }
}

const outcome = ({ status, body }: Answer): unknown[] => [status, body.code ?? body.state]

test('of two that send one ETag, one is accepted', async () => {
  const { topic, etag } = await heard()
  const answers = await Promise.all(
    [1, 2, 3, 4].map((payload) => send({ topic, payload }, { 'if-match': etag }))
  )
  for (const [status, times] of [
    [202, 1],
    [412, 3]
  ])
    assert.equal(answers.filter((answer) => answer.status === status).length, times)
  const lost = answers.find(({ status }) => status === 412)!
  assert.equal(lost.body.code, 'precondition_failed')
  assert.match(lost.body.detail, /on its way/)
  assert.equal((await call(`${base}/commands?topic=${topic}`)).body.items.length, 1)
})

test('a state that is another one, a weak tag, and a topic that is not known', async () => {
  const { topic, etag } = await heard()
  await receive({ topic })
  for (const tag of [etag, 'W/"1"', 'nothing', '*', `${etag}, "1"`]) {
    const refused = await send({ topic, payload: 1 }, { 'if-match': tag })
    assert.deepEqual(outcome(refused), [412, 'precondition_failed'], tag)
  }
  assert.match((await send({ topic, payload: 1 }, { 'if-match': etag })).body.detail, /its state has seq \d+/)
  const unknown = await send({ topic: 'if/unknown', payload: 1 }, { 'if-match': '"1"' })
  assert.deepEqual(outcome(unknown), [412, 'precondition_failed'])
  assert.match(unknown.body.detail, /nothing is known of this topic/)
  const now = (await call(`${base}/topic?name=${topic}`)).headers.get('etag')!
  assert.equal((await send({ topic, payload: 1 }, { 'if-match': `"1", ${now}` })).status, 202)
})

test('whether there is a retained message', async () => {
  const kept = await heard(true)
  assert.equal((await send({ topic: kept.topic, payload: 1 }, { 'if-none-match': '*' })).status, 412)
  assert.equal((await send({ topic: kept.topic, payload: 1 }, { 'if-match': '*' })).status, 202)
  const plain = await heard()
  assert.equal((await send({ topic: plain.topic, payload: 1 }, { 'if-match': '*' })).status, 412)
  assert.equal((await send({ topic: plain.topic, payload: 1 }, { 'if-none-match': '*' })).status, 202)
  assert.equal((await send({ topic: 'if/fresh', payload: 1 }, { 'if-none-match': '*' })).status, 202)
})

test('conditions go with one command to a topic', async () => {
  const condition = { 'if-match': '"1"' }
  for (const body of [{ commands: [{ topic: 'a', payload: 1 }] }, { device: 'd', name: 'n', payload: {} }])
    assert.deepEqual(outcome(await send(body, condition)), [422, 'invalid_value'])
  assert.deepEqual(outcome(await send({ topic: 'a', payload: 1 }, { 'if-none-match': '"1"' })), [
    422,
    'invalid_value'
  ])
  assert.deepEqual(outcome(await send({ topic: 'a/+', payload: 1 }, condition)), [422, 'invalid_topic'])
})

test('a repetition is answered as the first was, whatever the state is by then; another condition is another request', async () => {
  const { topic, etag } = await heard()
  const key = { 'idempotency-key': randomUUID() }
  const bodies = await Promise.all(
    Array.from({ length: 10 }, () => send({ topic, payload: 1 }, { ...key, 'if-match': etag }))
  )
  await receive({ topic })
  bodies.push(await send({ topic, payload: 1 }, { ...key, 'if-match': etag }))
  for (const { status, body } of bodies) assert.deepEqual([status, body], [202, bodies[0]!.body])
  assert.deepEqual(outcome(await send({ topic, payload: 1 }, { ...key, 'if-match': '*' })), [
    422,
    'idempotency_mismatch'
  ])
})

test('what is refused is not remembered with its key', async () => {
  const { topic } = await heard()
  const key = { 'idempotency-key': randomUUID() }
  const tag = `"${(await store.journal.head()).seq + 1}"`
  assert.equal((await send({ topic, payload: 1 }, { ...key, 'if-match': tag })).status, 412)
  await receive({ topic })
  assert.equal((await send({ topic, payload: 1 }, { ...key, 'if-match': tag })).status, 202)
})

test('a retained write that is refused when it is published is answered 412 to who waited', async () => {
  const { topic, etag } = await heard(true)
  const writing = call(`${base}/topic/retained?name=${topic}`, {
    method: 'PUT',
    headers: { 'if-match': etag, prefer: 'wait=30' },
    body: 'x'
  })
  const id = await eventually(
    async () => (await call(`${base}/commands?topic=${topic}&state=pending`)).body.items[0]?.id
  )
  const reason = `precondition_failed: the topic's state has seq 9`
  await store.commands.move([transition(id, ['pending'], 'refused', { event: 'refuse', reason })])
  parts.feed.hint(null)
  const answer = await writing
  assert.deepEqual(outcome(answer), [412, 'precondition_failed'])
  assert.match(answer.body.detail, /the topic's state has seq 9/)
  assert.equal((await call(`${base}/commands/${id}`)).body.reason, reason)
  const deleted = await call(`${base}/topic/retained?name=${topic}`, {
    method: 'DELETE',
    headers: { 'if-match': etag, prefer: 'wait=0' }
  })
  assert.equal(deleted.status, 202, 'the topic is free again')
})

test('conditions are for those who may read the topic, and for topics that are heard', async () => {
  const authenticator = alwaysAs({ principal: 'blind', mayRead: () => false, mayPublish: () => true })
  const blind = await startServer({ parts: { authenticator } })
  await blind.receive({ topic: 'if/hidden', retain: true })
  const publish = (headers: Record<string, string>): Promise<Answer> =>
    call(`${blind.url}/v1/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ topic: 'if/hidden', payload: 1 })
    })
  for (const headers of [{ 'if-match': '"1"' }, { 'if-match': '*' }, { 'if-none-match': '*' }])
    assert.deepEqual(outcome(await publish(headers)), [403, 'forbidden'])
  assert.equal((await publish({})).status, 202)

  const toRequest = createRequests({
    address: async () => assert.fail('no device is asked for'),
    responses: 'rialto/test/responses',
    filters: ['heard/#'],
    limits: defaultLimits
  })
  const deaf = await startServer({ parts: { toRequest } })
  const unheard = await call(`${deaf.url}/v1/topic/retained?name=other`, {
    method: 'DELETE',
    headers: { 'if-none-match': '*', prefer: 'wait=0' }
  })
  assert.deepEqual(outcome(unheard), [412, 'precondition_failed'])
  assert.match(unheard.body.detail, /RIALTO_TOPICS is heard/)
})
