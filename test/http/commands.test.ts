/** Commands, retained messages and streams over a real store. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { CommandState } from '../../src/command.ts'
import type { Answer } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { openSse } from '../support/sse.ts'
import { call } from './contract.ts'
import { startServer } from './server.ts'

const server = await startServer({ limits: { commandsPerRequestMax: 3 } })
const { store, parts, receive } = server
const base = `${server.url}/v1`

const send = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  call(`${base}/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })

/** As the dispatcher would. */
async function finish(id: string, to: CommandState = 'published'): Promise<void> {
  await store.commands.move([transition(id, ['pending'], 'publishing')])
  await store.commands.move([transition(id, ['publishing'], to, { brokerReasonCode: 0 })])
  parts.feed.hint(null)
}

async function pendingTo(topic: string): Promise<string> {
  return eventually(
    async () => (await call(`${base}/commands?topic=${topic}&state=pending`)).body.items[0]?.id
  )
}

test('a command is accepted, can be found, and its transitions are told', async () => {
  const sent = await send({ topic: 'c/one', payload: { on: true }, qos: 2, expiresInSeconds: 60 })
  assert.equal(sent.status, 202)
  assert.equal(sent.headers.get('location'), `/v1/commands/${sent.body.id}`)
  assert.deepEqual(
    [sent.body.state, sent.body.final, sent.body.payloadText],
    ['pending', false, '{"on":true}']
  )
  await finish(sent.body.id)
  const found = await call(`${server.url}${sent.headers.get('location')}`)
  assert.deepEqual([found.body.state, found.body.final, found.body.attempts], ['published', true, 1])
  assert.deepEqual(
    found.body.events.map(({ to }: { to: string }) => to),
    ['pending', 'publishing', 'published']
  )
  assert.equal((await call(`${base}/commands/${randomUUID()}`)).status, 404)
})

test('a repetition with the same key is answered with the same bytes, whatever became of the command', async () => {
  const key = { 'content-type': 'application/json', 'idempotency-key': 'once' }
  const post = (body: string): Promise<Response> =>
    fetch(`${base}/commands`, { method: 'POST', headers: key, body })
  const many = await Promise.all(
    Array.from({ length: 8 }, () => post('{"topic":"c/key","payload":{"a":1,"b":2}}'))
  )
  const answers = await Promise.all(
    many.map(async (answer) => [answer.status, answer.headers.get('location'), await answer.text()])
  )
  assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1)
  await finish(JSON.parse(answers[0]![2] as string).id)
  const later = await post('{ "payload": {"b":2, "a":1}, "topic": "c/key" }')
  assert.deepEqual([later.status, later.headers.get('location'), await later.text()], answers[0])
  const { seq } = await store.journal.head()
  assert.equal(later.headers.get('rialto-cursor'), store.cursors.encode(seq))
  const other = await send({ topic: 'c/key', payload: 2 }, key)
  assert.deepEqual([other.status, other.body.code], [422, 'idempotency_mismatch'])
  assert.equal((await call(`${base}/commands?topic=c/key`)).body.items.length, 1)
})

test('what is awaited, until when it is published, and how: as it was asked for, and as it is without', async () => {
  const { body: plain } = await send({ topic: 'c/terms', payload: 1 })
  assert.deepEqual(
    [plain.awaits, plain.timeoutSeconds, plain.delivery, plain.notBefore, plain.state],
    ['none', null, 'atLeastOnce', null, 'pending']
  )
  const { body: awaiting } = await send({ topic: 'c/terms', payload: 1, awaits: 'response' })
  assert.deepEqual([awaiting.awaits, awaiting.timeoutSeconds], ['response', 60])
  assert.equal(awaiting.properties.responseTopic, `rialto/test/responses/${awaiting.id}`)
  const notBefore = new Date(Date.now() + 60_000).toISOString()
  const scheduled = await send({
    topic: 'c/terms',
    payload: [1],
    encoding: 'cbor',
    notBefore,
    delivery: 'atMostOnce',
    timeoutSeconds: 5,
    response: { ok: 'eq(payload/ok,true)' }
  })
  const { body } = scheduled
  assert.deepEqual(
    [body.state, body.notBefore, body.delivery, body.timeoutSeconds, body.payloadBase64],
    ['scheduled', notBefore, 'atMostOnce', 5, Buffer.from([0x81, 1]).toString('base64')]
  )
  assert.equal(body.properties.contentType, 'application/cbor')
  assert.deepEqual((await call(`${base}/commands?topic=c/terms&state=scheduled`)).body.items, [body])
  const cancelled = await call(`${base}/commands/${body.id}/cancel`, { method: 'POST' })
  assert.deepEqual([cancelled.status, cancelled.body.state, cancelled.body.final], [200, 'cancelled', true])
  const past = await send({ topic: 'c/terms', payload: 1, notBefore: '2020-01-01T00:00:00Z' })
  assert.equal(past.body.state, 'pending')
})

test('Prefer: wait is for the outcome: published is none where something is awaited', async () => {
  const asked = send({ topic: 'c/await', payload: 1, awaits: 'response' }, { prefer: 'wait=20' })
  const id = await pendingTo('c/await')
  await finish(id)
  assert.equal((await call(`${base}/commands/${id}`)).body.final, false)
  await store.commands.move([transition(id, ['published'], 'succeeded', { event: 'succeed' })])
  parts.feed.hint(null)
  const { status, body } = await asked
  assert.deepEqual([status, body.state, body.final], [200, 'succeeded', true])
})

test('Prefer: wait answers with the outcome, or at the end of patience with the acceptance', async () => {
  const asked = send({ topic: 'c/wait', payload: 1 }, { prefer: 'wait=20' })
  await finish(await pendingTo('c/wait'), 'undeliverable')
  const outcome = await asked
  assert.deepEqual([outcome.status, outcome.body.state], [200, 'undeliverable'])
  assert.equal(outcome.headers.get('preference-applied'), 'wait=20')
  const late = await send({ topic: 'c/late', payload: 1 }, { prefer: 'wait=1' })
  assert.deepEqual([late.status, late.body.state], [202, 'pending'])
})

test('of several commands each has its own outcome, in order', async () => {
  const sent = await send({
    commands: [
      { topic: 'c/m', payload: 1 },
      { topic: 'c/#', payload: 1 },
      { topic: 'c/n', payload: 2 }
    ]
  })
  assert.equal(sent.status, 202)
  const [first, second, third] = sent.body.items
  assert.deepEqual(
    [first.command.topic, second.problem.code, third.command.topic],
    ['c/m', 'invalid_topic', 'c/n']
  )
  assert.equal(second.problem.errors[0].pointer, '/commands/1/topic')
  assert.equal(first.command.batchId, third.command.batchId)
  const key = { 'idempotency-key': 'several' }
  const several = { commands: [{ topic: 'c/k', payload: 1 }, { topic: 'c/k' }] }
  const post = async (): Promise<string> => {
    const headers = { 'content-type': 'application/json', ...key }
    const answer = await fetch(`${base}/commands`, { method: 'POST', headers, body: JSON.stringify(several) })
    assert.equal(answer.status, 202)
    return answer.text()
  }
  const answers = await Promise.all([post(), post(), post()])
  await finish(
    (JSON.parse(answers[0]!) as { items: Array<{ command: { id: string } }> }).items[0]!.command.id
  )
  assert.deepEqual(new Set([...answers, await post()]).size, 1)
  assert.equal((await call(`${base}/commands?topic=c/k`)).body.items.length, 1)
  const none = await send({ commands: [{ topic: 'c/m' }, { topic: '', payload: 1 }] })
  assert.equal(none.status, 422)
  assert.deepEqual(
    none.body.items.map((item: { problem: { code: string } }) => item.problem.code),
    ['invalid_value', 'invalid_topic']
  )
  const many = await send({ commands: Array.from({ length: 4 }, () => ({ topic: 'c/m', payload: 1 })) })
  assert.deepEqual([many.status, many.body.code], [422, 'invalid_value'])
})

test('a pending command can be cancelled, a published one cannot', async () => {
  const cancel = (id: string): Promise<Answer> => call(`${base}/commands/${id}/cancel`, { method: 'POST' })
  const { id } = (await send({ topic: 'c/cancel', payload: 1 })).body
  const cancelled = await cancel(id)
  assert.deepEqual([cancelled.status, cancelled.body.state], [200, 'cancelled'])
  assert.ok(cancelled.headers.get('rialto-cursor'))
  assert.deepEqual([(await cancel(id)).status, (await cancel(randomUUID())).status], [409, 404])
})

test('what was lost on its way is cancelled as unknown: it may have arrived, and is published no more', async () => {
  const { id } = (await send({ topic: 'c/lost', payload: 1 })).body
  await store.commands.move([transition(id, ['pending'], 'publishing')])
  const early = await call(`${base}/commands/${id}/cancel`, { method: 'POST' })
  assert.deepEqual([early.status, early.body.code], [409, 'not_cancellable'])
  await store.commands.move([transition(id, ['publishing'], 'pending', { event: 'lose' })])
  const { status, body } = await call(`${base}/commands/${id}/cancel`, { method: 'POST' })
  assert.deepEqual([status, body.state, body.final], [200, 'unknown', true])
  assert.match(body.reason, /may have been published/)
})

test('lists: by state, by topic, in pages', async () => {
  const ids = []
  for (const payload of [1, 2, 3]) ids.push((await send({ topic: 'c/list', payload })).body.id)
  await finish(ids[0]!)
  const list = async (more: string): Promise<string[]> =>
    (await call(`${base}/commands?topic=c/list&${more}`)).body.items.map(({ id }: { id: string }) => id)
  assert.deepEqual(await list(''), ids.toReversed())
  assert.deepEqual(await list('order=asc&limit=2'), ids.slice(0, 2))
  assert.deepEqual(await list('state=pending&order=asc'), ids.slice(1))
  assert.deepEqual(await list('state=published,undeliverable'), ids.slice(0, 1))
  const { next } = (await call(`${base}/commands?topic=c/list&limit=2`)).body
  assert.deepEqual(await list(`limit=2&page=${next}`), ids.slice(0, 1))
})

test('lists: by device and name, by what is awaited, by batch, by what is retried, by time', async () => {
  const expect = { filter: 'c/f/state', where: 'eq(payload,1)' }
  const batch = await send({ commands: [1, 2].map((payload) => ({ topic: 'c/f', payload })) })
  const { batchId } = batch.body.items[0].command
  const seen = (await send({ topic: 'c/f', payload: 3, expect })).body
  await finish(batch.body.items[0].command.id)
  const retried = await call(`${base}/commands/${batch.body.items[0].command.id}/retry`, { method: 'POST' })
  const device = newCommand('c/f', { device: 'press/3 +', name: 'set' })
  await store.commands.accept([device], null)
  const list = async (more: Record<string, string>): Promise<string[]> => {
    const query = Object.entries(more).map(([field, value]) => `&${field}=${encodeURIComponent(value)}`)
    return (await call(`${base}/commands?topic=c/f&order=asc${query.join('')}`)).body.items.map(
      ({ id }: { id: string }) => id
    )
  }
  const ids: string[] = batch.body.items.map(({ command }: { command: { id: string } }) => command.id)
  assert.deepEqual(await list({ batch: batchId }), ids)
  assert.deepEqual(await list({ retryOf: ids[0]! }), [retried.body.id])
  assert.deepEqual(await list({ awaits: 'effect,response' }), [seen.id])
  assert.deepEqual(await list({ device: 'press/3 +' }), [device.id])
  assert.deepEqual(await list({ device: 'press/3' }), [])
  assert.deepEqual(await list({ name: 'set' }), [device.id])
  assert.deepEqual(await list({ from: seen.createdAt, to: seen.createdAt }), [])
  assert.ok((await list({ to: seen.createdAt })).includes(ids[0]!))
  assert.ok((await list({ from: seen.createdAt })).includes(seen.id))
  for (const wrong of ['batch=x', 'retryOf=1', 'awaits=nothing', 'from=today', 'devices=d'])
    assert.equal((await call(`${base}/commands?${wrong}`)).status, 422, wrong)
})

test('a retained message is set by any name of its topic: the bytes, and their type', async () => {
  await receive({ topic: 'r/t' })
  const { topicId } = (await call(`${base}/topics/r%2Ft`)).body
  for (const path of [
    `topic/retained?name=r/t&qos=2`,
    'topics/r%2Ft/retained?qos=2',
    `topics/by-id/${topicId}/retained?qos=2`
  ]) {
    const body = Buffer.from([0, 255, 10])
    const headers = { prefer: 'respond-async', 'content-type': 'image/png' }
    const { id } = (await call(`${base}/${path}`, { method: 'PUT', headers, body })).body
    const { topic, qos, retain, payloadBase64, properties } = (await call(`${base}/commands/${id}`)).body
    assert.deepEqual([topic, qos, retain, payloadBase64], ['r/t', 2, true, body.toString('base64')])
    assert.equal(properties.contentType, 'image/png')
  }
  const headers = { prefer: 'wait=0', 'content-type': 'application/json' }
  const unread = await call(`${base}/topics/r%2Ft/retained`, { method: 'PUT', headers, body: '{not json' })
  assert.equal(unread.body.payloadText, '{not json')
  const cleared = await call(`${base}/topics/r%2Ft/retained`, {
    method: 'DELETE',
    headers: { prefer: 'wait=0' }
  })
  assert.deepEqual([cleared.status, cleared.body.format, cleared.body.retain], [202, 'empty', true])
  assert.equal((await call(`${base}/topics/by-id/999999/retained`, { method: 'DELETE' })).status, 404)
})

test('without a preference, a retained message waits for the broker', async () => {
  const asked = call(`${base}/topics/r%2Fwait/retained`, { method: 'PUT', body: 'x' })
  await finish(await pendingTo('r/wait'))
  assert.deepEqual([(await asked).status, (await asked).body.state], [200, 'published'])
  const refused = call(`${base}/topics/r%2Frefused/retained`, { method: 'PUT', body: 'x' })
  await finish(await pendingTo('r/refused'), 'refused')
  assert.deepEqual([(await refused).status, (await refused).body.state], [202, 'refused'])
})

test('a condition that fails publishes nothing', async () => {
  await receive({ topic: 'r/if', retain: true })
  const etag = (await call(`${base}/topics/r%2Fif`)).headers.get('etag')!
  const put = (headers: Record<string, string>): Promise<Answer> =>
    call(`${base}/topics/r%2Fif/retained`, {
      method: 'PUT',
      headers: { prefer: 'wait=0', ...headers },
      body: 'x'
    })
  for (const headers of [{ 'if-match': '"0"' }, { 'if-none-match': '*' }]) {
    assert.equal((await put(headers)).body.code, 'precondition_failed')
  }
  assert.equal((await call(`${base}/commands?topic=r/if`)).body.items.length, 0)
  assert.equal((await put({ 'if-match': etag })).status, 202)
})

test('page, stream and write agree on positions: nothing is missed, nothing comes twice', async () => {
  const seqs = (events: Array<{ event: string; data: { message?: { seq: string } } }>): string[] =>
    events.flatMap(({ data }) => (data.message ? [data.message.seq] : []))
  await receive({ topic: 's/t' }, { topic: 's/t' })
  const page = (await call(`${base}/messages?filter=s/t&order=asc`)).body
  await receive({ topic: 's/t' }, { topic: 's/other' }, { topic: 's/t' })
  const url = `${base}/stream?filter=s/t&after=${page.cursor}`
  const first = await openSse(url)
  await eventually(() => seqs(first.events).length === 2)
  first.close()
  await receive({ topic: 's/t' })
  const second = await openSse(url, { 'last-event-id': first.events.at(-1)!.id })
  await receive({ topic: 's/t' })
  await eventually(() => seqs(second.events).length === 2)
  const all = (await call(`${base}/messages?filter=s/t&order=asc`)).body.items.map(
    ({ seq }: { seq: string }) => seq
  )
  const read = page.items.map(({ seq }: { seq: string }) => seq)
  assert.deepEqual([...read, ...seqs(first.events), ...seqs(second.events)], all)

  const sent = await send({ topic: 's/c', payload: 1 })
  const third = await openSse(`${base}/stream?types=command&after=${sent.headers.get('rialto-cursor')}`)
  await finish(sent.body.id)
  const published = await third.find('command', (event) => event.command.to === 'published')
  assert.equal(published.data.command.id, sent.body.id)
  assert.equal(
    third.events.some((event) => event.data.command?.to === 'pending'),
    false
  )
})

test('a cursor that the journal has not reached, or no longer keeps, is refused', async () => {
  const { seq } = await store.journal.head()
  const ahead = await call(`${base}/stream?after=${store.cursors.encode(seq + 1_000)}`)
  assert.deepEqual([ahead.status, ahead.body.code], [409, 'cursor_ahead'])
  const page = (await call(`${base}/commands?limit=1`)).body.next
  assert.equal((await call(`${base}/stream?after=${page}`)).body.code, 'cursor_kind')
})

test('who waits is answered when the server closes', async () => {
  const other = await startServer()
  const asked = fetch(`${other.url}/v1/topics/w/retained`, {
    method: 'PUT',
    body: 'x',
    headers: { prefer: 'wait=50' }
  })
  await eventually(async () => (await other.store.commands.countOpen()) === 1)
  const begun = performance.now()
  await other.app.close()
  assert.equal((await asked).status, 202)
  assert.ok(performance.now() - begun < 3_000)
})
