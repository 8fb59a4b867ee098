/**
 * The journal's partitions, of each class of retention: made ahead of the head, and dropped when they are past the limits of
 * their class, after their last word is carried forward.
 */

import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import { carryForward } from './carry-forward.ts'
import type { Database } from './database.ts'
import type { DatapointPartitions } from './datapoint-partitions.ts'
import { dropClass } from './drop-class.ts'
import { LockedError, attachSql, boundSql, createPartitionDdl } from './partition-ddl.ts'
import { changeClass } from './change-class.ts'
import { newestOf } from './partition-age.ts'
import type { RetentionLimits } from './retention.ts'
import type { ClassRow } from './retention-classes.ts'
import { readClasses, systemClass, unprojectedFactor } from './retention-classes.ts'

export interface Partition {
  name: string
  class: number
  /** Facts with from <= seq < to. */
  from: Seq
  to: Seq
  bytes: number
}

export interface Partitions {
  /** Sets what RIALTO_RETENTION says for topics without a class of their own. */
  setDefault(limits: RetentionLimits): Promise<void>
  /** Makes those that the head will need soon. Safe to run twice, and in two instances. */
  makeAhead(): Promise<void>
  /** Drops what is past its limits; returns the names. */
  dropExpired(): Promise<string[]>
  /** Bytes of each class by its id, with datapoints and indexes. */
  sizes(): Promise<Map<number, number>>
}

/** A class sees only its own share of the sequence; the system's facts are few. */
const systemSpanFactor = 20

export function createPartitions(
  { pool }: Database,
  limits: Limits,
  datapoints: DatapointPartitions
): Partitions {
  const ddl = createPartitionDdl(pool, limits)
  const spanOf = (retentionClass: number): number =>
    limits.partitionRowsMax * (retentionClass === systemClass ? systemSpanFactor : 1)

  async function list(): Promise<Partition[]> {
    const { rows } = await pool.query<Partition>(listSql)
    return rows
  }

  const make = (id: number, from: Seq): Promise<void> =>
    ddl.run(
      attachSql(
        `journal_class_${id}_${String(from).padStart(15, '0')}`,
        `journal_class_${id}`,
        `from (${from}) to (${from + spanOf(id)})`
      )
    )

  async function makeTables(classes: readonly ClassRow[]): Promise<void> {
    const { rows } = await pool.query<{ name: string }>(
      `select relname as name from pg_inherits join pg_class on oid = inhrelid where inhparent = 'journal'::regclass`
    )
    for (const { id } of classes)
      if (!rows.some(({ name }) => name === `journal_class_${id}`))
        await ddl.run(attachSql(`journal_class_${id}`, 'journal', `in (${id})`, 'partition by range (seq)'))
  }

  async function makeAhead(): Promise<void> {
    const classes = await readClasses(pool)
    await makeTables(classes)
    const { rows } = await pool.query<{ seq: Seq }>('select seq from journal_head where shard = 0')
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

  async function sizes(): Promise<Map<number, number>> {
    const found = new Map<number, number>()
    for (const one of [...(await list()), ...(await datapoints.list())])
      found.set(one.class, (found.get(one.class) ?? 0) + one.bytes)
    return found
  }

  async function dropExpired(): Promise<string[]> {
    const classes = await readClasses(pool)
    const { rows } = await pool.query<{ seq: Seq; projected: Seq }>(progressSql)
    const { seq, projected } = rows[0]!
    let existing = await list()
    const dropped: string[] = []
    let locked: LockedError | null = null
    for (const { id, keepSeconds, keepBytes } of classes) {
      const closed = existing.filter((partition) => partition.class === id && partition.to <= seq)
      let points = (await datapoints.list()).filter((partition) => partition.class === id)
      let bytes = total(existing.filter((partition) => partition.class === id)) + total(points)
      for (const partition of closed) {
        const factor = partition.to - 1 <= projected ? 1 : unprojectedFactor
        const newest = await newestOf(pool, partition)
        const tooMuch = keepBytes !== null && bytes > keepBytes * factor
        const tooOld = keepSeconds !== null && (newest?.seconds ?? 0) > keepSeconds * factor
        if (newest !== null && !tooMuch && !tooOld) break
        existing = existing.filter((one) => one !== partition)
        await carryForward(pool, partition, newest, horizonOf(classes, existing))
        try {
          await ddl.run(`drop table if exists ${partition.name}`)
        } catch (error) {
          // Whoever holds this one holds up no other class; the next round comes to it again
          if (!(error instanceof LockedError)) throw error
          locked = error
          break
        }
        bytes -= partition.bytes + total(points.filter(({ to }) => to <= partition.to))
        points = points.filter(({ to }) => to > partition.to)
        dropped.push(partition.name)
      }
    }
    if (locked !== null && dropped.length === 0) throw locked
    await datapoints.dropBehind()
    await pool.query(forgetPastSql)
    for (const { id, removed } of classes) if (removed) await dropClass(pool, limits, datapoints, id)
    return dropped
  }

  return {
    setDefault: (keep) => changeClass(pool, limits, 'default', { ...keep, filters: [] }),
    makeAhead,
    dropExpired,
    sizes
  }
}

/** Up to where all of every class but the system's is gone. */
function horizonOf(classes: readonly ClassRow[], partitions: readonly Partition[]): Seq {
  const oldest = classes
    .filter(({ id }) => id !== systemClass)
    .flatMap(({ id }) => {
      const begins = partitions.filter((partition) => partition.class === id).map(({ from }) => from)
      return begins.length > 0 ? [Math.min(...begins) - 1] : []
    })
  return oldest.length > 0 ? Math.max(0, Math.min(...oldest)) : 0
}

/** Projections that are kept up to date may lag behind the head; without mappings, what matters to them is imported. */
const progressSql = `
  select seq, coalesce((
    select min(done_seq) from projections p where state in ('building', 'current')
      and (mapping_text <> '' or exists (select from imports i where i.last_seq > p.done_seq))
  ), seq) as projected
  from journal_head where shard = 0`

/** Filters of before matter to those who may still read from then. */
const forgetPastSql = `
  update retention_classes set past_filters = '[]' from journal_head h
  where h.shard = 0 and changed_seq <= h.horizon and h.class_topic_id is null and past_filters::text is distinct from '[]'`

const total = (partitions: ReadonlyArray<{ bytes: number }>): number =>
  partitions.reduce((sum, one) => sum + one.bytes, 0)

/** Leaf partitions, oldest first, with their bounds as Postgres keeps them. */
const listSql = `
  select leaf.relname as name, substring(parent.relname from '\\d+$')::int as class,
    ${boundSql('FROM')} as "from", ${boundSql('TO')} as "to", pg_total_relation_size(leaf.oid) as bytes
  from pg_inherits classes
  join pg_class parent on parent.oid = classes.inhrelid
  join pg_inherits leaves on leaves.inhparent = parent.oid
  join pg_class leaf on leaf.oid = leaves.inhrelid
  where classes.inhparent = 'journal'::regclass
  order by class, "from"`
