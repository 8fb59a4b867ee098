import assert from 'node:assert/strict'
import { test } from 'node:test'
import { divideTopics } from '../../src/ingest/sparkplug.ts'
import { defaultLimits } from '../../src/limits.ts'
import { statePresence } from '../../src/mqtt/sparkplug-state.ts'

test('will and birth of a connection have one time; no later certificate has an earlier or equal one, whatever the clock does', () => {
  let clock = 1_000
  const presence = statePresence('plant A', defaultLimits, () => clock)
  assert.equal(presence.topic, 'spBv1.0/STATE/plant A')
  assert.deepEqual(presence.connecting(), {
    will: '{"online":false,"timestamp":1000}',
    birth: '{"online":true,"timestamp":1000}'
  })
  clock = 900
  assert.equal(presence.connecting().will, '{"online":false,"timestamp":1001}')
  assert.equal(presence.death(), '{"online":false,"timestamp":1002}')
  clock = 5_000
  assert.equal(presence.connecting().birth, '{"online":true,"timestamp":5000}')
})

test('a denial is JSON whose online is false, and nothing else is', () => {
  const denies = (payload: string): boolean => statePresence('p', defaultLimits).denies(Buffer.from(payload))
  for (const payload of [
    '{"online":false,"timestamp":1}',
    '{"online":false}',
    ' { "x": 1, "online" : false } '
  ])
    assert.ok(denies(payload), payload)
  for (const payload of [
    '',
    'null',
    '1',
    'OFFLINE',
    '{}',
    '{"online":true}',
    '{"online":0}',
    '{"online":"false"}'
  ])
    assert.ok(!denies(payload), payload)
  assert.ok(!denies(`{"online":false,"x":"${'x'.repeat(1_024)}"}`)) // too long to be one
})

test('each topic is stored by one of the two sessions, where both receive it, and by the one that does, else', () => {
  const filters = [['#'], ['spBv1.0/#'], ['plain/#'], ['spBv1.0/STATE/+'], ['spBv1.0/G/#', 'plain/#']]
  const topicsOfHost = [['spBv1.0/#'], ['spBv1.0/G/#'], ['spBv1.0/+/NDATA/E']]
  const topics = [
    'spBv1.0/STATE/plant',
    'spBv1.0/STATE/other',
    'spBv1.0/G/NDATA/E',
    'spBv1.0/H/NDATA/E',
    'plain/x'
  ]
  const receives = (some: readonly string[], topic: string): boolean =>
    some.some((filter) => new RegExp(`^${filter.replaceAll('+', '[^/]+').replace('#', '.*')}$`).test(topic))
  for (const main of filters)
    for (const host of topicsOfHost) {
      const { leftByMain, leftByHost } = divideTopics(main, { hostId: 'plant', topics: host })
      for (const topic of topics) {
        const byMain = receives(main, topic) && !leftByMain(topic)
        const byHost = receives([...host, 'spBv1.0/STATE/plant'], topic) && !leftByHost(topic)
        const anybody = receives([...main, ...host, 'spBv1.0/STATE/plant'], topic)
        assert.equal(
          Number(byMain) + Number(byHost),
          Number(anybody),
          `${topic}: ${main.join()} and ${host.join()}`
        )
      }
    }
})
