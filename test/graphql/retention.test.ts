/** How long what is kept, over GraphQL, on the whole service: the same as on REST. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const { url: mqttUrl } = await startBroker()
const { url, databaseUrl, store } = await startBridge({ mqttUrl })

const classFields = 'name filters keepSeconds keepBytes position horizon bytes topics removed'
const rollupFields = 'minute hour day'
const fields = `classes { ${classFields} } rollups { ${rollupFields} }`

async function answer(document: string, variables: Record<string, unknown> = {}) {
  return (await postJson(`${url}/graphql`, { query: document, variables })).body
}
async function ask(document: string, variables: Record<string, unknown> = {}) {
  const { data, errors } = await answer(document, variables)
  assert.equal(errors, undefined, JSON.stringify(errors))
  return data
}
const rest = async () => (await request(`${url}/v1/retention`)).body
/** What is stored takes more and more; all else stays. */
const still = (given: unknown): unknown =>
  JSON.parse(JSON.stringify(given), (name, value) =>
    name === 'bytes' ? assert.ok(Number.isSafeInteger(value)) : value
  )
/** A position of the journal, which may have gone on since. */
const isPosition = async (cursor: string): Promise<unknown> =>
  store.cursors.decode(cursor, await store.journal.head())

const setClass = `mutation ($name: String!, $filters: [String!], $keepSeconds: Float, $keepBytes: Float) {
  setRetentionClass(name: $name, filters: $filters, keepSeconds: $keepSeconds, keepBytes: $keepBytes) {
    class { ${classFields} } cursor } }`
const removeClass = `mutation ($name: String!) { removeRetentionClass(name: $name) { retention { ${fields} } cursor } }`

test('it is the same as on REST', async () => {
  // The service's own status is the first topic, and comes when it comes
  await eventually(async () => (await rest()).classes.some(({ topics }: { topics: number }) => topics > 0))
  assert.deepEqual(still((await ask(`{ retention { ${fields} } }`)).retention), still(await rest()))
})

test('a class is made, changed and removed', async () => {
  const given = { name: 'fast', filters: ['fast/#'], keepSeconds: 3_600, keepBytes: 1e12 }
  const made = (await ask(setClass, given)).setRetentionClass
  const { name, filters, keepSeconds, keepBytes } = made.class
  assert.deepEqual({ name, filters, keepSeconds, keepBytes }, given)
  await isPosition(made.cursor)
  const listed = (await rest()).classes.find((one: { name: string }) => one.name === 'fast')
  assert.deepEqual(still(made.class), still(listed))
  const again = (await ask(setClass, { name: 'fast', filters: ['fast/a'] })).setRetentionClass.class
  assert.deepEqual([again.filters, again.keepSeconds, again.keepBytes], [['fast/a'], null, null])
  const removed = (await ask(removeClass, { name: 'fast' })).removeRetentionClass
  assert.deepEqual(still(removed.retention), still(await rest()))
  await isPosition(removed.cursor)
  const set = (await ask(setClass, { name: 'default', keepSeconds: 7_200 })).setRetentionClass.class
  assert.deepEqual([set.keepSeconds, set.filters], [7_200, []])
})

test('of rollups, what is null has no limit, and what is absent stays', async () => {
  const before = (await rest()).rollups
  const document = `mutation { setRollupRetention(minute: 86400, day: null) { rollups { ${rollupFields} } cursor } }`
  const { rollups, cursor } = (await ask(document)).setRollupRetention
  assert.deepEqual(rollups, { minute: 86_400, hour: before.hour, day: null })
  assert.deepEqual((await rest()).rollups, rollups)
  await isPosition(cursor)
})

test('what is wrong has a code and its place, and changes nothing', async () => {
  const before = still(await rest())
  for (const [given, code, pointer] of [
    [{ name: 'wrong' }, 'invalid_value', '/filters'],
    [{ name: 'wrong', filters: ['a/#/b'] }, 'invalid_filter', '/filters'],
    [{ name: 'wrong', filters: ['a'], keepSeconds: 1 }, 'invalid_value', '/keepSeconds'],
    [{ name: 'wrong', filters: ['a'], keepSeconds: 100.5 }, 'invalid_value', '/keepSeconds'],
    [{ name: 'wrong', filters: ['a'], keepBytes: -1 }, 'invalid_value', '/keepBytes'],
    [{ name: 'Wrong', filters: ['a'] }, 'invalid_value', '/name'],
    [{ name: 'wr\0ng', filters: ['a'] }, 'invalid_value', '/name'],
    [{ name: 'system', keepSeconds: 100 }, 'invalid_value', '/name']
  ] as const) {
    const { errors } = await answer(setClass, given)
    assert.deepEqual([errors[0].extensions.code, errors[0].extensions.errors[0].pointer], [code, pointer])
  }
  for (const name of ['never', 'default', 'system', 'wr\0ng'])
    assert.equal((await answer(removeClass, { name })).errors[0].extensions.code, 'not_found')
  const rollups = await answer('mutation { setRollupRetention(hour: 100, minute: 0.5) { cursor } }')
  assert.deepEqual(
    [rollups.errors[0].extensions.code, rollups.errors[0].extensions.errors[0].pointer],
    ['invalid_value', '/minute']
  )
  assert.deepEqual(still(await rest()), before)
})

test('each change stands in the audit', async () => {
  const rows = await query(databaseUrl, 'select principal, action, subject from audit order by id')
  assert.deepEqual(
    rows.map(({ principal, action, subject }) => [principal, action, subject]),
    [
      ['anonymous', 'setRetentionClass', 'fast'],
      ['anonymous', 'setRetentionClass', 'fast'],
      ['anonymous', 'removeRetentionClass', 'fast'],
      ['anonymous', 'setRetentionClass', 'default'],
      ['anonymous', 'setRollupRetention', 'rollups']
    ]
  )
})
