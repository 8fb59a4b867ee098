/**
 * `npm run bench projection`: what normalization costs at full ingest: CPU time of the service's process for each message of
 * QoS 1, until it is stored and, with mappings, projected; without mappings, with `automatic`, and with a mapping of one
 * and of five metrics. Beside it, in this process, `normalize()` alone.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { SourceMessage } from '../src/datapoints.ts'
import { defaultLimits } from '../src/limits.ts'
import { compileMappings } from '../src/normalize/compile-mappings.ts'
import { createDatabase } from '../test/support/database.ts'
import { eventually } from '../test/support/eventually.ts'
import { startMosquitto } from '../test/support/mosquitto.ts'
import { startService } from '../test/support/service.ts'
import { answer, child, cpuOf, median } from './ingest.ts'

const topics = 1_000
const count = 100_000
const repeats = Number(process.env['BENCH_REPEATS'] ?? 3)

const metrics = ['n: n', 'temperature: temperature', 'humidity: humidity', 'pad: pad', 'again: temperature']
const mappingOf = (some: readonly string[]): string => `
mappings:
  - name: bench
    topic: bench/{kind}/{device}/state
    decoder: json
    metrics:
${some.map((metric) => `      - { name: ${metric.split(': ')[0]}, value: ${metric.split(': ')[1]} }`).join('\n')}
`

const documents: Record<string, string | null> = {
  none: null,
  automatic: 'automatic: true\n',
  one: mappingOf(metrics.slice(1, 2)),
  five: mappingOf(metrics)
}

interface Run {
  serviceUs: number
  postgresUs: number
  perSecond: number
  datapoints: number
}

async function run(document: string | null): Promise<Run> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-bench-'))
  const file = join(directory, 'rialto.yaml')
  if (document !== null) await writeFile(file, document)
  const broker = await startMosquitto()
  const url = await createDatabase()
  const service = await startService({
    DATABASE_URL: url,
    MQTT_URL: broker.url,
    RIALTO_TOPICS: 'bench/#',
    ...(document !== null && { RIALTO_CONFIG: file })
  })
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const number = async (sql: string): Promise<number> =>
    Number((await client.query<{ n: string }>(`${sql} as n`)).rows[0]!.n)
  const head = (): Promise<number> => number('select (select seq from journal_head)')
  const done = (): Promise<number> =>
    number(`select coalesce((select done_seq from projections where state = 'current'), 0)`)
  const building = (): Promise<number> =>
    number(`select (select count(*) from projections where state = 'building')`)
  const backends = async (): Promise<number[]> =>
    (
      await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
      )
    ).rows.map((row) => row.pid)
  const caughtUp = async (): Promise<boolean> =>
    document === null || ((await building()) === 0 && (await done()) >= (await head()))
  await eventually(caughtUp)
  const first = await head()
  const [serviceBefore, postgresBefore] = [await cpuOf([service.child.pid!]), await cpuOf(await backends())]
  const publisher = child('publisher.ts', broker.port, 1, count, topics, 2_000)
  await answer(publisher)
  const begun = Date.now()
  publisher.send('go')
  await answer(publisher)
  await eventually(async () => (await head()) - first >= count && (await caughtUp()), {
    withinMs: 120_000,
    everyMs: 50,
    what: 'all is stored and projected'
  })
  const ms = Date.now() - begun
  const serviceUs = ((await cpuOf([service.child.pid!])) - serviceBefore) / count
  const postgresUs = ((await cpuOf(await backends())) - postgresBefore) / count
  const datapoints = await number('select (select count(*) from datapoints)')
  await client.end()
  await service.kill('SIGTERM')
  await broker.stop()
  await rm(directory, { recursive: true, force: true })
  return { serviceUs, postgresUs, perSecond: count / (ms / 1_000), datapoints }
}

/** CPU time of this process for each message that is only normalized. */
function normalizeUs(document: string | null): number {
  if (document === null) return 0
  const set = compileMappings(
    { text: document, file: 'rialto.yaml' },
    { limits: defaultLimits, modules: new Map() }
  )
  const messages = Array.from({ length: count }, (_, index): SourceMessage => {
    const head = JSON.stringify({
      n: index,
      temperature: 20 + (index % 100) / 10,
      humidity: 40 + (index % 20)
    })
    const pad = 'x'.repeat(Math.max(0, 100 - head.length - 9))
    return {
      seq: index + 1,
      kind: 'message',
      topic: `bench/device/${String(index % topics).padStart(5, '0')}/state`,
      payload: Buffer.from(`${head.slice(0, -1)},"pad":"${pad}"}`),
      properties: null,
      receivedAt: 1_700_000_000_000 + index
    }
  })
  const before = process.cpuUsage()
  for (const message of messages) set.normalize(message, null)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))

export async function benchProjection(write: (line: string) => void): Promise<object[]> {
  write(
    `${repeats} runs each, medians; ${count} messages of QoS 1, ${topics} topics, 100 bytes of JSON; all on this machine`
  )
  write('mappings   service us/msg  share  Postgres us/msg  msg/s  datapoints/msg  normalize() us/msg  share')
  const runs = new Map<string, Run[]>(Object.keys(documents).map((name) => [name, []]))
  const alone = new Map<string, number[]>(Object.keys(documents).map((name) => [name, []]))
  // One after the other, so that what else the machine does meets them alike
  for (let repeat = 0; repeat < repeats; repeat++)
    for (const [name, document] of Object.entries(documents)) {
      runs.get(name)!.push(await run(document))
      alone.get(name)!.push(normalizeUs(document))
    }
  const middle = (name: string, of: (one: Run) => number): number => median(runs.get(name)!.map(of))
  const without = middle('none', ({ serviceUs }) => serviceUs)
  return Object.keys(documents).map((name) => {
    const serviceUs = middle(name, (one) => one.serviceUs)
    const normalize = median(alone.get(name)!)
    const row = {
      mappings: name,
      messages: count,
      serviceUs: rounded(serviceUs, 1),
      share: rounded((serviceUs - without) / serviceUs, 2),
      postgresUs: rounded(
        middle(name, (one) => one.postgresUs),
        1
      ),
      perSecond: Math.round(middle(name, (one) => one.perSecond)),
      datapointsPerMessage: rounded(middle(name, (one) => one.datapoints) / count, 2),
      normalizeUs: rounded(normalize, 1),
      normalizeShare: rounded(normalize / serviceUs, 2)
    }
    const cells = [
      row.mappings,
      row.serviceUs,
      row.share,
      row.postgresUs,
      row.perSecond,
      row.datapointsPerMessage,
      row.normalizeUs,
      row.normalizeShare
    ]
    write(
      cells
        .map((value, index) =>
          index === 0 ? String(value).padEnd(9) : String(value).padStart([0, 16, 7, 17, 7, 16, 20, 7][index]!)
        )
        .join('')
    )
    return row
  })
}
