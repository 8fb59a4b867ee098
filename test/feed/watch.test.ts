/** Who waits for a change is told of it, once, and of nothing else; by one reader of the feed, however many wait. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Watched, Watching } from '../../src/feed/watch.ts'
import { createWatches } from '../../src/feed/watch.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { createMemoryJournal } from './journal-in-memory.ts'

const never = new AbortController().signal

function start(given: Partial<Limits> = {}) {
  const limits = { ...defaultLimits, longPollLookMsMin: 0, ...given }
  const journal = createMemoryJournal(limits)
  const versions = new Map<string, string>()
  /** Names that were asked for at once, in order. */
  const reads: string[][] = []
  const watches = createWatches({
    feed: journal.feed,
    projected: journal.projected,
    async deviceVersions(names) {
      reads.push([...names])
      return new Map(versions)
    },
    limits
  })
  atEnd(async () => journal.feed.close())
  return { ...journal, watches, versions, reads }
}

/** What it has told, up to now: a few turns of the event loop are enough, since nothing here waits for a time. */
async function told(changed: Promise<boolean>): Promise<boolean | 'nothing'> {
  let outcome: boolean | 'nothing' = 'nothing'
  void changed.then((is) => (outcome = is))
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
  return outcome
}

test('a topic: its own facts, and no others', async () => {
  const { watches, message, cleared, add, states } = start()
  message('a')
  message('b')
  const topicId = states.get('a')!.topicId
  const watching = await watches.watch({ topicId })
  const changed = watching.changed(never)
  message('b')
  add({ kind: 'command', topicId, topic: 'a' })
  assert.equal(await told(changed), 'nothing')
  message('a')
  assert.equal(await changed, true)
  const again = watching.changed(never)
  assert.equal(await told(again), 'nothing', 'it was told of that')
  cleared('a')
  assert.equal(await again, true)
  watching.close()
})

test('what happens before it is asked, it is told of when it asks', async () => {
  const { watches, message, states } = start()
  message('a')
  const watching = await watches.watch({ topicId: states.get('a')!.topicId })
  message('a')
  await new Promise((resolve) => setImmediate(resolve))
  message('a')
  assert.equal(await watching.changed(never), true)
  watching.close()
})

test('what was forgotten concerns everybody: it does not say whom', async () => {
  const { watches, add } = start()
  const all: Watched[] = [{ topicId: 7 }, { facts: () => false }, { device: 'd' }, { projection: true }]
  const watching = await Promise.all(all.map((watched) => watches.watch(watched)))
  const changed = watching.map((one) => one.changed(never))
  add({ kind: 'forgotten', detail: { messages: 1 } })
  assert.deepEqual(await Promise.all(changed), [true, true, true, true])
  for (const one of watching) one.close()
})

test('facts that somebody chooses', async () => {
  const { watches, message, gap } = start()
  const watching = await watches.watch({ facts: ({ kind }) => kind === 'gap' })
  const changed = watching.changed(never)
  message('a')
  assert.equal(await told(changed), 'nothing')
  gap()
  assert.equal(await changed, true)
  watching.close()
})

test('the projection: told when it has come as far as the journal', async () => {
  const { watches, message, projected } = start()
  projected.doneSeq = 0
  const watching = await watches.watch({ projection: true })
  const changed = watching.changed(never)
  message('a')
  await eventually(() => projected.waitingFor === 1)
  projected.advance(1)
  assert.equal(await changed, true)
  watching.close()
})

test('the projection: what was committed before, and is not yet normalized, is still to come', async () => {
  const { watches, message, projected } = start()
  projected.doneSeq = 0
  message('a')
  const watching = await watches.watch({ projection: true })
  const changed = watching.changed(never)
  await eventually(() => projected.waitingFor === 1)
  projected.advance(1)
  assert.equal(await changed, true)
  assert.equal(await told(watching.changed(AbortSignal.timeout(60_000))), 'nothing')
  watching.close()
})

test('a device: told when its version is another one, or its messages were normalized again', async () => {
  const { watches, message, redriven, versions } = start()
  versions.set('d', '1')
  const watching = await watches.watch({ device: 'd' })
  const changed = watching.changed(never)
  message('of/another')
  assert.equal(await told(changed), 'nothing')
  versions.set('d', '2')
  message('of/it')
  assert.equal(await changed, true)
  const again = watching.changed(never)
  message('of/another')
  assert.equal(await told(again), 'nothing')
  redriven([1])
  assert.equal(await again, true)
  watching.close()
})

test('a thousand wait for devices: one read of versions for all of them', async () => {
  const { watches, message, versions, reads } = start()
  const names = Array.from({ length: 1_000 }, (_, at) => `d${at}`)
  for (const name of names) versions.set(name, '1')
  const watching = await Promise.all(names.map((device) => watches.watch({ device })))
  reads.length = 0
  const changed = watching.map((one) => one.changed(never))
  versions.set('d7', '2')
  message('a')
  assert.equal(await changed[7], true)
  assert.equal(reads.length, 1)
  assert.equal(reads[0]!.length, 1_000)
  for (const one of watching) one.close()
})

test('a device, where all changes all the time: its version is looked at now and then', async () => {
  const { watches, message, versions, reads } = start({ longPollLookMsMin: 50 })
  versions.set('d', '1')
  const watching = await watches.watch({ device: 'd' })
  reads.length = 0
  const begun = Date.now()
  const changed = watching.changed(never)
  const busy = setInterval(() => message('a'), 1)
  await eventually(() => reads.length === 4, { everyMs: 1 })
  clearInterval(busy)
  assert.ok(Date.now() - begun >= 3 * 49, 'four looks take at least three pauses')
  versions.set('d', '2')
  message('a')
  assert.equal(await changed, true)
  watching.close()
})

test('who was too slow for what is in memory is told that there may be something', async () => {
  const { watches, message, states, feed } = start({ ringFactsMax: 4 })
  message('a')
  const watching = await watches.watch({ topicId: states.get('a')!.topicId })
  const changed = watching.changed(never)
  for (let at = 0; at < 10; at++) message('b')
  assert.equal(feed.recent(1, 1), null)
  assert.equal(await changed, true)
  watching.close()
})

test('ends when nobody waits any more', async () => {
  const { watches } = start()
  const all: Watched[] = [{ topicId: 7 }, { facts: () => true }, { device: 'd' }, { projection: true }]
  for (const watched of all) {
    const watching = await watches.watch(watched)
    const gone = new AbortController()
    const changed = watching.changed(gone.signal)
    assert.equal(await told(changed), 'nothing')
    gone.abort()
    assert.equal(await changed, false)
    assert.equal(await watching.changed(gone.signal), false)
    watching.close()
  }
})

test('where all changes all the time, it is told now and then', async () => {
  const msMin = 30
  const { watches, message } = start({ longPollLookMsMin: msMin })
  const watching = await watches.watch({ facts: () => true })
  const busy = setInterval(() => message('a'), 1)
  const times: number[] = []
  for (let at = 0; at < 4; at++) {
    assert.equal(await watching.changed(never), true)
    times.push(Date.now())
  }
  clearInterval(busy)
  watching.close()
  const least = Math.min(...times.slice(1).map((time, at) => time - times[at]!))
  assert.ok(least >= msMin - 1, `${least} ms between two`) // a timer may be a fraction of a millisecond early
})

test('no change is missed, whatever comes while it looks', async () => {
  const { watches, message, states } = start()
  message('a')
  const { topicId } = states.get('a')!
  let seen = 0
  const look = (): number => (seen = states.get('a')!.seq)
  const watching: Watching = await watches.watch({ topicId })
  look()
  const writing = (async () => {
    for (let at = 0; at < 2_000; at++) {
      message(Math.random() < 0.3 ? 'a' : 'b')
      if (Math.random() < 0.2) await new Promise((resolve) => setImmediate(resolve))
    }
    return message('a').seq
  })()
  const stop = new AbortController()
  void writing.then((last) =>
    eventually(() => seen === last, { what: 'the last change is seen' }).then(
      () => stop.abort(),
      () => stop.abort()
    )
  )
  while (await watching.changed(stop.signal)) {
    if (Math.random() < 0.5) await new Promise((resolve) => setImmediate(resolve))
    look()
  }
  assert.equal(seen, await writing)
  watching.close()
})
