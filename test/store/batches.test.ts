/** Batches in the database: stored with their commands or not at all, counted, ended, finished, forgotten. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { BatchOutcome } from '../../src/command-batch.ts'
import type { CommandState } from '../../src/command.ts'
import type { NewBatch } from '../../src/store/append-command-batch.ts'
import type { NewCommand } from '../../src/store/commands.ts'
import { query } from '../support/database.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { everything, openTestStore } from '../support/store.ts'

const { store, url } = await openTestStore()

const newBatch = (more: Partial<NewBatch> = {}): NewBatch => ({
  id: randomUUID(),
  principal: 'test',
  devices: ['d*'],
  where: null,
  name: 'do',
  ratePerSecond: null,
  stop: null,
  refusals: [],
  createdAt: Date.now(),
  ...more
})

async function accept(count: number, more: Partial<NewBatch> = {}, command: Partial<NewCommand> = {}) {
  const batch = newBatch(more)
  const commands = Array.from({ length: count }, (_, n) =>
    newCommand(`d${n}`, { device: `d${n}`, batchId: batch.id, ...command })
  )
  const { accepted, seq } = await store.commands.accept(commands, null, { batch })
  assert.equal(accepted, true)
  return { batch, commands, seq, read: async () => (await store.batches.byId(everything, batch.id))! }
}

const move = (ids: readonly string[], from: CommandState, to: CommandState) =>
  store.commands.move(ids.map((id) => transition(id, [from], to)))
const deviceOf = ({ device }: BatchOutcome): string => device

test('a batch is there with its commands, and says what they are', async () => {
  const { batch, commands, seq, read } = await accept(5, {
    stop: { failureShare: 0.25, after: 3 },
    ratePerSecond: 0.5,
    where: 'exists(presence)'
  })
  assert.deepEqual(await read(), {
    ...batch,
    seq: seq - 4,
    accepted: 5,
    state: 'running',
    reason: null,
    finishedAt: null,
    counts: { pending: 5 },
    final: 0
  })
  const ids = commands.map(({ id }) => id)
  await move(ids.slice(0, 3), 'pending', 'publishing')
  await move(ids.slice(0, 2), 'publishing', 'published')
  const { counts, final, state } = await read()
  assert.deepEqual([counts, final, state], [{ pending: 2, publishing: 1, published: 2 }, 2, 'running'])
})

test('a key that is taken stores neither commands nor batch', async () => {
  const claim = { principal: 'test', key: 'k', bodyHash: Buffer.from('h'), answer: '{}' }
  const [first, second] = [newBatch(), newBatch()]
  const of = ({ id }: NewBatch) => [newCommand('k', { batchId: id })]
  assert.equal((await store.commands.accept(of(first), claim, { batch: first })).accepted, true)
  assert.equal((await store.commands.accept(of(second), claim, { batch: second })).accepted, false)
  assert.notEqual(await store.batches.byId(everything, first.id), null)
  assert.equal(await store.batches.byId(everything, second.id), null)
})

test('a batch is finished when its last command is, before anybody has noted it', async () => {
  const { batch, commands, read } = await accept(2)
  const ids = commands.map(({ id }) => id)
  await move(ids, 'pending', 'publishing')
  await move(ids.slice(0, 1), 'publishing', 'published')
  assert.equal((await read()).state, 'running')
  await move(ids.slice(1), 'publishing', 'published')
  const before = await read()
  assert.equal(before.state, 'finished')
  assert.equal(before.finishedAt, (await store.commands.byId(everything, ids[1]!))!.finishedAt)
  assert.ok((await store.batches.open(1_000)).some(({ id }) => id === batch.id))
  await store.batches.finish(before)
  assert.deepEqual(await read(), before)
  assert.ok(!(await store.batches.open(1_000)).some(({ id }) => id === batch.id))
})

test('of a batch that has ended nothing is published, and what was published goes on', async () => {
  const { batch, commands, read } = await accept(3, {}, { awaits: 'response', timeoutSeconds: 9 })
  const [sent, lost, waits] = commands.map(({ id }) => id) as [string, string, string]
  await move([sent, lost], 'pending', 'publishing')
  assert.equal(await store.batches.end(batch.id, 'stopped', 'why'), true)
  assert.equal(await store.batches.end(batch.id, 'cancelled', 'other'), false)
  await store.commands.move([transition(lost, ['publishing'], 'pending', { event: 'lose' })])
  assert.deepEqual([...(await move([lost, waits], 'pending', 'publishing'))], [])
  assert.deepEqual([...(await move([sent], 'publishing', 'published'))], [sent])
  const { state, reason, finishedAt, counts } = await read()
  assert.deepEqual([state, reason, finishedAt], ['stopped', 'why', null])
  assert.deepEqual(counts, { pending: 2, published: 1 })
  const left = await store.batches.left(batch.id, 0, 10)
  assert.deepEqual(
    left.map(({ id, attempts }) => [id, attempts]),
    [
      [lost, 1],
      [waits, 0]
    ]
  )
  assert.deepEqual(await store.batches.left(batch.id, left[1]!.seq, 10), [])
})

test('outcomes are commands and then refusals, page by page, without what may not be read', async () => {
  const refusals = ['x', 'y', 'z'].map((device) => ({
    device,
    topic: device === 'z' ? null : device,
    code: 'invalid_value' as const,
    detail: 'no',
    errors: []
  }))
  const { batch, read } = await accept(4, { refusals })
  await accept(3) // right behind it
  for (const limit of [1, 2, 3, 4, 5, 7, 100]) {
    const found: BatchOutcome[] = []
    for (let after: number | null = null; ;) {
      const { items, next }: Awaited<ReturnType<typeof store.batches.outcomes>> =
        await store.batches.outcomes(everything, await read(), { after, limit })
      assert.ok(items.length <= limit)
      found.push(...items)
      if (next === null) break
      after = next
    }
    assert.deepEqual(found.map(deviceOf), ['d0', 'd1', 'd2', 'd3', 'x', 'y', 'z'], `pages of ${limit}`)
    assert.deepEqual(
      found.map(({ n }) => n),
      [0, 1, 2, 3, 4, 5, 6]
    )
  }
  const some = {
    ...everything,
    principal: 'other',
    mayRead: (topic: string) => topic !== 'd1' && topic !== 'y'
  }
  const { items } = await store.batches.outcomes(some, await read(), { after: null, limit: 100 })
  assert.deepEqual(items.map(deviceOf), ['d0', 'd2', 'd3', 'x', 'z'])
  assert.equal((await read()).id, batch.id)
})

test('only whoever asked for a batch may read it, and who may read everything', async () => {
  const { batch } = await accept(1)
  const other = { ...everything, principal: 'other' }
  const has = async (access: typeof other & { readsAll?: true | undefined }): Promise<boolean[]> => [
    (await store.batches.byId(access, batch.id)) !== null,
    (await store.batches.page(access, { states: [], after: null, limit: 100, order: 'desc' })).items.some(
      ({ id }) => id === batch.id
    )
  ]
  assert.deepEqual(await has({ ...everything }), [true, true])
  assert.deepEqual(await has(other), [false, false])
  assert.deepEqual(await has({ ...other, readsAll: true }), [true, true])
})

test('the list is in order, by state, page by page', async () => {
  const list = async (states: Parameters<typeof store.batches.page>[1]['states'], order: 'asc' | 'desc') => {
    const ids: string[] = []
    for (let after: number | null = null; ;) {
      const page: Awaited<ReturnType<typeof store.batches.page>> = await store.batches.page(
        { ...everything, principal: 'lister' },
        { states, after, limit: 2, order }
      )
      ids.push(...page.items.map(({ id }) => id))
      if (page.next === null) return ids
      after = page.next
    }
  }
  const made: string[] = []
  for (let n = 0; n < 5; n++) made.push((await accept(1, { principal: 'lister' })).batch.id)
  const [, stopped, finished, noted] = made
  await store.batches.end(stopped!, 'stopped', 'why')
  for (const id of [finished!, noted!]) {
    const [{ id: command }] = (await query<{ id: string }>(
      url,
      'select id from commands where batch_id = $1',
      [id]
    )) as [{ id: string }]
    await move([command], 'pending', 'publishing')
    await move([command], 'publishing', 'published')
  }
  await store.batches.finish((await store.batches.byId({ ...everything, principal: 'lister' }, noted!))!)
  assert.deepEqual(await list([], 'asc'), made)
  assert.deepEqual(await list([], 'desc'), made.toReversed())
  assert.deepEqual(await list(['finished'], 'asc'), [finished, noted])
  assert.deepEqual(await list(['stopped'], 'asc'), [stopped])
  assert.deepEqual(await list(['running'], 'asc'), [made[0], made[4]])
  assert.deepEqual(await list(['cancelled'], 'asc'), [])
})

test('what is forgotten is a whole batch, and never a part of one', async () => {
  const { batch, commands, read } = await accept(2)
  const ids = commands.map(({ id }) => id)
  await move(ids, 'pending', 'publishing')
  await move(ids.slice(0, 1), 'publishing', 'published')
  const old = `now() - make_interval(secs => (select keep_seconds + 60 from retention_classes where name = 'system'))`
  await query(url, `update commands set finished_at = ${old} where id = $1`, [ids[0]])
  const forget = async (): Promise<number[]> => [
    await store.batches.forgetFinished(),
    await store.commands.forgetFinal()
  ]
  assert.deepEqual(await forget(), [0, 0], 'the other one is not final')
  assert.deepEqual((await read()).counts, { published: 1, publishing: 1 })
  await move(ids.slice(1), 'publishing', 'published')
  await store.batches.finish(await read())
  assert.deepEqual(await forget(), [0, 0], 'it has just finished')
  await query(url, `update commands set finished_at = ${old} where id = any ($1)`, [ids])
  await query(url, `update batches set finished_at = ${old} where id = $1`, [batch.id])
  assert.deepEqual(await forget(), [1, 2])
  assert.equal(await store.batches.byId(everything, batch.id), null)
})
