import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from '../../src/command.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { Tracking } from './tracking.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import { byTopic, startTracking } from './tracking.ts'

const endOf = ({ state, response, lateResponse, effectSeq, finishedAt }: Command) => ({
  state,
  response: response?.seq ?? null,
  late: lateResponse?.seq ?? null,
  effect: effectSeq,
  final: finishedAt !== null
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('a response is known by its topic and by each of what it carries: all that is given must hold', async () => {
  const tracking = await startTracking({})
  const { publish, say, command } = tracking
  const properties = { correlationData: base64('one') }
  const all = {
    correlationData: base64('one'),
    correlation: { expression: 'id', value: '7' },
    where: 'exists(payload/result)',
    ok: 'eq(payload/result,"done")'
  }
  const id = await publish('dev/set', byTopic('dev/+/answer', all))
  tracking.begin()
  await say('dev/1/else', '{"id": 7, "result": "done"}', { properties })
  await say('dev/1/answer', '{"id": 7, "result": "done"}')
  await say('dev/1/answer', '{"id": 7, "result": "done"}', { properties: { correlationData: base64('two') } })
  await say('dev/1/answer', '{"id": 8, "result": "done"}', { properties })
  await say('dev/1/answer', '{"id": "7", "result": "done"}', { properties })
  await say('dev/1/answer', '{"id": 7}', { properties })
  await say('dev/1/answer', 'no JSON', { properties })
  await tracking.searched()
  assert.deepEqual(endOf(await command(id)), {
    state: 'publishing',
    response: null,
    late: null,
    effect: null,
    final: false
  })
  const seq = await say('dev/1/answer', '{"id": 7.0, "result": "done"}', { properties })
  await tracking.searched()
  const answered = await command(id)
  assert.deepEqual(endOf(answered), {
    state: 'succeeded',
    response: seq,
    late: null,
    effect: null,
    final: true
  })
  assert.equal(answered.response!.topic, 'dev/1/answer')
  assert.equal(answered.response!.payload.toString(), '{"id": 7.0, "result": "done"}')
  assert.deepEqual(answered.response!.properties, properties)
})

/** All of it again, as after a crash before the cursor was written. */
async function searchedAgain(tracking: Tracking): Promise<void> {
  await tracking.end()
  await query(tracking.url, 'update answers_read set seq = 0')
  tracking.begin()
  await tracking.searched()
}

test('the first answer decides; the second is kept beside it, once, and changes nothing', async () => {
  const tracking = await startTracking({})
  const { publish, say, command, move } = tracking
  const id = await publish('dev/set', byTopic('dev/answer', { ok: 'eq(payload,"yes")' }))
  await move(id, 'accept')
  tracking.begin()
  const no = await say('dev/answer', 'no')
  await tracking.searched()
  await searchedAgain(tracking)
  const yes = await say('dev/answer', 'yes')
  await say('dev/answer', 'yes')
  await tracking.searched()
  const after = await command(id)
  assert.deepEqual(endOf(after), { state: 'failed', response: no, late: yes, effect: null, final: true })
  assert.equal(after.reason, 'The response does not satisfy eq(payload,"yes")')
  await searchedAgain(tracking)
  assert.deepEqual(await command(id), after)
  const events = (await tracking.store.commands.events([id])).get(id)!
  assert.deepEqual(
    events.map(({ event, responseSeq }) => [event, responseSeq]),
    [
      ['submit', undefined],
      ['publish', null],
      ['accept', null],
      ['fail', no],
      ['answerLate', yes]
    ]
  )
})

test('what came before a command was published is no answer to it, nor is the command itself', async () => {
  const tracking = await startTracking({})
  const { publish, say, command } = tracking
  // One that is older, so that all of it is searched
  await publish('older/set', byTopic('older/answer'))
  await say('dev/answer', 'early')
  const id = await publish('dev/set', byTopic('dev/#'))
  tracking.begin()
  await say('dev/set', 'the command, as everybody gets it')
  await tracking.searched()
  assert.equal((await command(id)).state, 'publishing')
  const seq = await say('dev/answer', 'now')
  await tracking.searched()
  assert.deepEqual(endOf(await command(id)).response, seq)
})

test('an effect is the state of a topic, also one that has changed since, and it names the fact', async () => {
  const tracking = await startTracking({})
  const { publish, say, command } = tracking
  await say('lamp/state', '{"on": false}', { retain: true })
  const lit = await publish('lamp/set', { kind: 'state', filter: 'lamp/+', where: 'eq(payload/on,true)' })
  const kept = await publish('lamp/set', {
    kind: 'state',
    filter: 'lamp/state',
    where: 'eq(retained/payload/on,true)'
  })
  const gone = await publish('lamp/set', {
    kind: 'state',
    filter: 'lamp/state',
    where: 'exists(tombstone/seq)'
  })
  const never = await publish('lamp/set', { kind: 'state', filter: 'lamp/state', where: 'eq(payload/on,7)' })
  const live = await say('lamp/state', '{"on": true}')
  const retained = await say('lamp/state', '{"on": true}', { retain: true })
  const cleared = await say('lamp/state', '', { retain: true })
  await say('lamp/state', '{"on": false}', { retain: true })
  // Begins when all of that is past
  tracking.begin()
  await tracking.searched()
  const found = await Promise.all([lit, kept, gone, never].map(command))
  assert.deepEqual(
    found.map(({ state, effectSeq }) => [state, effectSeq]),
    [
      ['succeeded', live],
      ['succeeded', retained],
      ['succeeded', cleared],
      ['publishing', null]
    ]
  )
  assert.equal(found[0]!.response, null)
})

test('an answer counts whatever the broker has said: before its word, and where that was lost', async () => {
  const tracking = await startTracking({})
  const { publish, say, command, move } = tracking
  tracking.begin()
  const early = await publish('a/set', byTopic('a/answer'))
  await say('a/answer', 'done')
  await tracking.searched()
  await move(early, 'accept')
  const lost = await publish('b/set', byTopic('b/answer'))
  await move(lost, 'lose')
  await say('b/answer', 'done')
  await tracking.searched()
  const states = await Promise.all([early, lost].map(async (id) => (await command(id)).state))
  assert.deepEqual(states, ['succeeded', 'succeeded'])
  // It is not published again
  await move(lost, 'publish')
  assert.equal((await command(lost)).state, 'succeeded')
})

test('a response to a command that ended otherwise is late, whatever the end was', async () => {
  const tracking = await startTracking({})
  const { publish, say, command, move } = tracking
  tracking.begin()
  for (const events of [
    ['abandon'],
    ['deliverToNobody'],
    ['refuse'],
    ['lose', 'cancel'],
    ['lose', 'expire'],
    ['accept', 'timeOut']
  ] as const) {
    const id = await publish('dev/set', byTopic('dev/answer'))
    for (const event of events) await move(id, event)
    const before = await command(id)
    assert.notEqual(before.finishedAt, null, events.join())
    const seq = await say('dev/answer', 'late')
    await say('dev/answer', 'later')
    await tracking.searched()
    const after = await command(id)
    assert.deepEqual(endOf(after), { ...endOf(before), late: seq }, events.join())
  }
})

test('an answer from before the deadline counts, however late it is searched for', async () => {
  const tracking = await startTracking({ parts: { leading: () => false } })
  const { publish, say, command, move } = tracking
  const [answered, silent] = [
    await publish('a/set', byTopic('a/answer'), { timeoutSeconds: 1 }),
    await publish('b/set', byTopic('b/answer'), { timeoutSeconds: 1 })
  ]
  for (const id of [answered, silent]) await move(id, 'accept')
  await say('a/answer', 'in time')
  await eventually(
    async () => (await query(tracking.url, 'select from commands where timeout_at < now()')).length === 2
  )
  tracking.parts.leading = () => true
  tracking.begin()
  await eventually(async () => (await command(silent)).state === 'timedOut')
  assert.equal((await command(answered)).state, 'succeeded')
  const late = await say('b/answer', 'late')
  await tracking.searched()
  assert.deepEqual(endOf(await command(silent)), {
    state: 'timedOut',
    response: null,
    late,
    effect: null,
    final: true
  })
})

test('an answer that is not projected yet when the time is over counts, too', async () => {
  let open = (): void => {}
  const gate = new Promise<void>((resolve) => (open = resolve))
  const tracking = await startTracking({ parts: { projected: () => gate } })
  const { publish, say, command, move, store } = tracking
  const { id: projection } = await currentAtHead(store, { hash: 'h', text: '' })
  const device = { kind: 'response', device: 'd', correlation: 'c' } as const
  const id = await publish('d/set', device, { timeoutSeconds: 1 })
  const other = await publish('d/set', { ...device, correlation: 'else' }, { timeoutSeconds: 1 })
  for (const one of [id, other]) await move(one, 'accept')
  const seq = await say('d/answer', '{}')
  const { message } = (await store.journal.following(seq - 1, 1, 1_000))[0]!
  const exact = Buffer.from('{"correlation":"c","ok":true}')
  const datapoints = [point('d', 'response', null, { type: 'json', exact, role: 'event' })]
  const { doneSeq } = (await store.projections.list())[0]!
  const { topicId } = message!
  const chunk = chunkOf(doneSeq, [messageOf(seq, { topic: 'd/answer', topicId }, { datapoints })])
  await store.projections.write(projection, chunk, { live: true })
  tracking.begin()
  // Others time out meanwhile, one after another: the clock goes on
  for (let n = 0; n < 2; n++) {
    const silent = await publish('a/set', byTopic(`a/${n}`), { timeoutSeconds: 1 })
    await move(silent, 'accept')
    await eventually(async () => (await command(silent)).state === 'timedOut')
  }
  assert.deepEqual([(await command(id)).state, (await command(other)).state], ['published', 'published'])
  open()
  await eventually(async () => (await command(other)).state === 'timedOut')
  assert.deepEqual(endOf(await command(id)), {
    state: 'succeeded',
    response: seq,
    late: null,
    effect: null,
    final: true
  })
})

test('nothing times out while the session is away, nor right after it is back', async () => {
  let connectedSince: number | null = null
  const tracking = await startTracking({
    limits: { commandGraceMs: 500 },
    parts: { connectedSince: () => connectedSince }
  })
  const { publish, say, command, move } = tracking
  tracking.begin()
  const [kept, silent] = [
    await publish('a/set', byTopic('a/answer'), { timeoutSeconds: 1 }),
    await publish('b/set', byTopic('b/answer'), { timeoutSeconds: 1 })
  ]
  for (const id of [kept, silent]) await move(id, 'accept')
  await eventually(
    async () => (await query(tracking.url, 'select from commands where timeout_at < now()')).length === 2
  )
  await tracking.searched()
  await tracking.searched()
  assert.deepEqual([(await command(kept)).state, (await command(silent)).state], ['published', 'published'])
  connectedSince = Date.now()
  // What the broker kept comes first
  await say('a/answer', 'sent while nobody heard')
  await eventually(async () => (await command(silent)).state === 'timedOut')
  assert.ok((await command(silent)).finishedAt! >= connectedSince + 400, 'it waited for what the broker kept')
  assert.equal((await command(kept)).state, 'succeeded')
})

test('while nothing is awaited the search jumps; what is published then is found', async () => {
  const tracking = await startTracking({})
  const { publish, say, command, store } = tracking
  const before = await store.answers.searched()
  tracking.begin()
  for (let n = 0; n < 50; n++) await say('dev/answer', String(n))
  assert.equal(await store.answers.searched(), before)
  const id = await publish('dev/set', byTopic('dev/answer'))
  const seq = await say('dev/answer', 'done')
  await eventually(async () => (await command(id)).state === 'succeeded')
  assert.equal((await command(id)).response!.seq, seq)
  await eventually(async () => (await store.answers.searched()) >= seq)
})
