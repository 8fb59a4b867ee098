/** API keys in the database: who may, what stands in the audit, what is told to instances, and how many there are. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyId, createKeyText, digestOfKey } from '../../src/access/key-text.ts'
import type { Key, KeySettings } from '../../src/key.ts'
import { query } from '../support/database.ts'
import { openTestStore } from '../support/store.ts'

const { store, url } = await openTestStore({ limits: { keysMax: 5, keyKeptAfterEndSeconds: 3_600 } })
const { keys } = store
const admin = { principal: 'test', administers: true } as const
const settings: KeySettings = {
  name: 'press',
  grants: [{ role: 'read', topic: 'plant/#' }],
  tenant: null,
  expiresAt: null
}
const make = (given: Partial<KeySettings> = {}): Promise<Key> => {
  const id = createKeyId()
  return keys.create(admin, { id, digest: digestOfKey(createKeyText(id)) }, { ...settings, ...given })
}
const clear = () => query(url, 'delete from api_keys')
const has = (code: string) => (error: { code?: string }) => error.code === code

test('only who administers sees or changes keys', async () => {
  const { id } = await make()
  for (const by of [{ principal: 'x' }, { principal: 'x', administers: undefined }]) {
    for (const ask of [
      () => keys.create(by, { id: createKeyId(), digest: Buffer.alloc(32) }, settings),
      () => keys.page(by, { after: null, limit: 1, order: 'desc' }),
      ...[id, createKeyId()].flatMap((one) => [
        () => keys.byId(by, one),
        () => keys.change(by, one, () => settings),
        () => keys.rotate(by, one, Buffer.alloc(32), null),
        () => keys.revoke(by, one)
      ])
    ])
      await assert.rejects(async () => ask(), has('forbidden'))
  }
  assert.equal((await keys.byId(admin, id))!.revokedAt, null)
  await clear()
})

test('every change is told once, stands in the audit, and has another revision', async () => {
  const before = (await keys.live(null))!
  assert.deepEqual(before.keys, [])
  assert.equal(await keys.live(before.revision), null)
  await query(url, 'delete from audit')
  const made = await make({ tenant: 'acme', expiresAt: Date.now() + 60_000 })
  const live = (await keys.live(before.revision))!
  assert.deepEqual(
    live.keys.map(({ id, grants, tenant, expiresAt, previous }) => [id, grants, tenant, expiresAt, previous]),
    [[made.id, settings.grants, 'acme', made.expiresAt, null]]
  )
  assert.ok(live.revision > before.revision)
  const changed = (await keys.change(admin, made.id, (key) => ({ ...settings, name: `${key.name} 2` })))!
  assert.deepEqual([changed.name, changed.tenant, changed.expiresAt], ['press 2', null, null])
  const [old] = live.keys
  const until = Date.now() + 5_000
  const rotated = (await keys.rotate(admin, made.id, Buffer.alloc(32, 1), until))!
  assert.equal(rotated.previousUntil, until)
  const [now] = (await keys.live(live.revision))!.keys
  assert.deepEqual(Buffer.from(now!.digest), Buffer.alloc(32, 1))
  assert.deepEqual(now!.previous, { digest: old!.digest, until })
  await keys.rotate(admin, made.id, Buffer.alloc(32, 2), null)
  const [again] = (await keys.live(null))!.keys
  assert.equal(again!.previous, null, 'no text but the last one is good')
  assert.ok((await keys.revoke(admin, made.id))!.revokedAt !== null)
  assert.deepEqual((await keys.live(null))!.keys, [])
  await keys.revoke(admin, made.id)
  await assert.rejects(
    keys.change(admin, made.id, () => settings),
    has('key_revoked')
  )
  await assert.rejects(keys.rotate(admin, made.id, Buffer.alloc(32, 3), null), has('key_revoked'))
  for (const ask of [
    keys.byId(admin, 'nope'),
    keys.change(admin, 'nope', () => settings),
    keys.rotate(admin, 'nope', Buffer.alloc(32), null),
    keys.revoke(admin, 'nope')
  ])
    assert.equal(await ask, null)
  const audit = await query<{ action: string; subject: string; principal: string; detail: object }>(
    url,
    'select action, subject, principal, detail from audit order by id'
  )
  assert.deepEqual(
    audit.map(({ action }) => action),
    ['createKey', 'changeKey', 'rotateKey', 'rotateKey', 'revokeKey']
  )
  assert.ok(audit.every(({ subject, principal }) => subject === made.id && principal === 'test'))
  assert.deepEqual(audit[1]!.detail, { ...settings, name: 'press 2' })
  await clear()
})

test('no more are good than there may be, however many are made at once; what is over makes room', async () => {
  const made = await Promise.allSettled(Array.from({ length: 9 }, () => make()))
  const good = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  assert.equal(good.length, 5)
  for (const one of made) if (one.status === 'rejected') assert.ok(has('too_many_keys')(one.reason))
  await keys.revoke(admin, good[0]!.id)
  await make()
  await query(url, "update api_keys set expires_at = now() - interval '1 second' where id = $1", [
    good[1]!.id
  ])
  await make()
  await assert.rejects(make(), has('too_many_keys'))
  await clear()
})

test('pages go through all of them, and what was over for long is dropped', async () => {
  const made = [await make(), await make(), await make()]
  const ids = made.map(({ id }) => id)
  for (const order of ['asc', 'desc'] as const) {
    const first = await keys.page(admin, { after: null, limit: 2, order })
    const second = await keys.page(admin, { after: first.next, limit: 2, order })
    const seen = [...first.items, ...second.items].map(({ id }) => id)
    assert.deepEqual(seen, order === 'asc' ? ids : ids.toReversed())
    assert.equal(second.next, null)
  }
  await keys.revoke(admin, ids[0]!)
  assert.equal(await keys.forgetEnded(), 0)
  await query(url, "update api_keys set revoked_at = now() - interval '61 minutes' where id = $1", [ids[0]])
  await query(url, "update api_keys set expires_at = now() - interval '61 minutes' where id = $1", [ids[1]])
  assert.equal(await keys.forgetEnded(), 2)
  assert.deepEqual(
    (await keys.page(admin, { after: null, limit: 9, order: 'asc' })).items.map(({ id }) => id),
    [ids[2]]
  )
  await clear()
})

test('of what is over, no more are kept than may be good', async () => {
  const made: string[] = []
  for (let count = 0; count < 8; count++) {
    const { id } = await make()
    made.push(id)
    await keys.revoke(admin, id)
  }
  assert.equal(await keys.forgetEnded(), 3)
  const { items } = await keys.page(admin, { after: null, limit: 9, order: 'asc' })
  assert.deepEqual(
    items.map(({ id }) => id),
    made.slice(3)
  )
  await clear()
})

test('the last use goes forward only, and changes nothing else', async () => {
  const { id } = await make()
  const { revision } = (await keys.live(null))!
  await keys.noteUse(
    new Map([
      [id, 5_000],
      ['gone', 1]
    ])
  )
  await keys.noteUse(new Map([[id, 4_000]]))
  assert.equal((await keys.byId(admin, id))!.lastUsedAt, 5_000)
  assert.equal(await keys.live(revision), null)
  const [row] = await query<{ digest: Buffer }>(url, 'select digest from api_keys where id = $1', [id])
  assert.equal(row!.digest.length, 32)
})
