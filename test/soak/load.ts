/** The mixed load of the soak: as much as two cores bear, that run the brokers, the database and the clients, too. */

import type { CommandedDevice } from '../faults/commanded-device.ts'
import { startCommandedDevice } from '../faults/commanded-device.ts'
import type { Commanders } from '../faults/commanders.ts'
import { startCommanders } from '../faults/commanders.ts'
import type { Publisher } from '../faults/publisher.ts'
import type { Rialto } from '../faults/rialto.ts'
import type { World } from '../faults/world.ts'
import { request } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import type { Fleet } from './fleet.ts'
import { fleetTopic, startFleet } from './fleet.ts'
import type { Follower, FollowerOptions } from './followers.ts'
import { startFollower } from './followers.ts'
import type { Readers } from './readers.ts'
import { startReaders } from './readers.ts'
import type { Rotation } from './rotation.ts'
import { startRotation } from './rotation.ts'

/** Each per second. */
export const rates = { qos0: 40, qos1: 60, qos2: 60, reads: 15, commands: 4 } as const
const staysMsMax = 20_000
/** Numbers of QoS 2 begin here, those of QoS 1 at 0: the ledger knows messages by their numbers. */
const qos2From = 1_000_000_000

export interface Load {
  publishers: Publisher[]
  fleet: Fleet
  device: CommandedDevice
  commanders: Commanders
  readers: Readers
  rotation: Rotation
  followers: Follower[]
  /** Clients of REST and streams go away, or come back; devices go on. */
  rest(resting: boolean): void
  /** Nothing new; subscribers stay. */
  stop(): Promise<void>
}

const follows: Array<Pick<FollowerOptions, 'surface' | 'told' | 'filter'>> = [
  { surface: 'sse', told: 'message', filter: 'ledger/#' },
  { surface: 'graphql', told: 'message', filter: 'ledger/#' },
  { surface: 'sse', told: 'command', filter: 'plant/#' },
  { surface: 'graphql', told: 'command', filter: 'plant/#' },
  { surface: 'sse', told: 'datapoint', filter: 'fleet/#' },
  { surface: 'graphql', told: 'datapoint', filter: 'fleet/#' }
]

export async function startLoad(
  world: World,
  brokerUrl: string,
  instances: readonly Rialto[],
  rotateEveryMs: number
): Promise<Load> {
  const device = await startCommandedDevice(brokerUrl)
  const rotation = await startRotation(instances, rotateEveryMs)
  const { key } = rotation
  const publishers = [
    world.publisher({ url: brokerUrl, qos: 1, perSecond: rates.qos1, root: 'ledger/one' }),
    world.publisher({ url: brokerUrl, qos: 2, perSecond: rates.qos2, root: 'ledger/two', from: qos2From })
  ]
  const fleet = await startFleet(brokerUrl, rates.qos0)
  const isThere = async (): Promise<boolean> =>
    (await request(`${instances[0]!.url}/v1/topic?name=${fleetTopic}`)).status === 200
  await eventually(isThere, { what: 'what readers ask for' })
  const commanders = startCommanders(() => instances.map(({ url }) => url), rates.commands)
  const readers = startReaders(instances, key, rates.reads)
  const followers = follows.map((one) => startFollower({ ...one, instances, key, staysMsMax }))
  return {
    publishers,
    fleet,
    device,
    commanders,
    readers,
    rotation,
    followers,
    rest(resting) {
      for (const client of [commanders, readers, rotation, ...followers]) client.resting = resting
    },
    async stop() {
      await Promise.all([
        ...publishers.map((publisher) => publisher.stop()),
        ...[fleet, commanders, readers, rotation].map((client) => client.stop())
      ])
    }
  }
}
