/** The connection to the broker: half-open, cut while a commit is under way, kept alive while none comes through. */

import { eventually } from '../support/eventually.ts'
import { withLimits } from '../support/patched-build.ts'
import { holdAppend, lockJournal, untilNext, untiring } from './provocations.ts'
import { full, sized, story } from './story.ts'

const keepAliveSeconds = sized(30, 3)
/** The default, or one that is found out sooner. */
const hasty = async (): Promise<{ entry?: string }> =>
  full ? {} : { entry: await withLimits({ keepAliveSeconds }) }

for (const qos of [1, 2] as const) {
  // Found out within two keepalives, and connected again
  const promise = { detectedMsMax: keepAliveSeconds * 2_000 + 10_000 }
  story('a half-open link', { id: 'F9', qos, promise }, async (world) => {
    const broker = await world.mosquitto()
    const mqtt = await world.mqttProxy(broker)
    const databaseUrl = await world.database()
    const rialto = world.service({ mqttUrl: mqtt.url, databaseUrl, qos, ...(await hasty()) })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos, perSecond: 300 })
    for (let time = 1; time <= sized(2, 1); time++) {
      await untilNext(publisher, 200)
      const connects = async (): Promise<number> => (await rialto.metrics()).get('mqtt_connects_total')!
      const before = await connects()
      const begun = performance.now()
      mqtt.swallow()
      await eventually(async () => (await connects()) > before, { withinMs: 120_000, what: 'a reconnect' })
      world.note('detectedMsMax', performance.now() - begun)
    }
    await untilNext(publisher, 200)
    await publisher.stop()
  })

  story('the link cut while a commit is under way, again and again', { id: 'F12', qos }, async (world) => {
    const broker = await world.mosquitto()
    const mqtt = await world.mqttProxy(broker)
    const postgres = await world.postgresProxy(await world.database())
    const rialto = world.service({
      mqttUrl: mqtt.url,
      databaseUrl: postgres.url,
      qos,
      entry: await untiring()
    })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos, perSecond: 400 })
    for (let cut = 0; cut < sized(25, 3); cut++) {
      await untilNext(publisher, 200)
      const connects = async (): Promise<number> => (await rialto.metrics()).get('mqtt_connects_total')!
      const before = await connects()
      const append = holdAppend(postgres)
      await append.sent
      mqtt.cut()
      await eventually(async () => (await rialto.metrics()).get('mqtt_disconnects_total')! >= before, {
        what: 'the service has noticed'
      })
      // Committed after the link is gone: an acknowledgement on the next connection would be of another message
      append.arrive()
      await eventually(async () => (await connects()) > before, { what: 'a reconnect' })
    }
    await publisher.stop()
    world.note('acknowledgementsDropped', (await rialto.metrics()).get('acknowledgements_dropped_total')!)
  })
}

story(
  `keepalive while nothing is committed for ${sized(60, 10)} s`,
  { id: 'F14', qos: 2, promise: { reconnects: 0, peakMemoryMb: 450 } },
  async (world) => {
    const broker = await world.mosquitto()
    const databaseUrl = await world.database()
    // So little may be held that reading is paused: PINGRESP is then not read, either
    const entry = await withLimits({ keepAliveSeconds: sized(10, 3), heldMessagesMax: 2_000 })
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl, qos: 2, entry })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 500 })
    await untilNext(publisher, 500)
    await lockJournal(databaseUrl, sized(60, 10) * 1_000)
    await untilNext(publisher, 500)
    await publisher.stop()
    world.note('pauses', (await rialto.metrics()).get('ingest_pauses_total')!)
  }
)
