/**
 * `npm run bench append`: rows per second into one table like the journal, by the ways there are from Node to Postgres.
 * The figures of docs/decisions/0001.
 */

import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../src/store/generated/client.ts'
import { byteaArray, int2Array, int8Array, timestampArray } from '../src/store/binary.ts'
import { createDatabase } from '../test/support/database.ts'

const batchRows = 1_000
const secondsEach = 3
const payload = Buffer.from(JSON.stringify({ temperature: 21.5, humidity: 40, pad: 'x'.repeat(60) }))

const table = `
  create table idempotency_keys (principal text, key text, body_hash bytea, answer text, created_at timestamptz,
    primary key (principal, key));
  create table rows (seq bigint primary key, topic_id bigint, received_at timestamptz, qos smallint, payload bytea)`

interface Rows {
  seqs: number[]
  topics: number[]
  times: number[]
  qos: number[]
  payloads: Buffer[]
}

function nextRows(first: number): Rows {
  const index = Array.from({ length: batchRows }, (_, offset) => first + offset)
  return {
    seqs: index,
    topics: index.map((seq) => seq % 1_000),
    times: index.map(() => Date.now()),
    qos: index.map(() => 1),
    payloads: index.map(() => payload)
  }
}

const unnest = `insert into rows select * from unnest($1::int8[], $2::int8[], $3::timestamptz[], $4::int2[], $5::bytea[])`

export async function benchAppend(write: (line: string) => void): Promise<object[]> {
  const url = await createDatabase()
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })
  await pool.query(table)

  const ways: Record<string, (rows: Rows) => Promise<unknown>> = {
    // The client writes to tables of the schema, so this is one with as many columns
    'Prisma createMany': (rows) =>
      prisma.idempotencyKey.createMany({
        data: rows.seqs.map((seq, index) => ({
          principal: 'bench',
          key: String(seq),
          bodyHash: new Uint8Array(rows.payloads[index]!),
          answer: '1',
          createdAt: new Date(rows.times[index]!)
        }))
      }),
    'Prisma $executeRawUnsafe, unnest of text arrays': (rows) =>
      prisma.$executeRawUnsafe(
        `insert into rows select * from unnest($1::int8[], $2::int8[], $3::text[]::timestamptz[], $4::int2[], $5::text[]::bytea[])`,
        rows.seqs,
        rows.topics,
        rows.times.map((time) => new Date(time).toISOString()),
        rows.qos,
        rows.payloads.map((bytes) => `\\x${bytes.toString('hex')}`)
      ),
    'pg, unnest of text arrays': (rows) =>
      pool.query({
        name: 'text',
        text: unnest,
        values: [rows.seqs, rows.topics, rows.times.map((time) => new Date(time)), rows.qos, rows.payloads]
      }),
    'pg, unnest of binary arrays': (rows) =>
      pool.query({
        name: 'binary',
        text: unnest,
        values: [
          int8Array(rows.seqs),
          int8Array(rows.topics),
          timestampArray(rows.times),
          int2Array(rows.qos),
          byteaArray(rows.payloads)
        ]
      })
  }
  const results: object[] = []
  let seq = 0
  for (const [way, insert] of Object.entries(ways)) {
    await insert(nextRows((seq += batchRows)))
    const [begun, cpu] = [performance.now(), process.cpuUsage()]
    let rows = 0
    while (performance.now() - begun < secondsEach * 1_000) {
      await insert(nextRows((seq += batchRows)))
      rows += batchRows
    }
    const { user, system } = process.cpuUsage(cpu)
    const result = {
      way,
      rowsPerSecond: Math.round(rows / ((performance.now() - begun) / 1_000)),
      nodeUsPerRow: Number(((user + system) / rows).toFixed(1))
    }
    results.push(result)
    write(
      `${String(result.rowsPerSecond).padStart(8)} rows/s ${String(result.nodeUsPerRow).padStart(7)} us/row in Node   ${way}`
    )
  }
  await prisma.$disconnect()
  await pool.end()
  return results
}
