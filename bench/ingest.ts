/**
 * `npm run bench ingest`: messages per second through Mosquitto into Postgres, committed, beside a bare mqtt.js
 * subscriber that only counts, in the same run. These machines are shared: read the ratio and the CPU time, not the rate.
 */

import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { createDatabase } from '../test/support/database.ts'
import { eventually } from '../test/support/eventually.ts'
import { startMosquitto } from '../test/support/mosquitto.ts'
import { startService } from '../test/support/service.ts'

const topics = 1_000
const repeats = Number(process.env['BENCH_REPEATS'] ?? 3)
const counts = { 0: 150_000, 1: 100_000, 2: 40_000 }
type QoS = keyof typeof counts

interface Run {
  perSecond: number
  /** CPU time of the subscriber, and of Postgres where there is one, per message. */
  subscriberUs: number
  postgresUs: number | null
  /** QoS 0 that did not arrive. */
  missing: number
}

export const child = (script: string, ...args: Array<string | number>): ChildProcess =>
  fork(new URL(script, import.meta.url), args.map(String), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })

export async function answer<T>(process: ChildProcess): Promise<T> {
  return ((await once(process, 'message')) as [T])[0]
}

/** User and system time so far, of a process and the children it has now, in microseconds. */
export async function cpuOf(pids: readonly number[]): Promise<number> {
  let ticks = 0
  for (const pid of pids) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  }
  return ticks * 10_000
}

async function publishAll(port: number, qos: QoS): Promise<{ begun: number }> {
  const publisher = child('publisher.ts', port, qos, counts[qos], topics, qos === 2 ? 500 : 2_000)
  await answer(publisher)
  const begun = Date.now()
  publisher.send('go')
  await answer(publisher)
  return { begun }
}

async function runCounter(qos: QoS): Promise<Run> {
  const broker = await startMosquitto()
  const counter = child('counter.ts', broker.url, qos, counts[qos])
  await answer(counter)
  const reported = answer<{ seen: number; last: number; cpuUs: number }>(counter)
  const { begun } = await publishAll(broker.port, qos)
  const quiet = setTimeout(() => counter.send('report'), 3_000) // QoS 0 may be dropped on the way
  const { seen, last, cpuUs } = await reported
  clearTimeout(quiet)
  counter.kill('SIGKILL')
  await broker.stop()
  return {
    perSecond: seen / ((last - begun) / 1_000),
    subscriberUs: cpuUs / seen,
    postgresUs: null,
    missing: counts[qos] - seen
  }
}

async function runRialto(qos: QoS): Promise<Run> {
  const broker = await startMosquitto()
  const url = await createDatabase()
  const service = await startService({ DATABASE_URL: url, MQTT_URL: broker.url, RIALTO_TOPICS: 'bench/#' })
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const backends = async (): Promise<number[]> =>
    (
      await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
      )
    ).rows.map((row) => row.pid)
  const head = async (): Promise<number> =>
    Number((await client.query<{ seq: string }>('select seq from journal_head')).rows[0]!.seq)
  const first = await head()
  const [serviceBefore, postgresBefore] = [await cpuOf([service.child.pid!]), await cpuOf(await backends())]
  const { begun } = await publishAll(broker.port, qos)
  let stored = 0
  let last = begun
  let lastChange = Date.now()
  while (stored < counts[qos] && Date.now() - lastChange < 3_000) {
    const now = (await head()) - first
    if (now !== stored) lastChange = last = Date.now()
    stored = now
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const subscriberUs = ((await cpuOf([service.child.pid!])) - serviceBefore) / stored
  const postgresUs = ((await cpuOf(await backends())) - postgresBefore) / stored
  await client.end()
  await service.kill('SIGTERM')
  await broker.stop()
  return {
    perSecond: stored / ((last - begun) / 1_000),
    subscriberUs,
    postgresUs,
    missing: counts[qos] - stored
  }
}

export const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

export async function benchIngest(write: (line: string) => void): Promise<object[]> {
  const results: object[] = []
  write(
    `${repeats} runs each, medians; ${topics} topics, 100 bytes of JSON; Mosquitto, Postgres, publisher and subscriber on this machine`
  )
  write('QoS  bare mqtt.js/s  Rialto/s  ratio  mqtt.js us/msg  Rialto us/msg  Postgres us/msg  missing')
  for (const qos of [0, 1, 2] as const) {
    const bare: Run[] = []
    const rialto: Run[] = []
    for (let repeat = 0; repeat < repeats; repeat++) {
      bare.push(await runCounter(qos))
      rialto.push(await runRialto(qos))
    }
    const row = {
      qos,
      messages: counts[qos],
      barePerSecond: Math.round(median(bare.map((run) => run.perSecond))),
      rialtoPerSecond: Math.round(median(rialto.map((run) => run.perSecond))),
      ratio: Number(median(rialto.map((run, index) => run.perSecond / bare[index]!.perSecond)).toFixed(2)),
      bareUs: Number(median(bare.map((run) => run.subscriberUs)).toFixed(1)),
      rialtoUs: Number(median(rialto.map((run) => run.subscriberUs)).toFixed(1)),
      postgresUs: Number(median(rialto.map((run) => run.postgresUs!)).toFixed(1)),
      missing: Math.max(...rialto.map((run) => run.missing))
    }
    results.push(row)
    write(
      [
        row.qos,
        row.barePerSecond,
        row.rialtoPerSecond,
        row.ratio,
        row.bareUs,
        row.rialtoUs,
        row.postgresUs,
        row.missing
      ]
        .map((value, index) => String(value).padStart([3, 15, 10, 7, 15, 14, 16, 8][index]!))
        .join('')
    )
  }
  return results
}
