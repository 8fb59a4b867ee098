/** What webhooks send, and when; without a network. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Webhook as Verifier } from 'standardwebhooks'
import { createCursors } from '../../src/cursor.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Webhook } from '../../src/store/webhook-rows.ts'
import { waitAfter } from '../../src/webhooks/backoff.ts'
import { toEventsMessage, toPing } from '../../src/webhooks/message.ts'
import { createSecret, sign } from '../../src/webhooks/signature.ts'
import { createSlots } from '../../src/webhooks/slots.ts'

const key = Buffer.alloc(32, 7)
const cursors = createCursors([{ id: 'one', beganSeq: 0 }], key)
const restored = createCursors(
  [
    { id: 'one', beganSeq: 0 },
    { id: 'two', beganSeq: 5 }
  ],
  key
)
const now = Date.now()
const webhook: Webhook = {
  id: '7f0c5b9e-0f4e-4f3c-8a2a-3f6f5d1f9b11',
  url: 'https://example.com/',
  description: '',
  types: ['message'],
  filters: [],
  where: null,
  finalOnly: true,
  secret: createSecret(),
  previousSecret: createSecret(),
  previousUntil: now,
  state: 'active',
  reason: null,
  revision: 1,
  place: { seq: 10, part: 0 },
  until: null,
  attempts: 0,
  nextAttemptAt: null,
  lastError: null,
  lastErrorAt: null,
  deliveredAt: null,
  principal: 'anonymous',
  createdAt: now,
  updatedAt: now
}
const delivery = { events: ['{"type":"progress"}', '{"type":"gap"}'], until: { seq: 12, part: 3 } }
const idOf = (given: Partial<Webhook> = {}, until = delivery.until, by = cursors): string =>
  toEventsMessage({ ...webhook, ...given }, { ...delivery, until }, by, now).headers['webhook-id']

test('the body is JSON with the events, and the cursor behind them', () => {
  const { body, url } = toEventsMessage(webhook, delivery, cursors, now)
  assert.equal(url, webhook.url)
  assert.deepEqual(JSON.parse(body.toString()), {
    type: 'rialto.events',
    timestamp: new Date(now).toISOString(),
    data: {
      webhook: webhook.id,
      cursor: cursors.encode(12, 3),
      events: [{ type: 'progress' }, { type: 'gap' }]
    }
  })
})

test('the same events of the same webhook have the same id, and no others do', () => {
  const id = idOf()
  assert.match(id, /^msg_[\w-]{27}$/)
  // What does not say which events they are
  for (const same of [
    { revision: 2 },
    { attempts: 9 },
    { secret: createSecret() },
    { url: 'https://b.example/' }
  ])
    assert.equal(idOf(same), id)
  const others = [
    idOf({ id: '00000000-0f4e-4f3c-8a2a-3f6f5d1f9b11' }),
    idOf({ place: { seq: 9, part: 0 } }),
    idOf({ place: { seq: 10, part: 1 } }),
    idOf({}, { seq: 13, part: 0 }),
    idOf({}, { seq: 12, part: 4 }),
    idOf({ types: ['gap'] }),
    idOf({ filters: ['a'] }),
    idOf({ where: 'exists(payload)' }),
    idOf({ finalOnly: false }),
    // After a restore from backup, the same place may have other events
    idOf({}, delivery.until, restored)
  ]
  assert.equal(new Set([id, ...others]).size, others.length + 1)
})

test('up to its end the previous secret signs, too, and not from then on', () => {
  const { secret, previousSecret } = webhook
  const rotating = { ...webhook, previousUntil: now + 1 }
  for (const message of [toEventsMessage(rotating, delivery, cursors, now), toPing(rotating, 'a', now)])
    for (const one of [secret, previousSecret!])
      new Verifier(one).verify(message.body.toString(), { ...message.headers })
  for (const message of [toEventsMessage(webhook, delivery, cursors, now), toPing(webhook, 'a', now)]) {
    new Verifier(secret).verify(message.body.toString(), { ...message.headers })
    assert.throws(() => new Verifier(previousSecret!).verify(message.body.toString(), { ...message.headers }))
  }
})

test('signatures are those of Standard Webhooks, of any body', () => {
  fc.assert(
    fc.property(fc.json(), fc.stringMatching(/^[\w-]{1,40}$/), (text, id) => {
      const secret = createSecret()
      const headers = sign(id, now, Buffer.from(text), [secret])
      assert.equal(headers['webhook-signature'], new Verifier(secret).sign(id, new Date(now), text))
    })
  )
})

test('each ping is another message', () => {
  const ids = ['a', 'b'].map((nonce) => toPing(webhook, nonce, now).headers['webhook-id'])
  assert.notEqual(ids[0], ids[1])
})

test('waits double up to the longest, a tenth more or less', () => {
  const limits = { webhookRetryMsMin: 5_000, webhookRetryMsMax: 600_000 }
  const waits = [1, 2, 3, 7, 8, 50, 5_000].map((failures) => waitAfter(failures, null, 0.5, limits))
  assert.deepEqual(waits, [5_000, 10_000, 20_000, 320_000, 600_000, 600_000, 600_000])
  assert.deepEqual(
    [0, 1].map((chance) => waitAfter(1, null, chance, limits)),
    [4_500, 5_500]
  )
  assert.equal(waitAfter(1, 60_000, 0.5, limits), 60_000)
  assert.equal(waitAfter(3, 1_000, 0.5, limits), 20_000, 'not sooner than by itself')
  assert.equal(waitAfter(1, 9e12, 0.5, limits), 600_000, 'nobody makes it wait for ever')
})

test('the default waits are as documented', () => {
  assert.equal(waitAfter(1, null, 0.5, defaultLimits), 5_000)
  assert.equal(waitAfter(100, null, 0.5, defaultLimits), 600_000)
})

test('so many at once, the others in order, and whoever gives up leaves the queue', async () => {
  const slots = createSlots(2)
  const never = new AbortController()
  const log: string[] = []
  const open = new Map<string, () => void>()
  const run = (name: string, signal = never.signal): Promise<void> =>
    slots.run(
      () =>
        new Promise((resolve) => {
          log.push(name)
          open.set(name, resolve)
        }),
      signal
    )
  const settle = (): Promise<void> => new Promise(setImmediate)
  const leaving = new AbortController()
  const all = [run('a'), run('b'), run('c', leaving.signal), run('d'), run('e')]
  await settle()
  assert.deepEqual(log, ['a', 'b'])
  leaving.abort(new Error('left'))
  await assert.rejects(all[2]!, /left/)
  open.get('a')!()
  await settle()
  assert.deepEqual(log, ['a', 'b', 'd'])
  await assert.rejects(
    slots.run(() => Promise.reject(new Error('failed')), leaving.signal),
    /left/
  )
  open.get('b')!()
  await settle()
  for (const name of ['d', 'e']) open.get(name)!()
  await Promise.all([all[0], all[1], all[3], all[4]])
  await assert.rejects(
    slots.run(() => Promise.reject(new Error('failed')), never.signal),
    /failed/
  )
  assert.equal(await slots.run(async () => 'free again', never.signal), 'free again')
})
