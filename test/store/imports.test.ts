import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeImported } from '../../src/history/imported.ts'
import type { Problem } from '../../src/errors.ts'
import type { OpenImport } from '../../src/store/imports.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { afterCommit, beforeCommit, startPostgresProxy } from '../support/postgres-proxy.ts'
import { point } from '../support/projected.ts'
import { everything, openTestStore } from '../support/store.ts'

const batchOf = (text: string, topic = 'rialto/import') => ({
  facts: [
    {
      topic,
      payload: writeImported('d', [
        { ...point('d', 'm', null, { type: 'text', exact: Buffer.from(text) }), receivedAt: 1_000 }
      ])
    }
  ],
  lines: 1,
  datapoints: 1,
  digest: Buffer.from(text)
})

const isRunning = ({ code }: Problem): boolean => code === 'import_running'

test('a batch and how far the file has been read are one commit, in the journal only', async () => {
  const { store, url } = await openTestStore()
  let open = await store.imports.begin('me', 'a', 'ndjson')
  open = await store.imports.append(open, batchOf('one'))
  open = await store.imports.append(open, { ...batchOf('two'), facts: [] })
  assert.deepEqual([open.lines, open.digest], [2, Buffer.from('two')])
  const facts = await store.journal.following(0, 10, 1e6)
  assert.deepEqual(
    facts.map(({ seq, kind, topic }) => [seq, kind, topic]),
    [[1, 'imported', 'rialto/import']]
  )
  const ended = await store.imports.end(open, true)
  assert.deepEqual([ended.state, ended.lines, ended.datapoints, ended.lastSeq], ['done', 2, 2, 1])
  assert.equal(await store.states.byName(everything, 'rialto/import'), null)
  const [state] = await query<{ seq: string }>(url, 'select seq from topic_state')
  assert.equal(state!.seq, '0')
})

test('whoever goes on with an import takes it: the one before writes nothing more', async () => {
  const { store, url } = await openTestStore({ limits: { importLeaseMs: 200 } })
  const first = await store.imports.append(await store.imports.begin('me', 'a', 'csv'), batchOf('one'))
  await assert.rejects(store.imports.begin('me', 'a', 'csv'), isRunning)
  await store.imports.begin('another', 'a', 'ndjson') // has its own of that name
  // Nobody has said that it goes on
  const second = await eventually(() => store.imports.begin('me', 'a', 'csv'))
  assert.deepEqual([second.lines, second.run, second.digest], [1, 2, Buffer.from('one')])
  await assert.rejects(store.imports.append(first, batchOf('late')), isRunning)
  await assert.rejects(store.imports.end(first, true), isRunning)
  await store.imports.append(second, batchOf('two'))
  const [count] = await query<{ count: string }>(url, 'select count(*) from journal')
  assert.equal(count!.count, '2')
})

test('a topic that was forgotten since its id was remembered is another one', async () => {
  const { store } = await openTestStore()
  let open: OpenImport = await store.imports.begin('me', 'a', 'ndjson')
  open = await store.imports.append(open, batchOf('one', 'secret'))
  await store.forget({ topic: 'secret' }, 'me')
  open = await store.imports.append(open, batchOf('two', 'secret'))
  const facts = await store.journal.following(0, 10, 1e6)
  assert.deepEqual(
    facts.map(({ kind }) => kind),
    ['forgotten', 'imported']
  )
})

for (const [when, point] of [
  ['before its COMMIT', beforeCommit],
  ['behind its COMMIT, before the answer', afterCommit]
] as const) {
  test(`a connection to the database that breaks ${when}: a batch is there once`, async () => {
    const direct = await createDatabase()
    const proxy = await startPostgresProxy(direct)
    const { store } = await openTestStore({ url: proxy.url })
    let open = await store.imports.append(await store.imports.begin('me', 'a', 'ndjson'), batchOf('0'))
    for (let n = 1; n < 5; n++) {
      let struck = false
      proxy.rule = (frame) => {
        if (struck || !point(frame)) return 'pass'
        struck = true
        frame.link.cut()
        return 'drop'
      }
      open = await store.imports.append(open, batchOf(String(n)))
      assert.ok(struck)
      assert.equal(open.lines, n + 1)
    }
    proxy.rule = null
    const facts = await store.journal.following(0, 10, 1e6)
    assert.deepEqual(
      facts.map(({ message }) => message!.payload.toString()),
      ['0', '1', '2', '3', '4'].map((text) => Buffer.from(batchOf(text).facts[0]!.payload).toString())
    )
    assert.equal((await store.imports.end(open, true)).lines, 5)
  })
}
