/** How long what is kept: classes of topics, which may be changed while the service runs, and what datapoints come to. */

import type { RollupLevel } from '../history/levels.ts'
import { rollupLevels } from '../history/levels.ts'
import type { Limits } from '../limits.ts'
import type { DroppedClass, Seq } from '../model.ts'
import { assignTopics } from './assign-topics.ts'
import type { Asking } from './audit.ts'
import { insertAudit, keepingAudit } from './audit.ts'
import { changeClass, markRemoved } from './change-class.ts'
import { checkKeep, checkSettings, noSuchClass } from './class-settings.ts'
import type { Database } from './database.ts'
import type { Partitions } from './partitions.ts'
import { inTransaction } from './projected-facts.ts'
import { defaultClass, readClasses, readDropped, systemClass } from './retention-classes.ts'

export interface RetentionLimits {
  /** From `retentionKeepSecondsMin` on. null: no limit. */
  keepSeconds: number | null
  /** From 1 on, of messages and their datapoints, with indexes. null: no limit. */
  keepBytes: number | null
}

export interface ClassSettings extends RetentionLimits {
  /** 1 to `filtersMax` topic filters; of the default class none. */
  filters: readonly string[]
}

export interface RetentionClass extends RetentionLimits {
  name: string
  /** None of `default`, which has all other topics, and of `system`, which has what is of no topic. */
  filters: string[]
  /** 1, 2, ...: a topic is of the first class with a filter that matches. null: the class is not asked by its filters. */
  position: number | null
  /** The newest message of it that was dropped: all up to here were. 0: none. */
  horizon: Seq
  /** What is kept of it takes, with indexes. */
  bytes: number
  /** That are of it now. */
  topics: number
  /** No topic is put in it any more; what it has goes as it says. */
  removed: boolean
}

/** Seconds; null: no limit. */
export type RollupKeep = Record<RollupLevel, number | null>

/**
 * Whoever asks for a change (`by`) stands in the audit, and must be one who may read all topics, else Problem `forbidden`.
 * Without it, it is the service that changes.
 */
export interface Retention {
  /** `system` first, then in the order in which they are asked, then `default`. */
  classes(): Promise<RetentionClass[]>
  /**
   * Makes a class, or changes it. Topics come to it in the next rounds of the retention job; messages that are there already
   * stay in the class that they came to. `default` takes no filters. Throws Problem `invalid_value` or `invalid_filter`.
   */
  setClass(name: string, settings: ClassSettings, by?: Asking): Promise<RetentionClass>
  /** Its topics go to other classes. Throws Problem `not_found`, also for `system` and `default`, which stay. */
  removeClass(name: string, by?: Asking): Promise<void>
  /** What is kept of each class takes, by its name, with indexes. */
  bytes(): Promise<Map<string, number>>
  /** Puts topics in their classes after a change, some at a time; returns how many changed. Can be repeated. */
  assignTopics(): Promise<number>
  /**
   * Classes of which something was dropped, and the topics that they had. Asked for after facts were read, it tells of all that
   * was not there.
   */
  dropped(): Promise<DroppedClass[]>
  rollups(): Promise<RollupKeep>
  /** Those that are absent stay as they are. Throws Problem `invalid_value`. */
  setRollups(keep: Partial<RollupKeep>, by?: Asking): Promise<RollupKeep>
}

export function createRetention(
  { pool, prisma }: Database,
  limits: Limits,
  partitions: Pick<Partitions, 'sizes' | 'makeAhead'>
): Retention {
  async function classes(): Promise<RetentionClass[]> {
    const [rows, sizes, topics] = await Promise.all([
      readClasses(pool),
      partitions.sizes(),
      prisma.topic.groupBy({ by: ['retentionClass'], where: { name: { not: '' } }, _count: true })
    ])
    const asked = rows.filter(({ id }) => id !== systemClass && id !== defaultClass)
    const inOrder = [...rows.filter(({ id }) => id === systemClass), ...asked]
    return [...inOrder, ...rows.filter(({ id }) => id === defaultClass)].map((row) => ({
      name: row.name,
      filters: row.filters,
      keepSeconds: row.keepSeconds,
      keepBytes: row.keepBytes,
      position:
        row.removed || !asked.includes(row) ? null : asked.filter(({ removed }) => !removed).indexOf(row) + 1,
      horizon: row.horizon,
      bytes: sizes.get(row.id) ?? 0,
      topics: topics.find(({ retentionClass }) => retentionClass === row.id)?._count ?? 0,
      removed: row.removed
    }))
  }

  async function rollups(): Promise<RollupKeep> {
    const rows = await prisma.rollupLevel.findMany()
    const keepOf = (level: number): number | null => {
      const seconds = rows.find((row) => row.level === level)?.keepSeconds ?? null
      return seconds === null ? null : Number(seconds)
    }
    return {
      minute: keepOf(rollupLevels.minute),
      hour: keepOf(rollupLevels.hour),
      day: keepOf(rollupLevels.day)
    }
  }

  return {
    classes,
    async bytes() {
      const [rows, sizes] = await Promise.all([readClasses(pool), partitions.sizes()])
      return new Map(rows.map(({ id, name }) => [name, sizes.get(id) ?? 0]))
    },
    async setClass(name, settings, by) {
      const audit = keepingAudit(by, { action: 'setRetentionClass', subject: name, detail: settings })
      checkSettings(name, settings, limits)
      await changeClass(pool, limits, name, settings, audit)
      await partitions.makeAhead()
      return (await classes()).find((one) => one.name === name)!
    },
    async removeClass(name, by) {
      const audit = keepingAudit(by, { action: 'removeRetentionClass', subject: name, detail: {} })
      if (name === 'system' || name === 'default') throw noSuchClass(name)
      await markRemoved(pool, name, audit)
    },
    dropped: () => readDropped(pool),
    assignTopics: () => assignTopics(pool, limits),
    rollups,
    async setRollups(keep, by) {
      const audit = keepingAudit(by, { action: 'setRollupRetention', subject: 'rollups', detail: keep })
      for (const [name, seconds] of Object.entries(keep)) checkKeep(name, seconds, limits)
      await inTransaction(pool, async (client) => {
        for (const [name, seconds] of Object.entries(keep))
          await client.query('update rollup_levels set keep_seconds = $2 where name = $1', [name, seconds])
        await insertAudit(client, audit)
      })
      return rollups()
    }
  }
}
