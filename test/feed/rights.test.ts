/** Rights that change while somebody reads: nothing is told that is forbidden when it is taken, and nothing else is missed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createAuthenticator } from '../../src/access/access.ts'
import { createFollow } from '../../src/feed/follow.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import type { EventType, StreamEvent } from '../../src/views.ts'
import { toDatapoint } from '../support/projected-feed.ts'
import type { ScriptedHolder } from '../support/scripted-holders.ts'
import { createScriptedHolders, reads } from '../support/scripted-holders.ts'
import type { MemoryJournal } from './journal-in-memory.ts'
import { createMemoryJournal } from './journal-in-memory.ts'

const runs = process.env['FULL'] === '1' ? 3_000 : 200

async function openAccess(): Promise<{ access: Access; holder: ScriptedHolder }> {
  const holders = createScriptedHolders()
  const holder = holders.add('key:1', 'one', reads('always', 'at/#'))
  const authenticator = createAuthenticator({
    apiKey: null,
    holders: [holders],
    tokenKey: Buffer.alloc(32, 7),
    limits: defaultLimits
  })
  return { access: await authenticator.authenticate('Bearer one'), holder }
}

const followOf = (journal: MemoryJournal, limits = defaultLimits) =>
  createFollow({
    events: journal.events,
    cursors: journal.cursors,
    head: async () => ({ seq: journal.facts.length, at: 0, horizon: 0 }),
    limits,
    pointer: ''
  })

/** null: it is of the stream itself. */
function topicOf(event: StreamEvent): string | null {
  switch (event.type) {
    case 'message':
      return event.message.topic
    case 'state':
      return event.state.topic
    case 'datapoint':
      return event.datapoint.topic
    case 'presence':
      return event.presence.topic
    default:
      return null
  }
}

const topics = ['always', 'at/times', 'never'] as const
const smallPages = { feedPageFactsMax: 4, feedPageEventsMax: 3, datapointsReadFactsMax: 2 }

const steps = fc.array(
  fc.record({
    /** What comes before the next event is taken. */
    publish: fc.array(fc.constantFrom(...topics), { maxLength: 4 }),
    rights: fc.option(fc.boolean(), { freq: 2 })
  }),
  { minLength: 5, maxLength: 25 }
)
const begins = fc.array(fc.constantFrom(...topics), { maxLength: 20 })
const typesAsked = fc.subarray<EventType>(['message', 'state', 'datapoint'], { minLength: 1 })

for (const mode of ['all', 'latest'] as const) {
  test(`mode ${mode}: whatever is granted and taken when, each event is one that may be read when it is taken`, async () => {
    await fc.assert(
      fc.asyncProperty(begins, steps, typesAsked, async (begun, acts, types) => {
        const journal = createMemoryJournal(smallPages)
        const { access, holder } = await openAccess()
        let allowed = true
        const publish = (topic: string): void => {
          const { seq } = journal.message(topic, String(journal.facts.length))
          const all = [0, 1, 2].map((n) => toDatapoint({ seq, n, topic, device: topic, metric: `m${n}` }))
          journal.projected.datapoints.set(seq, all)
        }
        for (const topic of begun) publish(topic)
        const asked = { filters: [], types: [...types, 'gap'] as EventType[], mode, after: 'earliest' }
        const following = await followOf(journal)(access, asked)
        const stop = new AbortController()
        const taken: StreamEvent[] = []
        let at = 0
        const act = (): void => {
          const next = acts[at++]
          if (next === undefined) return void (at === acts.length + 1 && journal.gap())
          for (const topic of next.publish) publish(topic)
          if (next.rights === null) return
          allowed = next.rights
          holder.grant(...reads('always', ...(allowed ? ['at/#'] : [])))
        }
        const pages = following(stop.signal)
        reading: for (;;) {
          const page = await whileWaiting(pages.next(), act)
          for (const event of page.value ?? assert.fail('it ended')) {
            const topic = topicOf(event)
            assert.ok(topic === null || topic === 'always' || (topic === 'at/times' && allowed), `${topic}`)
            taken.push(event)
            if (event.type === 'gap') break reading
            act()
          }
        }
        stop.abort()

        const seqs = journal.facts.flatMap(({ topic, seq }) => (topic === 'always' ? [seq] : []))
        for (const type of types) {
          const told = taken.flatMap((event) =>
            event.type === type && topicOf(event) === 'always' ? [seqOf(event)] : []
          )
          assert.deepEqual(
            told,
            [...new Set(told)].toSorted((a, b) => a - b),
            'in order, none twice'
          )
          if (mode === 'latest' || type === 'state')
            assert.equal(Math.floor(told.at(-1) ?? 0), seqs.at(-1) ?? 0)
          else if (type === 'message') assert.deepEqual(told, seqs)
          else
            assert.deepEqual(
              told.map(Math.floor),
              seqs.flatMap((seq) => [seq, seq, seq])
            )
        }
      }),
      { numRuns: runs }
    )
  })
}

/** Where nothing may be told, something is done until there is something to tell. */
async function whileWaiting<T>(promise: Promise<T>, act: () => void): Promise<T> {
  let waits = true
  void promise.finally(() => (waits = false)).catch(() => {})
  for (let turn = 1; waits; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (waits && turn % 5 === 0) act()
  }
  return promise
}

function seqOf(event: StreamEvent): number {
  if (event.type === 'message') return Number(event.message.seq)
  if (event.type === 'state') return Number(event.state.seq)
  if (event.type === 'datapoint') return Number(event.datapoint.seq) + event.datapoint.n / 10
  throw new Error(event.type)
}

test('within a snapshot, too; and what is granted later is told from then on', async () => {
  const journal = createMemoryJournal({ ...smallPages, snapshotPageStatesMax: 4 })
  const { access, holder } = await openAccess()
  for (const topic of ['at/1', 'always', 'at/2', 'at/3']) journal.message(topic)
  const following = await followOf(journal)(access, {
    filters: [],
    types: ['state', 'message', 'gap'],
    snapshot: true
  })
  const stop = new AbortController()
  const told: string[] = []
  for await (const page of following(stop.signal)) {
    for (const event of page) {
      told.push(topicOf(event) ?? event.type)
      if (event.type === 'state' && event.state.topic === 'always') holder.grant(...reads('always'))
      if (event.type === 'progress') {
        journal.message('at/3')
        journal.message('always')
      }
      if (told.at(-1) === 'always' && told.filter((one) => one === 'always').length === 3) {
        holder.grant(...reads('always', 'late'))
        journal.message('late')
        journal.gap()
      }
    }
    if (told.includes('gap')) break
  }
  stop.abort()
  assert.deepEqual(told, ['at/1', 'always', 'progress', 'always', 'always', 'late', 'late', 'gap'])
})

test('who is over may nothing, whatever still reads', async () => {
  const journal = createMemoryJournal()
  const { access, holder } = await openAccess()
  journal.message('always')
  journal.message('always')
  journal.gap()
  const following = await followOf(journal)(access, {
    filters: [],
    types: ['message', 'gap'],
    after: 'earliest'
  })
  const stop = new AbortController()
  const told: string[] = []
  for await (const page of following(stop.signal)) {
    for (const event of page) {
      told.push(event.type)
      if (event.type === 'message') holder.end()
    }
    if (told.includes('gap')) break
  }
  stop.abort()
  assert.deepEqual(told, ['progress', 'message', 'gap'])
  assert.deepEqual(
    [access.mayRead('always'), access.mayPublish('always'), access.readsAll, access.administers],
    [false, false, undefined, undefined]
  )
})
