/** Two instances upgraded one after the other, and one of them back again, under load, over migrations of the busiest tables. */

import pg from 'pg'
import { migrationFaults } from '../support/migration-rules.ts'
import { startBalancer } from '../support/balancer.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { buildNextVersion, nextMigrations, nextVersion } from '../support/next-version.ts'
import { commandPromise, reckonCommands } from './command-ledger.ts'
import { startCommandedDevice } from './commanded-device.ts'
import { packetBytesMax, startCommanders } from './commanders.ts'
import { watchLocks } from './lock-waits.ts'
import { untilNext } from './provocations.ts'
import { askAlways, streamAgain, subscribeAgain, wrongOf } from './resuming-readers.ts'
import type { Rialto } from './rialto.ts'
import type { World } from './story.ts'
import { sized, story } from './story.ts'
import { count } from './strikes.ts'

const perSecond = sized(400, 100)
const commandsPerSecond = sized(20, 8)
/** Between two steps of the upgrade. */
const messagesBetween = sized(8_000, 200)
const lockWaitMsMax = 1_000
const environment = { RIALTO_TOPICS: 'ledger/#,plant/+/state', RIALTO_SHUTDOWN_GRACE_SECONDS: '1' }
const reads = [
  '/v1/topics?limit=5',
  '/v1/topic?name=ledger/1',
  '/v1/messages?limit=5',
  '/v1/commands?limit=5',
  '/v1/status'
]

interface Status {
  version: string
  schemaVersion: string
  database: { schemaVersion: string }
}

const statusOf = async (rialto: Rialto): Promise<Status> =>
  (await (await fetch(`${rialto.url}/v1/status`)).json()) as Status

/** Everything that clients do, through a load balancer; `end` waits for what is open, and tells what was wrong. */
async function load(
  world: World,
  parts: { brokerUrl: string; databaseUrl: string; targets: () => string[]; sent: Map<string, number> }
) {
  const { brokerUrl, databaseUrl, targets, sent } = parts
  const device = await startCommandedDevice(brokerUrl)
  const balancer = await startBalancer(targets)
  const stopping = new AbortController()
  const { signal } = stopping
  const publisher = world.publisher({ url: brokerUrl, qos: 'mixed', perSecond })
  let otherThan503 = 0
  const commanders = startCommanders(
    () => [balancer.url],
    commandsPerSecond,
    (status) => (otherThan503 += status >= 500 && status !== 503 ? 1 : 0)
  )
  const readers = [streamAgain(balancer.url, signal), subscribeAgain(balancer.url, signal)]
  const askers = [0, 1].map(() => askAlways(balancer.url, reads, signal))
  return {
    publisher,
    async end() {
      await publisher.stop()
      await commanders.stop()
      const isOver = async () =>
        (await query(databaseUrl, 'select from commands where finished_at is null')).length === 0
      await eventually(isOver, { withinMs: 90_000, everyMs: 500, what: 'commands are final' })
      const reckoned = () => reckonCommands(databaseUrl, { asked: commanders.asked, device, sent })
      await eventually(async () => (await reckoned()).faults.length === 0, {
        withinMs: 10_000,
        everyMs: 1_000
      }).catch(() => {})
      const { figures, states, faults } = await reckoned()
      const areWhole = async () =>
        (await Promise.all(readers.map((reader) => wrongOf(databaseUrl, reader)))).every(
          (wrong) => wrong === 0
        )
      await eventually(areWhole, { withinMs: 20_000, everyMs: 500 }).catch(() => {})
      for (const reader of readers) world.note('wrongInStreams', await wrongOf(databaseUrl, reader))
      stopping.abort()
      await Promise.all([...readers, ...askers].map(({ ended }) => ended))
      const said = [...faults, ...[...readers, ...askers].flatMap((one) => one.faults)]
      for (const fault of said.slice(0, 20)) world.say(fault)
      for (const [figure, value] of Object.entries(figures)) world.note(figure, value)
      world.note('faults', said.length + otherThan503)
      world.note('commands', commanders.asked.length)
      world.note(
        'requests',
        askers.reduce((all, { answered }) => all + answered, 0)
      )
      world.note(
        'retried',
        askers.reduce((all, { retried }) => all + retried, 0)
      )
      world.note('requestMsMax', Math.max(...askers.map(({ msMax }) => msMax)))
      for (const reader of readers) world.note('resumes', reader.resumes)
      world.say(`${commanders.asked.length} commands: ${JSON.stringify(states)}`)
    }
  }
}

/** Those of the ledger, of commands, and of what is said to readers. */
const promise = {
  ...commandPromise,
  repeated: 0,
  openPackets: 0,
  wrongInStreams: 0,
  faults: 0,
  lockWaitMsMax: lockWaitMsMax - 1,
  exitCode: 0,
  untoldMigrations: 0,
  wrongVersions: 0
}

async function begin(world: World) {
  for (const figure of ['exitCode', 'untoldMigrations', 'wrongVersions']) world.note(figure, 0)
  const broker = await world.mosquitto([`max_packet_size ${packetBytesMax}`])
  const databaseUrl = await world.database()
  const sent = new Map<string, number>()
  const mqtt = await world.mqttProxy(broker)
  mqtt.rule = ({ direction, type, bytes }) => {
    if (direction === 'toServer' && type === 'publish') count(sent, bytes)
    return 'pass'
  }
  const entry = await buildNextVersion()
  const instance = (next: boolean): Rialto =>
    world.service({ mqttUrl: mqtt.url, databaseUrl, qos: 2, environment, ...(next && { entry }) })
  const instances = [instance(false), instance(false)]
  for (const one of instances) await one.start()
  const loaded = await load(world, {
    brokerUrl: broker.url,
    databaseUrl,
    targets: () => instances.map(({ url }) => url),
    sent
  })
  await untilNext(loaded.publisher, messagesBetween)
  return { databaseUrl, instances, instance, ...loaded }
}

story(
  'two instances are upgraded one after the other, and one back, under load',
  { id: 'F36', promise },
  async (world) => {
    const { databaseUrl, instances, instance, publisher, end } = await begin(world)
    world.note('untoldMigrations', Object.values(nextMigrations).flatMap(migrationFaults).length)
    const locks = await watchLocks(databaseUrl)
    const newest = Object.keys(nextMigrations).at(-1)!
    // The last is the way back: the version of before on the tables of the next
    for (const [at, next] of [
      [0, true],
      [1, true],
      [1, false]
    ] as const) {
      const { code, ms } = await instances[at]!.kill('SIGTERM')
      world.note('exitCode', code ?? 99)
      world.note('stopMsMax', ms)
      await untilNext(publisher, messagesBetween)
      const one = instance(next)
      world.note('startMsMax', await one.start())
      instances[at] = one
      const { version, schemaVersion, database } = await statusOf(one)
      const isRight =
        database.schemaVersion === newest &&
        (version === nextVersion) === next &&
        (schemaVersion === newest) === next
      if (!isRight) world.note('wrongVersions', 1)
      await untilNext(publisher, messagesBetween)
    }
    await end()
    const waits = await locks.end()
    world.note('lockWaitMsMax', waits.longestMs)
    world.say(`the longest of ${waits.seen} waits for a lock: ${waits.longestMs} ms, ${waits.longest}`)
  }
)

story(
  'a migration whose tables somebody holds waits, and nobody behind it',
  { id: 'F36', promise },
  async (world) => {
    const { databaseUrl, instances, instance, publisher, end } = await begin(world)
    const locks = await watchLocks(databaseUrl)
    const holder = new pg.Client({ connectionString: databaseUrl, application_name: 'somebody' })
    await holder.connect()
    await holder.query(
      'begin; select from journal limit 1; select from commands limit 1; select from topic_state limit 1'
    )
    const next = instance(true)
    const started = next.start()
    started.catch(() => {})
    const says = (words: string) => () => next.output().includes(words)
    await eventually(says('A migration waits'), { withinMs: 30_000, what: 'it says that it waits' })
    const stored = async () => (await instances[0]!.metrics()).get('messages_stored_total')!
    const before = (await stored()) + (await instances[1]!.metrics()).get('messages_stored_total')!
    await untilNext(publisher, messagesBetween)
    await eventually(
      async () => (await stored()) + (await instances[1]!.metrics()).get('messages_stored_total')! > before,
      {
        what: 'messages are stored meanwhile'
      }
    )
    if (!says('"application":"somebody"')()) world.note('untoldMigrations', 1)
    if (next.url !== '') world.note('wrongVersions', 1)
    await holder.query('commit')
    await holder.end()
    await started
    instances.push(next)
    if ((await statusOf(next)).version !== nextVersion) world.note('wrongVersions', 1)
    await untilNext(publisher, messagesBetween)
    await end()
    const waits = await locks.end()
    world.note('lockWaitMsMax', waits.longestMs)
    world.say(`the longest of ${waits.seen} waits for a lock: ${waits.longestMs} ms, ${waits.longest}`)
  }
)
