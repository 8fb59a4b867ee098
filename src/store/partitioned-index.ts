/**
 * An index that is made while others write, of a table with partitions, too, where Postgres has no `concurrently`: of the
 * parent alone at first, so that partitions to come have it, then of each that is there. Interrupted, it goes on.
 */

import type pg from 'pg'
import type { IndexStatement } from './migration-text.ts'
import type { Hindrance } from './run-migration.ts'

/** In a transaction that lets nobody wait for long. */
type Bounded = (sql: string) => Promise<Hindrance>

interface Child {
  oid: number
  name: string
}

export async function makeIndex(
  client: pg.Client,
  index: IndexStatement,
  bounded: Bounded
): Promise<Hindrance> {
  const { unique, name, table, rest } = index
  const { rows } = await client.query<{ relkind: string }>(
    'select relkind from pg_class where oid = $1::regclass',
    [table]
  )
  if (rows[0]!.relkind !== 'p') {
    await dropUnfinished(client, name)
    await client.query(`create ${unique}index concurrently if not exists ${name} on ${table} ${rest}`)
    return null
  }
  const hindrance = await bounded(`create ${unique}index if not exists ${name} on only ${table} ${rest}`)
  if (hindrance !== null) return hindrance
  for (const child of await childrenWithout(client, table, name)) {
    const own = `${name}_${child.oid}`
    const made = await makeIndex(client, { unique, name: own, table: child.name, rest }, bounded).catch(
      orGone
    )
    if (made === 'gone') continue
    const attached = made ?? (await bounded(`alter index ${name} attach partition ${own}`).catch(orGone))
    if (attached !== null && attached !== 'gone') return attached
  }
  return null
}

/** Retention dropped the partition meanwhile. */
function orGone(error: unknown): 'gone' {
  if (/^42(P01|704)$/.test(String((error as { code?: unknown }).code))) return 'gone'
  throw error
}

async function childrenWithout(client: pg.Client, table: string, index: string): Promise<Child[]> {
  const { rows } = await client.query<Child>(
    `select c.oid, c.oid::regclass::text as name
     from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = $1::regclass and not exists (
       select from pg_index x join pg_inherits a on a.inhrelid = x.indexrelid
       where x.indrelid = c.oid and a.inhparent = $2::regclass and x.indisvalid)
     order by c.oid`,
    [table, index]
  )
  return rows
}

/** What an attempt that was cut off left. It would be taken for the index. */
async function dropUnfinished(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query(
    'select from pg_index where indexrelid = to_regclass($1) and not indisvalid',
    [name]
  )
  if (rows.length > 0) await client.query(`drop index concurrently ${name}`)
}
