/** Partitions of datapoints: of each projection and class, with the bounds of the journal's, and dropped behind them. */

import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { Pool } from './database.ts'
import { attachSql, boundSql, createPartitionDdl } from './partition-ddl.ts'
import { unprojectedFactor } from './retention-classes.ts'

export interface DatapointPartition {
  name: string
  projection: number
  class: number
  /** Origins with from <= seq < to. */
  from: Seq
  to: Seq
  bytes: number
}

export interface DatapointPartitions {
  list(): Promise<DatapointPartition[]>
  /** Makes those that match the journal's. Safe to run twice, and in two instances. */
  makeAhead(): Promise<void>
  /**
   * Drops datapoints of messages that the journal no longer has, once they are rolled up, and rejections; returns the names of
   * partitions.
   */
  dropBehind(): Promise<string[]>
  /** Drops all datapoints of a projection. */
  dropAll(projection: number): Promise<void>
  /** Drops all datapoints of a class. */
  dropClass(retentionClass: number): Promise<void>
}

interface Behind extends DatapointPartition {
  /** All its messages are dropped, and all that has a number is in rollups. */
  rolled: boolean
  keep_seconds: number | null
  keep_bytes: number | null
}

export function createDatapointPartitions(pool: Pool, limits: Limits): DatapointPartitions {
  const ddl = createPartitionDdl(pool, limits)

  async function list(): Promise<DatapointPartition[]> {
    const { rows } = await pool.query<DatapointPartition>(listSql)
    return rows
  }

  async function makeTables(projections: readonly number[], classes: readonly number[]): Promise<void> {
    const { rows } = await pool.query<{ name: string }>(tablesSql)
    const names = new Set(rows.map(({ name }) => name))
    for (const projection of projections) {
      const parent = `datapoints_${projection}`
      if (!names.has(parent))
        await ddl.run(
          attachSql(parent, 'datapoints', `in (${projection})`, 'partition by list (retention_class)')
        )
      for (const one of classes)
        if (!names.has(`${parent}_${one}`))
          await ddl.run(attachSql(`${parent}_${one}`, parent, `in (${one})`, 'partition by range (seq)'))
    }
  }

  /** Over twice the limits of its class, it does not wait any more. */
  async function isOverdue(partition: Behind, bytes: number): Promise<boolean> {
    const { name, keep_seconds, keep_bytes } = partition
    if (keep_bytes !== null && bytes > keep_bytes * unprojectedFactor) return true
    const { rows } = await pool.query<{ empty: boolean; older: boolean }>(
      `select not exists (select from ${name}) as empty,
         $1::float8 is not null and not exists (
           select from ${name} where received_at >= now() - make_interval(secs => $1)) as older`,
      [keep_seconds === null ? null : keep_seconds * unprojectedFactor]
    )
    return rows[0]!.empty || rows[0]!.older
  }

  return {
    list,
    async makeAhead() {
      const { rows: projections } = await pool.query<{ id: number; done_seq: Seq }>(
        `select id, done_seq from projections where state in ('building', 'current')`
      )
      const { rows: bounds } = await pool.query<{ class: number; to: Seq }>(boundsSql)
      const classes = [...new Set(bounds.map((bound) => bound.class))]
      await makeTables(
        projections.map(({ id }) => id),
        classes
      )
      const existing = await list()
      for (const { id, done_seq } of projections)
        for (const retentionClass of classes) {
          const own = existing.filter((one) => one.projection === id && one.class === retentionClass)
          // The first begins at 0: what was carried over the horizon goes there, and what another class had
          let end = Math.max(0, ...own.map(({ to }) => to))
          for (const { to } of bounds.filter((bound) => bound.class === retentionClass)) {
            if (to <= end || to <= done_seq) continue
            const parent = `datapoints_${id}_${retentionClass}`
            await ddl.run(
              attachSql(`${parent}_${String(end).padStart(15, '0')}`, parent, `from (${end}) to (${to})`)
            )
            end = to
          }
        }
    },
    async dropBehind() {
      const { rows: behind } = await pool.query<Behind>(behindSql)
      const kept = await list()
      const dropped: string[] = []
      for (const partition of behind) {
        const bytes = kept
          .filter((one) => one.class === partition.class && !dropped.includes(one.name))
          .reduce((sum, one) => sum + one.bytes, 0)
        if (!partition.rolled && !(await isOverdue(partition, bytes))) continue
        await ddl.run(`drop table if exists ${partition.name}`)
        dropped.push(partition.name)
      }
      for (;;) {
        const { rowCount } = await pool.query(forgetRejectionsSql, [limits.forgetRowsPerStepMax])
        if (rowCount === 0) return dropped
      }
    },
    dropAll: (projection) => ddl.run(`drop table if exists datapoints_${projection}`),
    async dropClass(retentionClass) {
      const { rows } = await pool.query<{ name: string }>(tablesSql)
      for (const { name } of rows)
        if (new RegExp(`^datapoints_\\d+_${retentionClass}$`).test(name))
          await ddl.run(`drop table if exists ${name}`)
    }
  }
}

const tablesSql = `
  select projection.relname as name from pg_inherits projections
  join pg_class projection on projection.oid = projections.inhrelid
  where projections.inhparent = 'datapoints'::regclass
  union all
  select class.relname from pg_inherits projections
  join pg_inherits classes on classes.inhparent = projections.inhrelid
  join pg_class class on class.oid = classes.inhrelid
  where projections.inhparent = 'datapoints'::regclass`

const listSql = `
  select leaf.relname as name, split_part(parent.relname, '_', 2)::int as projection,
    split_part(parent.relname, '_', 3)::int as class,
    ${boundSql('FROM')} as "from", ${boundSql('TO')} as "to", pg_total_relation_size(leaf.oid) as bytes
  from pg_inherits projections
  join pg_inherits classes on classes.inhparent = projections.inhrelid
  join pg_class parent on parent.oid = classes.inhrelid
  join pg_inherits leaves on leaves.inhparent = parent.oid
  join pg_class leaf on leaf.oid = leaves.inhrelid
  where projections.inhparent = 'datapoints'::regclass
  order by projection, class, "from"`

/** Where the journal's partitions of each class of topics begin and end. */
const boundsSql = `
  select substring(parent.relname from '\\d+$')::int as class, ${boundSql('FROM')} as "from", ${boundSql('TO')} as "to"
  from pg_inherits classes
  join pg_class parent on parent.oid = classes.inhrelid
  join pg_inherits leaves on leaves.inhparent = parent.oid
  join pg_class leaf on leaf.oid = leaves.inhrelid
  where classes.inhparent = 'journal'::regclass and parent.relname <> 'journal_class_0'
  order by class, "to"`

// Where nothing was found, nothing is to be rolled up, and perhaps nobody projects. Marked hours are rolled up from what
// is there
const behindSql = `
  select point.*, c.keep_seconds, c.keep_bytes, not exists (select from devices d where d.projection_id = p.id)
    or (p.rolled_seq >= point.to - 1 and not exists (
      select from rollup_marks k join metrics m on m.id = k.metric_id join devices d on d.id = m.device_id
      where d.projection_id = p.id)) as rolled
  from (${listSql}) as point
  join projections p on p.id = point.projection
  join retention_classes c on c.id = point.class
  where point.to <= (select min(bound.from) from (${boundsSql}) as bound where bound.class = point.class)
  order by point.projection, point.class, point.from`

// What was carried over the horizon can still be read, and redriven. What came while the topic was of another class waits
// until all classes are past it
const forgetRejectionsSql = `
  delete from rejections where ctid in (
    select r.ctid from rejections r
    left join topics t on t.id = r.topic_id left join retention_classes c on c.id = t.retention_class
    where r.seq <= (select greatest(h.horizon, (select max(horizon) from retention_classes)) from journal_head h where shard = 0)
      and r.seq <= case when r.seq > t.class_seq then c.horizon else (select horizon from journal_head where shard = 0) end
      and not exists (
        select from carried_facts c where c.topic_id = r.topic_id and c.seq = r.seq and c.role < 4
      ) limit $1)`
