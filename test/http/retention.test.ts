/** How long what is kept, over REST, on the whole service. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import type { Answer } from '../support/bridge.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { call } from './contract.ts'

const retentionClassesMax = 4
const { url: mqttUrl } = await startBroker()
const { url, databaseUrl, store } = await startBridge({ mqttUrl, limits: { retentionClassesMax } })
const { client } = await connectClient(mqttUrl)
const base = `${url}/v1/retention`
const { retentionKeepSecondsMin: min, filtersMax } = defaultLimits

const ask = (method: string, path: string, body?: unknown): Promise<Answer> =>
  call(`${base}${path}`, {
    method,
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body)
    })
  })
const get = async () => (await ask('GET', '')).body
/** What is stored takes more and more, and topics come; all else stays. */
const settings = async () =>
  JSON.parse(JSON.stringify(await get()), (name, value) =>
    name === 'bytes' || name === 'topics' ? assert.ok(Number.isSafeInteger(value)) : value
  )
const put = (name: string, body: unknown): Promise<Answer> => ask('PUT', `/classes/${name}`, body)
const remove = (name: string): Promise<Answer> => ask('DELETE', `/classes/${name}`)
const classOf = async (name: string) =>
  (await get()).classes.find((one: { name: string }) => one.name === name) ?? null
const audit = (): Promise<unknown[]> =>
  query(databaseUrl, 'select principal, action, subject, detail from audit order by id')

/** The answer tells a position of the journal, which may have gone on since. */
async function changed(answer: Answer): Promise<Answer> {
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  store.cursors.decode(answer.headers.get('rialto-cursor')!, await store.journal.head())
  return answer
}

function refused(answer: Answer, code: string, pointer: string | null): void {
  assert.equal(answer.body.code, code, JSON.stringify(answer.body))
  if (pointer !== null) assert.equal(answer.body.errors[0].pointer, pointer)
  assert.equal(answer.headers.get('rialto-cursor'), null)
}

test('at first there are the class of the system, and the one of all topics', async () => {
  const { classes, rollups } = await get()
  assert.deepEqual(
    classes.map(({ name, filters, position, removed }: never) => [name, filters, position, removed]),
    [
      ['system', [], null, false],
      ['default', [], null, false]
    ]
  )
  assert.deepEqual(Object.keys(rollups), ['minute', 'hour', 'day'])
})

test('a class is made, changed and removed, and its topics come and go', async () => {
  await client.publishAsync('fast/a', '1', { qos: 1 })
  await eventually(async () => (await classOf('default')).topics > 0)
  const made = await changed(await put('fast', { filters: ['fast/#'], keepSeconds: 3_600, keepBytes: 1e12 }))
  assert.deepEqual(
    { ...made.body, bytes: 0, topics: 0 },
    {
      name: 'fast',
      filters: ['fast/#'],
      keepSeconds: 3_600,
      keepBytes: 1e12,
      position: 1,
      horizon: '0',
      bytes: 0,
      topics: 0,
      removed: false
    }
  )
  while ((await store.retention.assignTopics()) > 0);
  assert.equal((await classOf('fast')).topics, 1)
  const other = await changed(await put('slow-1', { filters: ['slow/+', 'fast/b'] }))
  assert.deepEqual(
    [other.body.position, other.body.keepSeconds, other.body.keepBytes],
    [2, null, null],
    'what is absent has no limit'
  )
  const again = await changed(await put('fast', { filters: ['fast/a'], keepSeconds: null }))
  assert.deepEqual(
    [again.body.filters, again.body.keepSeconds, again.body.keepBytes, again.body.position],
    [['fast/a'], null, null, 1],
    'all of it is changed'
  )
  const { body } = await changed(await remove('fast'))
  assert.deepEqual(
    body.classes
      .map(({ name, position }: never) => [name, position])
      .filter(([name]: [string]) => name !== 'fast'),
    [
      ['system', null],
      ['slow-1', 1],
      ['default', null]
    ]
  )
  while ((await store.retention.assignTopics()) > 0);
  assert.equal((await classOf('fast')).topics, 0)
  refused(await remove('fast'), 'not_found', null)
})

test('the default class has limits, and no filters', async () => {
  const { body } = await changed(await put('default', { keepSeconds: 86_400, keepBytes: 5e9 }))
  assert.deepEqual([body.name, body.filters, body.keepSeconds, body.keepBytes], ['default', [], 86_400, 5e9])
  refused(await put('default', { filters: ['a'] }), 'invalid_value', '/filters')
  for (const name of ['default', 'system']) refused(await remove(name), 'not_found', null)
  refused(await put('system', { keepSeconds: 86_400 }), 'invalid_value', '/name')
})

test('rollups are changed by themselves', async () => {
  const before = (await get()).rollups
  const { body } = await changed(await ask('PUT', '/rollups', { minute: 86_400, day: null }))
  assert.deepEqual(body, { minute: 86_400, hour: before.hour, day: null })
  assert.deepEqual((await get()).rollups, body)
  assert.deepEqual((await changed(await ask('PUT', '/rollups', {}))).body, body)
  refused(await ask('PUT', '/rollups', { hour: min, minute: min - 1 }), 'invalid_value', '/minute')
  assert.deepEqual((await get()).rollups, body, 'all of it, or nothing')
})

test('what is wrong is told, and changes nothing', async () => {
  const before = await settings()
  const audited = (await audit()).length
  for (const [body, code, pointer] of [
    [{}, 'invalid_value', '/filters'],
    [{ filters: [] }, 'invalid_value', '/filters'],
    [{ filters: ['a/#/b'] }, 'invalid_filter', '/filters'],
    [{ filters: [''] }, 'invalid_filter', '/filters'],
    [{ filters: 'a' }, 'invalid_value', '/filters'],
    [{ filters: [1] }, 'invalid_value', '/filters/0'],
    [{ filters: Array.from({ length: filtersMax + 1 }, (_, n) => `a/${n}`) }, 'invalid_value', '/filters'],
    [{ filters: ['a'], keepSeconds: min - 1 }, 'invalid_value', '/keepSeconds'],
    [{ filters: ['a'], keepSeconds: 1e300 }, 'invalid_value', '/keepSeconds'],
    [{ filters: ['a'], keepSeconds: 100.5 }, 'invalid_value', '/keepSeconds'],
    [{ filters: ['a'], keepSeconds: '1d' }, 'invalid_value', '/keepSeconds'],
    [{ filters: ['a'], keepBytes: 0 }, 'invalid_value', '/keepBytes'],
    [{ filters: ['a'], keepBytes: 1e30 }, 'invalid_value', '/keepBytes'],
    [{ filters: ['a'], keep: 1 }, 'unknown_field', '/keep'],
    [[], 'invalid_value', null],
    ['{', 'malformed_json', null]
  ] as const)
    refused(await put('wrong', body), code, pointer)
  for (const name of ['Upper', 'a_b', 'a'.repeat(41), '%20', '%00'])
    refused(await put(name, { filters: ['a'] }), 'invalid_value', null)
  for (const [body, code, pointer] of [
    [{ minute: 0 }, 'invalid_value', '/minute'],
    [{ hour: 1.5 }, 'invalid_value', '/hour'],
    [{ week: 1e6 }, 'unknown_field', '/week'],
    [{ day: 'forever' }, 'invalid_value', '/day']
  ] as const)
    refused(await ask('PUT', '/rollups', body), code, pointer)
  refused(await remove('never'), 'not_found', null)
  assert.deepEqual(await settings(), before)
  assert.equal((await audit()).length, audited)
})

test('each change stands in the audit, with who asked and for what', async () => {
  const before = (await audit()).length
  await put('audited', { filters: ['audited/#'], keepSeconds: 7_200 })
  await ask('PUT', '/rollups', { minute: 172_800 })
  await remove('audited')
  assert.deepEqual((await audit()).slice(before), [
    {
      principal: 'anonymous',
      action: 'setRetentionClass',
      subject: 'audited',
      detail: { filters: ['audited/#'], keepSeconds: 7_200, keepBytes: null }
    },
    { principal: 'anonymous', action: 'setRollupRetention', subject: 'rollups', detail: { minute: 172_800 } },
    { principal: 'anonymous', action: 'removeRetentionClass', subject: 'audited', detail: {} }
  ])
})

test('only who may read all topics may change it', async () => {
  const by = { principal: 'some' }
  const before = await settings()
  for (const change of [
    () => store.retention.setClass('mine', { filters: ['a'], keepSeconds: 60, keepBytes: null }, by),
    () => store.retention.removeClass('never', by),
    () => store.retention.setRollups({ minute: 60 }, by)
  ])
    await assert.rejects(change(), { code: 'forbidden' })
  assert.deepEqual(await settings(), before)
})

// Last, since classes that were removed count as long as they have messages
test('there are as many classes as the limit says', async () => {
  const names = Array.from({ length: retentionClassesMax + 1 }, (_, n) => `many-${n}`)
  const answers: Answer[] = []
  for (const name of names) answers.push(await put(name, { filters: [`${name}/#`] }))
  const last = answers.find(({ status }) => status !== 200)!
  refused(last, 'invalid_value', '/name')
  for (const name of names) await remove(name)
})
