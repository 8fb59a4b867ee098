/** Two instances of one session: one leads, the other waits, and takes over. */

import { eventually } from '../support/eventually.ts'
import { withLimits } from '../support/patched-build.ts'
import { pausedLeader } from './paused-leader.ts'
import { untilNext } from './provocations.ts'
import type { Rialto } from './rialto.ts'
import { full, sized, story } from './story.ts'
import { clientId } from './world.ts'

/** The default, or one that ends sooner. */
const hasty = async (): Promise<{ entry?: string }> =>
  full ? {} : { entry: await withLimits({ leaseSeconds: 4, leaseRenewMs: 1_000 }) }

const receives = async (rialto: Rialto): Promise<boolean> => {
  const metrics = await rialto.metrics()
  return metrics.get('leading') === 1 && metrics.get('mqtt_connected') === 1
}

story(
  'kill -9 of the instance that leads',
  { id: 'F11', qos: 2, promise: { takeOverMsMax: 10_000 } },
  async (world) => {
    const broker = await world.mosquitto()
    const databaseUrl = await world.database()
    const pair = [1, 2].map(() => world.service({ mqttUrl: broker.url, databaseUrl, qos: 2 }))
    let [leader, other] = pair as [Rialto, Rialto]
    await leader.start()
    await other.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 400 })
    for (let kill = 0; kill < sized(10, 2); kill++) {
      await untilNext(publisher, 300)
      const begun = performance.now()
      leader.killNow()
      await eventually(() => receives(other), { withinMs: 60_000, what: 'the other receives' })
      world.note('takeOverMsMax', performance.now() - begun)
      await leader.ended()
      await leader.start()
      ;[leader, other] = [other, leader]
    }
    await publisher.stop()
  }
)

story(
  'the instance that leads is stopped for longer than its lease, and woken',
  { id: 'F11', qos: 2, promise: { connectsAfterWaking: 0 } },
  async (world) => {
    const broker = await world.mosquitto()
    const mqtt = await world.mqttProxy(broker)
    const databaseUrl = await world.database()
    const options = { mqttUrl: mqtt.url, databaseUrl, qos: 2 as const, ...(await hasty()) }
    const pair = [1, 2].map(() => world.service(options))
    let [leader, other] = pair as [Rialto, Rialto]
    await leader.start()
    await other.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 300 })
    for (let time = 0; time < sized(3, 2); time++) {
      await untilNext(publisher, 200)
      const begun = performance.now()
      process.kill(leader.pid, 'SIGSTOP')
      await eventually(() => receives(other), { withinMs: 90_000, what: 'the other receives' })
      world.note('takeOverMsMax', performance.now() - begun)
      await untilNext(publisher, 300)
      const connects = (): number => mqtt.connects.get(clientId)!
      const before = connects()
      process.kill(leader.pid, 'SIGCONT')
      await eventually(async () => (await leader.metrics()).get('leading') === 0, { what: 'it has noticed' })
      await untilNext(publisher, 1_000)
      world.note('connectsAfterWaking', connects() - before)
      ;[leader, other] = [other, leader]
    }
    await publisher.stop()
  }
)

story(
  'the instance that leads is stopped in the middle of an append, which arrives after the other took over',
  { id: 'F11', qos: 2, promise: { leasesTooMany: 0 } },
  async (world) => pausedLeader(world, (await hasty()).entry)
)
