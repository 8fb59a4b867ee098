import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import type { CommandCondition, CommandState } from '../../src/command.ts'
import type { NewCommand } from '../../src/store/commands.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { everything, openTestStore } from '../support/store.ts'

const { store, receive, url } = await openTestStore()

const conditional = (
  topic: string,
  condition: CommandCondition,
  more: Partial<NewCommand> = {}
): NewCommand => newCommand(topic, { condition, ...more })

const accept = async (command: NewCommand): Promise<boolean> =>
  (await store.commands.accept([command], null)).accepted

/** Version of the topic after a message. */
async function heard(
  topic: string,
  more: { retain?: boolean; payload?: Buffer; id?: string } = {}
): Promise<number> {
  const { id, ...message } = more
  const properties =
    id === undefined ? null : { userProperties: [['rialto-command-id', id] as [string, string]] }
  await receive({ topic, properties, ...message })
  return (await store.states.byName(everything, topic))!.seq
}

const move = (id: string, from: CommandState, to: CommandState): Promise<unknown> =>
  store.commands.move([transition(id, [from], to)])

async function published(topic: string, more: Partial<NewCommand> = {}): Promise<NewCommand> {
  const command = newCommand(topic, more)
  assert.ok(await accept(command))
  await move(command.id, 'pending', 'publishing')
  await move(command.id, 'publishing', 'published')
  return command
}

const factsOf = async ({ id }: NewCommand) =>
  store.reservations.facts((await store.commands.byId(everything, id))!)

test('a command with a condition is accepted if it holds, and otherwise nothing of it is stored', async () => {
  const seq = await heard('holds')
  const before = await store.journal.head()
  const key = { principal: 'test', key: 'k', bodyHash: Buffer.alloc(32), answer: '{}' }
  const stale = conditional('holds', { seq: seq - 1 })
  assert.deepEqual(await store.commands.accept([stale], key), { accepted: false, seq: 0, going: new Map() })
  assert.equal((await store.journal.head()).seq, before.seq)
  assert.equal(await store.commands.byId(everything, stale.id), null)
  assert.equal(await store.commands.acceptance('test', 'k'), null)
  assert.deepEqual(await query(url, 'select from topic_reservations'), [])

  const good = conditional('holds', { seq })
  assert.deepEqual(await store.commands.accept([good], key), {
    accepted: true,
    seq: before.seq + 1,
    going: new Map()
  })
  assert.ok(await store.commands.acceptance('test', 'k'))
  assert.ok(!(await accept(conditional('holds', { seq }))), 'the topic is reserved')
  assert.ok(await accept(newCommand('holds')), 'for those with a condition')
})

test('whether there is a retained message', async () => {
  assert.ok(await accept(conditional('never/1', { retained: false })))
  assert.ok(!(await accept(conditional('never/2', { retained: true }))))
  assert.ok(!(await accept(conditional('never/3', { seq: 1 }))))
  await heard('kept', { retain: true })
  assert.ok(!(await accept(conditional('kept', { retained: false }))))
  assert.ok(await accept(conditional('kept', { retained: true })))
  await heard('plain', { retain: false })
  assert.ok(!(await accept(conditional('plain', { retained: true }))))
  assert.ok(await accept(conditional('plain', { retained: false })))
})

for (const [what, condition, meanwhile] of [
  ['a state that changes', 'seq', `update topic_state set seq = seq + 1 where topic_id = $1`],
  [
    'a retained message that comes',
    'none',
    `update topic_state set seq = 99, retained_seq = 99, retained_received_at = now(),
     retained_qos = 0, retained_payload = '' where topic_id = $1`
  ]
] as const) {
  test(`${what} while an acceptance waits to be written is seen by it`, async () => {
    const topic = `meanwhile/${condition}`
    const seq = await heard(topic)
    const [{ id: topicId }] = (await query<{ id: string }>(url, 'select id from topics where name = $1', [
      topic
    ])) as [{ id: string }]
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    await other.query('begin')
    await other.query('update journal_head set at = at')
    const accepting = accept(conditional(topic, condition === 'seq' ? { seq } : { retained: false }))
    await eventually(async () => {
      const waiting = await query(
        url,
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%condition_met%'`
      )
      return waiting.length > 0
    })
    await other.query(meanwhile, [topicId])
    await other.query('commit')
    await other.end()
    assert.equal(await accepting, false)
  })
}

test('a topic that is first heard of while an acceptance waits is seen by it', async () => {
  const other = new pg.Client({ connectionString: url })
  await other.connect()
  await other.query('begin')
  await other.query('update journal_head set at = at')
  const accepting = accept(conditional('first', { retained: false }))
  await eventually(async () => {
    const waiting = await query(
      url,
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%condition_met%'`
    )
    return waiting.length > 0
  })
  await other.query(`with t as (insert into topics (name, name_hash) values ('first', sha256('first')) returning id)
    insert into topic_state (topic_id, seq, retained_seq) select id, 7, 7 from t`)
  await other.query('commit')
  await other.end()
  assert.equal(await accepting, false)
})

for (const to of ['refused', 'expired', 'cancelled'] as const) {
  test(`a reservation ends when its command is ${to} without having been at the broker`, async () => {
    const topic = `ends/${to}`
    const seq = await heard(topic)
    const first = conditional(topic, { seq })
    assert.ok(await accept(first))
    await move(first.id, 'pending', to)
    assert.ok(await accept(conditional(topic, { seq })))
  })
}

test('one that may be at the broker keeps the topic, until its message comes back or its time is over', async () => {
  const seq = await heard('back')
  const first = conditional('back', { seq }, { payload: Buffer.from('mine') })
  assert.ok(await accept(first))
  await move(first.id, 'pending', 'publishing')
  await move(first.id, 'publishing', 'pending')
  await move(first.id, 'pending', 'cancelled')
  assert.ok(!(await accept(conditional('back', { seq }))))
  const others = await heard('back', { payload: Buffer.from('another') })
  assert.ok(!(await accept(conditional('back', { seq: others }))), 'another message says nothing of it')
  const alike = await heard('back', { payload: Buffer.from('mine'), id: conditional('x', { seq }).id })
  assert.ok(!(await accept(conditional('back', { seq: alike }))), 'nor one of another command')
  const own = await heard('back', { payload: Buffer.from('mine'), id: first.id })
  assert.ok(!(await accept(conditional('back', { seq }))))
  assert.ok(await accept(conditional('back', { seq: own })))
  assert.ok(!(await accept(conditional('back', { seq: own }))))
  await query(url, 'update topic_reservations set until = now()')
  assert.ok(await accept(conditional('back', { seq: own })))
})

test('a message without names is known by its bytes, as MQTT 3.1.1 has it', async () => {
  const seq = await heard('bytes')
  const first = conditional('bytes', { seq }, { payload: Buffer.from([0, 255]) })
  assert.ok(await accept(first))
  await move(first.id, 'pending', 'publishing')
  const own = await heard('bytes', { payload: Buffer.from([0, 255]) })
  assert.ok(await accept(conditional('bytes', { seq: own })))
})

test('clearing comes back, too', async () => {
  await heard('clear', { retain: true })
  const first = conditional('clear', { retained: true }, { payload: Buffer.alloc(0), retain: true })
  assert.ok(await accept(first))
  await move(first.id, 'pending', 'publishing')
  assert.ok(!(await accept(conditional('clear', { retained: true }))))
  await heard('clear', { retain: true, payload: Buffer.alloc(0), id: first.id })
  assert.ok(await accept(conditional('clear', { retained: false })))
})

test('before it is published: others that were to be, or were and have not come back', async () => {
  const seq = await heard('others')
  const ahead = newCommand('others')
  assert.ok(await accept(ahead))
  const mine = conditional('others', { seq })
  assert.ok(await accept(mine))
  const behind = newCommand('others')
  assert.ok(await accept(behind))
  const nothing = { seq, hasRetained: false, othersOnTheirWay: false, cameBack: false, reserved: true }
  assert.deepEqual(await factsOf(mine), { ...nothing, othersOnTheirWay: true })
  await move(ahead.id, 'pending', 'cancelled')
  assert.deepEqual(await factsOf(mine), nothing, 'one that is behind it does not count')

  await move(behind.id, 'pending', 'publishing')
  assert.ok((await factsOf(mine)).othersOnTheirWay, 'unless it is on its way')
  await move(behind.id, 'publishing', 'published')
  assert.ok((await factsOf(mine)).othersOnTheirWay)
  const now = await heard('others', { payload: Buffer.from('1'), id: behind.id })
  assert.deepEqual(await factsOf(mine), { ...nothing, seq: now })

  await published('others', { payload: Buffer.from('2') })
  await published('others', { payload: Buffer.from('3') })
  await heard('others', { payload: Buffer.from('2') })
  assert.ok((await factsOf(mine)).othersOnTheirWay, 'the newest has not come back')
  await heard('others', { payload: Buffer.from('3') })
  assert.ok(!(await factsOf(mine)).othersOnTheirWay)
  await published('others', { payload: Buffer.from('4') })
  assert.ok((await factsOf(mine)).othersOnTheirWay)
  await query(url, `update commands set published_at = now() - interval '31 s' where payload = '4'`)
  assert.ok(!(await factsOf(mine)).othersOnTheirWay, 'and after half a minute it is not waited for any more')
})

test('its own message of an earlier attempt is known', async () => {
  const seq = await heard('own')
  const mine = conditional('own', { seq }, { payload: Buffer.from('m') })
  assert.ok(await accept(mine))
  await heard('own', { payload: Buffer.from('m') })
  assert.ok(!(await factsOf(mine)).cameBack, 'it was not published yet')
  await move(mine.id, 'pending', 'publishing')
  assert.ok(!(await factsOf(mine)).cameBack)
  await move(mine.id, 'publishing', 'pending')
  await heard('own', { payload: Buffer.from('m'), id: mine.id })
  assert.ok((await factsOf(mine)).cameBack)
})

test('a reservation can be renewed, and goes with its command', async () => {
  const seq = await heard('renewed')
  const mine = conditional('renewed', { seq })
  assert.ok(await accept(mine))
  await query(url, 'update topic_reservations set until = now()')
  assert.ok(!(await factsOf(mine)).reserved)
  await store.reservations.renew(mine.id)
  assert.ok((await factsOf(mine)).reserved)
  await query(url, 'delete from commands where id = $1', [mine.id])
  assert.deepEqual(await query(url, 'select from topic_reservations where command_id = $1', [mine.id]), [])
})
