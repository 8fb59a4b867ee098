/** What the projector writes (see projected.ts): which projections there are, their chunks, and what changes all of one. */

import type { Projection } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import type { ProjectionGuard } from './append-projected.ts'
import { boundedSql } from './bounded-sql.ts'
import type { Database, Pool, PoolClient } from './database.ts'
import type { DatapointPartitions } from './datapoint-partitions.ts'
import { createLastStored } from './last-stored.ts'
import { createPresenceStore } from './presence.ts'
import type { ProjectedChunk, ProjectionStore } from './projected.ts'
import { OutrunError } from './projected.ts'
import { appendFacts, inTransaction } from './projected-facts.ts'
import type { ProjectionRow } from './projected-rows.ts'
import { toProjection } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'
import { createRedrives } from './redrives.ts'
import { lockRollups } from './roll-lock.ts'
import { markHours } from './roll-marks.ts'
import { createRewriter } from './rewrite.ts'
import type { FactRow } from './rows.ts'
import { toFact } from './rows.ts'
import type { ChunkWriter } from './write-chunk.ts'
import { createChunkWriter } from './write-chunk.ts'

export function createProjectionStore(parts: {
  database: Database
  limits: Limits
  partitions: DatapointPartitions
  /** Of the journal and of datapoints. */
  makePartitions: () => Promise<void>
}): ProjectionStore {
  const { database, limits, partitions, makePartitions } = parts
  const { pool } = database
  const writer = createChunkWriter({ pool, limits, makePartitions })

  async function find(where: string, values: unknown[] = []): Promise<Projection[]> {
    const { rows } = await pool.query<ProjectionRow>(
      `select * from projections where ${where} order by id`,
      values
    )
    return rows.map(toProjection)
  }

  async function drop(id: number): Promise<void> {
    // One that is being built may have a writer: it finds that nothing is as it was
    const { rows } = await pool.query<{ state: string }>(
      `update projections set state = 'retired', version = version + 1 where id = $1 and state <> 'current' returning state`,
      [id]
    )
    if (rows.length === 0) return
    writer.forgetIds(id)
    await partitions.dropAll(id)
    for (const sql of dropSteps) await inSteps(pool, sql, [id, limits.forgetRowsPerStepMax])
    await pool.query(`delete from projections where id = $1 and state = 'retired'`, [id])
  }

  return {
    ...createPresenceStore(pool),
    ...createRewriter(pool, writer),
    ...createLastStored(pool, limits),
    redrives: createRedrives(database, limits),
    list: () => find('true'),
    async building() {
      return (await find(`state = 'building'`))[0] ?? null
    },
    drop,

    async current(initial) {
      // Two instances may start at once: one of them finds what the other made
      await pool.query(
        `insert into projections (state, mapping_hash, mapping_text, done_seq, target_seq)
         select 'current', $1, $2, horizon, seq from journal_head where shard = 0
           and not exists (select from projections where state = 'current')
         on conflict (state) where state in ('building', 'current') do nothing`,
        [initial.hash, initial.text]
      )
      const current = (await find(`state = 'current'`))[0]!
      await partitions.makeAhead()
      return current
    },

    untold: async () => (await find(`state = 'retired' and not told`)).map(({ id }) => id),
    async told(id) {
      await pool.query(`update projections set told = true where id = $1 and state = 'retired'`, [id])
    },

    async setMapping(id, { hash, text }) {
      await pool.query('update projections set mapping_hash = $2, mapping_text = $3 where id = $1', [
        id,
        hash,
        text
      ])
    },

    restart: (id) =>
      inTransaction(pool, async (client) => {
        // Who rolls up would go on where it was
        await lockRollups(client)
        const { rows } = await client.query<ProjectionRow>(restartSql, [id])
        return rows[0] === undefined ? null : toProjection(rows[0])
      }),

    async anyImported() {
      const { rows } = await pool.query<{ any: boolean }>('select exists (select from imports) as any')
      return rows[0]!.any
    },

    async begin({ hash, text }) {
      for (const { id } of await find(`state = 'building'`)) await drop(id)
      const { rows } = await pool.query<ProjectionRow>(
        `insert into projections (state, mapping_hash, mapping_text, done_seq, target_seq)
         select 'building', $1, $2, horizon, seq from journal_head where shard = 0 returning *`,
        [hash, text]
      )
      await partitions.makeAhead()
      return toProjection(rows[0]!)
    },

    async states(id, keys) {
      const { rows } = await pool.query<{ key: string; state: Buffer }>({
        name: 'decoder_states',
        text: 'select key, state from decoder_state where projection_id = $1 and key_hash = any ($2::bytea[])',
        values: [id, keys.map(hashName)]
      })
      return new Map(rows.map((row) => [row.key, row.state]))
    },

    async carried(after, limit, until = Number.MAX_SAFE_INTEGER) {
      const bytesMax = limits.projectionChunkBytesMax
      const { rows } = await pool.query<FactRow>(carriedSql, [after, limit, bytesMax, until])
      return rows.map(toFact)
    },

    write: (id, chunk, { live }) =>
      writer.attempt(id, (version) => write(writer, pool, id, chunk, { live, version })),

    switchTo: (current, next) => inTransaction(pool, (client) => switchTo(client, current, next))
  }
}

/**
 * One statement, that commits by itself; attributes, which are rare, are read under the lock first. Where the answer is
 * lost, nobody knows: a repetition finds the projection moved, and is told so.
 */
async function write(
  writer: ChunkWriter,
  pool: Pool,
  id: number,
  chunk: ProjectedChunk,
  { live, version }: { live: boolean; version: number }
) {
  const repeatable = chunk.from === chunk.to
  const facts = live && chunk.messages.some(({ presence }) => presence.length > 0)
  const guard = doneGuard(chunk.from, chunk.to, version)
  if (repeatable && chunk.messages.length > 0)
    return inTransaction(pool, async (client) => {
      // What is carried over the horizon comes behind what is rolled up
      await lockRollups(client)
      await client.query('select from projections where id = $1 for no key update', [id])
      const written = await writer.put(client, id, chunk, guard, { facts, repeatable })
      await markHours(
        client,
        chunk.messages.map(({ seq }) => seq)
      )
      return written
    })
  if (!chunk.messages.some(({ attributes }) => attributes.length > 0))
    return writer.put(pool, id, chunk, guard, { facts, repeatable })
  return inTransaction(pool, async (client) => {
    await client.query('select from projections where id = $1 for no key update', [id])
    return writer.put(client, id, chunk, guard, { facts, repeatable })
  })
}

const doneGuard = (from: Seq, to: Seq, version: number): ProjectionGuard => ({
  name: 'chunk',
  sql: `update projections set done_seq = $3 where id = $1 and done_seq = $2 and version = $4
        and state in ('building', 'current') returning id`,
  values: [from, to, version]
})

async function switchTo(client: PoolClient, current: number, next: number) {
  const { rows } = await client.query<ProjectionRow>(
    'select * from projections where id in ($1, $2) order by id for update',
    [current, next]
  )
  const [was, is] = [current, next].map((id) => rows.find((row) => row.id === id))
  if (was?.state !== 'current' || is?.state !== 'building' || was.done_seq !== is.done_seq)
    throw new OutrunError()
  await client.query(`update projections set state = 'retired', switched_at = now() where id = $1`, [current])
  await client.query(`update projections set state = 'current', switched_at = now() where id = $1`, [next])
  return appendFacts(client, 'projection', [{ from: current, to: next, mappingHash: is.mapping_hash }])
}

/** Repeats a statement that returns its rows, at most $2 of them, until there are no more. */
async function inSteps(pool: Pool, sql: string, values: readonly unknown[]): Promise<void> {
  for (;;) {
    const { rowCount } = await pool.query(sql, [...values])
    if (rowCount === 0) return
  }
}

const dropSteps = [
  `delete from metrics where id in (
     select m.id from devices d join metrics m on m.device_id = d.id where d.projection_id = $1 limit $2)`,
  'delete from devices where id in (select id from devices where projection_id = $1 limit $2)',
  'delete from rejections where ctid in (select ctid from rejections where projection_id = $1 limit $2)',
  'delete from decoder_state where ctid in (select ctid from decoder_state where projection_id = $1 limit $2)'
]

const restartSql = `
  update projections p set done_seq = h.horizon, rolled_seq = least(p.rolled_seq, h.horizon)
  from journal_head h
  where p.id = $1 and p.state = 'current' and h.shard = 0
    and not exists (select from devices where projection_id = $1)
    and not exists (select from rejections where projection_id = $1)
  returning p.*`

/** Of each topic the latest message at the horizon, and the retained one; what a snapshot found, unless it was cleared since. */
const carriedSql = boundedSql(
  `select distinct on (c.seq) c.seq, c.at, c.kind, c.topic_id, t.name, c.received_at, c.qos, c.retain, c.dup, c.payload,
    c.properties, null::uuid as command_id, c.detail
  from carried_facts c join topics t on t.id = c.topic_id
  where c.seq > $1 and c.seq <= $4 and c.payload is not null and t.name <> '' and c.role in (1, 2) and (
    (c.role = 1 and c.kind <> ${factKinds.snapshot}) or not exists (
      select from carried_facts later where later.topic_id = c.topic_id and later.role = 3 and later.seq > c.seq))
  order by c.seq limit $2`,
  'asc',
  '$3'
)
