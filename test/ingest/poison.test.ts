import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendAll } from '../../src/ingest/poison.ts'
import { normalize } from '../../src/normalize/normalize.ts'
import { createStats } from '../../src/stats.ts'
import { query, silent } from '../support/database.ts'
import { everything, openTestStore, toReceived } from '../support/store.ts'

test('one message that Postgres refuses does not hold up its neighbours', async () => {
  const { url, store, lease } = await openTestStore()
  // A refusal that only this message meets: as a constraint somebody added, or a value nobody thought of
  await query(url, `alter table journal add check (octet_length(payload) <> 13 or kind = 7)`)
  const stats = createStats()
  const topics = ['a', 'b', 'a', 'poison', 'a', 'b', 'c']
  const messages = topics.map((topic, index) =>
    toReceived({
      topic,
      payload: Buffer.from(topic === 'poison' ? 'thirteen byte' : `${index}`),
      retain: topic === 'b'
    })
  )
  const { facts, states } = normalize(messages, lease.name)
  const packets = { added: [{ packetId: 1, hash: Buffer.alloc(16) }], released: [] }
  const parts = await appendAll(
    { stats, log: silent },
    { facts, states, packets, retainedKnown: true },
    store,
    lease
  )

  assert.equal(stats.unstorable, 1)
  assert.equal(parts.flatMap((part) => part.facts).length, 7)
  const stored = await store.journal.following(0, 100, 1e6)
  assert.deepEqual(
    stored.map((fact) => [fact.kind, fact.topic ?? (fact.detail as { cause: string }).cause]),
    topics.map((topic) => (topic === 'poison' ? ['gap', 'unstorable'] : ['message', topic]))
  )
  assert.equal((await store.states.byName(everything, 'a'))!.latest.payload.toString(), '4')
  assert.equal((await store.states.byName(everything, 'b'))!.retained!.payload.toString(), '5')
  assert.equal((await store.sessions.inboundPackets(lease)).length, 1)
  const [gap] = await query<{ payload: Buffer; sqlstate: string }>(
    url,
    `select payload, detail ->> 'sqlState' as sqlstate from journal where kind = 7`
  )
  assert.deepEqual([gap!.payload.toString(), gap!.sqlstate], ['thirteen byte', '23514'])
})

test('wherever it stands in a batch of any size', async () => {
  const { url, store, lease } = await openTestStore()
  await query(url, `alter table journal add check (octet_length(payload) <> 13 or kind = 7)`)
  let expected = 0
  for (let size = 1; size <= 5; size++) {
    for (let at = 0; at < size; at++) {
      const messages = Array.from({ length: size }, (_, index) =>
        toReceived({ topic: `t/${index}`, payload: Buffer.from(index === at ? 'thirteen byte' : 'x') })
      )
      const { facts, states } = normalize(messages, lease.name)
      const batch = { facts, states, packets: { added: [], released: [] }, retainedKnown: true }
      await appendAll({ stats: createStats(), log: silent }, batch, store, lease)
      expected += size
    }
  }
  const stored = await store.journal.following(0, 1_000, 1e6)
  assert.equal(stored.length, expected)
  assert.equal(stored.filter((fact) => fact.kind === 'gap').length, 15)
})

test('what was retained before the refused message of its topic stays', async () => {
  const { url, store, lease } = await openTestStore()
  await query(url, `alter table journal add check (octet_length(payload) <> 13 or kind = 7)`)
  const messages = ['kept', 'thirteen byte'].map((payload) =>
    toReceived({ topic: 't', payload: Buffer.from(payload), retain: true })
  )
  const { facts, states } = normalize(messages, lease.name)
  const batch = { facts, states, packets: { added: [], released: [] }, retainedKnown: true }
  await appendAll({ stats: createStats(), log: silent }, batch, store, lease)
  const state = (await store.states.byName(everything, 't'))!
  assert.deepEqual([state.retained?.payload.toString(), state.retainedKnown], ['kept', true])
})
