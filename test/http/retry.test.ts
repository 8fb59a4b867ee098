/** POST commands/{id}/retry over a real store: what becomes of the first command is for the test to say. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { CommandState } from '../../src/command.ts'
import type { Answer } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { transition } from '../support/new-command.ts'
import { call } from './contract.ts'
import { startServer } from './server.ts'

const { url, store, parts } = await startServer()
const base = `${url}/v1/commands`

const send = async (body: object): Promise<Answer['body']> => {
  const headers = { 'content-type': 'application/json' }
  return (await call(base, { method: 'POST', headers, body: JSON.stringify(body) })).body
}
const retry = (id: string, headers: Record<string, string> = {}): Promise<Answer> =>
  call(`${base}/${id}/retry`, { method: 'POST', headers })
const get = async (id: string): Promise<Answer['body']> => (await call(`${base}/${id}`)).body

/** As the dispatcher would. */
async function finish(id: string, to: CommandState): Promise<void> {
  await store.commands.move([transition(id, ['pending'], 'publishing')])
  await store.commands.move([transition(id, ['publishing'], to)])
  parts.feed.hint(null)
}

test('only a final command can be retried; the retry is another command, and the first one stays', async () => {
  const first = await send({ topic: 'r/a', payload: { on: true }, qos: 2, delivery: 'atMostOnce' })
  const early = await retry(first.id)
  assert.deepEqual([early.status, early.body.code], [409, 'not_retryable'])
  await finish(first.id, 'unknown')
  const again = await retry(first.id)
  assert.equal(again.status, 202)
  assert.equal(again.headers.get('location'), `/v1/commands/${again.body.id}`)
  assert.notEqual(again.body.id, first.id)
  const { topic, payloadText, qos, delivery, state, retryOf, attempts } = await get(again.body.id)
  assert.deepEqual(
    { topic, payloadText, qos, delivery, state, retryOf, attempts },
    {
      topic: 'r/a',
      payloadText: '{"on":true}',
      qos: 2,
      delivery: 'atMostOnce',
      state: 'pending',
      retryOf: first.id,
      attempts: 0
    }
  )
  const before = await get(first.id)
  assert.deepEqual([before.state, before.retryOf], ['unknown', null])
})

test('an expiry is as long as it was, from now on', async () => {
  const first = await send({ topic: 'r/expiry', payload: 1, expiresInSeconds: 100 })
  await finish(first.id, 'refused')
  const { createdAt, expiresAt } = (await retry(first.id)).body
  assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), 100_000)
})

test('with a key it is sent once: the same bytes, whatever became of it, and another key is another command', async () => {
  const first = await send({ topic: 'r/key', payload: 1 })
  await finish(first.id, 'undeliverable')
  const post = async (key: string): Promise<unknown[]> => {
    const answer = await fetch(`${base}/${first.id}/retry`, {
      method: 'POST',
      headers: { 'idempotency-key': key }
    })
    return [answer.status, answer.headers.get('location'), await answer.text()]
  }
  const answers = await Promise.all(Array.from({ length: 8 }, () => post('one')))
  await finish((JSON.parse(answers[0]![2] as string) as { id: string }).id, 'published')
  answers.push(await post('one'))
  for (const answer of answers) assert.deepEqual(answer, answers[0])
  assert.notDeepEqual(await post('two'), answers[0])
  assert.equal((await call(`${base}?topic=r/key`)).body.items.length, 3)
  const other = await send({ topic: 'r/key', payload: 1 })
  await finish(other.id, 'published')
  const mismatch = await retry(other.id, { 'idempotency-key': 'one' })
  assert.deepEqual([mismatch.status, mismatch.body.code], [422, 'idempotency_mismatch'])
})

test('Prefer: wait answers with what became of the retry', async () => {
  const first = await send({ topic: 'r/wait', payload: 1 })
  await finish(first.id, 'published')
  const asked = retry(first.id, { prefer: 'wait=20' })
  const id = await eventually(
    async () => (await call(`${base}?topic=r/wait&state=pending`)).body.items[0]?.id as string | undefined
  )
  await finish(id, 'undeliverable')
  const { status, body, headers } = await asked
  assert.deepEqual([status, body.id, body.state, body.retryOf], [200, id, 'undeliverable', first.id])
  assert.equal(headers.get('preference-applied'), 'wait=20')
})

test('what is not there, or cannot be read as an id, is said', async () => {
  assert.equal((await retry(randomUUID())).body.code, 'not_found')
  assert.equal((await retry('x')).body.code, 'invalid_value')
})
