/** `asOf`: devices and metrics as they were, over a real store into which the test writes what a projector would. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProjectedMessage } from '../../src/store/projected.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { startProjected } from './projected.ts'

const server = await startProjected()
const base = `${server.url}/v1`

/** Gives an instant at which this was the newest that was known. */
async function at(topic: string, meaning: Partial<ProjectedMessage>): Promise<string> {
  await server.project(topic, { ...meaning, receivedAt: Date.now() })
  return eventually(async () => {
    const [head] = await query<{ at: Date; over: boolean }>(
      server.databaseUrl,
      `select at, clock_timestamp() > at + interval '2 ms' as over from journal_head`
    )
    return head!.over && head!.at.toISOString()
  })
}

const temperature = (device: string, value: number): Partial<ProjectedMessage> => ({
  datapoints: [point(device, 'temperature', value, { observedAt: Date.now() })]
})
const firmware = (version: string): Partial<ProjectedMessage> => ({
  attributes: [{ device: 'press', attributes: { firmware: version } }]
})

const before = await at('elsewhere', {})
const first = await at('plant/press', { ...temperature('press', 20), ...firmware('v1') })
const offline = await at('plant/press', {
  presence: [{ device: 'press', presence: 'offline', source: 'availability', at: Date.now() }]
})
const second = await at('plant/press', { ...temperature('press', 30), ...firmware('v2') })
await at('plant/oven', temperature('oven', 200))

test('a device at each instant', async () => {
  const read = async (instant: string) => {
    const { status, body } = await call(`${base}/devices/press?asOf=${instant}`)
    return [status, body.presence, body.attributes, body.attributesChangedSince]
  }
  assert.equal((await read(before))[0], 404)
  assert.deepEqual(await read(first), [200, 'unknown', {}, ['firmware']])
  assert.deepEqual((await read(offline)).slice(0, 2), [200, 'offline'])
  assert.deepEqual((await read(second)).slice(2), [{ firmware: 'v2' }, []])
  assert.ok(!('attributesChangedSince' in (await call(`${base}/devices/press`)).body))
})

test('its metrics, and pages of them', async () => {
  const read = async (instant: string) => {
    const { status, body } = await call(`${base}/devices/press/metrics?asOf=${instant}`)
    return [status, body.items?.[0]?.latest.value]
  }
  assert.equal((await read(before))[0], 404)
  assert.deepEqual(await read(first), [200, 20])
  assert.deepEqual(await read(second), [200, 30])
  const { cursor } = (await call(`${base}/devices/press/metrics?asOf=${first}`)).body
  const { items } = (await call(`${base}/messages?filter=plant/%23&after=${cursor}`)).body
  assert.equal(items.length, 3)
})

test('lists, with predicates over what was, and the presence of then', async () => {
  const read = async (instant: string, more = '') => {
    const { body } = await call(`${base}/devices?asOf=${instant}${more}`)
    return body.items.map((item: { device: string; metrics?: Record<string, { value: number }> }) => [
      item.device,
      item.metrics?.['temperature']?.value
    ])
  }
  assert.deepEqual(await read(before), [])
  assert.deepEqual(await read(second), [['press', undefined]])
  assert.deepEqual(await read(first, '&where=lt(metrics/temperature/value,25)'), [['press', 20]])
  assert.deepEqual(await read(second, '&where=lt(metrics/temperature/value,25)'), [])
  assert.deepEqual(await read(offline, '&presence=offline'), [['press', undefined]])
  assert.deepEqual(await read(first, '&presence=offline'), [])
  assert.deepEqual(await read(second, '&fields=metrics/temperature/value'), [['press', 30]])
})
