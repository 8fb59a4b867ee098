/**
 * `npm run bench rollups`: datapoints per second into minutes, hours and days, in steps of `rollupChunkDatapointsMax`, with
 * the CPU of Postgres for each; beside it, the same datapoints as the projector writes them.
 */

import { defaultLimits } from '../src/limits.ts'
import { query } from '../test/support/database.ts'
import { chunkOf, messageOf, point } from '../test/support/projected.ts'
import { openTestStore } from '../test/support/store.ts'
import { cpuOf, median } from './ingest.ts'

const repeats = Number(process.env['BENCH_REPEATS'] ?? 3)
const datapoints = 50_000
const messagesPerChunk = 2_000
const step = defaultLimits.rollupChunkDatapointsMax
const smallStep = step / 10

interface Way {
  way: string
  metrics: number
  /** Milliseconds from where the repetition begins. */
  at: (index: number) => number
  /** How long one repetition is. */
  length: number
  /** Datapoints of a step: as many as it may be, and as many as the job comes to where steps take long. */
  step: number
}

/** Numbers in an order that is none, each once. */
const shuffled = (index: number): number => (index * 7_919) % datapoints

const ways: Way[] = [
  { way: 'in order, 2,000 metrics each 2 s', metrics: 2_000, at: (index) => index, length: 50_000, step },
  {
    way: 'in order, 2,000 metrics each minute',
    metrics: 2_000,
    at: (index) => index * 30,
    length: 1_500_000,
    step
  },
  { way: 'each of another metric', metrics: datapoints, at: (index) => index, length: 50_000, step },
  {
    way: 'late: mixed with 25 minutes that are rolled up',
    metrics: 2_000,
    at: (index) => shuffled(index) * 30 + 1,
    length: 0,
    step: smallStep
  }
]

export async function benchRollups(write: (line: string) => void): Promise<object[]> {
  const { store, receive, url } = await openTestStore({ limits: { poolConnectionsMax: 3 } })
  const { topicIds } = (await receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  const { id, doneSeq } = await store.projections.current({ hash: 'h', text: '' })
  const backends = async (): Promise<number[]> =>
    (
      await query<{ pid: number }>(
        url,
        'select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
      )
    ).map(({ pid }) => pid)
  let from = doneSeq

  async function fill({ metrics, at }: Way, begin: number): Promise<void> {
    for (let index = 0; index < datapoints; index += messagesPerChunk) {
      const messages = Array.from({ length: messagesPerChunk }, (_, more) => {
        const number = index + more
        const datapoint = point(`device-${number % metrics}`, 'm', number, { observedAt: begin + at(number) })
        return messageOf(from + more + 1, topic, { datapoints: [datapoint] })
      })
      const chunk = chunkOf(from, messages)
      await store.projections.write(id, chunk, { live: false })
      from = chunk.to
    }
  }

  async function timed(work: () => Promise<void>): Promise<{ ms: number; cpuUs: number }> {
    await store.ping() // so that a connection is there
    const pids = await backends()
    const [begun, cpu] = [performance.now(), await cpuOf(pids)]
    await work()
    return { ms: performance.now() - begun, cpuUs: ((await cpuOf(pids)) - cpu) / datapoints }
  }

  async function rollAll(step: number): Promise<void> {
    while ((await store.rollups.advance(step)).more);
  }

  const day = 86_400_000
  let begin = Math.floor(Date.now() / day) * day - day
  const results: object[] = []
  write(
    `${repeats} runs each, medians; ${datapoints} datapoints, in steps of ${step}, where late of ${smallStep}; beside the projector's writing of them`
  )
  for (const way of ways) {
    const [written, rolled]: Array<Array<{ ms: number; cpuUs: number }>> = [[], []]
    // Names are registered, and partitions made, before it counts
    for (let repeat = -1; repeat < repeats; repeat++) {
      const from = way.length === 0 ? begin - 1_500_000 : begin
      const [one, other] = [
        await timed(() => fill(way, from + repeat + 1)),
        await timed(() => rollAll(way.step))
      ]
      begin += way.length
      if (repeat >= 0) {
        written!.push(one)
        rolled!.push(other)
      }
    }
    const of = (runs: typeof written, pick: (run: { ms: number; cpuUs: number }) => number): number =>
      median(runs!.map(pick))
    const result = {
      way: way.way,
      metrics: way.metrics,
      datapointsPerSecond: Math.round((datapoints / of(rolled, ({ ms }) => ms)) * 1_000),
      stepMs: Math.round(of(rolled, ({ ms }) => ms) / Math.ceil(datapoints / way.step)),
      postgresUs: Number(of(rolled, ({ cpuUs }) => cpuUs).toFixed(1)),
      projectorPostgresUs: Number(of(written, ({ cpuUs }) => cpuUs).toFixed(1))
    }
    results.push(result)
    write(
      `${String(result.datapointsPerSecond).padStart(8)} datapoints/s ${String(result.stepMs).padStart(6)} ms a step ` +
        `${String(result.postgresUs).padStart(6)} us Postgres (projector ${result.projectorPostgresUs})   ${way.way}`
    )
  }
  return results
}
