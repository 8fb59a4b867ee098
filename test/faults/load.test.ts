/** More than can be stored at once: floods, backlogs, everything retained; and memory stays bounded. */

import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { refuseMqtt5 } from '../support/mqtt-proxy.ts'
import { pause } from './provocations.ts'
import type { World } from './story.ts'
import { quiet, sized, story } from './story.ts'

// Every bound of what is held, and the process itself: 270 MB of it when it has just started
const peakMemoryMb = 600
const seconds = sized(60, 3)
/** Mosquitto drops QoS 0 above this instead of growing. */
const bounded = ['max_queued_messages 200000']

for (const qos of [0, 1] as const) {
  story(
    `a flood of 1 KB messages for ${seconds} s`,
    { id: 'F35', qos, promise: { peakMemoryMb, reconnects: 0 }, quietWithinMs: 300_000 },
    async (world) => {
      const broker = await world.mosquitto(qos === 0 ? bounded : [])
      const rialto = world.service({ mqttUrl: broker.url, databaseUrl: await world.database(), qos })
      await rialto.start()
      const published = await world.flood({ port: broker.port, qos, seconds, bytes: 1_024 })
      world.note('published', published)
    }
  )

  // At QoS 1 the broker keeps every one of them: as many as can be read again within minutes
  const flooding = qos === 1 ? sized(15, 2) : seconds
  story(
    `a flood of 1 KB messages for ${flooding} s, with Postgres away for ${seconds} s, RIALTO_HELD_BYTES=4MiB`,
    // The bound, and the reads that were on their way when it was met
    { id: 'F35', qos, promise: { peakMemoryMb, reconnects: 0, heldMb: 5 }, quietWithinMs: 300_000 },
    async (world) => {
      const broker = await world.mosquitto(qos === 0 ? bounded : [])
      const postgres = await world.postgres()
      const environment = { RIALTO_HELD_BYTES: '4MiB' }
      const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos, environment })
      await rialto.start()
      const flood = world.flood({ port: broker.port, qos, seconds: flooding, bytes: 1_024 })
      await pause(500)
      await postgres.stop('immediate')
      world.note('published', await flood)
      await pause((seconds - flooding) * 1_000)
      // The broker has more than that for us, and may still be sending it
      const held = await eventually(
        async () => {
          const bytes = (await rialto.metrics()).get('held_bytes')!
          return bytes > 4e6 && bytes
        },
        { what: 'the bound of what is held to be met' }
      )
      world.note('heldMb', held / 2 ** 20)
      await postgres.start()
    }
  )
}

for (const version of ['5', '3.1.1'] as const) {
  // A broker of 3.1.1 knows no receive maximum: it sends all it has, and our own bound must hold
  const backlog = sized(100_000, 10_000)
  story(
    `a backlog of ${backlog.toLocaleString('en')} messages at the start, MQTT ${version}`,
    { id: 'F13', qos: 1, promise: { peakMemoryMb }, quietWithinMs: 300_000 },
    async (world) => {
      const broker = await world.mosquitto()
      const mqtt = await world.mqttProxy(broker)
      if (version === '3.1.1') mqtt.rule = (frame) => (refuseMqtt5(frame) ? 'drop' : 'pass')
      const postgres = await world.postgresProxy(await world.database())
      const rialto = world.service({ mqttUrl: mqtt.url, databaseUrl: postgres.url, qos: 1 })
      await rialto.start()
      await rialto.kill('SIGTERM')
      const options = { qos: 1 as const, messages: backlog, perSecond: 20_000, payloadBytes: 500 }
      await world.publisher({ url: broker.url, ...options }).finished
      postgres.delayMs = 50
      await rialto.start()
      const begun = performance.now()
      await quiet(world, { withinMs: 300_000 })
      world.note('drainedMs', performance.now() - begun)
      world.note('pauses', (await rialto.metrics()).get('ingest_pauses_total')!)
    }
  )
}

/** As many topics as messages, each retained. */
const retained = (world: World, url: string, messages: number) =>
  world.publisher({ url, qos: 1, perSecond: 20_000, messages, topics: messages, retain: true }).finished

const many = sized(200_000, 20_000)
story(
  `${many.toLocaleString('en')} retained messages at the first start`,
  { id: 'F21', promise: { peakMemoryMb, repeated: 0 }, quietWithinMs: 300_000 },
  async (world) => {
    const broker = await world.mosquitto()
    await retained(world, broker.url, many)
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: await world.database(), qos: 1 })
    const begun = performance.now()
    await rialto.start()
    await quiet(world, { withinMs: 300_000 })
    world.note('readMs', performance.now() - begun)
  }
)

for (const version of ['5', '3.1.1'] as const) {
  story(
    `another set of filters on a live session, MQTT ${version}`,
    // What was retained and is stored stays stored once: no flood into the history. (3.1.1 does not tell that a live message
    // is retained; the snapshot of the second start does, once for each topic.)
    {
      id: 'F20',
      qos: 1,
      promise: { repeated: 0, dropped: 0, ...(version === '3.1.1' && { foundAgain: 1_000 }) }
    },
    async (world) => {
      const broker = await world.mosquitto()
      const mqtt = await world.mqttProxy(broker)
      if (version === '3.1.1') mqtt.rule = (frame) => (refuseMqtt5(frame) ? 'drop' : 'pass')
      const databaseUrl = await world.database()
      const service = (topics: string) =>
        world.service({
          mqttUrl: mqtt.url,
          databaseUrl,
          qos: 1,
          environment: { RIALTO_TOPICS: topics }
        })
      const before = service('ledger/#,old/#')
      await before.start()
      await retained(world, broker.url, 1_000)
      await quiet(world)
      await before.kill('SIGTERM')
      const after = service('ledger/#,new/#')
      await after.start()
      const { publish } = await world.client(broker.url)
      await publish('old/one', 'nobody asked for this')
      await publish('new/one', 'asked for')
      const stored = async (topic: string): Promise<number> =>
        (
          await query(
            databaseUrl,
            `select from journal j join topics t on t.id = j.topic_id where t.name = $1`,
            [topic]
          )
        ).length
      await eventually(async () => (await stored('new/one')) === 1, { what: 'the new filter' })
      world.note('dropped', await stored('old/one'))
    }
  )
}
