/**
 * Negative controls: the same scenario with the honest build, and with one that lacks a safeguard. What the first passes
 * the second must fail, or the suite would prove nothing.
 */

import type { Packet } from 'mqtt-packet'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { Patch } from '../support/patched-build.ts'
import { afterCommit, beforeCommit } from '../support/postgres-proxy.ts'
import type { ScriptedBroker } from '../support/scripted-broker.ts'
import { answer, startScriptedBroker } from '../support/scripted-broker.ts'
import { patchedBuild } from '../support/patched-build.ts'
import { control } from './control.ts'
import { pausedLeader } from './paused-leader.ts'
import { payloadOf, topicOf } from './publisher.ts'
import { hasMessages, untilNext } from './provocations.ts'
import type { World } from './story.ts'
import { story } from './story.ts'
import { clientId } from './world.ts'

const acknowledgesEarly: Patch[] = [
  { file: 'ingest/ingest.js', find: /^.*batch\.acknowledge\(\).*$/m, replace: '' },
  {
    file: 'ingest/ingest.js',
    find: /(async function commit\([^)]*\) \{)/,
    replace: '$1 batch.acknowledge();'
  }
]

for (const qos of [1, 2] as const) {
  control(
    'killed when a commit is under way',
    'acknowledging after it',
    { id: 'C1', qos, shows: ['lost'] },
    acknowledgesEarly,
    async (world, entry) => {
      const broker = await world.mosquitto()
      const postgres = await world.postgresProxy(await world.database())
      const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos, entry })
      await rialto.start()
      const publisher = world.publisher({ url: broker.url, qos, perSecond: 300 })
      await untilNext(publisher, 100)
      let messages = false
      let held = false
      postgres.rule = (frame) => {
        if (frame.append && frame.type === 'B') messages = hasMessages(frame.bytes)
        held ||= messages && beforeCommit(frame)
        return held && beforeCommit(frame) ? 'drop' : 'pass'
      }
      await eventually(() => held, { what: 'an append is under way' })
      await untilNext(publisher, 100) // so that the broker reads whatever was acknowledged
      rialto.killNow()
      await rialto.ended()
      postgres.rule = null
      await rialto.start()
      await publisher.stop()
    }
  )
}

/** The row is found whatever its epoch and the number of its last append are. */
const noFence: Patch[] = [
  {
    file: 'store/guard.js',
    find: /where id = \$2 and epoch = \$3 and batch = \$1 - 1/,
    replace: 'where id = $2 and $3::bigint is not null'
  }
]

control(
  'a COMMIT whose answer is lost',
  'the number of the append',
  { id: 'C2', qos: 2, shows: ['repeated'] },
  noFence,
  async (world, entry) => {
    const broker = await world.mosquitto()
    const postgres = await world.postgresProxy(await world.database())
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos: 2, entry })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 300 })
    let messages = false
    let lostAnswers = 0
    postgres.rule = (frame) => {
      if (frame.append && frame.type === 'B') messages = hasMessages(frame.bytes)
      if (lostAnswers === 3 || !messages || !afterCommit(frame)) return 'pass'
      lostAnswers++
      frame.link.cut()
      return 'drop'
    }
    await eventually(() => lostAnswers === 3, { withinMs: 60_000 })
    await publisher.stop()
  }
)

control(
  'an append of a former leader that arrives late',
  'the fence',
  { id: 'C3', qos: 2, shows: ['repeated'] },
  noFence,
  pausedLeader
)

/** Identifiers outlive the session that they were of. */
const noGeneration: Patch[] = [
  { file: 'mqtt/inbox.js', find: /if \(sessionPresent\)\s+return/, replace: 'return' },
  {
    file: 'store/sessions.js',
    find: /async raiseGeneration\(lease\) \{/,
    replace: '$& return;'
  }
]

control(
  'a broker that lost the session sends a new message under an old identifier',
  'the generation',
  { id: 'C4', shows: ['missing'], promise: { missing: 0 } },
  noGeneration,
  async (world, entry) => {
    // The same words under the same identifier are another message once the session is another. The first copy is cut
    // off on its way, so that the one that arrives says DUP.
    const broker = await startScriptedBroker({
      onPacket: (packet, connection, of) => {
        // Never PUBREL: the identifier stays open
        if (packet.cmd === 'pubrec' && connection.clientId === clientId) return true
        return packet.cmd === 'subscribe' ? subscribed(packet, of) : false
      }
    })
    const subscribed = (packet: Packet, of: ScriptedBroker): boolean => {
      const connection = of.open(clientId)
      if (connection?.received.at(-1) !== packet) return false
      answer(packet, connection, of)
      connection.send({
        cmd: 'publish',
        topic: topicOf(7, 50),
        payload: payloadOf(7, 24),
        qos: 2,
        dup: sessions > 0,
        retain: false,
        messageId: 1
      })
      return true
    }
    let sessions = 0
    const databaseUrl = await world.database()
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl, qos: 2, entry })
    await rialto.start()
    const stored = async (): Promise<number> =>
      (
        await query(
          databaseUrl,
          `select from journal j join topics t on t.id = j.topic_id where t.name like 'ledger/%'`
        )
      ).length
    await eventually(async () => (await stored()) === 1)
    for (; sessions < 2;) {
      const connects = (await rialto.metrics()).get('mqtt_connects_total')!
      sessions++
      broker.sessions.clear()
      broker.open(clientId)!.socket.destroy()
      await eventually(async () => (await rialto.metrics()).get('mqtt_connects_total')! > connects)
      const received = sessions + 1
      await eventually(async () => (await rialto.metrics()).get('messages_received_total')! >= received)
    }
    await eventually(async () => (await rialto.metrics()).get('messages_held') === 0)
    world.note('missing', 1 + sessions - (await stored()))
  }
)

// The ledger's other figures

const inOneGo = async (world: World, patch: Patch): Promise<void> => {
  const broker = await world.mosquitto()
  const entry = await patchedBuild([patch])
  const rialto = world.service({ mqttUrl: broker.url, databaseUrl: await world.database(), qos: 1, entry })
  await rialto.start()
  world.publisher({ url: broker.url, qos: 1, messages: 3_000, perSecond: 10_000, topics: 5 })
}

story('a message more is counted than was stored', { id: 'C5', qos: 1, shows: ['unaccounted'] }, (world) =>
  inOneGo(world, {
    file: 'ingest/ingest.js',
    find: /stats\.stored \+= facts\.length/,
    replace: '$& + 1'
  })
)

story(
  'a batch is stored in the wrong order',
  { id: 'C6', qos: 1, shows: ['outOfOrder', 'staleTopics'] },
  (world) =>
    inOneGo(world, {
      file: 'ingest/ingest.js',
      find: /normalize\(batch\.messages/,
      replace: '$&.toReversed()'
    })
)
