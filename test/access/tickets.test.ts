import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createAuthenticator } from '../../src/access/access.ts'
import type { TicketBearer } from '../../src/access/tickets.ts'
import { createTickets } from '../../src/access/tickets.ts'
import { createCursors } from '../../src/cursor.ts'
import type { Problem } from '../../src/errors.ts'
import { defaultLimits as limits } from '../../src/limits.ts'

const tokenKey = Buffer.alloc(32, 7)
const authenticatorOf = (apiKey: string | null, key: Uint8Array = tokenKey) =>
  createAuthenticator({ apiKey, tokenKey: key, limits })

const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run()
  } catch (error) {
    return (error as Problem).code
  }
  return 'none'
}

test('a ticket tells who got it, on every instance of the database', async () => {
  for (const apiKey of [null, 'secret']) {
    const one = authenticatorOf(apiKey)
    const access = await one.authenticate(apiKey === null ? undefined : 'Bearer secret')
    const { ticket } = one.issueTicket(access, 60)
    assert.match(ticket, /^[\w-]+$/, 'it can stand in a URL')
    const another = authenticatorOf(apiKey)
    assert.equal((await another.readTicket(ticket)).principal, apiKey === null ? 'anonymous' : 'api-key')
    assert.equal((await another.readTicket(ticket)).principal, access.principal, 'as often as wanted')
  }
})

test('a ticket ends with its time, with its key, and at the border of its database', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const authenticator = authenticatorOf('secret')
  const { ticket, expiresAt } = authenticator.issueTicket(
    await authenticator.authenticate('Bearer secret'),
    10
  )
  assert.equal(expiresAt, 1_010_000)
  const refused = (of: { readTicket(text: string): unknown }): Promise<string> =>
    codeOf(() => of.readTicket(ticket))
  assert.equal(await refused(authenticatorOf('renewed')), 'unauthenticated')
  assert.equal(await refused(authenticatorOf(null)), 'unauthenticated')
  assert.equal(await refused(authenticatorOf('secret', Buffer.alloc(32, 8))), 'unauthenticated')
  t.mock.timers.setTime(1_009_999)
  assert.equal(await refused(authenticator), 'none')
  t.mock.timers.setTime(1_010_000)
  await assert.rejects(authenticator.readTicket(ticket), /over.*POST \/v1\/stream\/tickets/)
  assert.equal(await refused(authenticator), 'unauthenticated')
})

test('how long a ticket is good has bounds', async () => {
  const authenticator = authenticatorOf(null)
  const access = await authenticator.authenticate(undefined)
  const max = limits.streamTicketSecondsMax
  for (const seconds of [1, max])
    assert.equal(await codeOf(() => authenticator.issueTicket(access, seconds)), 'none')
  for (const seconds of [0, -1, max + 1, NaN, Infinity])
    assert.equal(await codeOf(() => authenticator.issueTicket(access, seconds)), 'invalid_value')
})

/** By name, or with all that there is to know. */
const anyBearer = fc
  .tuple(fc.constantFrom('principal', 'carried'), fc.string({ unit: 'grapheme' }))
  .map(([kind, text]) => ({ [kind]: text }) as TicketBearer)

test('what was changed in any bit, cut or made up is no ticket', () => {
  const tickets = createTickets(tokenKey)
  const credential = Buffer.from('digest')
  fc.assert(
    fc.property(anyBearer, fc.maxSafeNat(), fc.nat(), fc.nat(), (bearer, expiresAt, bit, cut) => {
      const ticket = tickets.seal(bearer, credential, expiresAt)
      const opened = tickets.open(ticket)
      if (Object.values(bearer)[0] === '') return assert.equal(opened, null)
      assert.deepEqual(opened!.bearer, bearer)
      assert.equal(opened!.expiresAt, expiresAt)
      assert.equal(opened!.isSealedFor(credential), true)
      assert.equal(opened!.isSealedFor(Buffer.from('another')), false)

      const raw = Buffer.from(ticket, 'base64url')
      const at = bit % (raw.length * 8)
      raw[at >> 3]! ^= 1 << (at & 7)
      const changed = tickets.open(raw.toString('base64url'))
      assert.ok(changed === null || !changed.isSealedFor(credential))
      const shorter = tickets.open(ticket.slice(0, cut % ticket.length))
      assert.ok(shorter === null || !shorter.isSealedFor(credential))
      assert.equal(tickets.open(`${ticket}=`), null)
    })
  )
  fc.assert(
    fc.property(fc.string(), (text) => {
      const opened = tickets.open(text)
      assert.ok(opened === null || !opened.isSealedFor(credential))
    })
  )
})

test('a principal cannot be lengthened by what the next one proves itself with', () => {
  const tickets = createTickets(tokenKey)
  const ticket = tickets.seal({ principal: 'api' }, Buffer.from('-key'), 1)
  const raw = Buffer.from(ticket, 'base64url')
  const moved = Buffer.concat([raw.subarray(0, -16), Buffer.from('-key'), raw.subarray(-16)])
  assert.equal(tickets.open(moved.toString('base64url'))!.isSealedFor(Buffer.alloc(0)), false)
})

test('a cursor is no ticket, and a ticket no cursor', async () => {
  const cursors = createCursors([{ id: 'journal', beganSeq: 0 }], tokenKey)
  const authenticator = authenticatorOf(null)
  const { ticket } = authenticator.issueTicket(await authenticator.authenticate(undefined), 60)
  assert.equal(await codeOf(() => cursors.decode(ticket, { seq: 1, at: 0, horizon: 0 })), 'cursor_invalid')
  assert.equal(await codeOf(() => authenticator.readTicket(cursors.encode(1, 1))), 'unauthenticated')
})
