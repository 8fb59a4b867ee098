/** Keys in memory, on two instances of one database: what is changed on one is so on the other, told or not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthenticator } from '../../src/access/access.ts'
import { createKeyId, createKeyText, digestOfKey } from '../../src/access/key-text.ts'
import type { Keyring } from '../../src/access/keyring.ts'
import { createKeyring } from '../../src/access/keyring.ts'
import type { Key, KeySettings } from '../../src/key.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import type { Store } from '../../src/store/store.ts'
import { atEnd } from '../support/cleanup.ts'
import { query, silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { openTestStore } from '../support/store.ts'

const first = await openTestStore()
const second = await openTestStore({ url: first.url })
const { keys } = first.store
const admin = { principal: 'test', administers: true } as const
const settings: KeySettings = {
  name: 'n',
  grants: [{ role: 'read', topic: 'plant/#' }],
  tenant: null,
  expiresAt: null
}
/** What a minute would hide. */
const never = 3_600_000

async function make(given: Partial<KeySettings> = {}): Promise<{ key: Key; text: string }> {
  const id = createKeyId()
  const text = createKeyText(id)
  return {
    key: await keys.create(admin, { id, digest: digestOfKey(text) }, { ...settings, ...given }),
    text
  }
}

interface Instance {
  keyring: Keyring
  reads: () => number
  authenticate: (text: string) => Promise<Access>
  authenticator: ReturnType<typeof createAuthenticator>
}

async function startInstance(
  store: Store,
  given: Partial<Limits> = {},
  read = store.keys.live
): Promise<Instance> {
  let reads = 0
  const limits = { ...defaultLimits, ...given }
  const keyring = createKeyring({
    read: (known) => {
      reads++
      return read(known)
    },
    noteUse: store.keys.noteUse,
    limits,
    log: silent
  })
  atEnd(() => keyring.stop())
  await keyring.start()
  const { tokenKey } = store
  const authenticator = createAuthenticator({ apiKey: 'k'.repeat(16), holders: [keyring], tokenKey, limits })
  return {
    keyring,
    reads: () => reads,
    authenticator,
    authenticate: (text) => authenticator.authenticate(`Bearer ${text}`)
  }
}

const refused = { code: 'unauthenticated' }
const ended = (signal: AbortSignal | undefined): Promise<unknown> => eventually(() => signal!.aborted)

/** By polling only; by being told only; and never by itself, so that only asking for it helps. */
const polls = await startInstance(second.store)
const hears = await startInstance(second.store, { keysReadMs: never })
second.store.listener.onKeys(hears.keyring.wake)
const asks = await startInstance(second.store, { keysReadMs: never })

test('a key that was made elsewhere lets in at once, with what it is granted', async () => {
  const { key, text } = await make()
  for (const { authenticate, authenticator } of [asks, polls, hears]) {
    const access = await authenticate(text)
    assert.equal(access.principal, `key:${key.id}`)
    assert.deepEqual(
      [access.mayRead('plant/a'), access.mayRead('other'), access.mayPublish('plant/a'), access.administers],
      [true, false, false, undefined]
    )
    assert.equal(authenticator.accessOf(`key:${key.id}`)!.mayRead('plant/a'), true)
  }
})

test('what is changed elsewhere holds for who is in already, told or not', async () => {
  const { key, text } = await make()
  const all = await Promise.all([polls.authenticate(text), hears.authenticate(text)])
  await keys.change(admin, key.id, () => ({ ...settings, grants: [{ role: 'command', topic: 'a' }] }))
  for (const access of all) {
    await eventually(() => !access.mayRead('plant/a'))
    assert.equal(access.mayPublish('a'), true)
    assert.equal(access.ended!.aborted, false)
  }
  await keys.change(admin, key.id, () => ({ ...settings, tenant: 'acme' }))
  for (const access of all) await eventually(() => !access.mayPublish('a'))
})

test('who is revoked elsewhere is ended, gets nothing more, and does not come in again', async () => {
  const { key, text } = await make()
  const all = await Promise.all(
    [polls, hears].map(async (one) => ({ one, access: await one.authenticate(text) }))
  )
  await keys.revoke(admin, key.id)
  for (const { one, access } of all) {
    await ended(access.ended)
    assert.equal(access.mayRead('plant/a'), false)
    assert.equal(one.authenticator.accessOf(`key:${key.id}`), null)
    await assert.rejects(one.authenticate(text), refused)
  }
})

test('a key ends by the clock, also while the database is away', async () => {
  let away = false
  const here = await startInstance(second.store, {}, (known) =>
    away ? Promise.reject(new Error('away')) : second.store.keys.live(known)
  )
  const lasting = await make()
  const { key, text } = await make()
  const access = await here.authenticate(text)
  await keys.change(admin, key.id, () => ({ ...settings, expiresAt: Date.now() + 1_500 }))
  await here.keyring.refresh()
  away = true
  await ended(access.ended)
  assert.equal(access.mayRead('plant/a'), false)
  await assert.rejects(here.authenticate(text), { message: 'away' }, 'nobody can tell what became of it')
  assert.equal((await here.authenticate(lasting.text)).mayRead('plant/a'), true)
  away = false
  await assert.rejects(here.authenticate(text), refused)
})

test('a key whose time was made longer goes on; one whose time was made shorter ends', async () => {
  const { key, text } = await make()
  const access = await polls.authenticate(text)
  await keys.change(admin, key.id, () => ({ ...settings, expiresAt: Date.now() + 500 }))
  await ended(access.ended)
  const expiresAt = Date.now() + 60_000
  await keys.change(admin, key.id, () => ({ ...settings, expiresAt }))
  const again = await polls.authenticate(text)
  assert.equal(again.expiresAt, expiresAt)
  assert.equal(polls.authenticator.issueTicket(again, 600).expiresAt, expiresAt, 'a ticket ends with its key')
  assert.equal(again.mayRead('plant/a'), true)
  assert.equal(access.mayRead('plant/a'), false, 'what has ended does not come back')
})

test('a rotated key has two texts for a while; who came with the one before ends with it', async () => {
  const { key, text } = await make()
  const before = await polls.authenticate(text)
  const next = createKeyText(key.id)
  await keys.rotate(admin, key.id, digestOfKey(next), Date.now() + 60_000)
  await eventually(() => before.expiresAt !== undefined)
  const after = await polls.authenticate(next)
  assert.equal(after.expiresAt, undefined)
  assert.equal((await polls.authenticate(text)).mayRead('plant/a'), true)
  const last = createKeyText(key.id)
  await keys.rotate(admin, key.id, digestOfKey(last), Date.now() + 60_000)
  await ended(before.ended)
  await assert.rejects(polls.authenticate(text), refused)
  const newest = await polls.authenticate(last)
  assert.equal(after.ended!.aborted, false)
  await query(first.url, "update api_keys set previous_until = now() + interval '200 ms' where id = $1", [
    key.id
  ])
  await query(first.url, 'update api_keys_revision set revision = revision + 1')
  await ended(after.ended)
  assert.equal(after.mayRead('plant/a'), false)
  await assert.rejects(polls.authenticate(next), refused)
  assert.deepEqual([newest.ended!.aborted, newest.mayRead('plant/a')], [false, true])
})

test('a ticket lasts as long as the text of the key that got it', async () => {
  const { key, text } = await make()
  const { ticket: old } = polls.authenticator.issueTicket(await polls.authenticate(text), 600)
  const next = createKeyText(key.id)
  await keys.rotate(admin, key.id, digestOfKey(next), Date.now() + 60_000)
  const { ticket } = polls.authenticator.issueTicket(await polls.authenticate(next), 600)
  const [byOld, byNext] = await Promise.all([old, ticket].map((one) => polls.authenticator.readTicket(one)))
  assert.equal(byOld!.mayRead('plant/a'), true, 'it survives the rotation')
  await keys.rotate(admin, key.id, digestOfKey(createKeyText(key.id)), Date.now() + 60_000)
  await ended(byOld!.ended)
  await assert.rejects(polls.authenticator.readTicket(old), refused)
  assert.equal(byNext!.ended!.aborted, false)
  assert.equal((await polls.authenticator.readTicket(ticket)).principal, `key:${key.id}`)
  await keys.revoke(admin, key.id)
  await ended(byNext!.ended)
  await assert.rejects(polls.authenticator.readTicket(ticket), refused)
})

test('keys that nobody knows make no more looks than there may be, and mistyped ones none', async () => {
  const here = await startInstance(second.store, { keysReadMs: never, unknownKeysReadMs: never })
  const begun = here.reads()
  const { text } = await make()
  const mistyped = `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`
  for (let count = 0; count < 100; count++) await assert.rejects(here.authenticate(mistyped), refused)
  assert.equal(here.reads(), begun)
  const waiting = Array.from({ length: 100 }, () =>
    here.authenticate(createKeyText(createKeyId())).catch((error: unknown) => error)
  )
  await here.keyring.refresh()
  assert.equal(here.reads(), begun + 1, 'only the one that was asked for')
  assert.equal(
    (await here.authenticate(text)).principal.startsWith('key:'),
    true,
    'who is known need not wait'
  )
  await here.keyring.stop()
  for (const error of await Promise.all(waiting))
    assert.equal((error as { code?: string }).code, 'unauthenticated')

  const quick = await startInstance(second.store, { keysReadMs: never, unknownKeysReadMs: 50 })
  const [from, at] = [quick.reads(), performance.now()]
  for (let count = 0; count < 20; count++) {
    const unknown = Array.from({ length: 50 }, () =>
      assert.rejects(quick.authenticate(createKeyText(createKeyId())), refused)
    )
    await Promise.all(unknown)
  }
  assert.ok(quick.reads() - from <= 2 + (performance.now() - at) / 50, `${quick.reads() - from} looks`)
})

test('the last use is written once in a while', async () => {
  const { key, text } = await make()
  const lastUse = async (): Promise<number | null> => (await keys.byId(admin, key.id))!.lastUsedAt
  assert.equal(await lastUse(), null)
  await polls.authenticate(text)
  const used = await eventually(lastUse)
  assert.ok(Math.abs(used - Date.now()) < 20_000)
  let [written, rounds] = [0, 0]
  const keyring = createKeyring({
    read: (known) => {
      rounds++
      return second.store.keys.live(known)
    },
    noteUse: async (uses) => {
      written += uses.size
      await second.store.keys.noteUse(uses)
    },
    limits: { ...defaultLimits, keysReadMs: 10, keyUseWrittenMs: never },
    log: silent
  })
  await keyring.start()
  await keyring.find(text)
  await eventually(() => written === 1)
  await keyring.find(text)
  const before = rounds
  await eventually(() => rounds > before + 5)
  assert.equal(written, 1)
  await keyring.stop()
})
