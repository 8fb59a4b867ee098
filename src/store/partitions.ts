/** The journal's partitions: made ahead of the head, dropped behind the horizon after their last word is carried forward. */

import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import { carryForward } from './carry-forward.ts'
import type { Database, Pool } from './database.ts'
import type { DatapointPartitions } from './datapoint-partitions.ts'

interface Partition {
  name: string
  class: number
  /** Facts with from <= seq < to. */
  from: Seq
  to: Seq
  bytes: number
}

export interface RetentionLimits {
  /** null: no limit. */
  keepSeconds: number | null
  keepBytes: number | null
}

export interface Partitions {
  /** Sets what RIALTO_RETENTION says for topics without a class of their own. */
  setDefault(limits: RetentionLimits): Promise<void>
  /** Makes those that the head will need soon. Safe to run twice, and in two instances. */
  makeAhead(): Promise<void>
  /** Drops what is past its limits; returns the names. */
  dropExpired(): Promise<string[]>
}

/** A class sees only its own share of the sequence; the system's facts are few. */
const systemClass = 0
const defaultClass = 1
const systemSpanFactor = 20
const systemKeepSecondsMin = 90 * 86_400

/** Waiting longer than this for a lock would hold up everyone who comes after. */
const lockTimeout = `set local lock_timeout = '900ms'`

/** What is not projected yet is kept, unless it is so many times over its limits. */
const unprojectedFactor = 2

export function createPartitions(
  { pool, prisma }: Database,
  limits: Limits,
  datapoints: DatapointPartitions
): Partitions {
  const spanOf = (retentionClass: number): number =>
    limits.partitionRowsMax * (retentionClass === systemClass ? systemSpanFactor : 1)

  async function list(): Promise<Partition[]> {
    const { rows } = await pool.query<{
      name: string
      class: number
      from: number
      to: number
      bytes: number
    }>(listSql)
    return rows
  }

  async function make(retentionClass: number, from: Seq): Promise<void> {
    const name = `journal_class_${retentionClass}_${String(from).padStart(15, '0')}`
    const client = await pool.connect()
    try {
      await client.query(
        `begin; ${lockTimeout};
         create table if not exists ${name} partition of journal_class_${retentionClass}
           for values from (${from}) to (${from + spanOf(retentionClass)}); commit`
      )
      client.release()
    } catch (error) {
      client.release(true)
      // `if not exists` looks before it waits for another instance that makes the same one just now
      if (!/^(42P07|23505)$/.test(String((error as { code?: unknown }).code))) throw error
    }
  }

  async function makeAhead(): Promise<void> {
    const { rows } = await pool.query<{ seq: Seq }>('select seq from journal_head where shard = 0')
    const classes = await prisma.retentionClass.findMany({ select: { id: true } })
    const existing = await list()
    for (const { id } of classes) {
      const ends = existing.filter((partition) => partition.class === id).map((partition) => partition.to)
      // A class without any begins where the head is: its first fact will be later
      let end = ends.length > 0 ? Math.max(...ends) : rows[0]!.seq
      for (; end < rows[0]!.seq + limits.partitionsAheadMin * spanOf(id); end += spanOf(id))
        await make(id, end)
    }
    await datapoints.makeAhead()
  }

  async function dropExpired(): Promise<string[]> {
    const classes = await prisma.retentionClass.findMany()
    const { rows } = await pool.query<{ seq: Seq; projected: Seq }>(progressSql)
    const { seq, projected } = rows[0]!
    const existing = await list()
    const dropped: string[] = []
    for (const { id, keepSeconds, keepBytes } of classes) {
      const closed = existing.filter((partition) => partition.class === id && partition.to <= seq)
      let bytes = existing
        .filter((partition) => partition.class === id)
        .reduce((sum, one) => sum + one.bytes, 0)
      let points = id === defaultClass ? await datapoints.list() : []
      bytes += total(points)
      for (const partition of closed) {
        const factor = partition.to - 1 <= projected ? 1 : unprojectedFactor
        const tooMuch = keepBytes !== null && bytes > Number(keepBytes) * factor
        const seconds = keepSeconds === null ? null : Number(keepSeconds) * factor
        if (!tooMuch && !(await isOlder(pool, partition, seconds))) break
        await carryForward(pool, partition.name, partition.to - 1)
        await drop(pool, partition)
        bytes -= partition.bytes + total(points.filter(({ to }) => to <= partition.to))
        points = points.filter(({ to }) => to > partition.to)
        dropped.push(partition.name)
      }
    }
    const { rows: head } = await pool.query<{ horizon: Seq }>(
      'select horizon from journal_head where shard = 0'
    )
    await datapoints.dropBehind(head[0]!.horizon)
    return dropped
  }

  return {
    async setDefault({ keepSeconds, keepBytes }) {
      await prisma.retentionClass.update({ where: { name: 'default' }, data: { keepSeconds, keepBytes } })
      // The system's own facts stay at least as long, since the horizon is one for all classes
      const systemSeconds = keepSeconds === null ? null : Math.max(keepSeconds, systemKeepSecondsMin)
      await prisma.retentionClass.update({ where: { id: systemClass }, data: { keepSeconds: systemSeconds } })
    },
    makeAhead,
    dropExpired
  }
}

/** Projections that are kept up to date may lag behind the head. */
const progressSql = `
  select seq, coalesce((select min(done_seq) from projections where state in ('building', 'current') and mapping_text <> ''), seq) as projected
  from journal_head where shard = 0`

const total = (partitions: ReadonlyArray<{ bytes: number }>): number =>
  partitions.reduce((sum, one) => sum + one.bytes, 0)

/** Leaf partitions, oldest first, with their bounds as Postgres keeps them. */
const listSql = `
  select leaf.relname as name, substring(parent.relname from '\\d+$')::int as class,
    (regexp_match(pg_get_expr(leaf.relpartbound, leaf.oid), 'FROM \\(''?(\\d+)'))[1]::bigint as "from",
    (regexp_match(pg_get_expr(leaf.relpartbound, leaf.oid), 'TO \\(''?(\\d+)'))[1]::bigint as "to",
    pg_total_relation_size(leaf.oid) as bytes
  from pg_class journal
  join pg_inherits classes on classes.inhparent = journal.oid
  join pg_class parent on parent.oid = classes.inhrelid
  join pg_inherits leaves on leaves.inhparent = parent.oid
  join pg_class leaf on leaf.oid = leaves.inhrelid
  where journal.oid = 'journal'::regclass
  order by class, "from"`

/** True when every fact of the partition is older; an empty one counts as old once the head has passed it. */
async function isOlder(pool: Pool, partition: Partition, keepSeconds: number | null): Promise<boolean> {
  if (keepSeconds === null) return false
  const { rows } = await pool.query<{ older: boolean }>(
    `select coalesce(max(at) < now() - make_interval(secs => $1), true) as older
     from (select at from ${partition.name} order by seq desc limit 1) as newest`,
    [keepSeconds]
  )
  return rows[0]!.older
}

async function drop(pool: Pool, partition: Partition): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query(`begin; ${lockTimeout}; drop table if exists ${partition.name}; commit`)
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}
