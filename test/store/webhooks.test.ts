/** How far a webhook is, is written by the instance that leads, of the webhook as it is; by nobody else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WebhookSettings } from '../../src/store/webhook-rows.ts'
import { everything, openTestStore } from '../support/store.ts'

const first = await openTestStore({ session: 'ingest' })
const { webhooks, instanceId } = first.store
const settings: WebhookSettings = {
  url: 'https://example.com/',
  description: '',
  types: ['message'],
  filters: [],
  where: null,
  finalOnly: true
}
const create = () => webhooks.create(everything, settings, { seq: 5, part: 0 }, 'whsec_')
const read = async (id: string) => (await webhooks.byId(everything, id))!

/** Every way to write, each of which must be refused alike. */
const writes = (by: string, known: Awaited<ReturnType<typeof create>>) => [
  () => webhooks.begin(by, known, { seq: 9, part: 1 }),
  () => webhooks.fail(by, known, 'status 500', Date.now()),
  () => webhooks.moveTo(by, known, { seq: 9, part: 1 }, true),
  () => webhooks.disable(by, known, 'gone')
]

async function refuses(by: string, known: Awaited<ReturnType<typeof create>>): Promise<void> {
  const before = await read(known.id)
  for (const write of writes(by, known)) assert.equal(await write(), false)
  assert.deepEqual(await read(known.id), before)
}

test('the instance that leads writes where a request ends, that it failed, and that it was taken', async () => {
  const made = await create()
  const from = { ...made, place: { seq: 7, part: 0 } }
  assert.equal(await webhooks.begin(instanceId, from, { seq: 9, part: 1 }), true)
  assert.deepEqual(
    [(await read(made.id)).place, (await read(made.id)).until],
    [from.place, { seq: 9, part: 1 }]
  )
  assert.equal(await webhooks.fail(instanceId, made, 'status 500', 1_000), true)
  const failed = await read(made.id)
  assert.deepEqual([failed.attempts, failed.lastError, failed.nextAttemptAt], [1, 'status 500', 1_000])
  assert.deepEqual(failed.until, { seq: 9, part: 1 }, 'it is the same request again')
  assert.equal((await webhooks.lag()).failing, 1)
  assert.equal(await webhooks.moveTo(instanceId, made, { seq: 9, part: 1 }, true), true)
  const taken = await read(made.id)
  assert.deepEqual(
    [taken.place, taken.until, taken.attempts, taken.nextAttemptAt],
    [{ seq: 9, part: 1 }, null, 0, null]
  )
  assert.ok(taken.deliveredAt !== null)
})

test('of a webhook that was changed, paused or deleted, nothing is written', async () => {
  const made = await create()
  await webhooks.change(everything, made.id, { description: 'changed' })
  await refuses(instanceId, made)
  const paused = (await webhooks.change(everything, made.id, { state: 'paused' }))!
  await refuses(instanceId, paused)
  await webhooks.remove(everything, made.id)
  for (const write of writes(instanceId, paused)) assert.equal(await write(), false)
})

test('who selects other events, or another place, begins anew; who changes something else does not', async () => {
  const made = await create()
  await webhooks.begin(instanceId, made, { seq: 9, part: 0 })
  const same = (await webhooks.change(everything, made.id, { url: 'https://b.example/' }))!
  assert.deepEqual(same.until, { seq: 9, part: 0 })
  assert.equal((await webhooks.change(everything, made.id, { filters: ['a'] }))!.until, null)
  await webhooks.begin(instanceId, same, { seq: 9, part: 0 })
  const moved = (await webhooks.change(everything, made.id, { place: { seq: 2, part: 0 } }))!
  assert.deepEqual([moved.place, moved.until], [{ seq: 2, part: 0 }, null])
})

test('an instance that leads no more writes nothing', async () => {
  const made = await create()
  const second = await openTestStore({ url: first.url, session: 'ingest' })
  await refuses(instanceId, made)
  assert.equal(await webhooks.begin(second.store.instanceId, made, { seq: 9, part: 1 }), true)
})
