/**
 * The soak: two instances under a mixed load, and a fault every so often, as a seed tells. What it comes to is noted as
 * figures of the world, which a story holds to its promise.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultLimits as limits } from '../../src/limits.ts'
import type { CommandReckoning } from '../faults/command-ledger.ts'
import { commandPromise, reckonCommands } from '../faults/command-ledger.ts'
import { packetBytesMax } from '../faults/commanders.ts'
import { behindProxies } from '../faults/pair.ts'
import { pause } from '../faults/provocations.ts'
import type { Figures } from '../faults/result.ts'
import { always, quiet } from '../faults/story.ts'
import { createStriker } from '../faults/strikes.ts'
import type { World } from '../faults/world.ts'
import { atEnd } from '../support/cleanup.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { inspected, openInspector } from '../support/inspector.ts'
import { reckonEvents, toTell } from './events.ts'
import { fleetMapping } from './fleet.ts'
import type { Load } from './load.ts'
import { startLoad } from './load.ts'
import { isLastStored, noteAnswers, noteMessages, noteResources } from './noting.ts'
import { createRandom } from './random.ts'
import type { Rest, Sample } from './resources.ts'
import { restOf, slope, watchMemory } from './resources.ts'
import type { Deployment } from './strikes.ts'
import { followReleases, strikes } from './strikes.ts'

export interface SoakOptions {
  /** Of load; rests are not counted. */
  minutes: number
  /** What memory does before says nothing. */
  warmUpMinutes: number
  /** From the beginning of a fault to that of the next. */
  everySeconds: number
  /** Rest points, the first after the warm-up, the last at the end. */
  rests: number
  rotateEverySeconds: number
  seed: number
  /** Names of those that befall it. Default: all. */
  strikes?: readonly string[]
  entry?: string
}

/** What is told beside the figures. */
export interface SoakDetails {
  strikes: Record<string, number>
  /** Of the instance that is never killed. */
  memory: { samples: Sample[]; megabytesPerMinute: number; reachableMegabytes: number[] }
  /** At the rest points, of the instance that is never killed, and of the other. */
  rests: Array<Record<'lasting' | 'mortal', Rest>>
  states: Record<string, number>
  answers: Record<string, { good: number; unavailable: number }>
  faults: string[]
}

/** V8 leaves garbage for longer where it has more room, which says nothing of what is kept. */
export const heapMbMax = 192
const sampleEveryMs = 1_000
/** Behind a collection of garbage, until there is as much as before. */
const regrowMinutes = 2
const finalWithinMs = 180_000
/** Until the service knows that nobody is at the other end of a link. */
const halfOpenMs = 60_000
/** Between the rest points, of all that is no connection to Postgres or the broker: those have bounds of their own. */
export const descriptorsBandMax = 1
/** The pool, and one that listens. */
export const connectionsToPostgresMax = limits.poolConnectionsMax + 1
/** The session, one that publishes, one that reads what is retained. */
export const connectionsToBrokerMax = 3
export const kilobytesPerMinuteMax = 1_024

/** `memory`: whether the run is long enough to say something of it. */
export const soakPromise = (parts: { memory: boolean }): Figures => ({
  ...always,
  ...commandPromise,
  openPackets: 0,
  repeatedAtQos2: 0,
  repeatedAtQos0: 0,
  eventsMissing: 0,
  eventsRepeated: 0,
  eventsOutOfOrder: 0,
  eventsInvented: 0,
  eventsSkipped: 0,
  answersWrong: 0,
  goodKeysRefused: 0,
  endedKeysGood: 0,
  descriptorsBand: descriptorsBandMax,
  connectionsToPostgres: connectionsToPostgresMax,
  connectionsToBroker: connectionsToBrokerMax,
  ...(parts.memory && { kilobytesPerMinute: kilobytesPerMinuteMax })
})

export async function soak(world: World, options: SoakOptions): Promise<SoakDetails> {
  const random = createRandom(options.seed)
  world.say(`seed ${options.seed}`)
  const { servers, sent } = await deploy(world, options)
  const { mortal, lasting } = servers
  const instances = [mortal.rialto, lasting.rialto]
  const inspector = await openInspector(lasting.rialto.output)
  const load = await startLoad(world, servers.broker.url, instances, options.rotateEverySeconds * 1_000)

  const exactlyOnce = load.publishers[1]!
  const isStored = (): Promise<boolean> => isLastStored(world.databaseUrl(), exactlyOnce)
  const deployment: Deployment = { ...servers, exactlyOnce, isStored }

  const begun = performance.now()
  const minutesNow = (): number => (performance.now() - begun) / 60_000
  const memory = watchMemory(() => lasting.rialto.pid, sampleEveryMs)
  const details: SoakDetails = {
    strikes: {},
    memory: { samples: [], megabytesPerMinute: 0, reachableMegabytes: [] },
    rests: [],
    states: {},
    answers: {},
    faults: []
  }
  const deal = random.deal(options.strikes ?? Object.keys(strikes))
  let halfOpenUntil = 0

  async function strikeOne(): Promise<void> {
    const began = performance.now()
    const name = deal()
    await strikes[name]!(deployment, random)
    details.strikes[name] = (details.strikes[name] ?? 0) + 1
    if (name.includes('half-open')) halfOpenUntil = performance.now() + halfOpenMs
    world.say(`${minutesNow().toFixed(1)} min: ${name}, for ${Math.round(performance.now() - began)} ms`)
    await pause(options.everySeconds * 1_000 - (performance.now() - began))
  }

  async function rest(): Promise<void> {
    load.rest(true)
    await eventually(
      async () => {
        for (const instance of instances) if (!(await instance.isReady())) return false
        return load.followers.every((follower) => follower.isAway()) && performance.now() > halfOpenUntil
      },
      { withinMs: 120_000, everyMs: 200, what: 'rest' }
    )
    const [ofLasting, ofMortal] = await Promise.all([
      restOf(lasting, minutesNow()),
      restOf(mortal, minutesNow())
    ])
    details.rests.push({ lasting: ofLasting, mortal: ofMortal })
    // V8 collects its garbage for that, which makes the samples behind it flatter, and then steeper
    if ([1, options.rests].includes(details.rests.length))
      details.memory.reachableMegabytes.push((await inspector.memoryBytes()) / 2 ** 20)
    load.rest(false)
  }

  const { warmUpMinutes, minutes, rests } = options
  let restedMinutes = 0
  for (let number = 0; number < rests; number++) {
    const at = warmUpMinutes + ((minutes - warmUpMinutes) * number) / (rests - 1)
    while (minutesNow() - restedMinutes < at) await strikeOne()
    const before = minutesNow()
    await rest()
    restedMinutes += minutesNow() - before
  }
  memory.stop()
  inspector.close()
  const [from, to] = [details.rests[0]!.lasting.minute + regrowMinutes, details.rests.at(-1)!.lasting.minute]
  details.memory.samples = memory.samples.filter(({ minute }) => minute >= from && minute <= to)
  details.memory.megabytesPerMinute = slope(details.memory.samples)
  await load.stop()
  await reckonAll(world, load, sent, details)
  return details
}

async function deploy(
  world: World,
  { entry }: SoakOptions
): Promise<{ servers: Omit<Deployment, 'exactlyOnce' | 'isStored'>; sent: ReadonlyMap<string, number> }> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-soak-'))
  atEnd(() => rm(directory, { recursive: true, force: true }))
  const mapping = join(directory, 'rialto.yaml')
  await writeFile(mapping, fleetMapping)
  const broker = await world.mosquitto([`max_packet_size ${packetBytesMax}`])
  const postgres = await world.postgres()
  const striker = createStriker()
  const halfway = new Set<number>()
  const instance = async (nodeOptions: string) => {
    const one = await behindProxies(world, broker, {
      databaseUrl: postgres.url,
      qos: 2,
      environment: {
        RIALTO_TOPICS: 'ledger/#,fleet/#,plant/+/state',
        RIALTO_CONFIG: mapping,
        NODE_OPTIONS: nodeOptions
      },
      ...(entry !== undefined && { entry })
    })
    // Nothing is struck by it: it counts what is sent
    striker.watch(one, () => {})
    followReleases(one, halfway)
    await one.rialto.start()
    return one
  }
  const heap = `--max-old-space-size=${heapMbMax}`
  const mortal = await instance(heap)
  const lasting = await instance(`${inspected.NODE_OPTIONS} ${heap}`)
  return { servers: { broker, postgres, mortal, lasting, halfway }, sent: striker.sent }
}

/** When nothing new comes: waits for what is under way, and notes what it all comes to. */
async function reckonAll(
  world: World,
  load: Load,
  sent: ReadonlyMap<string, number>,
  details: SoakDetails
): Promise<void> {
  const url = world.databaseUrl()
  const { asked } = load.commanders
  const isOpen = async (): Promise<boolean> =>
    (await query(url, 'select from commands where finished_at is null limit 1')).length > 0
  await eventually(async () => !(await isOpen()), { withinMs: finalWithinMs, everyMs: 500 }).catch(() => {})
  const reckon = (): Promise<CommandReckoning> => reckonCommands(url, { asked, device: load.device, sent })
  // What the broker has may still be on its way to the device
  const settled = async (): Promise<boolean> => (await reckon()).faults.length === 0
  await eventually(settled, { withinMs: 10_000, everyMs: 1_000 }).catch(() => {})
  await quiet(world)
  const { figures, states, faults } = await reckon()
  Object.assign(details, { states, faults })
  for (const [figure, value] of Object.entries(figures)) world.note(figure, value)
  world.note('commands', asked.length)

  for (const follower of load.followers) {
    const expected = await toTell(url, follower)
    const has = async (): Promise<boolean> => reckonEvents(follower, expected).eventsMissing === 0
    await eventually(has, { withinMs: 60_000, everyMs: 500 }).catch(() => {})
    await follower.stop()
    const reckoned = reckonEvents(follower, expected)
    for (const [figure, value] of Object.entries(reckoned)) world.note(figure, value)
    world.note('eventsSkipped', follower.skipped)
    if (expected.length === 0 || Object.values(reckoned).some((value) => value > 0))
      faults.push(`${follower.name}: ${JSON.stringify(reckoned)} of ${expected.length}`)
    world.say(`${follower.name}: ${expected.length} events over ${follower.connections} connections`)
    details.answers[follower.name] = follower.answers
  }
  Object.assign(details.answers, load.readers.answers)
  noteAnswers(world, load, faults)
  await noteMessages(world, load, url, faults)
  noteResources(world, details)
  for (const fault of faults.slice(0, 20)) world.say(fault)
}
