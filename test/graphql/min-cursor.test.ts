/** Read your writes: every field with `minCursor` waits for what it reads, and never answers with what is older. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { getNamedType, isObjectType } from 'graphql'
import { createMinCursor } from '../../src/feed/min-cursor.ts'
import { buildSchema } from '../../src/graphql/executable.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Store } from '../../src/store/store.ts'
import { createProjected } from '../support/projected-feed.ts'
import { codes, query, startServer, until } from './server.ts'

/** How to ask for each field, by what it waits for. */
const fields = {
  journal: {
    topics: 'topics(#) { cursor }',
    topic: 'topic(name: "a", #) { seq }',
    topicById: 'topicById(id: "1", #) { seq }',
    messages: 'messages(#) { cursor }',
    commands: 'commands(#) { cursor }',
    command: 'command(id: "00000000-0000-4000-8000-000000000000", #) { id }',
    gaps: 'gaps(#) { cursor }',
    batches: 'batches(#) { cursor }',
    batch: 'batch(id: "00000000-0000-4000-8000-000000000000", #) { id }',
    batchOutcomes: 'batchOutcomes(id: "00000000-0000-4000-8000-000000000001", #) { cursor }'
  },
  projected: {
    devices: 'devices(#) { cursor }',
    device: 'device(id: "a", #) { seq }',
    datapoints: 'datapoints(device: "a", #) { cursor }',
    history:
      'history(from: "2026-11-30T00:00:00.000Z", to: "2026-11-30T01:00:00.000Z", bucket: "PT1H", #) { cursor }',
    rejections: 'rejections(#) { cursor }',
    rejectionCounts: 'rejectionCounts(#) { count }'
  }
} as const

const empty = { items: [], next: null }

async function start(t: TestContext, limits = {}) {
  const server = await startServer(t, { limits: { ...defaultLimits, ...limits } })
  const { feed, store, minCursor: _own, ...parts } = server.parts
  const projected = createProjected()
  const minCursor = createMinCursor({
    cursors: store.cursors,
    feed,
    head: async () => server.memory.facts.length,
    projected,
    limits: parts.limits
  })
  let reads = 0
  const read =
    <Result>(result: Result) =>
    async () => {
      reads++
      return result
    }
  const counting = {
    ...store,
    devices: { search: read(empty), byName: read(null) },
    datapoints: { page: read(empty), end: async () => server.memory.facts.length },
    history: { read: read({ series: [], next: null, source: 'hour', keptFrom: null, from: 0, to: 0 }) },
    rejections: { page: read(empty), counts: read([]) },
    states: { ...store.states, search: read(empty), byName: read(null), byId: read(null) },
    journal: { ...store.journal, page: read(empty) },
    commands: { ...store.commands, page: read(empty), byId: read(null) },
    batches: {
      page: read(empty),
      // That there is one is asked before its outcomes are read, and not counted
      byId: async (_access: unknown, id: string) => (id.endsWith('1') ? { id } : read(null)()),
      outcomes: read(empty)
    }
  } as never as Store
  const { url } = await startServer(t, { ...parts, feed, store: counting, minCursor })
  const { cursors } = store
  const ask = (field: string, seq: number) =>
    query(url, `{ ${field.replace('#', `minCursor: "${cursors.encode(seq)}"`)} }`)
  return { ask, url, cursors, projected, receive: server.memory.receive, reads: () => reads }
}

test('every field that has the argument is looked at', () => {
  const schema = buildSchema()
  const found = [schema.getQueryType()!, ...Object.values(schema.getTypeMap())].flatMap((type) =>
    isObjectType(type)
      ? Object.values(type.getFields()).filter(({ args }) => args.some(({ name }) => name === 'minCursor'))
      : []
  )
  assert.deepEqual(
    new Set(found.map(({ name }) => name)),
    new Set([...Object.keys(fields.journal), ...Object.keys(fields.projected)])
  )
})

test('every mutation answers with a cursor to read behind', () => {
  for (const { name, type } of Object.values(buildSchema().getMutationType()!.getFields())) {
    const payload = getNamedType(type)
    assert.ok(isObjectType(payload))
    assert.equal(String(payload.getFields()['cursor']?.type), 'Cursor!', name)
  }
})

for (const [what, some] of Object.entries(fields)) {
  for (const [name, field] of Object.entries(some)) {
    test(`${name} reads when the ${what === 'journal' ? 'journal' : 'projection'} has come to the cursor`, async (t) => {
      const { ask, projected, receive, reads } = await start(t)
      receive('a', '1')
      if (what === 'projected') projected.doneSeq = 1
      assert.deepEqual(codes(await ask(field, 1)), []) // it is there
      assert.equal(reads(), 1)

      const answer = ask(field, 2)
      if (what === 'projected') {
        receive('a', '2')
        await until(() => projected.waitingFor === 2)
        assert.equal(reads(), 1)
        projected.advance(2)
      } else receive('a', '2')
      assert.deepEqual(codes(await answer), [])
      assert.equal(reads(), 2)
    })

    test(`${name}: cursor_not_reached when its time is over, and nothing is read`, async (t) => {
      const { ask, url, cursors, reads } = await start(t, { minCursorMsMax: 20 })
      const answer = await ask(field, 5)
      assert.deepEqual([answer.status, codes(answer)], [200, ['cursor_not_reached']])
      const page = cursors.encodePage('list', { until: 1, after: 1 })
      const wrong = await query(url, `{ ${field.replace('#', `minCursor: "${page}"`)} }`)
      assert.deepEqual(codes(wrong), ['cursor_kind'])
      assert.equal(reads(), 0)
    })
  }
}
