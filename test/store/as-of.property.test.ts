import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Problem } from '../../src/errors.ts'
import type { TopicState } from '../../src/model.ts'
import { normalize } from '../../src/normalize/normalize.ts'
import type { HeldRetained } from '../../src/store/retained.ts'
import { compileFilters } from '../../src/topic.ts'
import { query } from '../support/database.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore, toReceived } from '../support/store.ts'
import type { LogEntry, LoggedState } from '../support/topic-log.ts'
import { loggedState } from '../support/topic-log.ts'

const names = ['a', 'a/b', 'd/e/f']
const topic = fc.constantFrom(...names)
const properties = fc.option(
  fc.constantFrom({}, { messageExpiryInterval: 5 }, { contentType: 'text/plain', messageExpiryInterval: 0 })
)
const publish = fc.record({
  topic,
  payload: fc.constantFrom('', '', '1', '2', '3'),
  retain: fc.constantFrom(true, true, false, null),
  found: fc.constantFrom(false, false, false, true),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  dup: fc.boolean(),
  properties
})
const change = fc.record({
  topic,
  kind: fc.constantFrom('snapshot' as const, 'snapshot' as const, 'cleared' as const, 'expired' as const),
  payload: fc.constantFrom('4', '5'),
  qos: fc.constantFrom(0 as const, 1 as const),
  properties
})
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      messages: fc.array(publish, { minLength: 1, maxLength: 4 }),
      retainedKnown: fc.boolean()
    })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('look' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('tell' as const),
      changes: fc.uniqueArray(change, { selector: (one) => one.topic, maxLength: 4 }),
      confirmed: fc.uniqueArray(topic, { maxLength: 2 })
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('drop' as const),
      /** In this one partitions are dropped; null: in all. */
      only: fc.constantFrom(null, 'one', 'other', 'default')
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      filters: fc.uniqueArray(fc.constantFrom('#', 'a/+', 'd/#', 'a', '+'), { minLength: 1, maxLength: 2 })
    })
  }
)
/** Filters behind the prefix of a run. */
const changed = fc.record({
  do: fc.constant('classes' as const),
  name: fc.constantFrom('one' as const, 'other' as const),
  filters: fc.option(
    fc.uniqueArray(fc.constantFrom('a', 'a/b', 'a/#', '+', 'd/#', '#'), { minLength: 1, maxLength: 2 })
  ),
  assigned: fc.constantFrom(true, true, false)
})
const stepWithClasses = fc.oneof({ weight: 20, arbitrary: step }, { weight: 3, arbitrary: changed })

type Step = typeof stepWithClasses extends fc.Arbitrary<infer T> ? T : never

/** One journal, written by random steps, and the log of what was written. */
async function begin(one: TestStore, prefix: string) {
  const { store, lease, url } = one
  const log: LogEntry[] = []
  const ids = new Map<string, number>()
  let looked: { held: Map<string, HeldRetained>; since: number } | null = null
  const of = (name: string, seq: number): LogEntry[] =>
    log.filter((entry) => entry.topic === name && entry.seq <= seq)
  const now = (name: string): LoggedState | null => loggedState(of(name, Infinity))
  let received = 1_000

  const steps = {
    async publish({ messages, retainedKnown }: Step & { do: 'publish' }) {
      const given = messages.map((message) =>
        toReceived({
          ...message,
          topic: prefix + message.topic,
          // Through a session is found what is retained, and nothing else
          ...(message.found && { retain: true }),
          payload: Buffer.from(message.found ? message.payload || '6' : message.payload),
          receivedAt: received++
        })
      )
      const { facts, states } = normalize(given, lease.name)
      const packets = { added: [], released: [] }
      const { base, at } = (await store.append({ facts, states, packets, retainedKnown }, lease))!
      for (const [index, message] of given.entries()) {
        const { found, payload } = message
        log.push({
          ...message,
          payload: Buffer.from(payload),
          seq: base + index + 1,
          at,
          what: found ? 'found in session' : 'live',
          overtaken: false
        })
      }
    },
    async look() {
      const { seq } = await store.journal.head()
      looked = { held: await store.retained.held(names.map((name) => prefix + name)), since: seq }
      for (const [name, { topicId }] of looked.held) ids.set(name, topicId)
    },
    async tell({ changes, confirmed }: Step & { do: 'tell' }) {
      if (looked === null) return
      const { held, since } = looked
      const receivedAt = received++
      const asked = changes.map((one) => {
        const { topicId, seen } = held.get(prefix + one.topic)!
        const seconds = one.properties?.messageExpiryInterval
        const expiresAt = seconds === undefined ? null : receivedAt + seconds * 1_000
        const found = {
          receivedAt,
          payload: Buffer.from(one.payload),
          qos: one.qos,
          properties: one.properties,
          expiresAt
        }
        return { topicId, seen, kind: one.kind, found: one.kind === 'snapshot' ? found : null }
      })
      const applying = changes.filter((one, index) => {
        const state = now(prefix + one.topic)
        const seen = state?.retained?.seq ?? state?.tombstone?.seq ?? 0
        return seen === asked[index]!.seen && (one.kind === 'snapshot' || state?.retained != null)
      })
      const { seq: base } = await store.journal.head()
      const told = await store.retained.append(
        {
          changes: asked,
          confirmed: confirmed
            .filter((name) => changes.every((other) => other.topic !== name)) // it is either
            .map((name) => held.get(prefix + name)!.topicId),
          since,
          askedAt: receivedAt
        },
        lease
      )
      const idOf = (name: string): number => held.get(prefix + name)!.topicId
      assert.deepEqual(
        told!.toSorted((a, b) => a - b),
        applying.map((one) => idOf(one.topic)).toSorted((a, b) => a - b)
      )
      const { at } = await store.journal.head()
      for (const [index, one] of applying.toSorted((a, b) => idOf(a.topic) - idOf(b.topic)).entries()) {
        const overtaken = of(prefix + one.topic, Infinity).some(
          ({ seq, what, overtaken: old }) =>
            seq > since && (what === 'live' || (what === 'found by snapshot' && !old))
        )
        log.push({
          seq: base + index + 1,
          at,
          topic: prefix + one.topic,
          what:
            one.kind === 'snapshot'
              ? 'found by snapshot'
              : one.kind === 'expired'
                ? 'expired'
                : 'missing in snapshot',
          payload: one.kind === 'snapshot' ? Buffer.from(one.payload) : null,
          retain: one.kind === 'snapshot' ? true : null,
          qos: one.qos,
          dup: false,
          receivedAt,
          properties: one.properties,
          overtaken
        })
      }
    },
    async drop({ only }: Step & { do: 'drop' }) {
      await store.partitions.makeAhead()
      await query(
        url,
        `update retention_classes set keep_bytes = case when coalesce(name = $1, true) then 1 end where id > 0`,
        [only]
      )
      await store.partitions.dropExpired()
    },
    async classes({ name, filters, assigned }: Step & { do: 'classes' }) {
      const known = (await store.retention.classes()).some((one) => one.name === name && !one.removed)
      if (filters !== null)
        await store.retention.setClass(name, {
          filters: filters.map((filter) => `+/${filter}`),
          keepSeconds: null,
          keepBytes: null
        })
      else if (known) await store.retention.removeClass(name)
      if (assigned) await store.retention.assignTopics()
    },
    async ask({ place, filters }: Step & { do: 'ask' }) {
      await steps.look()
      const { seq: head, horizon } = await store.journal.head()
      const first = log[0]?.seq ?? head
      const seq = Math.round(first - 1 + place * (head - first + 1))
      const reachOf = await reaches(horizon)
      await compare(seq, reachOf, head, filters)
      await compare(head, reachOf, head, filters)
    }
  }

  /** From where on a topic is told at a position, by the classes and by when it came to its own. */
  async function reaches(horizon: number): Promise<(name: string, seq: number) => number> {
    const classes = await store.retention.classes()
    const highest = Math.max(...classes.filter(({ name }) => name !== 'system').map((one) => one.horizon))
    const rows = await query<{ name: string; class: string; since: string }>(
      url,
      `select t.name, c.name as class, class_seq as since from topics t join retention_classes c on c.id = t.retention_class`
    )
    return (name, seq) => {
      const topic = rows.find((row) => row.name === name)
      if (topic === undefined) return horizon
      const own = classes.find((one) => one.name === topic.class)!.horizon
      return Math.max(horizon, seq >= Number(topic.since) ? own : highest)
    }
  }

  async function compare(
    seq: number,
    reachOf: (name: string, seq: number) => number,
    head: number,
    filters: readonly string[]
  ): Promise<void> {
    const at = log.findLast((entry) => entry.seq <= seq)?.at ?? 0
    const kept = new Set(
      (await query<{ seq: string }>(url, 'select seq from journal')).map((row) => Number(row.seq))
    )
    const expected = new Map(names.map((name) => [prefix + name, loggedState(of(prefix + name, seq))]))
    for (const [name, state] of expected) {
      const reach = reachOf(name, seq)
      const dropped = log.filter((entry) => entry.topic === name && !kept.has(entry.seq))
      // Where some of it was dropped and is newer, nobody can tell; `at` may be that of several facts
      const gone = seq < reach && dropped.some((entry) => entry.at > at)
      const asked = store.asOf.topic(everything, { name }, { at, seq })
      const note = `${name} at ${seq} of ${head}, from ${reach}`
      if (gone) await assert.rejects(asked, (error: Problem) => error.code === 'cursor_expired', note)
      else if (seq >= reach) assert.deepEqual(plain(await asked), state, note)
      else
        assert.deepEqual(
          plain(await asked),
          loggedState(of(name, Math.max(seq, ...dropped.map((entry) => entry.seq)))),
          note
        )
    }
    const matching = names
      .map((name) => prefix + name)
      .filter((name) => compileFilters(filters)(name.slice(prefix.length)))
    const wanted = matching.map((name) => ids.get(name)!)
    if (matching.some((name) => seq < reachOf(name, seq)))
      return assert.rejects(
        store.asOf.topics(wanted, { at, seq }),
        (error: Problem) => error.code === 'cursor_expired'
      )
    const { states, taken } = await store.asOf.topics(wanted, { at, seq })
    assert.equal(taken, wanted.length)
    for (const name of matching)
      assert.deepEqual(plain(states.get(ids.get(name)!) ?? null), expected.get(name))
    if (seq === head)
      for (const name of matching) await compareCurrent(name, states.get(ids.get(name)!) ?? null)
  }

  /** What a snapshot confirmed, or did not find, is no fact: the state may know more of what is retained. */
  async function compareCurrent(name: string, told: TopicState | null): Promise<void> {
    const current = await store.states.byName(everything, name)
    if (told === null || current === null) return assert.deepEqual(told, current)
    assert.deepEqual(told, { ...current, confirmedAt: null, retainedKnown: told.retainedKnown })
    assert.ok(current.retainedKnown || !told.retainedKnown, 'facts say no more than the state')
  }

  return {
    run: (one: Step) => (steps[one.do] as (given: Step) => Promise<void>)(one),
    log
  }
}

function plain(state: TopicState | null): LoggedState | null {
  if (state === null) return null
  const { topicId: _, topic: __, confirmedAt, ...rest } = state
  assert.equal(confirmedAt, null)
  const message = <T extends { topicId: number }>(one: T | null) => {
    if (one === null) return null
    const { topicId: ___, ...more } = one
    return more
  }
  return {
    ...rest,
    latest: message(rest.latest)!,
    retained: message(rest.retained),
    tombstone: rest.tombstone && { ...rest.tombstone, previous: message(rest.tombstone.previous) }
  }
}

/** A message that was cleared in another class than it came in, and that class is dropped first. */
function clearedElsewhere(): Step[] {
  const said = (name: string, payload: '' | '1' | '2' | '3', retain = true): Step => ({
    do: 'publish',
    messages: [{ topic: name, payload, retain, found: false, qos: 1, dup: false, properties: null }],
    retainedKnown: true
  })
  const more = Array.from({ length: 8 }, () => said('a', '1'))
  return [
    said('d/e/f', '1'),
    said('d/e/f', ''),
    ...more,
    { do: 'drop', only: 'default' },
    said('d/e/f', '2'),
    { do: 'classes', name: 'one', filters: ['d/#'], assigned: true },
    said('d/e/f', ''),
    said('d/e/f', '3', false),
    ...more,
    { do: 'drop', only: 'one' },
    { do: 'drop', only: 'default' }
  ]
}

for (const [what, steps, examples] of [
  ['the log up to there makes of it', step, []],
  [
    'the log makes of it, whatever class it was of when, and whichever dropped some of it',
    stepWithClasses,
    [[clearedElsewhere()]] as Array<[Step[]]>
  ]
] as const)
  test(`a topic as of any place of the journal is what ${what}`, async () => {
    const one = await openTestStore({ limits: { partitionRowsMax: 7, asOfDoubtsMax: 1_000 } })
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 60, size: 'max' }), async (given) => {
        const journal = await begin(one, `r${runs++}/`)
        for (const each of given) await journal.run(each)
        for (const place of [0, 0.3, 0.6, 0.9, 1]) await journal.run({ do: 'ask', place, filters: ['#'] })
      }),
      { numRuns: process.env['FULL'] === '1' ? 1_000 : 20, endOnFailure: true, examples: [...examples] }
    )
  })
