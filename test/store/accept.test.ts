/** What several clients ask for at once is stored together: each has what it asked for, and nothing of another. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { query } from '../support/database.ts'
import { newCommand } from '../support/new-command.ts'
import { openTestStore } from '../support/store.ts'

const { store, url } = await openTestStore()
const claimOf = (key: string, answer = 'answer', principal = 'test') => ({
  principal,
  key,
  bodyHash: Buffer.from(key),
  answer
})
const stored = async (topic: string): Promise<number> =>
  (await query<{ n: number }>(url, 'select count(*)::int4 as n from commands where topic = $1', [topic]))[0]!
    .n

test('many at once: few appends, each in the journal, in order', async () => {
  const { rows: before } = { rows: await query<{ batch: number }>(url, 'select batch from instances') }
  const all = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      store.commands.accept([newCommand(`many/${index}`), newCommand(`many/${index}`)], null)
    )
  )
  assert.ok(all.every(({ accepted }) => accepted))
  const seqs = all.map(({ seq }) => seq)
  assert.deepEqual(
    seqs,
    seqs.toSorted((one, other) => one - other)
  )
  assert.equal(new Set(seqs).size, 200)
  const after = await query<{ batch: number }>(url, 'select batch from instances')
  assert.ok(after[0]!.batch - before[0]!.batch < 10, 'they are stored together')
  const facts = await query<{ seq: number }>(
    url,
    `select j.seq from journal j join commands c on c.id = j.command_id and c.created_seq = j.seq
     where c.topic like 'many/%' order by 1`
  )
  assert.equal(facts.length, 400)
  assert.equal(facts.at(-1)!.seq - facts[0]!.seq, 399, 'no position is left out')
})

test('one key at once: one has it, the others nothing, and who has another key is not touched', async () => {
  const asks = [
    ...Array.from({ length: 20 }, (_, index) => ({
      topic: 'same',
      claim: claimOf('same', `answer ${index}`)
    })),
    { topic: 'other', claim: claimOf('other') },
    { topic: 'none', claim: null },
    { topic: 'principal', claim: claimOf('same', 'answer', 'another') }
  ]
  const all = await Promise.all(
    asks.map(({ topic, claim }) =>
      store.commands.accept([newCommand(topic, claim === null ? {} : { principal: claim.principal })], claim)
    )
  )
  assert.deepEqual(
    asks.filter((_, index) => all[index]!.accepted).map(({ topic }) => topic),
    ['same', 'other', 'none', 'principal']
  )
  for (const topic of ['same', 'other', 'none', 'principal']) assert.equal(await stored(topic), 1, topic)
  assert.equal((await store.commands.acceptance('test', 'same'))?.answer, 'answer 0')

  // Taken before: the same, together with one that is free
  const [taken, free] = await Promise.all([
    store.commands.accept([newCommand('same')], claimOf('same')),
    store.commands.accept([newCommand('free')], claimOf('free'))
  ])
  assert.deepEqual([taken.accepted, taken.seq, free.accepted], [false, 0, true])
  assert.equal(await stored('same'), 1)
})

test('one that cannot be stored harms no other', async () => {
  const results = await Promise.allSettled([
    store.commands.accept([newCommand('before')], null), // under way, so that the others are together
    store.commands.accept([newCommand('good/1')], null),
    store.commands.accept([newCommand('nul\0')], claimOf('bad')),
    store.commands.accept([newCommand('good/2')], claimOf('good'))
  ])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled']
  )
  assert.deepEqual([await stored('good/1'), await stored('good/2')], [1, 1])
  assert.equal(await store.commands.acceptance('test', 'bad'), null)
})

test('an append takes no more than its bytes and its commands: the rest goes with the next ones', async () => {
  const { store: small, url: smallUrl } = await openTestStore({
    limits: { acceptedTogetherBytesMax: 10, commandsPerRequestMax: 3 }
  })
  const appends = async (): Promise<number> =>
    (await query<{ batch: number }>(smallUrl, 'select batch from instances'))[0]!.batch
  const accept = (commands: number, payload: string) =>
    small.commands.accept(
      Array.from({ length: commands }, () => newCommand('small', { payload: Buffer.from(payload) })),
      null
    )
  let before = await appends()
  // The first is under way when the others come
  const bytes = await Promise.all([accept(1, '1'), accept(1, '123456'), accept(1, '123456'), accept(1, '1')])
  assert.equal((await appends()) - before, 3)
  before = await appends()
  const commands = await Promise.all([accept(1, '1'), accept(2, '1'), accept(2, '1'), accept(1, '1')])
  assert.equal((await appends()) - before, 3)
  assert.ok([...bytes, ...commands].every(({ accepted }) => accepted))
  // Larger than that by itself, it goes alone
  assert.ok((await accept(1, 'x'.repeat(100))).accepted)
})
