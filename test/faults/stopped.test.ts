/** SIGTERM: an orderly end, whatever the world is like. */

import { query } from '../support/database.ts'
import { command, untilNext } from './provocations.ts'
import { sized, story } from './story.ts'

// The process ends itself after 9 s, orderly or not; 10 s is what an operator's supervisor waits
const promise = { repeated: 0, exitCode: 0, stopMsMax: 10_000 }

for (const qos of [1, 2] as const) {
  story('SIGTERM under load', { id: 'F34', qos, promise }, async (world) => {
    const broker = await world.mosquitto()
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: await world.database(), qos })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos, perSecond: sized(2_000, 1_000) })
    for (let time = 0; time < sized(10, 2); time++) {
      await untilNext(publisher, 700)
      const commands = Array.from({ length: 20 }, () => command(rialto.url).catch(() => null))
      const { code, ms } = await rialto.kill('SIGTERM')
      await Promise.all(commands)
      world.note('exitCode', code ?? 99)
      world.note('stopMsMax', ms)
      await rialto.start()
    }
    await publisher.stop()
  })
}

story(
  'SIGTERM while Postgres is away',
  { id: 'F34', qos: 2, promise: { ...promise, openCommands: 0 } },
  async (world) => {
    const broker = await world.mosquitto()
    const postgres = await world.postgres()
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos: 2 })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 500 })
    for (let time = 0; time < sized(3, 1); time++) {
      await untilNext(publisher, 500)
      await postgres.stop('immediate')
      await untilNext(publisher, 500)
      const { code, ms } = await rialto.kill('SIGTERM')
      world.note('exitCode', code ?? 99)
      world.note('stopMsMax', ms)
      await postgres.start()
      await rialto.start()
    }
    await publisher.stop()
    const open = await query(postgres.url, `select from commands where state in ('pending', 'publishing')`)
    world.note('openCommands', open.length)
  }
)
