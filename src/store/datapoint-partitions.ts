/** Partitions of datapoints: of each projection, with the bounds of the journal's, and dropped behind the same horizon. */

import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { Pool } from './database.ts'

export interface DatapointPartition {
  name: string
  projection: number
  /** Origins with from <= seq < to. */
  from: Seq
  to: Seq
  bytes: number
}

export interface DatapointPartitions {
  list(): Promise<DatapointPartition[]>
  /** Makes those that match the journal's. Safe to run twice, and in two instances. */
  makeAhead(): Promise<void>
  /** Drops datapoints and rejections behind the horizon; returns the names of partitions. */
  dropBehind(horizon: Seq): Promise<string[]>
  /** Drops all datapoints of a projection. */
  dropAll(projection: number): Promise<void>
}

/** Waiting longer than this for a lock would hold up everyone who comes after. */
const lockTimeout = `set local lock_timeout = '900ms'`
const lockAttemptsMax = 10

export function createDatapointPartitions(pool: Pool, limits: Limits): DatapointPartitions {
  async function run(sql: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const client = await pool.connect()
      try {
        await client.query(`begin; ${lockTimeout}; ${sql}; commit`)
        return client.release()
      } catch (error) {
        client.release(true)
        const code = String((error as { code?: unknown }).code)
        // `if not exists` looks before it waits for another instance that makes the same one just now
        if (/^(42P07|23505)$/.test(code)) return
        // A chunk that is being written holds the lock: let it end
        if (code !== '55P03' || attempt === lockAttemptsMax) throw error
      }
    }
  }

  async function list(): Promise<DatapointPartition[]> {
    const { rows } = await pool.query<DatapointPartition>(listSql)
    return rows
  }

  return {
    list,
    async makeAhead() {
      const { rows: projections } = await pool.query<{ id: number; done_seq: Seq }>(
        `select id, done_seq from projections where state in ('building', 'current')`
      )
      const { rows: bounds } = await pool.query<{ to: Seq }>(boundsSql)
      const existing = await list()
      for (const { id, done_seq } of projections) {
        const own = existing.filter(({ projection }) => projection === id)
        if (own.length === 0)
          await run(
            `create table if not exists datapoints_${id} partition of datapoints for values in (${id})
             partition by range (seq)`
          )
        // The first begins at 0: what was carried over the horizon goes there
        let end = Math.max(0, ...own.map(({ to }) => to))
        for (const { to } of bounds) {
          if (to <= end || to <= done_seq) continue
          await run(
            `create table if not exists ${nameOf(id, end)} partition of datapoints_${id}
             for values from (${end}) to (${to})`
          )
          end = to
        }
      }
    },
    async dropBehind(horizon) {
      const behind = (await list()).filter(({ to }) => to <= horizon + 1)
      for (const { name } of behind) await run(`drop table if exists ${name}`)
      for (;;) {
        const { rowCount } = await pool.query(forgetRejectionsSql, [horizon, limits.forgetRowsPerStepMax])
        if (rowCount === 0) return behind.map(({ name }) => name)
      }
    },
    dropAll: (projection) => run(`drop table if exists datapoints_${projection}`)
  }
}

const nameOf = (projection: number, from: Seq): string =>
  `datapoints_${projection}_${String(from).padStart(15, '0')}`

const boundOf = (side: 'FROM' | 'TO'): string =>
  `(regexp_match(pg_get_expr(leaf.relpartbound, leaf.oid), '${side} \\(''?(\\d+)'))[1]::bigint`

const listSql = `
  select leaf.relname as name, substring(parent.relname from '\\d+$')::int as projection,
    ${boundOf('FROM')} as "from", ${boundOf('TO')} as "to", pg_total_relation_size(leaf.oid) as bytes
  from pg_inherits projections
  join pg_class parent on parent.oid = projections.inhrelid
  join pg_inherits leaves on leaves.inhparent = parent.oid
  join pg_class leaf on leaf.oid = leaves.inhrelid
  where projections.inhparent = 'datapoints'::regclass
  order by projection, "from"`

/** Where partitions of the default class end: most of what is normalized is there. */
const boundsSql = `
  select ${boundOf('TO')} as "to"
  from pg_inherits leaves join pg_class leaf on leaf.oid = leaves.inhrelid
  where leaves.inhparent = 'journal_class_1'::regclass order by "to"`

// What was carried over the horizon can still be read, and redriven
const forgetRejectionsSql = `
  delete from rejections where ctid in (
    select ctid from rejections r where seq <= $1 and not exists (
      select from carried_facts c where c.topic_id = r.topic_id and c.seq = r.seq and c.role < 4
    ) limit $2)`
