/** What rollups are by definition: each row from a list of its datapoints, in plain loops. */

import assert from 'node:assert/strict'
import { query } from './database.ts'

export interface ModelPoint {
  device: string
  metric: string
  topicId: number
  seq: number
  n: number
  observedAt: number
  number: number | null
}

/** A row, by names; times in milliseconds. */
export interface ModelRow {
  topicId: number | null
  count: number
  oldestSeq: number
  firstAt: number
  firstSeq: number
  firstN: number
  lastAt: number
  lastSeq: number
  lastN: number
  first: number
  last: number
  min: number
  max: number
  sum: number
  integral: number
  increase: number
}

export const modelLevels = [
  { level: 1, length: 60_000 },
  { level: 2, length: 3_600_000 },
  { level: 3, length: 86_400_000 }
]

export const keyOf = (device: string, metric: string, level: number, start: number): string =>
  `${device}/${metric} ${level} ${new Date(start).toISOString()}`

/** Which row of a level a datapoint is in. */
export const rowKey = (
  { device, metric, observedAt }: ModelPoint,
  { level, length }: (typeof modelLevels)[number]
): string => keyOf(device, metric, level, Math.floor(observedAt / length) * length)

export const inOrder = (a: ModelPoint, b: ModelPoint): number =>
  a.observedAt - b.observedAt || a.seq - b.seq || a.n - b.n

export function foldModel(points: readonly ModelPoint[]): ModelRow {
  const sorted = points.toSorted(inOrder)
  const [first, last] = [sorted[0]!, sorted.at(-1)!]
  const numbers = sorted.map(({ number }) => number!)
  // What a double cannot add up counts as infinite, and what it cannot divide as 0
  const summed = numbers.map((number) => (Math.abs(number) > 1e292 ? Math.sign(number) * Infinity : number))
  let [sum, integral, increase] = [0, 0, 0]
  for (const number of summed) sum += number
  for (let index = 1; index < sorted.length; index++) {
    const [from, to] = [summed[index - 1]!, summed[index]!]
    const seconds = (sorted[index]!.observedAt - sorted[index - 1]!.observedAt) / 1_000
    if (seconds > 0 && Math.abs(from) >= 1e-290) integral += from * seconds
    increase += numbers[index]! >= numbers[index - 1]! ? to - from : to
  }
  const topics = new Set(sorted.map(({ topicId }) => topicId))
  return {
    topicId: topics.size === 1 ? first.topicId : null,
    count: sorted.length,
    oldestSeq: Math.min(...sorted.map(({ seq }) => seq)),
    firstAt: first.observedAt,
    firstSeq: first.seq,
    firstN: first.n,
    lastAt: last.observedAt,
    lastSeq: last.seq,
    lastN: last.n,
    first: first.number!,
    last: last.number!,
    min: Math.min(...numbers),
    max: Math.max(...numbers),
    sum,
    integral,
    increase
  }
}

/** Every row that there should be. */
export function rollupModel(points: readonly ModelPoint[]): Map<string, ModelRow> {
  const groups = new Map<string, ModelPoint[]>()
  for (const point of points)
    if (point.number !== null)
      for (const level of modelLevels) {
        const key = rowKey(point, level)
        groups.set(key, [...(groups.get(key) ?? []), point])
      }
  return new Map([...groups].map(([key, all]) => [key, foldModel(all)]))
}

/** Rows of a projection as they are stored. */
export async function storedRollups(url: string, projection: number): Promise<Map<string, ModelRow>> {
  const rows = await query<Record<string, never>>(
    url,
    `select d.name as device, m.name as metric, r.* from rollups r join metrics m on m.id = r.metric_id
     join devices d on d.id = m.device_id where d.projection_id = $1`,
    [projection]
  )
  const integer = (value: unknown): number => Number(value)
  const time = (value: unknown): number => (value as Date).getTime()
  return new Map(
    rows.map((row) => [
      keyOf(row['device']!, row['metric']!, row['level']!, time(row['start'])),
      {
        topicId: row['topic_id'] === null ? null : integer(row['topic_id']),
        count: integer(row['count']),
        oldestSeq: integer(row['oldest_seq']),
        firstAt: time(row['first_at']),
        firstSeq: integer(row['first_seq']),
        firstN: integer(row['first_n']),
        lastAt: time(row['last_at']),
        lastSeq: integer(row['last_seq']),
        lastN: integer(row['last_n']),
        first: row['first']!,
        last: row['last']!,
        min: row['min']!,
        max: row['max']!,
        sum: row['sum']!,
        integral: row['integral']!,
        increase: row['increase']!
      }
    ])
  )
}

/**
 * Fails where a row is missing, is too many, or says something else. Sums may differ by what the order of adding makes,
 * 1e-9 of the largest that was added. Of rows in `mixed`, integral and increase are only known to be within their bounds.
 */
export function assertRollups(
  stored: ReadonlyMap<string, ModelRow>,
  expected: ReadonlyMap<string, ModelRow>,
  mixed: ReadonlySet<string> = new Set()
): void {
  assert.deepEqual([...stored.keys()].toSorted(), [...expected.keys()].toSorted())
  for (const [key, row] of expected) {
    const { sum, integral, increase, ...exact } = stored.get(key)!
    const { sum: sumWanted, integral: integralWanted, increase: increaseWanted, ...exactWanted } = row
    assert.deepEqual(exact, exactWanted, key)
    const largest = Math.max(Math.abs(row.min), Math.abs(row.max))
    near(sum, sumWanted, largest * row.count, `${key}: sum`)
    const seconds = (row.lastAt - row.firstAt) / 1_000
    if (mixed.has(key)) {
      const slack = 1e-9 * largest * seconds
      assert.ok(
        integral >= row.min * seconds - slack && integral <= row.max * seconds + slack,
        `${key}: integral ${integral} of ${seconds} s is out of ${row.min} to ${row.max}`
      )
    } else {
      near(integral, integralWanted, largest * seconds, `${key}: integral`)
      near(increase, increaseWanted, largest * 2 * row.count, `${key}: increase`)
    }
  }
}

function near(actual: number, wanted: number, scale: number, what: string): void {
  if (!Number.isFinite(wanted)) return assert.equal(actual, wanted, what)
  const difference = Math.abs(actual - wanted)
  assert.ok(difference <= 1e-9 * scale, `${what} is ${actual}, and should be ${wanted}`)
}

/** What a row says is what those of the finer level say together. */
export function assertCounts(stored: ReadonlyMap<string, ModelRow>): void {
  for (const { level, length } of modelLevels.slice(1)) {
    const sums = new Map<string, number>()
    for (const [key, { count }] of stored) {
      const [, name, its, start] = /^(.*) (\d) (\S+)$/.exec(key)!
      if (Number(its) !== level - 1) continue
      const [device, metric] = name!.split('/') as [string, string]
      const above = keyOf(device, metric, level, Math.floor(Date.parse(start!) / length) * length)
      sums.set(above, (sums.get(above) ?? 0) + count)
    }
    const counts = [...stored].filter(([key]) => key.includes(` ${level} `))
    assert.deepEqual(
      Object.fromEntries(counts.map(([key, { count }]) => [key, count])),
      Object.fromEntries(sums)
    )
  }
}

/** Rows that a marked hour is in, or that are in it. */
export async function markedKeys(url: string, projection: number): Promise<string[]> {
  const rows = await query<{ device: string; metric: string; start: Date }>(
    url,
    `select d.name as device, m.name as metric, k.start from rollup_marks k join metrics m on m.id = k.metric_id
     join devices d on d.id = m.device_id where d.projection_id = $1`,
    [projection]
  )
  return rows.flatMap(({ device, metric, start }) => {
    const hour = start.getTime()
    const minutes = Array.from({ length: 60 }, (_, minute) =>
      keyOf(device, metric, 1, hour + minute * 60_000)
    )
    const day = keyOf(device, metric, 3, Math.floor(hour / 86_400_000) * 86_400_000)
    return [...minutes, keyOf(device, metric, 2, hour), day]
  })
}
