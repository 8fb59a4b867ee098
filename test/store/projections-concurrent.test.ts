import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toTrouble } from '../../src/store/database.ts'
import { OutrunError } from '../../src/store/projected.ts'
import { query } from '../support/database.ts'
import { chunkOf, messageOf, point, currentAtHead } from '../support/projected.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
const limits = { poolConnectionsMax: 3 }

test('of two projectors that write the same, one wins each chunk, and nothing is double', async () => {
  const one = await openTestStore({ limits })
  const other = await openTestStore({ url: one.url, limits })
  const topicIds = (await one.receive({ topic: 't' }))!.topicIds
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  await Promise.all([one.store.projections.current(mapping), other.store.projections.current(mapping)])
  const { id } = await currentAtHead(one.store, mapping)
  const chunks = 30
  const size = 20
  let from = 1
  for (let turn = 0; turn < chunks; turn++) {
    const messages = Array.from({ length: size }, (_, index) =>
      messageOf(from + index + 1, topic, { datapoints: [point(`d${index % 7}`, 'm', turn)] })
    )
    const chunk = chunkOf(from, messages)
    const outcomes = await Promise.allSettled(
      [one, other, one].map(({ store }) => store.projections.write(id, chunk, { live: true }))
    )
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof OutrunError, outcome.reason)
    from = chunk.to
  }
  const [count] = await query<{ count: string }>(one.url, 'select count(*) from datapoints')
  assert.equal(Number(count!.count), chunks * size)
  const page = await other.store.devices.page(everything, { after: null, limit: 100, order: 'asc' })
  assert.equal(page.items.length, 7)
})

test('facts of presence and appends at the same time: one dense order, and nobody waits for ever', async () => {
  const one = await openTestStore({ limits: { poolConnectionsMax: 4, partitionRowsMax: 300 } })
  const { topicIds } = (await one.receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  const { id } = await currentAtHead(one.store, mapping)
  const devices = 10
  let from = 1
  async function project(): Promise<number> {
    let facts = 0
    for (let turn = 0; turn < 40; turn++) {
      const presence = turn % 2 === 0 ? ('online' as const) : ('offline' as const)
      const messages = Array.from({ length: devices }, (_, index) =>
        messageOf(from + index + 1, topic, {
          datapoints: [point(`d${index}`, 'm', 1)],
          presence: [{ device: `d${index}`, presence, source: 'availability', at: 1 }]
        })
      )
      const chunk = chunkOf(from, messages)
      facts += (await one.store.projections.write(id, chunk, { live: true }))!.length
      from = chunk.to
    }
    return facts
  }
  async function receive(): Promise<number> {
    for (let turn = 0; turn < 100; turn++) await one.receive({ topic: 't' }, { topic: `u/${turn}` })
    return 200
  }
  const [facts, received] = await Promise.all([project(), receive()])
  assert.equal(facts, 40 * devices)
  const all = await one.store.journal.following(0, 10_000, 1e9)
  assert.deepEqual(
    all.map(({ seq }) => seq),
    Array.from({ length: 1 + facts + received }, (_, index) => index + 1)
  )
  // Each device told of its changes in turn, from what it was
  const told = new Map<string, string>()
  for (const { kind, detail } of all) {
    if (kind !== 'presence') continue
    const { device, from: was, to } = detail as { device: string; from: string; to: string }
    assert.equal(was, told.get(device) ?? 'unknown')
    assert.notEqual(was, to)
    told.set(device, to)
  }
  assert.equal(told.size, devices)
})

test('silence makes offline, once, and not before its time; what a message says later counts again', async () => {
  const { store, receive } = await openTestStore({ limits })
  const { topicIds } = (await receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  const { id } = await currentAtHead(store, mapping)
  const seen = (seq: number, offlineAfterSeconds: number | null) =>
    messageOf(seq, topic, {
      devices: ['d'],
      offlineAfterSeconds,
      presence: [{ device: 'd', presence: 'online', source: 'seen', at: 1_000 + seq }]
    })
  await store.projections.write(id, chunkOf(1, [seen(2, 60)]), { live: true })
  const expire = (now: number, since = 0) =>
    store.projections.expire(id, { now, since, limit: 10, live: true })
  assert.equal((await expire(61_001)).expired, 0)
  assert.equal((await expire(61_003, 2_000)).expired, 0)
  const { expired, facts } = await expire(61_003)
  assert.equal(expired, 1)
  assert.deepEqual(
    facts!.map(({ detail }) => detail),
    [{ device: 'd', from: 'online', to: 'offline', source: 'timeout', at: 61_003, topic: 't' }]
  )
  assert.deepEqual(await expire(90_000), { expired: 0, facts: [] })
  const device = async () => (await store.devices.byName(everything, 'd'))!
  const offline = await device()
  assert.deepEqual(
    [offline.presence, offline.presenceAt, offline.presenceSource, offline.seq],
    ['offline', 61_003, 'timeout', facts![0]!.seq]
  )
  const back = await store.projections.write(id, chunkOf(2, [seen(3, null)]), { live: true })
  assert.deepEqual(
    back!.map(({ detail }) => (detail as { to: string }).to),
    ['online']
  )
  assert.equal((await expire(1e12)).expired, 0)
})

test('a switch is one fact, and tells what differs of presence, once', async () => {
  const { store, receive } = await openTestStore({ limits })
  const { topicIds } = (await receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  const was = await currentAtHead(store, mapping)
  const says = (device: string, presence: 'online' | 'offline') =>
    messageOf(2, topic, { presence: [{ device, presence, source: 'availability', at: 5 }] })
  await store.projections.write(
    was.id,
    chunkOf(1, [says('same', 'online'), says('other', 'online'), says('gone', 'online')]),
    { live: true }
  )
  const next = await store.projections.begin({ hash: 'h2', text: 'new' })
  assert.deepEqual(await store.projections.building(), next)
  await store.projections.write(
    next.id,
    chunkOf(0, [says('same', 'online'), says('other', 'offline'), says('new', 'online')]),
    { live: false }
  )
  await store.projections.write(was.id, { ...chunkOf(2, []), to: 3 }, { live: true })
  await assert.rejects(store.projections.switchTo(was.id, next.id), OutrunError)
  await store.projections.write(next.id, { ...chunkOf(2, []), to: 3 }, { live: false })
  const facts = (await store.projections.switchTo(was.id, next.id))!
  assert.deepEqual(
    facts.map(({ kind }) => kind),
    ['projection']
  )
  await assert.rejects(store.projections.switchTo(was.id, next.id), OutrunError)
  assert.equal((await currentAtHead(store, mapping)).id, next.id)

  const told: unknown[] = []
  for (;;) {
    const { announced, facts: some } = await store.projections.announce(was.id, next.id, 2)
    if (announced === 0) break
    told.push(...some!.map(({ detail }) => detail))
  }
  const texts = told.map((detail) => {
    const { device, from, to, source } = detail as Record<string, string>
    return `${device} ${from} ${to} ${source}`
  })
  assert.deepEqual(texts.toSorted(), [
    'gone online unknown projection',
    'new unknown online projection',
    'other online offline projection'
  ])
  await store.projections.drop(was.id)
  assert.deepEqual(
    (await store.projections.list()).map(({ id, state }) => [id, state]),
    [[next.id, 'current']]
  )
  const page = await store.devices.page(everything, {
    after: null,
    limit: 10,
    order: 'desc',
    presence: 'online'
  })
  assert.deepEqual(page.items.map(({ name }) => name).toSorted(), ['new', 'same'])
})

test('one that is begun anew drops the one that was being built, and its writer is told', async () => {
  const { store, receive, url } = await openTestStore({ limits })
  const { topicIds } = (await receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  await currentAtHead(store, mapping)
  const first = await store.projections.begin(mapping)
  const message = messageOf(1, topic, { datapoints: [point('d', 'm', 1)] })
  await store.projections.write(first.id, chunkOf(0, [message]), { live: false })
  const second = await store.projections.begin(mapping)
  await assert.rejects(
    store.projections.write(first.id, chunkOf(1, [messageOf(2, topic)]), { live: false }),
    OutrunError
  )
  assert.equal((await query(url, 'select from devices')).length, 0)
  assert.equal((await query(url, 'select from datapoints')).length, 0)
  await store.projections.write(second.id, chunkOf(0, [message]), { live: false })
  assert.equal((await query(url, 'select from datapoints')).length, 1)
})

test('changes of presence that come twice in one chunk are told in turn, and none where nothing changed', async () => {
  const { store, receive } = await openTestStore({ limits })
  const { topicIds } = (await receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  const { id } = await currentAtHead(store, mapping)
  const say = (seq: number, ...said: Array<'online' | 'offline' | 'unknown'>) =>
    messageOf(seq, topic, {
      presence: said.map((presence) => ({ device: 'd', presence, source: 'availability' as const, at: seq }))
    })
  const told = async (...messages: Array<ReturnType<typeof say>>) =>
    (await store.projections.write(id, chunkOf(messages[0]!.seq - 1, messages), { live: true }))!.map(
      ({ detail }) => (detail as { to: string }).to
    )
  assert.deepEqual(await told(say(2, 'unknown'), say(3, 'online', 'online'), say(4, 'offline', 'online')), [
    'online',
    'offline',
    'online'
  ])
  assert.deepEqual(await told(say(5, 'online'), say(6, 'online')), [])
  assert.deepEqual(await told(say(7, 'online'), say(8, 'offline')), ['offline'])
})

test('connections that end at any moment: the caller begins again from the row, and nothing is missing or double', async () => {
  const { store, receive, url } = await openTestStore({ limits })
  const { topicIds } = (await receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  const { id } = await currentAtHead(store, mapping)
  const end = 1 + 60 * 10
  let [ended, failed] = [false, 0]
  async function terminate(): Promise<void> {
    while (!ended) {
      await query(
        url,
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'rialto'`
      )
    }
  }
  const terminating = terminate()
  for (;;) {
    try {
      const from = (await store.projections.list())[0]!.doneSeq
      if (from === end) break
      const messages = Array.from({ length: 10 }, (_, index) =>
        messageOf(from + index + 1, topic, {
          datapoints: [point(`d${index % 3}`, 'm', from)],
          presence: [
            { device: 'd', presence: index % 2 === 0 ? 'online' : 'offline', source: 'availability', at: 1 }
          ],
          ...(index === 0 && { attributes: [{ device: 'd', attributes: { last: from } }] })
        })
      )
      await store.projections.write(id, chunkOf(from, messages), { live: true })
    } catch (error) {
      if (error instanceof OutrunError || toTrouble(error) === 'transient') failed++
      else {
        ended = true
        throw error
      }
    }
  }
  ended = true
  await terminating
  assert.ok(failed > 0)
  const [count] = await query<{ points: string; facts: string; seqs: string; head: string }>(
    url,
    `select (select count(*) from datapoints) as points, (select count(*) from journal where kind = 6) as facts,
       (select count(distinct seq) from journal) as seqs, (select seq from journal_head) as head`
  )
  assert.deepEqual(count, { points: '600', facts: '600', seqs: '601', head: '601' })
})

test('forgetting, receiving and projecting at the same time: no row is left of a topic that is gone', async () => {
  const { store, receive, url } = await openTestStore({
    limits: { poolConnectionsMax: 4, forgetRowsPerStepMax: 10 }
  })
  const { id } = await currentAtHead(store, mapping)
  let [from, ended, forgotten, received] = [0, false, 0, 0]
  async function project(): Promise<void> {
    while (!ended) {
      const facts = await store.journal.following(from, 20, 1e6)
      const messages = facts.flatMap(({ seq, topic, topicId, message }) =>
        message === null || topic === null || topicId === null
          ? []
          : [messageOf(seq, { topic, topicId }, { datapoints: [point(topic, 'm', seq)] })]
      )
      const to = facts.at(-1)?.seq ?? from
      await store.projections.write(id, { from, to, messages, states: [] }, { live: true })
      from = to
    }
  }
  async function come(): Promise<void> {
    for (; received < 100 || forgotten < 6; received++) {
      await receive({ topic: `t${received % 3}` }, { topic: 'stays' })
      // Slower than what is forgotten in small steps: whoever forgets a device here does not hold up the projector
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    ended = true
  }
  async function forget(): Promise<void> {
    for (let turn = 0; !ended; turn++) {
      if ((await store.forget({ topic: `t${turn % 3}` }, 'p')) !== null) forgotten++
      if ((await store.forget({ device: `t${(turn + 1) % 3}` }, 'p')) !== null) forgotten++
    }
  }
  await Promise.all([project(), come(), forget()])
  const orphans = await query(
    url,
    `select from journal where topic_id not in (select id from topics)
     union all select from datapoints where topic_id not in (select id from topics) or metric_id not in (select id from metrics)
     union all select from topics where name = ''`
  )
  assert.equal(orphans.length, 0)
  const kept = await query<{ count: string }>(
    url,
    `select count(*) from journal j join topics t on t.id = j.topic_id where name = 'stays'`
  )
  assert.equal(Number(kept[0]!.count), received)
})
