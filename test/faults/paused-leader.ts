/** What a lease alone cannot prevent: an append on its way when the lease ran out. */

import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { holdAppend, untilNext } from './provocations.ts'
import type { World } from './world.ts'

/**
 * The leader is stopped when its append is on the way; the other takes over, and the broker sends it what was not
 * acknowledged; then the append arrives, and the leader wakes.
 */
export async function pausedLeader(world: World, entry: string | undefined): Promise<void> {
  const broker = await world.mosquitto()
  const direct = await world.database()
  const postgres = await world.postgresProxy(direct)
  const build = entry === undefined ? {} : { entry }
  const leader = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos: 2, ...build })
  const other = world.service({ mqttUrl: broker.url, databaseUrl: direct, qos: 2, ...build })
  await leader.start()
  await other.start()
  const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 300 })
  await untilNext(publisher, 200)
  const append = holdAppend(postgres, () => process.kill(leader.pid, 'SIGSTOP'))
  await append.sent
  await eventually(async () => (await other.metrics()).get('leading') === 1, {
    withinMs: 90_000,
    what: 'the other leads'
  })
  await untilNext(publisher, 300)
  const stored = async (): Promise<number> => (await other.metrics()).get('messages_stored_total')!
  await eventually(async () => (await stored()) > 300, { what: 'the other stores' })
  append.arrive()
  process.kill(leader.pid, 'SIGCONT')
  await eventually(async () => (await leader.metrics()).get('leading') === 0, {
    what: 'the first has noticed'
  })
  await untilNext(publisher, 300)
  await publisher.stop()
  // Each lease has an epoch: the first one's, and the other's
  const [session] = await query<{ epoch: string }>(direct, 'select epoch from sessions')
  world.note('leasesTooMany', Number(session!.epoch) - 2)
}
