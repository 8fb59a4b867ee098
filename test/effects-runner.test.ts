/** Effects of decoders with real timers: what is published, and what is not, is what counts; never how fast. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Effect } from '../src/effects.ts'
import { createEffectsRunner } from '../src/effects-runner.ts'
import type { Limits } from '../src/limits.ts'
import { defaultLimits } from '../src/limits.ts'
import { createStats } from '../src/stats.ts'
import { atEnd } from './support/cleanup.ts'
import { silent } from './support/database.ts'
import { eventually } from './support/eventually.ts'

const longMs = 30_000

const effect = (topic: string, afterMs = 0, key: string | null = null): Effect => ({
  kind: 'publish',
  topic,
  payload: Buffer.from(topic),
  qos: 1,
  afterMs,
  key
})

function setUp(limits: Partial<Limits> = {}) {
  const world = { published: [] as string[], connected: true, leading: true, broken: false }
  const stats = createStats()
  const runner = createEffectsRunner({
    publisher: {
      connected: () => world.connected,
      async publish({ topic, payload, qos, retain }) {
        if (world.broken) throw new Error('the connection ended')
        assert.deepEqual([payload.toString(), qos, retain], [topic, 1, false])
        world.published.push(topic)
        return { reasonCode: 0 }
      }
    },
    leading: () => world.leading,
    limits: { ...defaultLimits, effectConnectionCheckMs: 5, ...limits },
    stats,
    log: silent
  })
  atEnd(runner.close)
  /** Resolves when a timer that is set now has come due: so have all those before it. */
  const later = async (afterMs: number): Promise<void> => {
    let due = false
    setTimeout(() => (due = true), afterMs)
    await eventually(() => due)
  }
  return { world, stats, runner, later }
}

test('an effect without delay is published at once, one with a delay when it is over, and others wait on', async () => {
  const { world, stats, runner, later } = setUp()
  runner.run([effect('late', 40), effect('far', longMs), effect('now'), effect('later', 20)])
  assert.deepEqual(world.published, ['now'])
  await eventually(() => world.published.length === 3)
  await later(50)
  assert.deepEqual(world.published.toSorted(), ['late', 'later', 'now'])
  assert.deepEqual([stats.effectsPublished, stats.effectsDropped], [3, 0])
})

test('one with a key that waits is not doubled, nor replaced; afterwards the key is free', async () => {
  const { world, runner, later } = setUp()
  runner.run([effect('first', 30, 'k'), effect('second', 0, 'k'), effect('third', 10, 'k')])
  runner.run([effect('other', 20, 'other')])
  await eventually(() => world.published.length === 2)
  await later(40)
  assert.deepEqual(world.published.toSorted(), ['first', 'other'])
  runner.run([effect('again', 0, 'k')])
  assert.equal(world.published.at(-1), 'again')
})

test('cancelled, it is not published, its key is free, and nothing counts as dropped', async () => {
  const { world, stats, runner, later } = setUp()
  runner.run([effect('a', 20, 'a'), effect('b', 20, 'b'), { kind: 'cancel', key: 'a' }])
  runner.run([{ kind: 'cancel', key: 'nothing waits' }])
  await later(30)
  await eventually(() => world.published.length > 0)
  assert.deepEqual(world.published, ['b'])
  runner.run([effect('a', 10, 'a')])
  await eventually(() => world.published.length === 2)
  assert.equal(stats.effectsDropped, 0)
})

test('no more wait than the limit: others are not begun, and counted; place that becomes free is used', () => {
  const { world, stats, runner } = setUp({ effectsWaitingMax: 2 })
  runner.run([effect('a', longMs, 'a'), effect('b', longMs), effect('c', longMs, 'c')])
  assert.equal(stats.effectsDropped, 1)
  runner.run([effect('now')]) // does not wait
  assert.deepEqual(world.published, ['now'])
  runner.run([{ kind: 'cancel', key: 'a' }, effect('c', longMs, 'c')])
  assert.equal(stats.effectsDropped, 1)
  runner.run([effect('d', longMs)])
  assert.equal(stats.effectsDropped, 2)
})

test('what comes due on an instance that does not lead is dropped; so is what it is asked for', async () => {
  const { world, stats, runner } = setUp()
  runner.run([effect('due', 20)])
  world.leading = false
  runner.run([effect('asked')])
  await eventually(() => stats.effectsDropped === 2)
  world.leading = true
  assert.deepEqual(world.published, [])
})

test('when the lead ends, all that wait end, also if it comes back before they are due', async () => {
  const { world, stats, runner, later } = setUp()
  runner.run([effect('a', 20, 'a'), effect('b', 20)])
  runner.giveUp()
  runner.run([effect('new', 20, 'a')])
  await later(30)
  await eventually(() => world.published.length > 0)
  assert.deepEqual(world.published, ['new'])
  assert.equal(stats.effectsDropped, 2)
})

test('after the end nothing is published, and no timer keeps the process', async () => {
  const { world, runner, later } = setUp()
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  runner.run([effect('a', 20), effect('b', longMs, 'b')])
  assert.equal(timers(), before + 2)
  runner.close()
  assert.equal(timers(), before)
  runner.run([effect('c')])
  await later(30)
  assert.deepEqual(world.published, [])
})

test('without a connection it waits for one, once; and not for ever', async () => {
  const { world, stats, runner, later } = setUp()
  world.connected = false
  runner.run([effect('a', 0, 'a'), effect('a', 0, 'a')])
  await later(30)
  assert.deepEqual(world.published, [])
  world.connected = true
  await eventually(() => world.published.length > 0)
  await later(30)
  assert.deepEqual(world.published, ['a'])
  const impatient = setUp({ effectConnectionMsMax: 0 })
  Object.assign(impatient.world, { connected: false, broken: true })
  impatient.runner.run([effect('b')])
  await eventually(() => impatient.stats.effectsDropped === 1)
  assert.equal(stats.effectsDropped, 0)
})

test('what no broker takes is dropped, and what the connection did not survive is counted', async () => {
  const { world, stats, runner } = setUp()
  runner.run([effect('a/#')])
  assert.equal(stats.effectsDropped, 1)
  world.broken = true
  runner.run([effect('lost')])
  await eventually(() => stats.effectsDropped === 2)
  assert.deepEqual([world.published, stats.effectsPublished], [[], 0])
})
