/** Changes to classes of retention: one at a time, and topics are looked at anew after each. */

import type { Limits } from '../limits.ts'
import { withoutCovered } from '../topic.ts'
import type { AuditEntry } from './audit.ts'
import { insertAudit } from './audit.ts'
import { noSuchClass, refuse } from './class-settings.ts'
import type { Pool, PoolClient } from './database.ts'
import { inTransaction } from './projected-facts.ts'
import type { ClassSettings } from './retention.ts'
import type { ClassRow } from './retention-classes.ts'
import { defaultClass, readClasses, systemClass } from './retention-classes.ts'

/** The system's facts tell of gaps, commands and presence. */
const systemKeepSecondsMin = 90 * 86_400

type ChangeLimits = Pick<Limits, 'retentionClassesMax' | 'filtersMax'>

/** Throws Problem `invalid_value` where there are too many. Its partitions are made afterwards. */
export async function changeClass(
  pool: Pool,
  limits: ChangeLimits,
  name: string,
  settings: ClassSettings,
  audit: AuditEntry | null = null
): Promise<void> {
  await changing(pool, audit, async (client, classes) => {
    const known = classes.find((one) => one.name === name)
    const id = known?.id ?? (await insertClass(client, limits, classes, name))
    const filters = [...settings.filters]
    const changed = known === undefined || known.removed || !isSame(known.filters, filters)
    await client.query(
      `update retention_classes set keep_seconds = $2, keep_bytes = $3, filters = $4, past_filters = $5, removed = false
       where id = $1`,
      [
        id,
        settings.keepSeconds,
        settings.keepBytes,
        JSON.stringify(filters),
        toJson(known === undefined ? [] : pastOf(known, limits))
      ]
    )
    if (changed && id !== defaultClass) await lookAtTopics(client, id)
  })
}

/** Throws Problem `not_found`. */
export async function markRemoved(pool: Pool, name: string, audit: AuditEntry | null): Promise<void> {
  await changing(pool, audit, async (client, classes) => {
    const known = classes.find((one) => one.name === name && !one.removed)
    if (known === undefined) throw noSuchClass(name)
    await client.query(
      `update retention_classes set filters = '[]', past_filters = $2, removed = true where id = $1`,
      [known.id, toJson(pastOf(known, { filtersMax: Infinity }))]
    )
    await lookAtTopics(client, known.id)
  })
}

/** The row of the system's class is the lock of all. Facts of its own stay at least as long as those of the longest class. */
async function changing(
  pool: Pool,
  audit: AuditEntry | null,
  work: (client: PoolClient, classes: ClassRow[]) => Promise<void>
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query(`select from retention_classes where id = ${systemClass} for no key update`)
    await work(client, await readClasses(client))
    await insertAudit(client, audit)
    const others = (await readClasses(client)).filter(({ id }) => id !== systemClass)
    const longest = others.some(({ keepSeconds }) => keepSeconds === null)
      ? null
      : Math.max(systemKeepSecondsMin, ...others.map(({ keepSeconds }) => keepSeconds!))
    await client.query(`update retention_classes set keep_seconds = $1 where id = ${systemClass}`, [longest])
  })
}

async function insertClass(
  client: PoolClient,
  { retentionClassesMax: max }: ChangeLimits,
  classes: readonly ClassRow[],
  name: string
): Promise<number> {
  const own = classes.filter(({ id }) => id !== systemClass && id !== defaultClass)
  if (own.length >= max)
    throw refuse(
      'name',
      `would be one class too many: there may be ${max}, with those that were removed and still have messages`
    )
  const id = Math.max(...classes.map((one) => one.id)) + 1
  const position = Math.max(0, ...own.map((one) => one.position)) + 1
  await client.query('insert into retention_classes (id, name, position) values ($1, $2, $3)', [
    id,
    name,
    position
  ])
  return id
}

/** Topics are put in their classes anew, and whoever remembers their classes asks again. */
async function lookAtTopics(client: PoolClient, id: number): Promise<void> {
  await client.query(
    `with head as (
       update journal_head set class_topic_id = 0, forgets = forgets + 1 where shard = 0 returning seq
     )
     update retention_classes set changed_seq = (select seq from head) where id = $1`,
    [id]
  )
}

/** All filters that facts of the class may be of; null: any. */
function pastOf(
  { filters, pastFilters }: ClassRow,
  { filtersMax }: Pick<Limits, 'filtersMax'>
): string[] | null {
  if (pastFilters === null) return null
  const all = withoutCovered([...filters, ...pastFilters])
  return all.length > filtersMax * 2 ? null : all
}

const toJson = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other)
