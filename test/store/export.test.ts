/** Exports read each row about once, a bounded number at a time, and tell when what follows is gone. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NormalizedDatapoint } from '../../src/datapoints.ts'
import { defaultLimits } from '../../src/limits.ts'
import { readNamePattern } from '../../src/predicate/name-pattern.ts'
import { readPredicate } from '../../src/predicate/predicate.ts'
import type { DatapointExportAsk, Export } from '../../src/store/export.ts'
import { query } from '../support/database.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: 'mappings' }
const all: DatapointExportAsk = {
  where: null,
  mayMiss: () => true,
  devices: [],
  metrics: [],
  filters: [],
  from: null,
  to: null,
  after: null
}
const messages = {
  mayMiss: () => true,
  filters: [],
  kinds: ['message'],
  from: null,
  to: null,
  after: null
} as const
const named = (name: string) => [readNamePattern(name, { nameBytesMax: 100 }, 'name')]

/** Receives a message for each list, and projects that as what it says. Gives the first seq. */
async function say(
  { store, receive }: TestStore,
  said: ReadonlyArray<readonly NormalizedDatapoint[]>
): Promise<number> {
  const { id, doneSeq } = await currentAtHead(store, mapping)
  const { base, topicIds } = (await receive(...said.map(() => ({ topic: 'a' }))))!
  const topic = { topic: 'a', topicId: topicIds.get('a')!.id }
  const chunk = said.map((datapoints, index) => messageOf(base + index + 1, topic, { datapoints }))
  await store.projections.write(id, chunkOf(doneSeq, chunk), { live: false })
  return base + 1
}

const numbers = (count: number, of = 1): NormalizedDatapoint[][] =>
  Array.from({ length: count }, (_, index) =>
    Array.from({ length: of }, (_value, n) => point('d', `m${n}`, index))
  )

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1)

async function pagesOf<Item>(exported: Export<Item>): Promise<Item[][]> {
  const pages: Item[][] = []
  for await (const page of exported.pages()) pages.push(page)
  return pages
}

test('pages are full where everything is meant, and each has whole messages', async () => {
  const one = await openTestStore({ limits: { exportPageRowsMax: 10 } })
  await say(one, numbers(31, 3))
  const exported = await one.store.exports.datapoints(everything, all)
  const pages = await pagesOf(exported)
  assert.equal(exported.until, 31)
  assert.deepEqual(
    pages.map((page) => page.length),
    [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 3]
  )
  assert.deepEqual(
    pages.flat().map(({ seq, n }) => [seq, n]),
    numbers(31, 3).flatMap((said, index) => said.map((_, n) => [index + 1, n]))
  )
})

test('a message of more than a page comes whole, in several', async () => {
  const one = await openTestStore({ limits: { exportPageRowsMax: 10 } })
  await say(one, [...numbers(3), ...numbers(1, 25), ...numbers(8)])
  const pages = await pagesOf(await one.store.exports.datapoints(everything, all))
  assert.deepEqual(
    pages.map((page) => page.length),
    [3, 10, 10, 9, 4] // of the large one 10, 10 and 5; a message that a page may cut in two is read again
  )
  assert.deepEqual(
    pages.flat().map(({ seq, n }) => [seq, n]),
    [1, 2, 3, ...Array<number>(25).fill(4), 5, 6, 7, 8, 9, 10, 11, 12].map((seq, index) => [
      seq,
      seq === 4 ? index - 3 : 0
    ])
  )
})

test('where hardly anything is meant, ever more is looked at in one statement, up to a bound', async () => {
  const one = await openTestStore({ limits: { exportPageRowsMax: 10, pageRowsScannedMax: 80 } })
  await say(one, [...numbers(500), [point('rare', 'm0', 7)], ...numbers(200)])
  const pages = await pagesOf(
    await one.store.exports.datapoints(everything, { ...all, devices: named('r*') })
  )
  // 10 + 20 + 40 + 80 + 80 ... of 701
  assert.equal(pages.length, 3 + Math.ceil((701 - 70) / 80))
  assert.deepEqual(
    pages.flat().map(({ seq, device }) => [seq, device]),
    [[501, 'rare']]
  )
  // And then less again, where it is
  const most = await pagesOf(await one.store.exports.datapoints(everything, { ...all, devices: named('d') }))
  assert.equal(most.flat().length, 700)
  assert.ok(most.every((page) => page.length <= 10))
})

test('a page is bounded in bytes, too; one value that is larger comes alone', async () => {
  const one = await openTestStore({ limits: { exportPageBytesMax: 1_000 } })
  const text = (length: number) => [
    point('d', 'text', null, { type: 'text', exact: Buffer.alloc(length, 'x') })
  ]
  const lengths = [400, 400, 400, 5_000, 10, 10, 999, 1]
  await say(one, lengths.map(text))
  const pages = await pagesOf(await one.store.exports.datapoints(everything, all))
  const bytes = pages.map((page) => page.map(({ exact }) => exact!.length))
  assert.deepEqual(bytes.flat(), lengths)
  assert.ok(
    bytes.every((page) => page.length === 1 || page.reduce((sum, length) => sum + length, 0) <= 1_000)
  )
  assert.ok(bytes.length < lengths.length)
})

test('what is not projected yet is left to the next export, which begins where this one ended', async () => {
  const one = await openTestStore()
  await say(one, numbers(3))
  const first = await one.store.exports.datapoints(everything, all)
  const reading = first.pages()
  await say(one, numbers(4))
  await one.receive({ topic: 'a' })
  assert.deepEqual(
    (await reading.next()).value!.map(({ seq }) => seq),
    [1, 2, 3]
  )
  assert.equal((await reading.next()).done, true)
  const second = await one.store.exports.datapoints(everything, { ...all, after: first.until })
  assert.deepEqual(
    (await pagesOf(second)).flat().map(({ seq }) => seq),
    [4, 5, 6, 7]
  )
  assert.equal(second.until, 7)
  // The cursor of a message may be ahead of the projection
  const ahead = await one.store.exports.datapoints(everything, { ...all, after: 8 })
  assert.deepEqual([ahead.until, await pagesOf(ahead)], [8, [[]]])
})

test('a store without anything has nothing to export', async () => {
  const { store } = await openTestStore()
  const datapoints = await store.exports.datapoints(everything, all)
  assert.deepEqual([datapoints.until, (await pagesOf(datapoints)).flat()], [0, []])
  const exported = await store.exports.messages(everything, messages)
  assert.deepEqual([exported.until, (await pagesOf(exported)).flat()], [0, []])
})

test('retention that takes what follows is told; what is read already may go', async () => {
  const one = await openTestStore({ limits: { exportPageRowsMax: 2 } })
  const { store, url } = one
  await say(one, numbers(20))
  const take = (horizon: number) =>
    query(url, `update retention_classes set horizon = $1 where name = 'default'`, [horizon])
  for (const [what, open] of [
    ['datapoints', (after: number | null) => store.exports.datapoints(everything, { ...all, after })],
    ['messages', (after: number | null) => store.exports.messages(everything, { ...messages, after })]
  ] as const) {
    await take(4)
    const kept = (await pagesOf<{ seq: number }>(await open(null))).flat().map(({ seq }) => seq)
    // Without a cursor, what is there is what is kept
    assert.deepEqual(kept, upTo(20), what)
    await assert.rejects(open(3), { code: 'cursor_expired' }, what)
    await open(4)
    const reading = (await open(8)).pages()
    assert.ok((await reading.next()).value!.length > 0)
    await take(8)
    assert.ok((await reading.next()).value!.length > 0, 'behind the horizon')
    await take(19)
    await assert.rejects(
      async () => {
        for (let page = await reading.next(); page.done !== true; page = await reading.next());
      },
      { code: 'cursor_expired' },
      what
    )
  }
})

test('when other mappings come into use, an export ends, and is gone on with by them', async () => {
  const one = await openTestStore({ limits: { exportPageRowsMax: 2 } })
  const { store } = one
  await say(one, numbers(8))
  const before = await store.projections.current(mapping)
  const reading = (await store.exports.datapoints(everything, all)).pages()
  assert.deepEqual(
    (await reading.next()).value!.map(({ seq }) => seq),
    [1]
  )
  const next = await store.projections.begin({ hash: 'other', text: 'other' })
  const topicId = (await query<{ id: string }>(one.url, `select id from topics where name = 'a'`))[0]!.id
  const topic = { topic: 'a', topicId: Number(topicId) }
  const rebuilt = numbers(8).map((_, index) =>
    messageOf(index + 1, topic, { datapoints: [point('new', 'm', index)] })
  )
  await store.projections.write(next.id, chunkOf(0, rebuilt), { live: false })
  await store.projections.switchTo(before.id, next.id)
  await store.projections.drop(before.id)
  await assert.rejects(
    async () => {
      for (let page = await reading.next(); page.done !== true; page = await reading.next());
    },
    { code: 'precondition_failed' }
  )
  const rest = (await pagesOf(await store.exports.datapoints(everything, { ...all, after: 1 }))).flat()
  assert.deepEqual(
    rest.map(({ seq, device }) => [seq, device]),
    [2, 3, 4, 5, 6, 7, 8].map((seq) => [seq, 'new'])
  )
})

test('a class that can have nothing of what is asked for may drop what it likes', async () => {
  const one = await openTestStore({ limits: { exportPageRowsMax: 2 } })
  const { store, url } = one
  await say(one, numbers(20))
  await query(url, `update retention_classes set horizon = 19 where name = 'default'`)
  const asked = { after: 3, mayMiss: ({ name }: { name: string }) => name !== 'default' }
  const datapoints = await pagesOf(await store.exports.datapoints(everything, { ...all, ...asked }))
  assert.equal(datapoints.flat().length, 17)
  const exported = await pagesOf(await store.exports.messages(everything, { ...messages, ...asked }))
  assert.equal(exported.flat().length, 17)
})

test('devices are chosen by what holds of them', async () => {
  const one = await openTestStore({ limits: { searchRowsMax: 3 } })
  const said = ['a', 'b', 'c'].map((device, index) => [point(device, 'm', index)])
  await say(one, said)
  const ask = { ...all, where: readPredicate('ge(metrics/m/value,1)', defaultLimits) }
  const exported = await pagesOf(await one.store.exports.datapoints(everything, ask))
  assert.deepEqual(
    exported.flat().map(({ device }) => device),
    ['b', 'c']
  )
  await say(one, [[point('d', 'm', 4)]])
  await assert.rejects(one.store.exports.datapoints(everything, ask), { code: 'query_too_complex' })
})
