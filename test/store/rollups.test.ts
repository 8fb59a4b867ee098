import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import type { ModelPoint } from '../support/rollup-model.ts'
import { assertRollups, modelLevels, rollupModel, rowKey, storedRollups } from '../support/rollup-model.ts'
import { openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
/** The begin of a day that is over. */
const yesterday = Math.floor(Date.now() / day) * day - day

interface Given {
  device?: string
  metric?: string
  topic?: string
  at: number
  number: number
}

/** Each given datapoint is a message of its own. */
async function open(options: { url?: string } = {}) {
  const one = await openTestStore({ ...options, limits: { poolConnectionsMax: 4, forgetRowsPerStepMax: 3 } })
  const { store, url } = one
  const { topicIds } = (await one.receive({ topic: 't1' }, { topic: 't2' }))!
  const { id, doneSeq } = await currentAtHead(store, mapping)
  let done = doneSeq
  const points: ModelPoint[] = []
  async function writeTo(projection: number, given: readonly Given[], from: number): Promise<ModelPoint[]> {
    const written = given.map(
      ({ device = 'd', metric = 'm', topic = 't1', at, number }, index): ModelPoint & { topic: string } => ({
        device,
        metric,
        topic,
        topicId: topicIds.get(topic)!.id,
        seq: from + index + 1,
        n: 0,
        observedAt: at,
        number
      })
    )
    const messages = written.map(({ seq, topic, topicId, device, metric, number, observedAt }) =>
      messageOf(seq, { topic, topicId }, { datapoints: [point(device, metric, number, { observedAt })] })
    )
    await store.projections.write(projection, chunkOf(from, messages), { live: false })
    return written
  }
  return {
    ...one,
    id,
    points,
    topicIds,
    done: () => done,
    writeTo,
    async write(...given: Given[]) {
      const { base } = (await one.receive(...given.map(({ topic = 't1' }) => ({ topic }))))!
      assert.equal(base, done)
      points.push(...(await writeTo(id, given, done)))
      done += given.length
    },
    /** As retention does it. */
    async dropUpTo(seq: number) {
      await query(url, 'update journal_head set horizon = $1', [seq])
      await query(url, 'update retention_classes set horizon = $1 where id = 1', [seq])
      await query(url, 'delete from datapoints where seq <= $1', [seq])
    },
    async rollAll() {
      for (;;) if (!(await store.rollups.advance(100)).more) break
    },
    rows: (projection = id) => storedRollups(url, projection)
  }
}

const only = <T>(rows: ReadonlyMap<string, T>, level: number) =>
  new Map([...rows].filter(([key]) => key.includes(` ${level} `)))

test('two that roll up at once write each datapoint once', async () => {
  const one = await open()
  const other = await openTestStore({ url: one.url, limits: { poolConnectionsMax: 4 } })
  await one.write(
    ...Array.from({ length: 300 }, (_, index) => ({
      at: yesterday + ((index * 7_919) % 200) * 1_000,
      number: index
    }))
  )
  const turn = async ({ store }: Pick<typeof one, 'store'>): Promise<number> => {
    let datapoints = 0
    for (let more = true; more;) {
      const step = await store.rollups.advance(7)
      datapoints += step.datapoints
      more = step.more
    }
    return datapoints
  }
  const counts = await Promise.all([turn(one), turn(other), turn(one), turn(other)])
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    300
  )
  assertRollups(await one.rows(), rollupModel(one.points))
})

test('a step whose connection ends before its commit has written nothing, and is done again', async () => {
  const one = await open()
  await one.write({ at: yesterday, number: 1 }, { at: yesterday + 1_000, number: 2 })
  await one.rollAll()
  await one.write({ at: yesterday + 500, number: 3 }, { at: yesterday + 2_000, number: 4 })
  const holder = new pg.Client({ connectionString: one.url })
  await holder.connect()
  // It waits here when it has written its rows, and last of all moves its position
  await holder.query('begin; select from projections for update')
  const ending = assert.rejects(one.store.rollups.advance(100))
  const waiting = async (): Promise<number | undefined> =>
    (
      await query<{ pid: number }>(
        one.url,
        `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      )
    )[0]?.pid
  await eventually(async () => (await waiting()) !== undefined, { what: 'the step to wait' })
  await query(one.url, 'select pg_terminate_backend($1)', [await waiting()])
  await ending
  await holder.query('rollback')
  await holder.end()
  assertRollups(await one.rows(), rollupModel(one.points.slice(0, 2)))
  await one.rollAll()
  assertRollups(await one.rows(), rollupModel(one.points))
})

test('the projector writes on while a step is at work', async () => {
  const one = await open()
  await one.write({ at: yesterday, number: 1 })
  const holder = new pg.Client({ connectionString: one.url })
  await holder.connect()
  await holder.query('begin')
  // As a step does from its begin on
  await holder.query('select pg_advisory_xact_lock($1)', [0x726f6c6c])
  const step = one.store.rollups.advance(100)
  await one.write({ at: yesterday + 1, number: 2 })
  await holder.query('commit')
  await holder.end()
  await step
  await one.rollAll()
  assertRollups(await one.rows(), rollupModel(one.points))
})

test('rows are written where their level keeps them, and partitions go when all of them is past', async () => {
  const one = await open()
  const old = yesterday - 60 * day
  await one.write(
    { at: old, number: 1 },
    { at: old + 2_000, number: 2 },
    { at: yesterday - 1_000 * day, number: 3 }
  )
  await one.rollAll()
  const expected = rollupModel(one.points)
  const kept = new Map([
    ...[...only(expected, 2)].filter(([key]) => key.includes(new Date(old).toISOString())),
    ...only(expected, 3)
  ])
  assertRollups(await one.rows(), kept)
  // Late, and there are no minutes to fold: from datapoints
  await one.write({ at: old + 1_000, number: 5 })
  await one.rollAll()
  const late = rollupModel(one.points)
  assertRollups(await one.rows(), new Map([...kept.keys()].map((key) => [key, late.get(key)!])))
  // And where these are gone, as well as can be
  await one.dropUpTo(one.done())
  await one.write({ at: old + 1_500, number: 7 }, { at: old + 3_000, number: 4 })
  await one.rollAll()
  const mixed = rollupModel(one.points)
  const mixedKeys = modelLevels.map((level) => rowKey(one.points.at(-1)!, level))
  assertRollups(
    await one.rows(),
    new Map([...kept.keys()].map((key) => [key, mixed.get(key)!])),
    new Set(mixedKeys)
  )
  assert.deepEqual(await one.store.rollups.tidy(Date.now()), [])
  const dropped = await one.store.rollups.tidy(Date.now() + 500 * day)
  assert.ok(dropped.length > 0 && dropped.every((name) => name.startsWith('rollups_hour_')), String(dropped))
  assertRollups(
    await one.rows(),
    only(new Map([...mixed].filter(([key]) => kept.has(key))), 3),
    new Set(mixedKeys)
  )
})

test('nothing is left of a device that is forgotten', async () => {
  const one = await open()
  await one.write(
    { device: 'a', at: yesterday, number: 1 },
    { device: 'b', at: yesterday, number: 2 },
    { device: 'a', metric: 'other', at: yesterday + hour, number: 3 }
  )
  await one.rollAll()
  await one.dropUpTo(one.points[1]!.seq)
  await one.store.forget({ device: 'a' }, 'test')
  await one.rollAll()
  assertRollups(await one.rows(), rollupModel(one.points.filter(({ device }) => device === 'b')))
  const metrics = await query<{ id: string }>(one.url, 'select id from metrics')
  const known = await query<{ metric_id: string }>(
    one.url,
    'select metric_id from rollups union select metric_id from metric_topics union select metric_id from rollup_marks'
  )
  assert.deepEqual(
    known.map((row) => row.metric_id),
    metrics.map((row) => row.id)
  )
})

test('nothing of a forgotten topic is left in a row, and what is left says what it knows', async () => {
  const one = await open()
  await one.write(
    { topic: 't1', at: yesterday, number: 1 },
    { topic: 't2', at: yesterday + minute, number: 2 },
    { topic: 't1', at: yesterday + hour, number: 4 },
    { topic: 't2', at: yesterday + 2 * hour, number: 8 },
    { topic: 't2', at: yesterday + 2 * hour + 1_000, number: 16 },
    { topic: 't1', at: yesterday + 2 * hour + 2_000, number: 32 },
    { topic: 't2', at: yesterday + 2 * hour + 3_000, number: 64 }
  )
  await one.rollAll()
  // The first minute, whose datapoints are gone, is of t2 alone
  await one.dropUpTo(one.points[3]!.seq)
  await one.store.forget({ topic: 't1' }, 'test')
  await one.rollAll()
  const t1 = one.topicIds.get('t1')!.id
  assert.deepEqual(await query(one.url, 'select from rollups where topic_id = $1', [t1]), [])
  assert.deepEqual(await query(one.url, 'select from metric_topics where topic_id = $1', [t1]), [])
  assert.deepEqual(await query(one.url, 'select from rollups where topic_id is null'), [])
  // Of the minute that was of both, the one of t2 that is gone is lost with those of t1
  const left = one.points.filter(({ topicId, seq }) => topicId !== t1 && seq !== one.points[3]!.seq)
  assertRollups(await one.rows(), rollupModel(left))
})

test('what a projection alone knows is carried over to the one that replaces it', async () => {
  const one = await open()
  const { store, id } = one
  await one.write(
    { at: yesterday, number: 1 },
    { at: yesterday + hour, number: 2 },
    { metric: 'gone', at: yesterday, number: 3 },
    { at: yesterday + hour + 1_000, number: 4 }
  )
  await one.rollAll()
  await one.dropUpTo(one.points[2]!.seq)
  const next = await store.projections.begin(mapping)
  // The new mapping says something else of what it reads
  await one.writeTo(next.id, [{ at: yesterday + hour + 1_000, number: 40 }], one.done() - 1)
  await one.rollAll()
  await store.projections.switchTo(id, next.id)
  assert.equal(await store.rollups.carriesOver(id), true)
  const late = { at: yesterday + 1_000, number: 5 }
  const after = await one.writeTo(next.id, [late], one.done())
  // Both wait for one another, so that no datapoint is in a row twice
  assert.equal((await store.rollups.advance(100)).rolled, one.done())
  assert.equal((await store.rollups.carryOver(10_000)).projection, null)
  await store.projections.told(id)
  assert.deepEqual(await store.rollups.carryOver(10_000), { projection: id, carried: 1, lost: 1 })
  await store.projections.drop(id)
  await one.rollAll()
  await store.rollups.tidy(Date.now())
  const known = one.points.filter(({ metric }) => metric === 'm')
  const stored = await one.rows(next.id)
  const expected = rollupModel([...known, ...after])
  // The minute in which something is gone, and so the hour and the day, are the ones of before
  const first = rowKey({ ...known[0]!, ...after[0]! }, modelLevels[0]!)
  assertRollups(stored, expected, new Set(modelLevels.map((level) => rowKey(known[0]!, level))))
  assert.equal(stored.get(first)!.count, 2)
  assert.deepEqual(
    await query(one.url, 'select from rollups where metric_id not in (select id from metrics)'),
    []
  )
})
