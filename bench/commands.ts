/**
 * `npm run bench commands`: from POST to the device, beside a bare mqtt.js publish with PUBACK, in the same run; and what 500
 * commands a second cost an ingest at full rate. These machines are shared: read the ratios and the CPU time.
 */

import type { ChildProcess } from 'node:child_process'
import pg from 'pg'
import { createDatabase } from '../test/support/database.ts'
import { eventually } from '../test/support/eventually.ts'
import type { Mosquitto } from '../test/support/mosquitto.ts'
import { startMosquitto } from '../test/support/mosquitto.ts'
import type { Service } from '../test/support/service.ts'
import { startService } from '../test/support/service.ts'
import type { Heard } from './commanded.ts'
import type { Commanded, CommanderTask } from './commander.ts'
import { answer, child, cpuOf, median } from './ingest.ts'

const repeats = Number(process.env['BENCH_REPEATS'] ?? 5)
const topic = 'unit/do'
const messages = 150_000
/** Of the second part. */
const commandsPerSecond = 500

interface World {
  databaseUrl: string
  broker: Mosquitto
  service: Service
  backends: () => Promise<number[]>
  end: () => Promise<void>
}

async function startWorld(): Promise<World> {
  const broker = await startMosquitto()
  const databaseUrl = await createDatabase()
  const service = await startService({
    DATABASE_URL: databaseUrl,
    MQTT_URL: broker.url,
    RIALTO_TOPICS: 'bench/#'
  })
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  return {
    databaseUrl,
    broker,
    service,
    backends: async () =>
      (
        await client.query<{ pid: number }>(
          `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
        )
      ).rows.map((row) => row.pid),
    async end() {
      await client.end()
      await service.kill('SIGTERM')
      await broker.stop()
    }
  }
}

interface Load {
  /** What a client does, in words. */
  name: string
  requests: number
  perRequest: number
  concurrency: number
  perSecond: number
}

const loads: Load[] = [
  { name: 'alone, 50/s', requests: 500, perRequest: 1, concurrency: 16, perSecond: 50 },
  { name: 'alone, 32 at once', requests: 3_000, perRequest: 1, concurrency: 32, perSecond: Infinity },
  { name: '50 in a request, 4 at once', requests: 200, perRequest: 50, concurrency: 4, perSecond: Infinity }
]

interface Run {
  p50Ms: number
  p99Ms: number
  answerP50Ms: number
  perSecond: number
  serviceUs: number
  postgresUs: number
}

async function runLoad(world: World, surface: 'http' | 'mqtt', load: Load): Promise<Run> {
  const { broker, service, backends } = world
  const device = child('commanded.ts', broker.url, topic)
  await answer(device)
  const url = surface === 'http' ? service.url : broker.url
  const commander = child('commander.ts', surface, url, topic, load.perRequest)
  await answer(commander)
  // The first ones prepare statements, open connections and warm caches
  await perform(device, commander, { ...load, requests: Math.ceil(load.requests / 10) }, load.perRequest)
  const postgres = await backends()
  const before = [await cpuOf([service.child.pid!]), await cpuOf(postgres)] as const
  const { heard, done } = await perform(device, commander, load, load.perRequest)
  const after = [await cpuOf([service.child.pid!]), await cpuOf(postgres)] as const
  for (const process of [device, commander]) process.kill('SIGKILL')
  const commands = load.requests * load.perRequest
  return {
    p50Ms: share(heard.ms, 0.5),
    p99Ms: share(heard.ms, 0.99),
    answerP50Ms: share(done.answeredInMs, 0.5),
    perSecond: commands / ((heard.lastAt - done.begunAt) / 1e6),
    serviceUs: (after[0] - before[0]) / commands,
    postgresUs: (after[1] - before[1]) / commands
  }
}

async function perform(
  device: ChildProcess,
  commander: ChildProcess,
  task: CommanderTask,
  perRequest: number
): Promise<{ heard: Heard; done: Commanded }> {
  const heard = answer<Heard>(device)
  const done = answer<Commanded>(commander)
  device.send(task.requests * perRequest)
  const { requests, concurrency, perSecond } = task
  // JSON has no Infinity
  commander.send({ requests, concurrency, perSecond: Math.min(perSecond, 1e9) } satisfies CommanderTask)
  return { heard: await heard, done: await done }
}

const share = (numbers: readonly number[], part: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))]!

interface Ingest {
  perSecond: number
  /** Commands that were published meanwhile. */
  commandsPerSecond: number
}

/** Messages a second, from the first published to the last committed; beside them 500 commands a second, or none. */
async function runIngest({ perRequest, bare }: Beside): Promise<Ingest> {
  const world = await startWorld()
  const { broker, service, databaseUrl } = world
  const publisher = child('publisher.ts', broker.port, 1, messages, 1_000, 2_000)
  const device = child('commanded.ts', broker.url, topic)
  const [surface, url] = bare === true ? ['stored', broker.url] : ['http', service.url]
  const commander = child('commander.ts', surface, url, topic, perRequest ?? 1, databaseUrl)
  await Promise.all([publisher, device, commander].map((process) => answer(process)))
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${service.url}/metrics`)).text()
    return Number(new RegExp(`^rialto_${name} (\\S+)$`, 'm').exec(text)![1])
  }
  if (perRequest !== null) {
    const pace = { concurrency: 16, perSecond: commandsPerSecond / perRequest }
    await perform(device, commander, { ...pace, requests: pace.perSecond }, perRequest)
    commander.send({ ...pace, requests: 1e9 } satisfies CommanderTask)
  }
  const publishedSoFar = async (): Promise<number> =>
    bare === true ? countBare(databaseUrl) : metric('commands_published_total')
  const published = await publishedSoFar()
  const begun = performance.now()
  publisher.send('go')
  await eventually(async () => (await metric('messages_stored_total')) >= messages, {
    withinMs: 120_000,
    everyMs: 50,
    what: 'all are stored'
  })
  const seconds = (performance.now() - begun) / 1_000
  const commands = (await publishedSoFar()) - published
  for (const process of [publisher, device, commander]) process.kill('SIGKILL')
  await world.end()
  return { perSecond: messages / seconds, commandsPerSecond: commands / seconds }
}

interface Beside {
  /** null: no commands. */
  perRequest: number | null
  /** Not by the service: a row committed by a bare pg, and a PUBLISH of a bare mqtt.js. */
  bare?: boolean
}

const beside: Array<[name: string, Beside]> = [
  ['no commands', { perRequest: null }],
  [`${commandsPerSecond} commands/s, 50 in a request`, { perRequest: 50 }],
  [`${commandsPerSecond} commands/s, each alone`, { perRequest: 1 }],
  [`${commandsPerSecond}/s by bare pg and mqtt.js, 50 in a commit`, { perRequest: 50, bare: true }],
  [`${commandsPerSecond}/s by bare pg and mqtt.js, each alone`, { perRequest: 1, bare: true }]
]

async function countBare(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from bare_commands')
  await client.end()
  return rows[0]!.count
}

export async function benchCommands(write: (line: string) => void): Promise<object[]> {
  const results: object[] = []
  write(
    `${repeats} runs each, medians; Mosquitto, Postgres, client and device on this machine; QoS 1, 100 bytes of JSON`
  )
  write(
    'to the device                p50 ms  p99 ms  answer p50 ms  commands/s  service us  Postgres us   bare p50  p99  PUBACK p50  /s   ratio'
  )
  const world = await startWorld()
  for (const load of loads) {
    const runs: Run[] = []
    const bare: Run[] = []
    for (let repeat = 0; repeat < repeats; repeat++) {
      runs.push(await runLoad(world, 'http', load))
      bare.push(await runLoad(world, 'mqtt', load))
    }
    const of = (pick: (run: Run) => number, list = runs): number => rounded(median(list.map(pick)))
    const row = {
      load: load.name,
      p50Ms: of((run) => run.p50Ms),
      p99Ms: of((run) => run.p99Ms),
      answerP50Ms: of((run) => run.answerP50Ms),
      perSecond: of((run) => run.perSecond),
      serviceUs: of((run) => run.serviceUs),
      postgresUs: of((run) => run.postgresUs),
      bareP50Ms: of((run) => run.p50Ms, bare),
      bareP99Ms: of((run) => run.p99Ms, bare),
      barePubackP50Ms: of((run) => run.answerP50Ms, bare),
      barePerSecond: of((run) => run.perSecond, bare),
      ratio: rounded(median(runs.map((run, index) => run.perSecond / bare[index]!.perSecond)))
    }
    results.push(row)
    const { load: name, ...numbers } = row
    write(`${name.padEnd(28)} ${Object.values(numbers).join('  ')}`)
  }
  await world.end()
  const ingests = new Map<string, Ingest[]>(beside.map(([name]) => [name, []]))
  for (let repeat = 0; repeat < repeats; repeat++)
    for (const [name, which] of beside) ingests.get(name)!.push(await runIngest(which))
  write(`${messages} messages at QoS 1, as fast as they come, beside      messages/s  commands/s  ratio`)
  const alone = ingests.get(beside[0]![0])!
  for (const [name, runs] of ingests) {
    const row = {
      ingestBeside: name,
      messagesPerSecond: Math.round(median(runs.map((run) => run.perSecond))),
      commandsPerSecond: Math.round(median(runs.map((run) => run.commandsPerSecond))),
      ratio: rounded(median(runs.map((run, index) => run.perSecond / alone[index]!.perSecond)))
    }
    results.push(row)
    write(`${name.padEnd(40)} ${row.messagesPerSecond}  ${row.commandsPerSecond}  ${row.ratio}`)
  }
  return results
}

const rounded = (value: number): number => Number(value.toFixed(2))
