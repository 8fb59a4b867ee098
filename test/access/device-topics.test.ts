/** Who may read a device may read its topics, as they are now, over a real database. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDeviceTopics } from '../../src/access/device-topics.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { startProjected } from '../http/projected.ts'
import { atEnd } from '../support/cleanup.ts'
import { silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { as, authenticatorOf, createHolders } from '../support/holders.ts'
import { point } from '../support/projected.ts'

const limits = { ...defaultLimits, deviceTopicsReadMs: 50, deviceTopicsMax: 3, devicesGrantedMax: 4 }
const { store, project } = await startProjected({ limits })
const deviceTopics = createDeviceTopics({ read: store.devices.sourceTopics, limits, log: silent })
atEnd(async () => deviceTopics.close())
const holders = createHolders()
const authenticator = authenticatorOf(holders, deviceTopics)

const tell = (topic: string, device: string, metric = 'm'): Promise<number> =>
  project(topic, { datapoints: [point(device, metric, 1)] })

async function accessOf(principal: string, grants: string[], tenant: string | null = null): Promise<Access> {
  holders.give(principal, grants, tenant)
  return authenticator.authenticate(as(principal)['authorization'])
}

function later(): { promise: Promise<Map<string, string[]>>; resolve(topics: Map<string, string[]>): void } {
  let resolve: (topics: Map<string, string[]>) => void = () => {}
  const promise = new Promise<Map<string, string[]>>((settle) => (resolve = settle))
  return { promise, resolve: (topics) => resolve(topics) }
}

test('the topics of a granted device may be read at once, and no others', async () => {
  await tell('a/one', 'one')
  await tell('b/one', 'one', 'other')
  await tell('a/two', 'two')
  const access = await accessOf('reader', ['read:device:one'])
  assert.deepEqual(['a/one', 'b/one', 'a/two', 'a'].map(access.mayRead), [true, true, false, false])
  assert.equal(access.mayPublish('a/one'), false)
  const bounded = await accessOf('tenant', ['read:device:one'], 'b')
  assert.deepEqual(['a/one', 'b/one'].map(bounded.mayRead), [false, true])
  const commands = await accessOf('commander', ['command:device:one'])
  assert.equal(commands.mayRead('a/one'), false)
})

test('a topic that a device is newly known by may be read soon, and with it the rights are others', async () => {
  const access = await accessOf('reader', ['read:device:one'])
  const before = access.rights
  assert.equal(access.rights, before)
  await tell('c/one', 'one')
  assert.equal(access.mayRead('a/one'), true)
  await eventually(async () => access.mayRead('c/one'), { what: 'the new topic may be read' })
  assert.notEqual(access.rights, before)
})

test('a device that is not known yet is known when it comes', async () => {
  const access = await accessOf('early', ['read:device:late'])
  assert.equal(access.mayRead('a/late'), false)
  await tell('a/late', 'late')
  await eventually(async () => access.mayRead('a/late'), { what: 'its topic may be read' })
})

test('what a device is not known by any more may not be read any more', async () => {
  const access = await accessOf('early', ['read:device:late'])
  assert.equal(access.mayRead('a/late'), true)
  await store.forget({ device: 'late' }, 'test')
  await eventually(async () => !access.mayRead('a/late'), { what: 'its topic may not be read' })
})

test('of a device with too many topics the oldest may be read, and of too many devices the first', async () => {
  for (const n of [1, 2, 3, 4]) await tell(`many/${n}`, 'many')
  const access = await accessOf('many', ['read:device:many'])
  assert.deepEqual(['many/1', 'many/2', 'many/3', 'many/4'].map(access.mayRead), [true, true, true, false])
  // one, late and many are used; two takes the last place
  const last = await accessOf('last', ['read:device:two'])
  assert.equal(last.mayRead('a/two'), true)
  await tell('a/more', 'more')
  const more = await accessOf('more', ['read:device:more'])
  assert.equal(more.mayRead('a/more'), false)
})

test('nobody waits for a database that does not answer', async () => {
  const stuck = createDeviceTopics({
    read: () => new Promise(() => {}),
    limits: { ...limits, deviceTopicsWaitMs: 20 },
    log: silent
  })
  atEnd(async () => stuck.close())
  await stuck.ready(['one'])
  assert.equal(stuck.topicsOf('one').size, 0)
})

test('who comes while topics are being read waits for them, too', async () => {
  const answers = later()
  const slow = createDeviceTopics({ read: () => answers.promise, limits, log: silent })
  atEnd(async () => slow.close())
  slow.use(['one'])
  const both = Promise.all([slow.ready(['one']), slow.ready(['one'])])
  answers.resolve(new Map([['one', ['t/one']]]))
  await both
  assert.ok(slow.topicsOf('one').has('t/one'))
  const told: string[] = []
  const answer = later()
  const slower = createDeviceTopics({ read: () => answer.promise, limits, log: silent })
  atEnd(async () => slower.close())
  void slower.ready(['one']).then(() => told.push('first'))
  const second = slower.ready(['one']).then(() => told.push('second'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(told, [])
  answer.resolve(new Map([['one', ['t/one']]]))
  await second
  assert.ok(slower.topicsOf('one').has('t/one'))
})

test('what nobody uses is forgotten', async () => {
  let now = 0
  const reads: string[][] = []
  const used = createDeviceTopics({
    read: async (devices) => {
      reads.push([...devices])
      return new Map(devices.map((device) => [device, [`t/${device}`]]))
    },
    limits: { ...limits, deviceTopicsReadMs: 1 },
    log: silent,
    now: () => now
  })
  atEnd(async () => used.close())
  await used.ready(['kept', 'left'])
  now = limits.deviceTopicsKeptMs
  used.use(['kept'])
  now += 1
  await eventually(async () => reads.at(-1)!.length === 1, { what: 'one is forgotten' })
  assert.deepEqual(reads.at(-1), ['kept'])
  assert.equal(used.topicsOf('left').size, 0)
})
