/** Datapoints and presence on streams: nothing missing and nothing twice from any cursor, and never too much at once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Access } from '../../src/model.ts'
import type { EventType, StreamEvent } from '../../src/views.ts'
import { eventually } from '../support/eventually.ts'
import { toDatapoint } from '../support/projected-feed.ts'
import { everything } from '../support/store.ts'
import type { MemoryJournal } from './journal-in-memory.ts'
import { createMemoryJournal } from './journal-in-memory.ts'

const isGap = ({ type }: StreamEvent): boolean => type === 'gap'
const isNoState = ({ type }: StreamEvent): boolean => type !== 'state' && type !== 'progress'
const from = (after: number) => ({ seq: after, part: 0 })

/** What an event tells, in short. */
function told(event: StreamEvent): string {
  switch (event.type) {
    case 'message':
      return `message ${event.message.seq}`
    case 'state':
      return `state ${event.state.seq}`
    case 'datapoint':
      return `datapoint ${event.datapoint.seq}.${event.datapoint.n}`
    case 'presence':
      return `presence ${event.presence.seq} ${event.presence.device}`
    default:
      return event.type
  }
}

function addDatapoints({ projected }: MemoryJournal, seq: number, topic: string, count: number): void {
  projected.datapoints.set(
    seq,
    Array.from({ length: count }, (_, n) =>
      toDatapoint({ seq, n, topic, device: `d${n % 3}`, metric: `m${n % 2}` })
    )
  )
}

const lastStates = (events: readonly StreamEvent[]): Map<string, string> =>
  new Map(events.flatMap((event) => (event.type === 'state' ? [[event.state.topic, event.state.seq]] : [])))

const topics = ['a/1', 'a/2', 'b/1']
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ topic: fc.constantFrom(...topics), datapoints: fc.nat({ max: 4 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ presenceOf: fc.constantFrom('d0', 'd1'), topic: fc.constantFrom(...topics) })
  },
  { weight: 1, arbitrary: fc.record({ redriven: fc.array(fc.nat(), { maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'projection' as const }, { kind: 'cleared' as const }) }
)

function build(
  steps: ReadonlyArray<typeof step extends fc.Arbitrary<infer Step> ? Step : never>
): MemoryJournal {
  const journal = createMemoryJournal({
    feedPageFactsMax: 5,
    feedPageEventsMax: 3,
    datapointsReadFactsMax: 2,
    redrivenReadMessagesMax: 2
  })
  for (const one of steps) {
    if ('datapoints' in one) addDatapoints(journal, journal.message(one.topic).seq, one.topic, one.datapoints)
    else if ('presenceOf' in one) journal.presence({ device: one.presenceOf, topic: one.topic })
    else if ('redriven' in one) {
      const messages = journal.facts.filter(({ kind }) => kind === 'message')
      const some = one.redriven.flatMap((at) => messages[at % Math.max(messages.length, 1)]?.seq ?? [])
      journal.redriven([...new Set(some)].toSorted((a, b) => a - b))
    } else if (one.kind === 'cleared') {
      const { seq } = journal.cleared('a/1')
      addDatapoints(journal, seq, 'a/1', 1)
    } else journal.add(one)
  }
  journal.gap()
  return journal
}

const ask = fc.record({
  types: fc
    .subarray<EventType>(['message', 'state', 'datapoint', 'presence'])
    .map((some): EventType[] => [...some, 'gap']),
  filters: fc.constantFrom([], ['a/+'], ['b/#', 'a/2']),
  device: fc.constantFrom(undefined, 'd0', 'd1'),
  metric: fc.constantFrom(undefined, undefined, 'm1')
})

test('from the cursor of any event on, what follows is what followed it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), ask, async (steps, asked) => {
      const journal = build(steps)
      const whole = await journal.read(asked, isGap)
      for (const [index, { cursor }] of whole.entries()) {
        if (index === whole.length - 1) continue
        const rest = await journal.read({ ...asked, after: journal.position(cursor) }, isGap)
        const before = whole.slice(0, index + 1)
        const behind = whole.slice(index + 1)
        if (asked.types.includes('state')) {
          // Of states, the last of each topic in a page comes, and pages begin elsewhere now
          assert.deepEqual(rest.filter(isNoState).map(told), behind.filter(isNoState).map(told))
          assert.deepEqual(lastStates([...before, ...rest]), lastStates(whole))
          const seen = new Set(before.map(told))
          for (const event of rest)
            if (event.type === 'state') assert.ok(!seen.has(told(event)), `${told(event)} came before`)
        } else assert.deepEqual(rest, behind)
      }
      journal.feed.close()
    }),
    { numRuns: 150, includeErrorInReport: true }
  )
})

test('what is told is what was found, of what was asked for, in the order of the journal', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), ask, async (steps, asked) => {
      const journal = build(steps)
      const whole = await journal.read(asked, isGap)
      const matches = (topic: string): boolean =>
        asked.filters.length === 0 || (asked.filters[0] === 'a/+' ? topic.startsWith('a/') : topic !== 'a/1')
      const expected = journal.facts.flatMap((fact) => {
        const { seq, kind, detail } = fact
        const seqs = kind === 'datapoints' ? (detail as { seqs: number[] }).seqs : [seq]
        const datapoints = seqs.flatMap((one) => journal.projected.datapoints.get(one) ?? [])
        const change = detail as { topic: string; device: string }
        return [
          ...(kind === 'message' && asked.types.includes('message') && matches(fact.topic!)
            ? [`message ${seq}`]
            : []),
          ...(kind === 'presence' &&
          asked.types.includes('presence') &&
          matches(change.topic) &&
          (asked.device ?? change.device) === change.device
            ? [`presence ${seq} ${change.device}`]
            : []),
          ...(asked.types.includes('datapoint') ? datapoints : [])
            .filter(
              ({ topic, device, metric }) =>
                matches(topic) && (asked.device ?? device) === device && (asked.metric ?? metric) === metric
            )
            .map((datapoint) => `datapoint ${datapoint.seq}.${datapoint.n}`),
          ...(kind === 'gap' ? ['gap'] : [])
        ]
      })
      assert.deepEqual(whole.filter(isNoState).map(told), expected)
      journal.feed.close()
    }),
    { numRuns: 150, includeErrorInReport: true }
  )
})

test('each event has a cursor of its own, and the last of a fact the one that says: all of it', async () => {
  const journal = createMemoryJournal()
  addDatapoints(journal, journal.message('a').seq, 'a', 2)
  journal.gap()
  const types: EventType[] = ['message', 'state', 'datapoint', 'gap']
  const whole = await journal.read({ types }, isGap)
  assert.deepEqual(whole.map(told), ['message 1', 'state 1', 'datapoint 1.0', 'datapoint 1.1', 'gap'])
  assert.deepEqual(
    whole.map(({ cursor }) => journal.position(cursor)),
    [
      { seq: 0, part: 1, snapshotTopicId: null },
      { seq: 0, part: 2, snapshotTopicId: null },
      { seq: 0, part: 3, snapshotTopicId: null },
      { seq: 1, part: 0, snapshotTopicId: null },
      { seq: 2, part: 0, snapshotTopicId: null }
    ]
  )
})

test('a reader that asks for more types from a cursor on gets all that comes behind it', async () => {
  const journal = createMemoryJournal()
  addDatapoints(journal, journal.message('a').seq, 'a', 2)
  journal.gap()
  const [message] = await journal.read({ types: ['message', 'datapoint'] }, ({ type }) => type === 'message')
  const after = journal.position(message!.cursor)
  const rest = await journal.read({ types: ['state', 'datapoint', 'gap'], after }, isGap)
  assert.deepEqual(rest.map(told), ['state 1', 'datapoint 1.0', 'datapoint 1.1', 'gap'])
})

test('topic states go on from a cursor within a fact', async () => {
  const journal = createMemoryJournal()
  const { seq } = journal.message('a')
  journal.message('b')
  const read = async (part: number): Promise<string[]> => {
    const stop = new AbortController()
    const all: string[] = []
    const from = { seq: seq - 1, part, snapshotTopicId: null }
    for await (const some of journal.events.snapshotAndEvents(
      everything,
      { filters: [], types: ['state'], from },
      stop.signal
    )) {
      all.push(...Array.from(some, told))
      if (all.at(-1) === 'state 2') break
    }
    return all
  }
  assert.deepEqual(await read(1), ['progress', 'state 1', 'state 2'])
  assert.deepEqual(await read(2), ['progress', 'state 2'])
})

test('a page with messages of 10,000 datapoints comes in bounded parts, and goes on from any of them', async () => {
  const journal = createMemoryJournal()
  for (let index = 0; index < 400; index++) {
    const many = index === 100 || index === 300
    const { seq } = journal.message('a', Buffer.alloc(many ? 200_000 : 20))
    addDatapoints(journal, seq, 'a', many ? 10_000 : 1)
  }
  journal.gap()
  const sizes: number[] = []
  const cursors: string[] = []
  const all: string[] = []
  const stop = new AbortController()
  const whole = { after: from(0), filters: [], types: ['datapoint', 'gap'] as const }
  for await (const page of journal.events.events(everything, whole, stop.signal)) {
    const some = [...page]
    sizes.push(some.length)
    for (const event of some) {
      all.push(told(event))
      cursors.push(event.cursor)
    }
    if (some.some(isGap)) stop.abort()
  }
  assert.equal(all.length, 20_399)
  assert.equal(new Set(all).size, 20_399)
  assert.ok(Math.max(...sizes) <= 500, `${Math.max(...sizes)} events at once`)
  assert.deepEqual(journal.projected.reads, [100, 1, 100, 99, 1, 99])
  for (const at of [100, 101, 5_000, 10_098, 10_099, 15_000]) {
    const rest = await journal.read({ ...whole, after: journal.position(cursors[at]!) }, isGap)
    assert.deepEqual(rest.map(told), all.slice(at + 1))
  }
})

test('a reader that stops reading has no more read for it', async () => {
  const journal = createMemoryJournal()
  for (let index = 0; index < 20_000; index++) addDatapoints(journal, journal.message('a').seq, 'a', 1)
  const stop = new AbortController()
  const reading = journal.events.events(
    everything,
    { after: from(0), filters: [], types: ['datapoint'] },
    stop.signal
  )
  await reading.next()
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(journal.projected.reads, [100])
  stop.abort()
  await reading.return()
})

test('datapoints wait until their message is normalized; what comes before them does not', async (t) => {
  const journal = createMemoryJournal({ datapointsReadFactsMax: 1 })
  journal.projected.advance(1)
  for (let index = 0; index < 3; index++) addDatapoints(journal, journal.message('a').seq, 'a', 1)
  const stop = new AbortController()
  t.after(() => stop.abort())
  const got: string[] = []
  const reading = (async () => {
    const whole = { after: from(0), filters: [], types: ['message', 'datapoint'] as const }
    for await (const some of journal.events.events(everything, whole, stop.signal))
      got.push(...Array.from(some, told))
  })()
  await eventually(() => journal.projected.waitingFor === 2)
  assert.deepEqual(got, ['message 1', 'datapoint 1.0'])
  journal.projected.advance(2)
  await eventually(() => journal.projected.waitingFor === 3)
  assert.deepEqual(got, ['message 1', 'datapoint 1.0', 'message 2', 'datapoint 2.0'])
  stop.abort()
  await reading
  assert.equal(got.length, 4)
})

test('a stream without datapoints asks for none and waits for none', async () => {
  const journal = createMemoryJournal()
  journal.projected.advance(0)
  journal.message('a')
  journal.presence({ topic: 'a' })
  journal.redriven([1])
  journal.gap()
  const all = await journal.read({ types: ['message', 'state', 'presence', 'gap'] }, isGap)
  assert.deepEqual(all.map(told), ['message 1', 'state 1', 'presence 2 device', 'gap'])
  assert.deepEqual(journal.projected.reads, [])
})

test('of messages that were normalized again, everyone gets what he may see, some at a time', async () => {
  const journal = createMemoryJournal({ redrivenReadMessagesMax: 4 })
  const seqs: number[] = []
  for (let index = 0; index < 10; index++) {
    const topic = index % 2 === 0 ? 'open/a' : 'secret/a'
    const { seq } = journal.message(topic)
    addDatapoints(journal, seq, topic, 3)
    seqs.push(seq)
  }
  const after = from(journal.facts.length)
  journal.redriven(seqs)
  journal.gap()
  const types: EventType[] = ['datapoint', 'gap']
  const reader: Access = { ...everything, mayRead: (topic) => topic.startsWith('open/') }
  const seen = await journal.read({ types, after }, isGap, reader)
  const three = (seq: number): string[] => [0, 1, 2].map((n) => `datapoint ${seq}.${n}`)
  assert.deepEqual(seen.map(told), [...[1, 3, 5, 7, 9].flatMap(three), 'gap'])
  assert.deepEqual(journal.projected.reads, [4, 4, 2])
  const filtered = await journal.read({ types, after, filters: ['secret/+'] }, isGap)
  assert.deepEqual(filtered.map(told), [...[2, 4, 6, 8, 10].flatMap(three), 'gap'])
  const all = await journal.read({ types, after }, isGap)
  assert.equal(all.length, 31)
  for (const [index, { cursor }] of all.slice(0, -1).entries()) {
    const rest = await journal.read({ types, after: journal.position(cursor) }, isGap)
    assert.deepEqual(rest, all.slice(index + 1))
  }
})

test('presence is shown to those who may read its topic', async () => {
  const journal = createMemoryJournal()
  journal.presence({ device: 'one', topic: 'open/a' })
  journal.presence({ device: 'two', topic: 'secret/a' })
  journal.gap()
  const reader: Access = { ...everything, mayRead: (topic) => topic.startsWith('open/') }
  const seen = await journal.read({ types: ['presence', 'gap'] }, isGap, reader)
  assert.deepEqual(seen.map(told), ['presence 1 one', 'gap'])
})

test('where much is read and nothing told, the cursor goes on from time to time', async () => {
  const journal = createMemoryJournal({ feedPageFactsMax: 10, feedScanFactsMax: 100 })
  for (let index = 0; index < 250; index++) journal.message('a')
  journal.gap()
  const all = await journal.read({ types: ['datapoint', 'gap'] }, isGap)
  assert.deepEqual(all.map(told), ['progress', 'progress', 'gap'])
  assert.deepEqual(
    all.map(({ cursor }) => journal.position(cursor).seq),
    [100, 200, 251]
  )
})

test('a fact that this instance has not read yet stays seen in part', async () => {
  const journal = createMemoryJournal({ heartbeatMs: 20 })
  const after = { seq: 0, part: 1 }
  const [progress] = await journal.read({ types: ['message'], after }, () => true)
  assert.equal(progress!.type, 'progress')
  assert.equal(progress!.cursor, journal.cursors.encode(0, 1))
})
