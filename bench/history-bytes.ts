/**
 * `npm run bench history-bytes`: what a datapoint takes on the disk, and what is left of it as it is rolled up, with their
 * indexes. One metric has a datapoint every ten minutes, so a minute that has one has no other.
 */

import { query } from '../test/support/database.ts'
import { fillHistory } from '../test/support/history-data.ts'

const [series, days, seconds] = [50, 30, 600]

export async function benchHistoryBytes(write: (line: string) => void): Promise<object[]> {
  const { url } = await fillHistory({ series, days, seconds })
  await query(url, 'vacuum full')
  const [datapoints] = await query<{ count: string }>(url, 'select count(*) from datapoints')
  const results: object[] = []
  for (const [what, pattern, table, condition] of kinds) {
    const [size] = await query<{ bytes: string }>(
      url,
      `select sum(pg_total_relation_size(oid)) as bytes from pg_class where relkind = 'r' and relname ~ '${pattern}'`
    )
    const [rows] = await query<{ count: string }>(url, `select count(*) from ${table} where ${condition}`)
    const bytesPerRow = Math.round(Number(size!.bytes) / Number(rows!.count))
    const bytesPerDatapoint = Number((Number(size!.bytes) / Number(datapoints!.count)).toFixed(1))
    write(
      `${String(bytesPerRow).padStart(6)} B a row ${String(bytesPerDatapoint).padStart(8)} B a datapoint   ${what}`
    )
    results.push({ what, series, days, seconds, bytesPerRow, bytesPerDatapoint })
  }
  return results
}

const kinds = [
  ['datapoints', '^datapoints_', 'datapoints', 'true'],
  ['minutes', '^rollups_minute', 'rollups', 'level = 1'],
  ['hours', '^rollups_hour', 'rollups', 'level = 2'],
  ['days', '^rollups_day', 'rollups', 'level = 3']
] as const
