/**
 * `npm run bench history`: a month of 500 series by the hour, from rollups and from datapoints, beside SQL that is written
 * for this one question. Rounds of all ways alternate, and what is compared are their medians.
 */

import pg from 'pg'
import { boundaries, readBucket } from '../src/history/buckets.ts'
import { readFunctions } from '../src/history/functions.ts'
import { defaultLimits } from '../src/limits.ts'
import type { Access } from '../src/model.ts'
import type { HistoryAsk } from '../src/store/history.ts'
import { fillHistory } from '../test/support/history-data.ts'
import { median } from './ingest.ts'

const [series, days, seconds] = [500, 30, 600]
const rounds = 3

const all: Access = { principal: 'bench', mayRead: () => true, readsAll: true, mayPublish: () => true }

export async function benchHistory(write: (line: string) => void): Promise<object[]> {
  const { url, store, from, to } = await fillHistory({ series, days, seconds })
  const client = new pg.Client(url)
  await client.connect()
  const ask = (fn: string, source: 'raw' | null): HistoryAsk => ({
    devices: [],
    metrics: [],
    filters: [],
    deviceIds: null,
    boundaries: boundaries(readBucket('PT1H', 'UTC', defaultLimits), from, to, defaultLimits.bucketsMax),
    functions: readFunctions([fn], defaultLimits, 'fn'),
    fill: 'null',
    source,
    after: null,
    limit: series,
    now: to
  })
  const ways: Record<string, () => Promise<unknown>> = {
    'mean by SQL on datapoints': () => client.query(bareSql, [new Date(from), new Date(to)]),
    'mean from datapoints': () => store.history.read(all, ask('mean', 'raw')),
    'mean from rollups': () => store.history.read(all, ask('mean', null)),
    'timeWeightedMean from rollups': () => store.history.read(all, ask('timeWeightedMean', null))
  }
  const times = new Map<string, number[]>(Object.keys(ways).map((way) => [way, []]))
  for (let round = 0; round < rounds; round++)
    for (const [way, work] of Object.entries(ways)) {
      const begun = performance.now()
      await work()
      times.get(way)!.push(performance.now() - begun)
    }
  await client.end()
  const bare = median(times.get('mean by SQL on datapoints')!)
  return [...times].map(([way, taken]) => {
    const milliseconds = Math.round(median(taken))
    const ofSql = Number((milliseconds / bare).toFixed(3))
    write(`${String(milliseconds).padStart(8)} ms ${String(ofSql).padStart(8)} of the SQL   ${way}`)
    return { way, series, days, seconds, milliseconds, ofSql }
  })
}

const bareSql = `
  select metric_id, date_bin('1 hour', observed_at, 'epoch') as start, avg(number) as mean from datapoints
  where observed_at >= $1 and observed_at < $2 and metric_id in (select id from metrics) group by 1, 2`
