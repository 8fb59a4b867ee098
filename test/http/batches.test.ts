/** What a request for a batch may not be, on REST and GraphQL: a code, the place, and nothing stored. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphql, postJson, request } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { lampOf, startFleet } from '../commands/fleet.ts'

const { url: mqttUrl } = await startBroker()
const { app, devices } = await startFleet({
  mqttUrl,
  lamps: 6,
  gates: 1,
  limits: { batchDevicesMax: 5, seriesPatternsMax: 2, batchesOpenMax: 3, commandDelaySecondsMax: 1_000 }
})
const { url } = app
await devices.client.subscribeAsync('lamps/+/set', { qos: 1 })

const good = { devices: [lampOf(0)], name: 'set', payload: 1 }
const post = (body: unknown, headers: Record<string, string> = {}) =>
  postJson(`${url}/v1/batches`, body, headers)
const inGraphql = async (input: object) => {
  const { body } = await postJson(`${url}/graphql`, {
    query: 'mutation ($input: SendBatchInput!) { sendBatch(input: $input) { batch { id } } }',
    variables: { input }
  })
  return body.errors?.[0] ?? body.data
}
const stored = async (): Promise<number> =>
  (await query<{ n: number }>(app.databaseUrl, 'select count(*)::int4 as n from batches'))[0]!.n

/** The same on both surfaces. */
const wrong: Array<[body: object, code: string, pointer: string]> = [
  [{ ...good, devices: [] }, 'invalid_value', '/devices'],
  [{ name: 'set', payload: 1 }, 'invalid_value', '/devices'],
  [{ ...good, devices: ['ends with \\'] }, 'invalid_value', '/devices'],
  [{ ...good, devices: ['*'] }, 'invalid_value', '/devices'], // seven, and five may be
  [{ ...good, devices: ['a*', 'b*', 'c*'] }, 'invalid_value', '/devices'],
  [{ ...good, devices: ['none-*'] }, 'invalid_value', '/devices'],
  [{ ...good, where: 'nonsense' }, 'invalid_value', '/where'],
  [{ ...good, where: 'eq(presence,"away")' }, 'invalid_value', '/devices'],
  [{ ...good, name: 'unknown' }, 'invalid_value', '/name'],
  [{ ...good, devices: ['nobody'] }, 'not_found', '/devices'],
  [{ ...good, awaits: 'response' }, 'invalid_value', '/awaits'],
  [{ ...good, ratePerSecond: 0.001 }, 'invalid_value', '/ratePerSecond'],
  [{ ...good, ratePerSecond: 1_001 }, 'invalid_value', '/ratePerSecond'],
  [
    { ...good, devices: ['lamp-000[1-4]', 'lamp-0*'], where: 'exists(metrics/never)' },
    'invalid_value',
    '/devices'
  ],
  [{ ...good, stopAtFailureShare: 1.5 }, 'invalid_value', '/stopAtFailureShare'],
  [{ ...good, stopAtFailureShare: -0.1 }, 'invalid_value', '/stopAtFailureShare'],
  [{ ...good, stopAfter: 2 }, 'invalid_value', '/stopAfter'],
  [{ ...good, stopAtFailureShare: 0.5, stopAfter: 0 }, 'invalid_value', '/stopAfter'],
  [{ ...good, expiresInSeconds: 0 }, 'invalid_value', '/expiresInSeconds'],
  [{ ...good, timeoutSeconds: 0 }, 'invalid_value', '/timeoutSeconds'],
  [{ ...good, notBefore: new Date(Date.now() + 2_000_000).toISOString() }, 'invalid_value', '/notBefore'],
  [{ ...good, payload: undefined }, 'invalid_value', '/payload'],
  [{ ...good, payloadBase64: 'AA==' }, 'invalid_value', '/payload']
]

for (const [body, code, pointer] of wrong)
  test(`refused: ${JSON.stringify(body)}`, async () => {
    const answer = await post(body)
    assert.ok(answer.status >= 400 && answer.status < 500, JSON.stringify(answer.body))
    assert.deepEqual(
      [answer.body.code, answer.body.errors[0].pointer],
      [code, pointer],
      JSON.stringify(answer.body)
    )
    const { extensions } = await inGraphql(body)
    assert.deepEqual(
      [extensions.code, extensions.errors[0].pointer],
      [code, pointer],
      JSON.stringify(extensions)
    )
    assert.equal(await stored(), 0)
  })

test('fields that a batch has not, and what is no JSON, are refused on REST', async () => {
  for (const more of [{ topic: 't' }, { expect: { filter: '#', where: 'exists(payload)' } }, { qos: 2 }]) {
    const { status, body } = await post({ ...good, ...more })
    assert.deepEqual([status, body.code], [422, 'unknown_field'])
  }
  const { status, body } = await request(`${url}/v1/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"devices":'
  })
  assert.deepEqual([status, body.code], [400, 'malformed_json'])
  assert.deepEqual(
    [(await post([])).status, (await post(null)).status, (await post('x')).status],
    [422, 422, 422]
  )
})

test('what is no batch is not found, and other tokens are refused', async () => {
  const nobody = '0d4b7f0e-5a0a-4f6e-9d53-6b1c6f1f2a10'
  for (const [method, path] of [
    ['GET', nobody],
    ['GET', `${nobody}/outcomes`],
    ['POST', `${nobody}/cancel`]
  ] as const) {
    const { status, body } = await request(`${url}/v1/batches/${path}`, { method })
    assert.deepEqual([status, body.code], [404, 'not_found'])
  }
  assert.equal((await request(`${url}/v1/batches/x`)).status, 422)
  assert.equal((await request(`${url}/v1/batches?state=odd`)).body.code, 'invalid_value')
  assert.equal((await request(`${url}/v1/batches?limit=100000`)).body.code, 'page_too_large')
  assert.equal((await request(`${url}/v1/batches?page=x`)).body.code, 'cursor_invalid')
  assert.deepEqual(await graphql(url, `{ batch(id: "${nobody}") { id } }`), { batch: null })
  assert.deepEqual(
    await graphql(
      url,
      `
        {
          batch(id: "x") {
            id
          }
        }
      `
    ),
    { batch: null }
  )
  for (const document of [
    `{ batchOutcomes(id: "${nobody}") { nodes { device } } }`,
    `mutation { cancelBatch(id: "${nobody}") { cursor } }`
  ]) {
    const { body } = await postJson(`${url}/graphql`, { query: document })
    assert.equal(body.errors[0].extensions.code, 'not_found')
  }
})

test('GraphQL sends, reads and cancels the same batches as REST', async () => {
  const fields = `id state name devices where ratePerSecond stopAtFailureShare stopAfter total accepted notAccepted final
    failures failureShare reason createdAt finishedAt principal counts { scheduled pending publishing published succeeded
    failed timedOut undeliverable refused expired cancelled unknown }`
  const send = (input: object) =>
    graphql(
      url,
      `mutation ($input: SendBatchInput!) { sendBatch(input: $input) { batch { ${fields} } cursor } }`,
      {
        input
      }
    )
  const input = {
    devices: [lampOf(1), 'lamp-0002', 'gate-*'],
    name: 'set',
    payload: 2,
    ratePerSecond: 0.05,
    stopAtFailureShare: 0.5,
    delivery: 'atMostOnce',
    idempotencyKey: 'g'
  }
  const { sendBatch } = await send(input)
  assert.deepEqual((await send(input)).sendBatch.batch, sendBatch.batch, 'the same key is the same batch')
  const { id } = sendBatch.batch
  const rest = async () => (await request(`${url}/v1/batches/${id}`)).body
  await eventually(async () => (await rest()).counts.published === 1)
  const now = await rest()
  assert.deepEqual((await graphql(url, `{ batch(id: "${id}") { ${fields} } }`)).batch, now)
  const { batches } = await graphql(
    url,
    `{ batches(state: [running], first: 1, minCursor: "${sendBatch.cursor}") { nodes { ${fields} } pageInfo { hasNextPage } } }`
  )
  assert.deepEqual(batches.nodes, [now])
  const outcome = 'device command { id state delivery batchId } problem { code errors { pointer } }'
  const devicesOf: string[] = []
  for (let after: string | null = null; ;) {
    const { batchOutcomes }: Awaited<ReturnType<typeof graphql>> = await graphql(
      url,
      `query ($after: String) { batchOutcomes(id: "${id}", first: 1, after: $after) {
        nodes { ${outcome} } pageInfo { hasNextPage endCursor } } }`,
      { after }
    )
    const [node] = batchOutcomes.nodes
    devicesOf.push(node.device)
    if (node.command !== null)
      assert.deepEqual([node.command.delivery, node.command.batchId], ['atMostOnce', id])
    else assert.deepEqual(node.problem, { code: 'invalid_value', errors: [{ pointer: '/name' }] })
    if (!batchOutcomes.pageInfo.hasNextPage) break
    after = batchOutcomes.pageInfo.endCursor
  }
  assert.deepEqual(devicesOf, [lampOf(1), lampOf(2), 'gate-0'])
  const { cancelBatch } = await graphql(
    url,
    `mutation { cancelBatch(id: "${id}") { batch { ${fields} } cursor } }`
  )
  assert.deepEqual(cancelBatch.batch, await rest())
  assert.deepEqual([cancelBatch.batch.state, cancelBatch.batch.counts.cancelled], ['cancelled', 1])
})

test('so many batches may be open, and no more', async () => {
  // What is told of a batch is what its commands are; that it is over is noted a moment later
  const open = () => query(app.databaseUrl, 'select from batches where finished_at is null')
  await eventually(async () => (await open()).length === 0, { what: 'those of before are over, and noted' })
  const later = { ...good, notBefore: new Date(Date.now() + 500_000).toISOString() }
  const answers = [await post(later), await post(later), await post(later), await post(later)]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [202, 202, 202, 429]
  )
  assert.equal(answers[3]!.body.code, 'too_many_requests')
  const cancelled = await request(`${url}/v1/batches/${answers[0]!.body.id}/cancel`, { method: 'POST' })
  assert.equal(cancelled.status, 200)
  await eventually(async () => (await post(later)).status === 202, { what: 'one has ended, and is noted' })
})

test('who waits for a change of a batch is told of it', async () => {
  const { body } = await request(`${url}/v1/batches?state=running&limit=1`)
  const { id } = body.items[0]
  const { headers } = await request(`${url}/v1/batches/${id}`)
  const etag = headers.get('etag')!
  assert.equal((await request(`${url}/v1/batches/${id}`, { headers: { 'if-none-match': etag } })).status, 304)
  const waiting = request(`${url}/v1/batches/${id}`, {
    headers: { 'if-none-match': etag, prefer: 'wait=30' }
  })
  await request(`${url}/v1/batches/${id}/cancel`, { method: 'POST' })
  const answer = await waiting
  assert.deepEqual([answer.status, answer.body.state], [200, 'cancelled'])
})
