/** One page of an export of datapoints: the next rows in the order of the journal, and which of them are meant. */

import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Millis, Seq } from '../model.ts'
import { int8Array } from './binary.ts'
import type { Pool } from './database.ts'
import type { DatapointExportAsk } from './export.ts'
import { filterCondition } from './filter-sql.ts'
import type { DatapointRow } from './projected-rows.ts'
import { datapointColumns, toDatapoint } from './projected-rows.ts'
import { seriesCondition } from './series.ts'

export interface DatapointScan extends DatapointExportAsk {
  projection: number
  /** Ids of the devices that are meant; null: whichever. */
  devicesIn: readonly number[] | null
  /** The newest message that is meant. */
  until: Seq
}

/** Behind this datapoint, and how many to look at. */
export interface ScanPlace {
  seq: Seq
  /** Infinity: behind all of the message. */
  n: number
  rows: number
}

interface ScannedRow extends DatapointRow {
  /** The last one looked at, and how many were. */
  end_seq: Seq
  end_n: number
  looked: number
  /** How many of them are meant, up to the bound; null where none is, and the row has nothing else. */
  found: number | null
}

/** For Postgres, behind all of a message. */
const behindAll = 2 ** 31 - 1

/**
 * Few rows are looked at where nearly all of them are meant, and up to `pageRowsScannedMax` where hardly any is: so a page
 * is bounded, and all pages together read each row about once.
 */
export async function scanDatapoints(
  pool: Pool,
  limits: Limits,
  scan: DatapointScan,
  place: ScanPlace
): Promise<{ items: Datapoint[]; next: ScanPlace | null }> {
  const { exportPageRowsMax: rowsMax, exportPageBytesMax: bytesMax, pageRowsScannedMax } = limits
  const { seq, n, rows: rowsToLookAt } = place
  const values: unknown[] = [scan.projection, seq, Math.min(n, behindAll), scan.until]
  values.push(rowsToLookAt, rowsMax, bytesMax)
  const { rows } = await pool.query<ScannedRow>(scanSql(conditionOf(scan, values)), values)
  const end = rows[0]
  if (end === undefined) return { items: [], next: null }
  const found = end.found === null ? [] : rows
  if (end.found === rowsMax || found.length < (end.found ?? 0))
    return upToLastMessage(found, Math.max(rowsMax, rowsToLookAt >> 1))
  const more = found.length * 2 < end.looked ? Math.min(rowsToLookAt * 2, pageRowsScannedMax) : rowsToLookAt
  return {
    items: found.map(toDatapoint),
    next: end.looked < rowsToLookAt ? null : { seq: end.end_seq, n: end.end_n, rows: more }
  }
}

/** A message that does not fit is read again, as a whole if it fits into a page: a redrive may change it meanwhile. */
function upToLastMessage(
  found: readonly ScannedRow[],
  rows: number
): { items: Datapoint[]; next: ScanPlace } {
  const last = found.at(-1)!
  const whole = found.filter(({ seq }) => seq < last.seq)
  return whole.length > 0
    ? { items: whole.map(toDatapoint), next: { seq: last.seq - 1, n: Infinity, rows } }
    : { items: found.map(toDatapoint), next: { seq: last.seq, n: last.n, rows } }
}

function conditionOf({ filters, from, to, devicesIn, ...series }: DatapointScan, values: unknown[]): string {
  const conditions = [seriesCondition(series, values), filterCondition(filters, values)]
  if (devicesIn !== null) conditions.push(`d.id = any ($${values.push(int8Array(devicesIn))}::int8[])`)
  if (from !== null) conditions.push(`p.observed_at >= $${values.push(toTimestamp(from))}::timestamptz`)
  if (to !== null) conditions.push(`p.observed_at < $${values.push(toTimestamp(to))}::timestamptz`)
  return conditions.filter((condition) => condition !== 'true').join(' and ') || 'true'
}

/** Within the years that are written with four digits. */
const toTimestamp = (at: Millis): string => new Date(Math.min(at, lastAt)).toISOString()
const lastAt = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * Lengths are known without reading what is long. The rows are numbers in the order of the index, so that names are only
 * looked up for those that were looked at. `seq >= $2` leaves out partitions.
 */
const scanSql = (condition: string): string => `
  with scanned as materialized (
    select * from datapoints
    where projection_id = $1::int2 and seq >= $2::int8 and (seq, n) > ($2::int8, $3::int4) and seq <= $4::int8
    order by seq, n limit $5
  ), last as (
    select seq as end_seq, n as end_n, (select count(*) from scanned) as looked
    from scanned order by seq desc, n desc limit 1
  ), found as (
    select ${datapointColumns} from scanned p join metrics m on m.id = p.metric_id
    join devices d on d.id = m.device_id join topics t on t.id = p.topic_id
    where t.name <> '' and ${condition}
    order by p.seq, p.n limit $6
  ), counted as (
    select *, count(*) over () as found, coalesce(sum(octet_length(exact)) over (
      order by seq, n rows between unbounded preceding and 1 preceding), 0) as bytes_before
    from found
  )
  select * from last
  left join counted on bytes_before = 0 or bytes_before + coalesce(octet_length(exact), 0) <= $7
  order by seq, n`
