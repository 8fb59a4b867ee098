/** One world of commands: clients, a device, and instances that are killed at every point, with the servers restarting in between. */

import { eventually } from '../support/eventually.ts'
import { query } from '../support/database.ts'
import type { Patch } from '../support/patched-build.ts'
import { patchedBuild } from '../support/patched-build.ts'
import type { CommandReckoning } from './command-ledger.ts'
import { reckonCommands } from './command-ledger.ts'
import { startCommandedDevice } from './commanded-device.ts'
import { packetBytesMax, startCommanders } from './commanders.ts'
import type { Instance } from './pair.ts'
import { behindProxies, strike } from './pair.ts'
import type { Point } from './strikes.ts'
import { createStriker, points } from './strikes.ts'
import type { World } from './world.ts'

export interface StruckOptions {
  instances: 1 | 2
  strikes: number
  /** Default: all of them. */
  points?: readonly Point[]
  entry: string
  /** How long what is open is waited for, when nothing is killed any more. */
  finalWithinMs?: number
}

/** Commands per second: enough for every transition to be under way soon. */
const perSecond = 20
/** How long a point is waited for; then the service is killed wherever it is. */
const pointWithinMs = 12_000
/** Strikes between a restart of the broker, of Postgres, and so on. */
const strikesBetweenRestarts = 6
/** Longer than anything here is awaited, over restarts. */
const finalWithinMsDefault = 120_000
const deviceWithinMs = 10_000

/** Connections that are cut are made again soon, and what is overdue times out soon after that. */
const untiring: Patch[] = [
  {
    file: 'limits.js',
    find: /\n\};/,
    replace: ',\n    reconnectDelayMsMax: 1_000, takeoverLivedMsMax: 1, commandGraceMs: 1_500\n};'
  }
]

export const buildFor = (patches: readonly Patch[] = []): Promise<string> =>
  patchedBuild([...untiring, ...patches])

export async function struck(world: World, options: StruckOptions): Promise<void> {
  const broker = await world.mosquitto([`max_packet_size ${packetBytesMax}`])
  const postgres = await world.postgres()
  const device = await startCommandedDevice(broker.url)
  const striker = createStriker()
  const instances: Instance[] = []
  for (let number = 0; number < options.instances; number++) {
    const instance = await behindProxies(world, broker, {
      databaseUrl: postgres.url,
      qos: 1,
      entry: options.entry,
      environment: { RIALTO_TOPICS: 'plant/+/state' }
    })
    instances.push(instance)
    striker.watch(instance, (hit) => bringBack(hit))
    await instance.rialto.start()
  }

  /** Those that were killed, on their way back. */
  const coming = new Map<Instance, Promise<unknown>>()
  function bringBack(hit: Instance): void {
    strike(hit)
    const back = hit.rialto
      .ended()
      .then(() => hit.rialto.start())
      // Struck again before it was ready; what ended by itself is counted
      .catch(() => {})
      .then(() => {
        if (coming.get(hit) === back) coming.delete(hit)
      })
    coming.set(hit, back)
  }
  const allBack = async (): Promise<void> => void (await Promise.all(coming.values()))

  async function restartOne(strikes: number): Promise<void> {
    if (strikes % strikesBetweenRestarts !== 0) return
    await allBack() // a process that begins wants both
    if ((strikes / strikesBetweenRestarts) % 2 === 0) {
      await broker.shutDown()
      await broker.start()
    } else {
      await postgres.stop('immediate')
      await postgres.start()
    }
  }

  const commanders = startCommanders(() => instances.map(({ rialto }) => rialto.url), perSecond)
  const wanted = shuffled(options.points ?? points)
  const missed: string[] = []
  for (let strikes = 0; strikes < options.strikes; strikes++) {
    const point = wanted[strikes % wanted.length]!
    if (coming.size === instances.length) await Promise.race(coming.values())
    if (!(await striker.at(point, pointWithinMs))) {
      missed.push(point.name)
      await allBack()
      bringBack(instances[strikes % instances.length]!)
    }
    // Where there is another one it goes on meanwhile, and may be next
    if (instances.length === 1) await allBack()
    await restartOne(strikes + 1)
  }
  await commanders.stop()
  await allBack()
  const open = async (): Promise<number> =>
    (await query(postgres.url, 'select from commands where finished_at is null')).length
  const { finalWithinMs = finalWithinMsDefault } = options
  await eventually(async () => (await open()) === 0, { withinMs: finalWithinMs, everyMs: 500 }).catch(
    () => {}
  )
  const reckon = (): Promise<CommandReckoning> =>
    reckonCommands(postgres.url, { asked: commanders.asked, device, sent: striker.sent })
  // What the broker has may still be on its way to the device
  const settled = async (): Promise<boolean> => (await reckon()).faults.length === 0
  await eventually(settled, { withinMs: deviceWithinMs, everyMs: 1_000 }).catch(() => {})
  const { figures, states, events, faults } = await reckon()
  world.say(`${commanders.asked.length} commands: ${JSON.stringify(states)}, ${JSON.stringify(events)}`)
  if (missed.length > 0) world.say(`not reached in time: ${missed.join(', ')}`)
  for (const fault of faults.slice(0, 20)) world.say(fault)
  world.note('commands', commanders.asked.length)
  world.note('strikes', options.strikes)
  world.note('strikesElsewhere', missed.length)
  for (const [figure, value] of Object.entries(figures)) world.note(figure, value)
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const left = [...items]
  return items.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]!)
}
