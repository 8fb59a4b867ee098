/** A month of 500 series is one request and one statement, and each of its numbers is right. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boundaries, readBucket } from '../../src/history/buckets.ts'
import { readFunctions } from '../../src/history/functions.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { countStatements } from '../graphql/statements.ts'
import { fillHistory, valueOf } from '../support/history-data.ts'

const [series, days, seconds] = [500, 30, process.env['FULL'] === '1' ? 600 : 1_800]
const all: Access = { principal: 'test', mayRead: () => true, readsAll: true, mayPublish: () => true }

test('500 series by the hour, and by the day of a zone', async (t) => {
  const { store, from, to } = await fillHistory({ series, days, seconds })
  const read = (bucket: string, tz: string, source: 'raw' | null, limit = series) =>
    store.history.read(all, {
      devices: [],
      metrics: [],
      filters: [],
      deviceIds: null,
      boundaries: boundaries(readBucket(bucket, tz, defaultLimits), from, to, defaultLimits.bucketsMax),
      functions: readFunctions(['mean', 'max'], defaultLimits, 'fn'),
      fill: 'null',
      source,
      after: null,
      limit,
      now: to
    })
  const sent = countStatements(t)
  const page = await read('PT1H', 'UTC', null)
  assert.equal(sent().length, 1)
  assert.deepEqual([page.source, page.series.length, page.next], ['hour', series, null])
  const perHour = 3_600 / seconds
  for (const { metricId, columns } of page.series)
    for (let hour = 0; hour < days * 24; hour++) {
      const values = Array.from({ length: perHour }, (_, index) => valueOf(hour * perHour + index, metricId))
      const mean = values.reduce((sum, value) => sum + value, 0) / perHour
      assert.ok(Math.abs(columns[0]![hour]! - mean) < 1e-9, `mean of hour ${hour} of ${metricId}`)
      assert.equal(columns[1]![hour], Math.max(...values))
    }
  const local = await read('P1D', 'Asia/Kolkata', null)
  assert.equal(local.source, 'minute')
  const some = await read('P1D', 'Asia/Kolkata', 'raw', 20)
  some.series.forEach(({ metricId, columns }, index) => {
    assert.equal(local.series[index]!.metricId, metricId)
    for (const [number, column] of columns.entries())
      column.forEach((value, day) =>
        assert.ok(Math.abs(value! - local.series[index]!.columns[number]![day]!) < 1e-9, `day ${day}`)
      )
  })
})
