/**
 * `npm run bench projected`: messages per second into devices, metrics and datapoints, by chunks as the projector writes
 * them, with the CPU of Node and of Postgres for each; beside a bare insert of the same datapoints.
 */

import pg from 'pg'
import type { ProjectedMessage } from '../src/store/projected.ts'
import { float8Array, int2Array, int4Array, int8Array, timestampArray } from '../src/store/binary.ts'
import { query } from '../test/support/database.ts'
import { chunkOf, messageOf, point } from '../test/support/projected.ts'
import { openTestStore } from '../test/support/store.ts'
import { cpuOf } from './ingest.ts'

const secondsEach = 4
const devices = 2_000
const chunkMessages = 2_000

interface Way {
  way: string
  metrics: number
  chunk: number
  /** What each message says of its device: nothing, the same, or another thing than the one before. */
  presence: 'none' | 'same' | 'other'
}

const ways: Way[] = [
  { way: 'chunks', metrics: 1, chunk: chunkMessages, presence: 'none' },
  { way: 'chunks', metrics: 5, chunk: chunkMessages, presence: 'none' },
  { way: 'chunks, presence by each message', metrics: 1, chunk: chunkMessages, presence: 'same' },
  { way: 'chunks, presence changes by each message', metrics: 1, chunk: chunkMessages, presence: 'other' },
  { way: 'chunks of one message', metrics: 1, chunk: 1, presence: 'none' }
]

function messagesOf(way: Way, from: number, topic: { topic: string; topicId: number }): ProjectedMessage[] {
  const now = Date.now()
  return Array.from({ length: way.chunk }, (_, index) => {
    const seq = from + index + 1
    const presence = way.presence === 'same' || Math.floor(seq / devices) % 2 === 0 ? 'online' : 'offline'
    const device = `site-1-device-${seq % devices}`
    return messageOf(seq, topic, {
      receivedAt: now,
      devices: [device],
      datapoints: Array.from({ length: way.metrics }, (_none, metric) =>
        point(device, `metric-${metric}`, seq, { observedAt: now })
      ),
      presence: way.presence === 'none' ? [] : [{ device, presence, source: 'seen', at: now }]
    })
  })
}

export async function benchProjected(write: (line: string) => void): Promise<object[]> {
  const { store, receive, url } = await openTestStore({ limits: { poolConnectionsMax: 3 } })
  const { topicIds } = (await receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  const { id } = await store.projections.current({ hash: 'h', text: '' })
  const results: object[] = []
  let from = 1

  async function measure(way: Way, work: () => Promise<void>): Promise<void> {
    for (let warm = 0; warm < 10; warm++) await work()
    const backends = (
      await query<{ pid: number }>(
        url,
        'select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
      )
    ).map(({ pid }) => pid)
    const [begun, cpu, postgres] = [performance.now(), process.cpuUsage(), await cpuOf(backends)]
    let messages = 0
    for (; performance.now() - begun < secondsEach * 1_000; messages += way.chunk) await work()
    const { user, system } = process.cpuUsage(cpu)
    const result = {
      ...way,
      messagesPerSecond: Math.round(messages / ((performance.now() - begun) / 1_000)),
      nodeUsPerMessage: Number(((user + system) / messages).toFixed(1)),
      postgresUsPerMessage: Number((((await cpuOf(backends)) - postgres) / messages).toFixed(1))
    }
    results.push(result)
    write(
      `${String(result.messagesPerSecond).padStart(8)} messages/s ${String(result.nodeUsPerMessage).padStart(6)} us Node ` +
        `${String(result.postgresUsPerMessage).padStart(6)} us Postgres   ${way.way}, ${way.metrics} metric(s)`
    )
  }

  for (const way of ways) {
    await measure(way, async () => {
      const chunk = chunkOf(from, messagesOf(way, from, topic))
      await store.projections.write(id, chunk, { live: true })
      from = chunk.to
    })
  }
  await measureBare(url, measure)
  return results
}

/** The same datapoints into a table of their own, with the same two indexes. */
async function measureBare(
  url: string,
  measure: (way: Way, work: () => Promise<void>) => Promise<void>
): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`create table bare (seq bigint, n int, metric_id bigint, observed_at timestamptz(3), received_at timestamptz(3),
    number float8, type int2, primary key (seq, n)); create index on bare (metric_id, observed_at, seq, n)`)
  let from = 0
  const way: Way = { way: 'bare insert of datapoints', metrics: 1, chunk: chunkMessages, presence: 'none' }
  await measure(way, async () => {
    const seqs = Array.from({ length: way.chunk }, (_, index) => from + index + 1)
    const times = timestampArray(seqs.map(() => Date.now()))
    await client.query({
      name: 'bare',
      text: 'insert into bare select * from unnest($1::int8[], $2::int4[], $3::int8[], $4::timestamptz[], $5::timestamptz[], $6::float8[], $7::int2[])',
      values: [
        int8Array(seqs),
        int4Array(seqs.map(() => 0)),
        int8Array(seqs.map((seq) => seq % devices)),
        times,
        times,
        float8Array(seqs),
        int2Array(seqs.map(() => 1))
      ]
    })
    from += way.chunk
  })
  await client.end()
}
