/** Classes of retention as they are stored, and which of them a topic belongs to. */

import type { DroppedClass, Millis, Seq } from '../model.ts'
import { compileFilters } from '../topic.ts'
import type { Pool, PoolClient } from './database.ts'

/** Its facts have no topics. */
export const systemClass = 0
/** Of topics that no other class has a filter for. */
export const defaultClass = 1

/** What is not projected, or not rolled up yet, is kept, unless it is so many times over the limits of its class. */
export const unprojectedFactor = 2

export interface ClassRow {
  id: number
  name: string
  keepSeconds: number | null
  keepBytes: number | null
  filters: string[]
  /** Others that it had, and that facts of it may still be of; null: any. */
  pastFilters: string[] | null
  position: number
  /** All of it up to here was dropped; 0: nothing was. */
  horizon: Seq
  horizonAt: Millis | null
  removed: boolean
}

/** In the order in which they are asked: the default class last, the system's not among those. */
export async function readClasses(client: Pool | PoolClient): Promise<ClassRow[]> {
  const { rows } = await client.query<Omit<ClassRow, 'horizonAt'> & { horizonAt: Date | null }>({
    name: 'retention_classes',
    text: classesSql
  })
  return rows.map((row) => ({ ...row, horizonAt: row.horizonAt?.getTime() ?? null }))
}

const classesSql = `
  select id, name, keep_seconds as "keepSeconds", keep_bytes as "keepBytes", filters, past_filters as "pastFilters",
    position, horizon, horizon_at as "horizonAt", removed
  from retention_classes order by id = ${defaultClass}, position, id`

/** The class of a topic: the first with a filter that matches, or else the default class. Pure. */
export function compileClasses(
  classes: ReadonlyArray<Pick<ClassRow, 'id' | 'filters'>>
): (topic: string) => number {
  const asked = classes
    .filter(({ filters }) => filters.length > 0)
    .map(({ id, filters }) => ({ id, matches: compileFilters(filters) }))
  return (topic) => asked.find(({ matches }) => matches(topic))?.id ?? defaultClass
}

/** See Retention.dropped. What is up to the horizon of the journal is not shown of the system, either. */
export async function readDropped(pool: Pool): Promise<DroppedClass[]> {
  const { rows } = await pool.query<{ horizon: Seq }>({
    name: 'horizon',
    text: 'select horizon from journal_head where shard = 0'
  })
  const classes = (await readClasses(pool)).map((one) => ({
    name: one.name,
    horizon: one.id === systemClass ? Math.max(one.horizon, rows[0]!.horizon) : one.horizon,
    filters: filtersEver(one)
  }))
  return classes.filter(({ horizon }) => horizon > 0)
}

function filtersEver({ id, filters, pastFilters }: ClassRow): string[] | null {
  if (id === systemClass) return []
  return id === defaultClass || pastFilters === null ? null : [...filters, ...pastFilters]
}
