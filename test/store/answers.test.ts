import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { moves } from '../../src/commands/lifecycle.ts'
import type { MovingEvent } from '../../src/commands/lifecycle.ts'
import type { Awaited } from '../../src/command.ts'
import { overdueSql, soughtSql, waitingSql } from '../../src/store/answers.ts'
import { hashName } from '../../src/store/projection-ids.ts'
import { query } from '../support/database.ts'
import { newCommand } from '../support/new-command.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import type { TestStore } from '../support/store.ts'
import { openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
const awaited: Awaited = { kind: 'response', device: 'd', correlation: 'c' }

/** Accepts commands, and moves each by its events. */
async function accept(
  { store }: TestStore,
  ...given: Array<{ events: readonly MovingEvent[]; awaited?: Awaited | null; timeoutSeconds?: number }>
): Promise<string[]> {
  const ids: string[] = []
  for (const { events, timeoutSeconds = 60, ...one } of given) {
    const expected = one.awaited === undefined ? awaited : one.awaited
    const awaits = expected === null ? 'none' : 'response'
    const command = newCommand('t', {
      awaits,
      awaited: expected,
      timeoutSeconds: awaits === 'none' ? null : timeoutSeconds
    })
    await store.commands.accept([command], null)
    for (const event of events)
      await store.commands.move([
        { id: command.id, event, ...moves(event), attempt: event === 'publish', brokerReasonCode: null }
      ])
    ids.push(command.id)
  }
  return ids
}

test('those that wait are those that were published, await something, and are not final: page by page', async () => {
  const test = await openTestStore()
  const { answers } = test.store
  const [waiting, lost, , , , timedOut] = await accept(
    test,
    { events: ['publish', 'accept'] },
    { events: ['publish', 'lose'] },
    { events: [] },
    { events: ['publish', 'accept'], awaited: null },
    { events: ['cancel'] },
    { events: ['publish', 'accept', 'timeOut'] }
  )
  const [first] = await answers.waiting(0, 1)
  assert.equal(first!.id, waiting)
  assert.deepEqual([first!.awaited, first!.finishedAt, first!.responseSeq], [awaited, null, null])
  const rest = await answers.waiting(first!.createdSeq, 10)
  assert.deepEqual(
    rest.map(({ id }) => id),
    [lost]
  )
  const late = await answers.late(60, 10)
  assert.deepEqual(
    late.map(({ id }) => id),
    [timedOut]
  )
  assert.notEqual(late[0]!.finishedAt, null)
  assert.deepEqual(await answers.late(0, 10), [])
  const named = await answers.byIds([waiting!, timedOut!])
  assert.deepEqual(new Set(named.map(({ id }) => id)), new Set([waiting, timedOut]))
})

test('overdue are those whose time is over, each by what it awaits, with the head of the journal', async () => {
  const test = await openTestStore()
  const [over] = await accept(
    test,
    { events: ['publish', 'accept'] },
    { events: ['publish', 'accept'], awaited: { kind: 'state', filter: 'a', where: 'exists(payload)' } },
    { events: ['publish', 'accept'], timeoutSeconds: 3_600 },
    { events: ['publish'] },
    { events: ['publish', 'accept', 'succeed'] }
  )
  await query(
    test.url,
    `update commands set timeout_at = now() - interval '1 s' where timeout_seconds < 3600`
  )
  const { seq } = await test.store.journal.head()
  assert.deepEqual(await test.store.answers.overdue(['response', 'datapoint'], 10), {
    ids: [over],
    head: seq
  })
  assert.deepEqual(await test.store.answers.overdue(['message'], 10), { ids: [], head: seq })
})

/** Ten messages of two devices; each says `x` and something else of both. */
async function openProjected(limits: { answersDatapointsMax?: number } = {}) {
  const test = await openTestStore({ limits })
  const { id } = await currentAtHead(test.store, mapping)
  const { base, topicIds } = (await test.receive(...Array.from({ length: 10 }, () => ({ topic: 't' }))))!
  const messages = Array.from({ length: 10 }, (_, index) =>
    messageOf(
      base + 1 + index,
      { topic: 't', topicId: topicIds.get('t')!.id },
      {
        datapoints: ['d', 'e'].flatMap((device) => [
          point(device, 'x', index),
          point(device, 'y', 100 + index, { role: 'event' })
        ])
      }
    )
  )
  await test.store.projections.write(id, chunkOf(base, messages), { live: true })
  return { ...test, base }
}

test('datapoints of the metrics that are sought, behind one fact and up to another, in order', async () => {
  const { store, base } = await openProjected()
  const sought = [
    { device: 'd', metric: 'x' },
    { device: 'e', metric: 'y' },
    { device: 'nobody', metric: 'x' }
  ]
  const { items, to } = await store.answers.datapoints(sought, base + 2, base + 4)
  assert.equal(to, base + 4)
  assert.deepEqual(
    items.map(({ device, metric, seq, number, role }) => [device, metric, seq - base, number, role]),
    [
      ['d', 'x', 3, 2, 'state'],
      ['e', 'y', 3, 102, 'event'],
      ['d', 'x', 4, 3, 'state'],
      ['e', 'y', 4, 103, 'event']
    ]
  )
  assert.deepEqual(await store.answers.datapoints([], base, base + 4), { items: [], to: base + 4 })
  assert.deepEqual(await store.answers.datapoints([sought[2]!], base, base + 4), { items: [], to: base + 4 })
})

test('however many there are, a bounded number is looked at, and the next look goes on behind it', async () => {
  const { store, base } = await openProjected({ answersDatapointsMax: 10 })
  const found: number[] = []
  let looks = 0
  for (let from = base; from < base + 10; looks++) {
    const { items, to } = await store.answers.datapoints([{ device: 'e', metric: 'x' }], from, base + 10)
    assert.ok(to > from)
    found.push(...items.map(({ number }) => number!))
    from = to
  }
  assert.deepEqual(found, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.ok(looks >= 4, `${looks} looks`)
})

test('messages by their facts, as far as they are kept', async () => {
  const { store, receive } = await openTestStore()
  const { base } = (await receive({ topic: 'a', payload: Buffer.from('one') }, { topic: 'b' }))!
  const messages = await store.answers.messages([base + 1, base + 99])
  assert.deepEqual([...messages.keys()], [base + 1])
  assert.equal(messages.get(base + 1)!.payload.toString(), 'one')
  const before = await store.answers.searched()
  await store.answers.saveSearched(before + 7)
  assert.equal(await store.answers.searched(), before + 7)
})

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

/** That it looked at. */
const rowsOf = (node: PlanNode): number =>
  (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']

const walk = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(walk)]

/** As it is planned for whatever it is given, and carried out. */
async function planned(client: pg.Client, text: string, types: string, values: string): Promise<PlanNode[]> {
  await client.query('set plan_cache_mode = force_generic_plan')
  await client.query(`prepare asked (${types}) as ${text}`)
  const { rows } = await client.query<{ 'QUERY PLAN': Array<{ Plan: PlanNode }> }>(
    `explain (analyze, format json) execute asked (${values})`
  )
  await client.query('deallocate asked')
  return walk(rows[0]!['QUERY PLAN'][0]!.Plan)
}

test('what was long ago, what other devices say, and what is final is not looked at', async () => {
  const test = await openProjected()
  const client = new pg.Client({ connectionString: test.url })
  await client.connect()
  // Ten messages become two hundred thousand datapoints, half of them of the metric that is sought
  await client.query(
    `insert into datapoints (seq, metric_id, topic_id, observed_at, received_at, number, n, projection_id, type, role, clock, retention_class)
     select p.seq + g * 100, p.metric_id, p.topic_id, p.observed_at, p.received_at, p.number, p.n, p.projection_id, p.type,
       p.role, p.clock, p.retention_class
     from datapoints p, generate_series(1, 5000) as g`
  )
  await client.query(
    `insert into commands (id, created_seq, queue_seq, seq, topic, payload, qos, retain, state, created_at, principal, awaits,
       awaited, publish_seq, finished_at, timeout_at)
     select gen_random_uuid(), 1000000 + g, 1000000 + g, g, 't', '', 1, false, case when g % 1000 = 0 then 'published' else 'succeeded' end,
       now(), 'test', 'response', '{"kind": "response", "device": "d", "correlation": "c"}', g,
       case when g % 1000 = 0 then null else now() end, now() - interval '1 s'
     from generate_series(1, 20000) as g`
  )
  await client.query('analyze datapoints; analyze commands')
  const to = test.base + 400_000
  const [device, metric] = ['d', 'x'].map((name) => `'\\x${hashName(name).toString('hex')}'::bytea`)
  const sought = await planned(
    client,
    soughtSql,
    'bytea[], bytea[], int8, int8, int8',
    `array[${device}], array[${metric}], ${to - 1_000}, ${to}, 20000`
  )
  const waiting = await planned(client, waitingSql, 'int8, int8', '0, 100')
  const overdue = await planned(client, overdueSql, 'text[], int8', `array['response'], 100`)
  await client.end()
  const looked = (nodes: PlanNode[], table: RegExp): number =>
    nodes
      .filter((node) => table.test(node['Relation Name'] ?? ''))
      .reduce((sum, node) => sum + rowsOf(node), 0)
  // Partitions for what is to come are empty, and anything is quick there
  const scanned = [sought, waiting, overdue]
    .flat()
    .filter((node) => node['Node Type'] === 'Seq Scan' && rowsOf(node) > 0)
  assert.deepEqual(
    scanned.filter((node) => /^(datapoints|commands)/.test(node['Relation Name']!)),
    []
  )
  // Four in each of a hundred messages; then those that were found
  assert.ok(looked(sought, /^datapoints/) <= 600, `${looked(sought, /^datapoints/)} datapoints`)
  assert.ok(looked(waiting, /^commands/) <= 20)
  assert.ok(looked(overdue, /^commands/) <= 20)
})
