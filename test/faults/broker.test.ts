/** The broker killed and started again, with and without the sessions it had. */

import { eventually } from '../support/eventually.ts'
import { query } from '../support/database.ts'
import { holdAppend, untiring } from './provocations.ts'
import { quiet, sized, story } from './story.ts'
import { clientId } from './world.ts'

for (const qos of [1, 2] as const) {
  story('kill -9 of the broker, with messages on their way', { id: 'F4', qos }, async (world) => {
    const broker = await world.mosquitto()
    const postgres = await world.postgresProxy(await world.database())
    const rialto = world.service({
      mqttUrl: broker.url,
      databaseUrl: postgres.url,
      qos,
      entry: await untiring()
    })
    await rialto.start()
    const publish = (messages: number, from: number) =>
      world.publisher({ url: broker.url, qos, perSecond: 1_000, messages, from }).finished
    for (let kill = 0; kill < sized(15, 2); kill++) {
      await publish(500, kill * 1_000)
      // After a crash Mosquitto sends PUBLISH where PUBREL is due: of QoS 2, nothing is between the two
      await quiet(world)
      // What comes now is received, and not acknowledged when the broker dies
      const append = holdAppend(postgres)
      await publish(500, kill * 1_000 + 500)
      await broker.save()
      await broker.kill()
      await eventually(async () => !(await rialto.isReady()), { what: 'the service has noticed' })
      append.arrive()
      await broker.start()
      const up = performance.now()
      await eventually(() => rialto.isReady(), { withinMs: 60_000, what: 'the service is ready again' })
      world.note('recoveryMsMax', performance.now() - up)
    }
    world.note('sessionsLost', (await rialto.metrics()).get('mqtt_sessions_lost_total')!)
  })
}

story(
  'the broker loses our session, and uses packet identifiers again that are still open',
  { id: 'F4', qos: 2, promise: { sessionsWithoutGap: 0 } },
  async (world) => {
    const broker = await world.mosquitto(['persistence false'])
    const mqtt = await world.mqttProxy(broker)
    const databaseUrl = await world.database()
    const rialto = world.service({ mqttUrl: mqtt.url, databaseUrl, qos: 2 })
    await rialto.start()
    const times = sized(10, 2)
    for (let time = 0; time < times; time++) {
      const published = (count: number, from: number) =>
        world.publisher({ url: broker.url, qos: 2, perSecond: 1_000, messages: count, from }).finished
      await published(300, time * 1_000)
      // No PUBREL any more: what comes now is stored, and its identifiers stay open
      mqtt.rule = ({ type, direction, clientId: of }) =>
        type === 'pubrel' && direction === 'toService' && of === clientId ? 'drop' : 'pass'
      await published(100, time * 1_000 + 300)
      await eventually(
        async () => {
          const [row] = await query<{ n: number }>(databaseUrl, 'select count(*)::int n from inbound_packets')
          return row!.n >= 100
        },
        { what: '100 identifiers are open' }
      )
      mqtt.rule = null
      await broker.kill()
      await eventually(async () => !(await rialto.isReady()), { what: 'the service has noticed' })
      await broker.start()
      await eventually(() => rialto.isReady(), { withinMs: 60_000, what: 'the service is ready again' })
      await published(500, time * 1_000 + 400)
      await quiet(world)
    }
    const gaps = await query<{ cause: string }>(
      databaseUrl,
      `select detail ->> 'cause' as cause from journal where kind = 7`
    )
    world.note('sessionsWithoutGap', times - gaps.filter(({ cause }) => cause === 'session_lost').length)
  }
)
