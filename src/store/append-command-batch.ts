/** What the acceptance of a batch stores beside its commands, in the same statement. */

import type { CommandBatch } from '../command-batch.ts'
import type { Beside } from './accept-commands.ts'

/** A batch as accepted. */
export type NewBatch = Pick<
  CommandBatch,
  'id' | 'principal' | 'devices' | 'where' | 'name' | 'ratePerSecond' | 'stop' | 'refusals' | 'createdAt'
>

export const besideBatch = (batch: NewBatch): Beside => ({
  name: 'accept_batch',
  action: 'sendBatch',
  stored: batchSql,
  values: batchValues(batch)
})

const batchValues = (batch: NewBatch): unknown[] => [
  batch.id,
  batch.principal,
  JSON.stringify(batch.devices),
  batch.where,
  batch.name,
  batch.ratePerSecond,
  batch.stop?.failureShare ?? null,
  batch.stop?.after ?? null,
  JSON.stringify(batch.refusals),
  new Date(batch.createdAt).toISOString()
]

const batchSql = `
batched as (
  insert into batches (id, seq, principal, devices, "where", name, rate_per_second, stop_at_failure_share, stop_after,
    accepted, refusals, created_at)
  select $31::uuid, base + 1, $32::text, $33::json, $34::text, $35::text, $36::float8, $37::float8, $38::int4,
    (select count(*) from given), $39::json, $40::timestamptz
  from head where exists (select from given)
),`
