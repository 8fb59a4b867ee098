/** The audit: what is changed or commanded by REST and GraphQL stands in it, with who asked and from where, and no secret. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { call } from '../http/contract.ts'
import type { Answer } from '../support/bridge.ts'
import { graphql, postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'

const mappings = `
automatic: true
mappings:
  - name: pumps
    topic: pumps/{device}
    decoder: json
    commands: [{ name: set, topic: "pumps/{device}/set" }]
`
const { url: mqttUrl } = await startBroker()
const bridge = await startBridge({
  mqttUrl,
  config: { mappingsFile: await mappingFile(mappings) },
  limits: { exportPageRowsMax: 3 }
})
const { url, databaseUrl, store } = bridge
const json = { 'content-type': 'application/json' }
const secret = 'canary-of-a-payload'

const put = (path: string, body: unknown): Promise<Answer> =>
  request(`${url}/v1${path}`, { method: 'PUT', headers: json, body: JSON.stringify(body) })
const remove = (path: string): Promise<Answer> => request(`${url}/v1${path}`, { method: 'DELETE' })
const audit = async (search = ''): Promise<Answer['body']> => {
  const { status, body } = await call(`${url}/v1/audit?${search}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
/** What a work adds, oldest first. */
async function added(work: () => Promise<unknown>): Promise<Answer['body'][]> {
  const [last] = (await audit('limit=1')).items
  await work()
  const { items } = await audit('limit=1000&order=asc')
  return items.filter(({ id }: { id: string }) => Number(id) > Number(last?.id ?? 0))
}
const told = (entries: Answer['body'][]): unknown[] =>
  entries.map(({ action, subject, detail }) => [action, subject, detail])

const commands = `${url}/v1/commands`
const command = (topic: string, more: object = {}) => ({ topic, payload: { secret }, ...more })

test('each request for commands has one entry, whoever it is stored with', async () => {
  let ids: string[] = []
  const entries = await added(async () => {
    const answers = await Promise.all([
      postJson(commands, command('audit/one')),
      postJson(commands, { commands: [command('audit/two'), command('audit/three')] }),
      postJson(commands, command('audit/four'))
    ])
    assert.deepEqual(
      answers.map(({ status }) => Math.floor(status / 100)),
      [2, 2, 2],
      JSON.stringify(answers)
    )
    ids = answers.map(({ body }) => body.items?.[0].command.batchId ?? body.id)
  })
  const expected = [
    [ids[0], 1, 'audit/one'],
    [ids[1], 2, 'audit/two'],
    [ids[2], 1, 'audit/four']
  ].map(([subject, count, topic]) => [
    'sendCommands',
    subject,
    { commands: count, topic, device: null, name: null, retryOf: null }
  ])
  assert.deepEqual(
    told(entries).toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    expected.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))
  )
  for (const { principal, address } of entries)
    assert.deepEqual([principal, address], ['anonymous', '127.0.0.1'])
})

test('a repetition has none, and what is refused has none', async () => {
  const headers = { 'idempotency-key': 'audited' }
  const entries = await added(async () => {
    for (let times = 0; times < 3; times++) await postJson(commands, command('audit/again'), headers)
    await postJson(commands, command('audit/#'))
  })
  assert.equal(entries.length, 1, JSON.stringify(entries))
})

test('retained writes, retries and cancellations', async () => {
  const path = '/topic/retained?name=audit%2Fretained'
  const bytes = { method: 'PUT', body: secret, headers: { 'content-type': 'text/plain' } }
  const later = { notBefore: new Date(Date.now() + 600_000).toISOString() }
  let scheduled = ''
  const entries = await added(async () => {
    const set = await request(`${url}/v1${path}`, bytes)
    assert.equal(set.status, 200, JSON.stringify(set.body))
    await remove(path)
    const { body } = await postJson(commands, command('audit/later', later))
    scheduled = body.id
    await request(`${commands}/${scheduled}/cancel`, { method: 'POST' })
    // A second time it is not cancelled by anybody
    await request(`${commands}/${scheduled}/cancel`, { method: 'POST' })
    await request(`${commands}/${scheduled}/retry`, { method: 'POST' })
    await graphql(
      url,
      `
        mutation {
          clearRetained(topic: "audit/other", waitSeconds: 0) {
            cursor
          }
        }
      `
    )
  })
  assert.deepEqual(
    entries.map(({ action, detail }) => [action, detail.topic]),
    [
      ['setRetained', 'audit/retained'],
      ['clearRetained', 'audit/retained'],
      ['sendCommands', 'audit/later'],
      ['cancelCommand', 'audit/later'],
      ['retryCommand', 'audit/later'],
      ['clearRetained', 'audit/other']
    ]
  )
  assert.equal(entries[3].subject, scheduled)
  assert.equal(entries[4].detail.retryOf, scheduled)
})

test('what changes how the service works: retention, mappings, redrives, forgetting, webhooks, imports', async () => {
  await postJson(commands, { topic: 'audit/forgotten', payload: 'x' })
  await eventually(async () => (await request(`${url}/v1/topic?name=audit%2Fforgotten`)).status === 200)
  const webhook = { url: `https://user:${secret}@hooks.example/${secret}`, types: ['message'] }
  const entries = await added(async () => {
    await put('/retention/classes/slow', { filters: ['slow/#'], keepSeconds: 7_200 })
    await remove('/retention/classes/slow')
    await postJson(`${url}/v1/mappings/reload`, {})
    await postJson(`${url}/v1/rejections/redrive`, { filters: ['audit/#'] })
    await remove('/topic?name=audit%2Fforgotten')
    await postJson(`${url}/v1/webhooks`, webhook)
    const made = await postJson(`${url}/v1/webhooks`, {
      ...webhook,
      url: `https://hooks.example/${secret}?key=${secret}`
    })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    await request(`${url}/v1/webhooks/${made.body.id}/rotate`, { method: 'POST' })
    await remove(`/webhooks/${made.body.id}`)
    const imported = await request(`${url}/v1/import/datapoints?id=audited`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: ''
    })
    assert.equal(imported.status, 200, JSON.stringify(imported.body))
  })
  assert.deepEqual(
    entries.map(({ action }) => action),
    [
      'setRetentionClass',
      'removeRetentionClass',
      'reloadMappings',
      'redrive',
      'forget',
      'createWebhook',
      'rotateWebhookSecret',
      'deleteWebhook',
      'importDatapoints'
    ]
  )
  assert.ok(
    entries.every(({ address, principal }) => address === '127.0.0.1' && principal === 'anonymous'),
    JSON.stringify(entries)
  )
})

test('batches and what cancels them, devices that are forgotten, changes of webhooks, and how long rollups are kept', async () => {
  const { client } = await connectClient(mqttUrl)
  for (const device of ['one', 'two']) await client.publishAsync(`pumps/${device}`, '{"v":1}', { qos: 1 })
  await client.endAsync()
  for (const device of ['one', 'two'])
    await eventually(async () => (await request(`${url}/v1/device?name=${device}`)).status === 200)
  let batch: Answer['body'] = {}
  let webhook = ''
  const entries = await added(async () => {
    // So slow that it is not over before it is canceled
    const ask = { devices: ['one', 'two'], name: 'set', payload: { secret }, ratePerSecond: 0.1 }
    batch = (await postJson(`${url}/v1/batches`, ask)).body
    assert.equal(batch.accepted, 2, JSON.stringify(batch))
    for (let times = 0; times < 2; times++)
      await request(`${url}/v1/batches/${batch.id}/cancel`, { method: 'POST' })
    const made = await postJson(`${url}/v1/webhooks`, {
      url: 'https://hooks.example/x',
      types: ['message']
    })
    webhook = made.body.id
    const changed = await request(`${url}/v1/webhooks/${webhook}`, {
      method: 'PATCH',
      headers: json,
      body: JSON.stringify({ url: `https://hooks.example/${secret}` })
    })
    assert.equal(changed.status, 200, JSON.stringify(changed.body))
    assert.equal((await put('/retention/rollups', { minute: 86_400 })).status, 200)
    assert.equal((await remove('/device?name=two')).status, 200)
  })
  assert.deepEqual(
    entries.map(({ action, subject, principal, address }) => [action, subject, principal, address]),
    [
      ['sendBatch', batch.id],
      ['cancelBatch', batch.id],
      ['createWebhook', webhook],
      ['updateWebhook', webhook],
      ['setRollupRetention', 'rollups'],
      ['forget', 'device two'],
      ['forget', 'topic pumps/two']
    ].map((entry) => [...entry, 'anonymous', '127.0.0.1'])
  )
})

test('and what becomes of keys', async () => {
  let id = ''
  const entries = await added(async () => {
    const made = await postJson(`${url}/v1/keys`, { name: 'n', grants: [{ role: 'read', topic: '#' }] })
    id = made.body.id
    const change = { method: 'PATCH', headers: json, body: '{"name":"m"}' }
    assert.equal((await request(`${url}/v1/keys/${id}`, change)).status, 200)
    assert.equal((await postJson(`${url}/v1/keys/${id}/rotate`, {})).status, 200)
    for (let times = 0; times < 2; times++) await remove(`/keys/${id}`)
  })
  assert.deepEqual(
    entries.map(({ action, subject, principal, address }) => [action, subject, principal, address]),
    ['createKey', 'changeKey', 'rotateKey', 'revokeKey'].map((action) => [
      action,
      id,
      'anonymous',
      '127.0.0.1'
    ])
  )
})

test('docs/audit.md names each operation that changes something, and the tests above had an entry of each', async () => {
  const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  const table = /## What has an entry\n([^]*?)\n\n[A-Z]/.exec(file('docs/audit.md'))![1]!
  const documented = [...table.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!)
  )
  const { paths } = parse(file('openapi.yaml')) as {
    paths: Record<string, Record<string, { operationId: string }>>
  }
  const changing = Object.values(paths)
    .flatMap(({ get: _get, ...others }) => Object.values(others))
    .map(({ operationId }) => operationId.replace(/(ByName|ById)$/, '').replace(/^forget\w+$/, 'forget'))
  // They change nothing: what is asked is too long for a URL, or whoever asks would have it anyway
  const asking = ['previewMapping', 'checkPermissions', 'createStreamTicket', 'pingWebhook']
  const expected = [...new Set(changing)].filter((name) => !asking.includes(name)).toSorted()
  assert.deepEqual(documented.toSorted(), expected)
  const { items } = await audit('limit=1000')
  const seen: string[] = items.map(({ action }: { action: string }) => action)
  assert.deepEqual([...new Set(seen)].toSorted(), expected)
})

test('no payload, and nothing of a secret, is in it', async () => {
  const rows = await query(databaseUrl, 'select a::text from audit a')
  assert.ok(rows.length > 10)
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(secret))
  assert.doesNotMatch(JSON.stringify(rows), /whsec_/)
})

test('it is selected, ordered and paged, and GraphQL says the same', async () => {
  const { items: all } = await audit('limit=1000')
  const ids = (items: Array<{ id: string }>): string[] => items.map(({ id }) => id)
  assert.deepEqual(ids((await audit('order=asc&limit=1000')).items), ids(all).toReversed())
  const sent = all.filter(({ action }: { action: string }) => action === 'sendCommands')
  const paged: unknown[] = []
  let page = ''
  do {
    const body: Answer['body'] = await audit(`action=sendCommands&limit=2&principal=anonymous${page}`)
    paged.push(...body.items)
    page = body.next === null ? '' : `&page=${body.next}`
    // What is written meanwhile is on no later page
    if (page !== '') await postJson(commands, command('audit/meanwhile'))
  } while (page !== '')
  assert.deepEqual(paged, sent)
  const [middle] = all.slice(2)
  assert.deepEqual(
    (await audit(`subject=${encodeURIComponent(middle.subject)}`)).items.map(({ id }: { id: string }) => id),
    ids(all.filter(({ subject }: { subject: string }) => subject === middle.subject))
  )
  const range = `from=${middle.at}&to=${new Date(Date.parse(middle.at) + 1).toISOString()}`
  assert.ok(
    (await audit(range)).items.every(({ at }: { at: string }) => at === middle.at),
    'from is in the range, to is not'
  )
  assert.equal((await audit('principal=nobody')).items.length, 0)
  const fields = 'id at principal address action subject detail'
  const first = await graphql(
    url,
    `{ audit(action: "sendCommands", order: asc, first: 2) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`
  )
  const second = await graphql(
    url,
    `query ($after: String) { audit(action: "sendCommands", order: asc, first: 2, after: $after) { nodes { ${fields} } } }`,
    { after: first.audit.pageInfo.endCursor }
  )
  assert.deepEqual(
    [...first.audit.nodes, ...second.audit.nodes],
    (await audit('action=sendCommands&order=asc&limit=4')).items
  )
})

test('the export has all of it, as lines and as a table, and goes on where it ended', async () => {
  const { items: all } = await audit('order=asc&limit=1000')
  const lines = async (search: string) => {
    const response = await fetch(`${url}/v1/export/audit?${search}`)
    assert.equal(response.status, 200)
    const text = await response.text()
    return { text, cursor: response.headers.get('rialto-cursor') }
  }
  const { text, cursor } = await lines('')
  const rows = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    rows.map(({ cursor: _cursor, ...row }) => row),
    all
  )
  assert.equal(rows.at(-1).cursor, cursor)
  const rest = await lines(`after=${rows[4].cursor}`)
  assert.equal(rest.text.trimEnd().split('\n').length, all.length - 5)
  const table = await lines('format=csv&action=sendCommands')
  assert.match(table.text, /^id,at,principal,address,action,subject,detail,cursor\r\n/)
  assert.match(table.text, /"{""commands"":2,/)
  const refused = await call(`${url}/v1/export/audit?after=x`)
  assert.deepEqual([refused.status, refused.body.code], [422, 'invalid_value'])
})

test('only administrators read it', async () => {
  const somebody = {
    principal: 'key:1',
    mayRead: () => true,
    readsAll: true,
    mayPublish: () => true
  } as const
  const nothing = { principal: null, action: null, subject: null, from: null, to: null, after: null }
  const forbidden = { code: 'forbidden' }
  await assert.rejects(store.audit.page(somebody, { ...nothing, limit: 1, order: 'asc' }), forbidden)
  await assert.rejects(store.audit.export(somebody, nothing), forbidden)
})

test('what is older than it is kept goes, and nothing else', async () => {
  await query(
    databaseUrl,
    `insert into audit (at, principal, action, subject, detail)
     select now() - interval '10 days', 'old', 'x', n::text, '{}' from generate_series(1, 2500) n`
  )
  const { items: before } = await audit('limit=1000&from=2100-01-01T00:00:00Z')
  assert.deepEqual(before, [])
  const count = async (): Promise<number> =>
    Number((await query<{ n: string }>(databaseUrl, `select count(*) as n from audit`))[0]!.n)
  const all = await count()
  assert.equal(await store.audit.forget(11 * 86_400), 0)
  assert.equal(await store.audit.forget(9 * 86_400), 2_500)
  assert.equal(await count(), all - 2_500)
})
