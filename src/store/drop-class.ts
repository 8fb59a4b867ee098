/** The end of a class that was removed: when nothing is in it any more, and nobody needs to be told what it had. */

import type { Limits } from '../limits.ts'
import type { Pool } from './database.ts'
import type { DatapointPartitions } from './datapoint-partitions.ts'
import { createPartitionDdl } from './partition-ddl.ts'

export async function dropClass(
  pool: Pool,
  limits: Limits,
  datapoints: DatapointPartitions,
  id: number
): Promise<void> {
  const { rows } = await pool.query<{ empty: boolean }>(emptySql, [id])
  if (!rows[0]!.empty) return
  await datapoints.dropClass(id)
  // Looked at again, under the lock of those who change classes, with the table locked against appends: both may have come since
  await createPartitionDdl(pool, limits).run(`
    do $$ begin
      perform from retention_classes where id = 0 for no key update;
      lock table only journal;
      lock table journal_class_${id};
      if (${emptySql.replaceAll('$1', String(id))}) then
        delete from retention_classes where id = ${id};
        drop table journal_class_${id};
      end if;
    end $$`)
}

// Until a position is expired for all, who reads behind it is told by the class what is missing
const emptySql = `
  select removed and horizon <= (select h.horizon from journal_head h where shard = 0)
    and not exists (select from journal where retention_class = $1)
    and not exists (select from topics where retention_class = $1) as empty
  from retention_classes where id = $1`
