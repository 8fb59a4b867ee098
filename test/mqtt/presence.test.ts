/** What is said over one connection, with answers of the broker that the test gives. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqttPacket from 'mqtt-packet'
import { defaultLimits } from '../../src/limits.ts'
import type { Connection, PublishResult } from '../../src/mqtt/connection.ts'
import { Announcement, statusPresence } from '../../src/mqtt/presence.ts'
import { PublishScanner } from '../../src/mqtt/publish-scanner.ts'
import { statePresence } from '../../src/mqtt/sparkplug-state.ts'
import { silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

function setUp(presence = statePresence('plant', defaultLimits, () => 7)) {
  const said: string[] = []
  const answers: Array<{ answer: (result: PublishResult) => void; fail: (error: Error) => void }> = []
  const world = { said, answers, destroyed: false }
  const connection = {
    publish({ topic, payload, qos, retain }) {
      assert.deepEqual([topic, qos, retain], [presence.topic, 1, true])
      said.push(String(payload))
      return new Promise<PublishResult>((answer, fail) => answers.push({ answer, fail }))
    },
    destroy: () => (world.destroyed = true)
  } as Partial<Connection> as Connection
  const announcement = new Announcement(presence, silent)
  const hear = (payload: string, topic = presence.topic): void => {
    const handlers = {
      publish: (frame: Parameters<Announcement['heard']>[0]) => announcement.heard(frame),
      pubrel: () => {},
      other: () => {}
    }
    new PublishScanner(5, 1e6, handlers).push(
      mqttPacket.generate(
        { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false },
        { protocolVersion: 5 }
      )
    )
  }
  const answered = async (index: number): Promise<void> => {
    answers[index]!.answer({ reasonCode: 0 })
    await new Promise(setImmediate)
  }
  return { ...world, world, announcement, connection, hear, answered }
}

const offline = '{"online":false,"timestamp":1}'
const birth = '{"online":true,"timestamp":7}'

test('many who deny us while we answer get one answer more, and before the birth nobody gets one', async () => {
  const { announcement, connection, said, hear, answered } = setUp()
  hear(offline)
  assert.deepEqual(said, [])
  const begun = announcement.begin(connection)
  for (let index = 0; index < 100; index++) hear(offline)
  assert.deepEqual(said, [birth])
  await answered(0)
  assert.deepEqual(said, [birth, birth])
  for (let index = 0; index < 100; index++) hear(offline)
  await answered(1)
  assert.deepEqual(said, [birth, birth, birth])
  await answered(2)
  await begun
  hear('x'.repeat(offline.length))
  hear(offline, 'spBv1.0/STATE/plan8')
  hear(offline, 'spBv1.0/STATE/plant2')
  assert.equal(said.length, 3)
  hear(offline)
  assert.equal(said.length, 4)
})

test('after its death nothing is said, whatever others say', async () => {
  const { announcement, connection, said, hear, answered } = setUp()
  void announcement.begin(connection)
  hear(offline)
  const ending = announcement.end(connection)
  assert.deepEqual(said, [birth, '{"online":false,"timestamp":8}'])
  hear(offline)
  await answered(0)
  await answered(1)
  await ending
  assert.equal(said.length, 2)
})

test('where the broker does not take the answer, the connection is made anew', async () => {
  const { announcement, connection, hear, answers, answered, world } = setUp()
  const begun = announcement.begin(connection)
  await answered(0)
  await begun
  hear(offline)
  answers[1]!.fail(new Error('not answered in time'))
  await eventually(() => world.destroyed)
})

test('the status of the main session is said, and not defended', async () => {
  const { announcement, connection, said, hear, answered } = setUp(statusPresence('rialto/x/status'))
  assert.equal(announcement.will, 'offline')
  void announcement.begin(connection)
  await answered(0)
  hear('offline')
  void announcement.end(connection)
  assert.deepEqual(said, ['online', 'offline'])
})
