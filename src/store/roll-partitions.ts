/** Partitions of rollups: by level, then by start. Made when a row needs one, dropped when all of it is past its time. */

import type { RollupLevel } from '../history/levels.ts'
import { levelMillis, rollupLevels } from '../history/levels.ts'
import type { Millis } from '../model.ts'
import type { Pool } from './database.ts'
import type { DdlLimits } from './partition-ddl.ts'
import { createPartitionDdl } from './partition-ddl.ts'

export interface RollupPartitions {
  /** Makes those that the times of datapoints need. Safe to run twice, and in two instances. */
  makeFor(times: ReadonlyArray<{ level: RollupLevel; at: Millis }>): Promise<void>
  /** Drops those that are past how long their level is kept; returns their names. */
  dropPast(now: Millis): Promise<string[]>
}

/** So that a level that is kept long has no more than some hundred, and what is dropped at once is not much. */
const spanMillis: Record<RollupLevel, Millis> = {
  minute: 7 * levelMillis.day,
  hour: 90 * levelMillis.day,
  day: 1_826 * levelMillis.day
}

/** The row of the current period is updated again and again: on the same page, where there is room. */
const fillFactors: Record<RollupLevel, number> = { minute: 85, hour: 70, day: 70 }

/** Where the partition begins that a time is in. */
export const partitionStart = (level: RollupLevel, at: Millis): Millis =>
  Math.floor(at / spanMillis[level]) * spanMillis[level]

export function createRollupPartitions(pool: Pool, limits: DdlLimits): RollupPartitions {
  const { run } = createPartitionDdl(pool, limits)

  async function exists(name: string): Promise<boolean> {
    const { rows } = await pool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [
      name
    ])
    return rows[0]!.there
  }

  return {
    async makeFor(times) {
      const wanted = new Map<string, { level: RollupLevel; from: Millis }>()
      for (const { level, at } of times) {
        const from = partitionStart(level, at)
        wanted.set(nameOf(level, from), { level, from })
      }
      for (const [name, { level, from }] of wanted) {
        const parent = `rollups_${level}`
        if (!(await exists(parent)))
          await run(
            `create table ${parent} partition of rollups for values in (${rollupLevels[level]})
             partition by range (start)`
          )
        if (await exists(name)) continue
        // Attaching one that is there already lets everybody read and write on; creating it in its place would not
        await run(
          `create table ${name} (like ${parent} including all) with (fillfactor = ${fillFactors[level]});
           alter table ${parent} attach partition ${name}
             for values from (${literal(from)}) to (${literal(from + spanMillis[level])})`
        )
      }
    },

    async dropPast(now) {
      const { rows } = await pool.query<{ name: string; level: RollupLevel; keep: number | null }>(listSql)
      const past = rows.filter(({ name, level, keep }) => {
        if (keep === null) return false
        return startOf(name) + spanMillis[level] <= now - keep * 1_000
      })
      for (const { name } of past) await run(`drop table if exists ${name}`)
      return past.map(({ name }) => name)
    }
  }
}

/** rollups_minute_20261127, by the day that it begins at. */
const nameOf = (level: RollupLevel, from: Millis): string =>
  `rollups_${level}_${new Date(from).toISOString().slice(0, 10).replaceAll('-', '')}`

const startOf = (name: string): Millis => {
  const [, year, month, day] = /(\d{4})(\d\d)(\d\d)$/.exec(name)!
  return Date.parse(`${year}-${month}-${day}T00:00:00Z`)
}

const literal = (at: Millis): string => `'${new Date(at).toISOString()}'`

const listSql = `
  select leaf.relname as name, l.name as level, l.keep_seconds as keep
  from rollup_levels l join pg_class parent on parent.oid = to_regclass('rollups_' || l.name)
  join pg_inherits leaves on leaves.inhparent = parent.oid
  join pg_class leaf on leaf.oid = leaves.inhrelid
  order by leaf.relname`
