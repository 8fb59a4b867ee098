/** Buckets of random series equal those that are calculated the long way, however much of them is rolled up. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NormalizedDatapoint } from '../../src/datapoints.ts'
import { boundaries, readBucket } from '../../src/history/buckets.ts'
import type { Fill } from '../../src/history/functions.ts'
import { functionKinds, readFunctions } from '../../src/history/functions.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { readNamePattern } from '../../src/predicate/name-pattern.ts'
import pg from 'pg'
import { atEnd } from '../support/cleanup.ts'
import type { Point } from '../support/history-reference.ts'
import { reference } from '../support/history-reference.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import { openTestStore } from '../support/store.ts'

const runs = process.env['FULL'] === '1' ? 1_000 : 100
const hour = 3_600_000
const topicNames = ['a/x', 'a/y', 'b/x']

/** An instant at which clocks are set, and zones with another idea of hours and days. */
const places = [
  ['UTC', '2024-01-01T00:00:00Z'],
  ['Europe/Berlin', '2024-03-31T01:00:00Z'],
  ['Europe/Berlin', '2024-10-27T01:00:00Z'],
  ['America/New_York', '2024-11-03T06:00:00Z'],
  ['Australia/Lord_Howe', '2024-04-06T15:00:00Z'],
  ['Australia/Lord_Howe', '2024-10-05T15:30:00Z'],
  ['Asia/Kolkata', '2024-06-01T00:00:00Z']
] as const

interface Said {
  metric: string
  topic: number
  at: number
  value: number | null
}

/** Times near the instant, many of them at whole hours, so that they meet one another and boundaries. */
const times = fc.oneof(
  fc.integer({ min: -30, max: 30 }).map((hours) => hours * hour),
  fc.integer({ min: -60, max: 60 }).map((halves) => (halves * hour) / 2 - 1),
  { weight: 4, arbitrary: fc.integer({ min: -2 * hour, max: 2 * hour }) },
  fc.integer({ min: -30 * hour, max: 30 * hour }),
  fc.integer({ min: -80 * hour, max: 80 * hour }),
  fc.integer({ min: -10 * 60_000, max: 10 * 60_000 })
)

const said = fc.record<Said>({
  metric: fc.constantFrom('d1/m1', 'd1/m2', 'd2/m1'),
  topic: fc.constantFrom(0, 0, 0, 1, 2),
  at: times,
  value: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: -100, max: 1_000 }).map((tenths) => tenths / 10) },
    { weight: 1, arbitrary: fc.constant(null) }
  )
})

const question = fc.record({
  messages: fc.array(fc.array(said, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 }),
  place: fc.constantFrom(...places),
  bucket: fc.constantFrom(
    'PT10S',
    'PT1M',
    'PT15M',
    'PT30M',
    'PT1H',
    'PT2H',
    'P1D',
    'PT15M',
    'PT1H',
    'PT2H',
    'PT6H',
    'P1D',
    'P2D',
    'P1W',
    'P1M'
  ),
  from: times,
  length: fc.integer({ min: 1, max: 60 * hour }),
  now: times,
  fill: fc.constantFrom<Fill>('null', 'previous', 'linear'),
  percentiles: fc.constantFrom(false, false, false, true),
  raw: fc.constantFrom(false, false, false, true),
  rolled: fc.double({ min: 0, max: 1, noNaN: true }),
  /** Numbers of datapoints whose hours are marked. */
  marked: fc.array(fc.nat(), { maxLength: 3 }),
  late: fc.boolean(),
  step: fc.integer({ min: 1, max: 100 }),
  gone: fc.constantFrom(0, 0, 0.5),
  kept: fc.option(times),
  topics: fc.constantFrom(null, null, null, [0], [0, 1], [2])
})

const kinds = [...functionKinds]

const close = (actual: number | null, wanted: number | null): boolean =>
  actual === wanted ||
  (actual !== null &&
    wanted !== null &&
    Math.abs(actual - wanted) <= 1e-9 * Math.max(1, Math.abs(actual), Math.abs(wanted)))

test('buckets equal the long way', async () => {
  // So that both ways to find what is not rolled up are taken
  const limits = { freshFactsMax: 10 }
  const { store, url, receive } = await openTestStore({ limits })
  const { topicIds } = (await receive(...topicNames.map((topic) => ({ topic }))))!
  const client = new pg.Client(url)
  await client.connect()
  atEnd(() => client.end())
  const query = (text: string, values: unknown[] = []): Promise<unknown> => client.query(text, values)
  const { id, doneSeq } = await store.projections.current({ hash: 'h', text: '' })
  let seq = doneSeq
  let run = 0

  await fc.assert(
    fc.asyncProperty(question, async (asked) => {
      run++
      await query('update retention_classes set horizon = 0')
      await query('update rollup_levels set keep_seconds = null')
      await query('delete from rollup_marks')
      const begin = seq
      await query('update projections set done_seq = $1', [begin])
      const center = Date.parse(asked.place[1])
      const messages = asked.gone > 0 || !asked.late ? inTime(asked.messages) : asked.messages
      const points = new Map<string, Array<Point & { topic: number }>>()
      const topicsOf = new Map<string, number[]>()
      const projected = messages.map((parts) => {
        seq++
        const topic = parts[0]!.topic
        const datapoints: NormalizedDatapoint[] = parts.map(({ metric, at, value }, n) => {
          const [device, name] = metric.split('/') as [string, string]
          const observedAt = center + at
          const list = points.get(metric) ?? []
          points.set(metric, list)
          topicsOf.set(metric, [...(topicsOf.get(metric) ?? []), topic])
          if (value !== null) list.push({ at: observedAt, seq, n, value, topic })
          return point(`r${run}-${device}`, name, value, {
            observedAt,
            type: value === null ? 'text' : 'number'
          })
        })
        const name = topicNames[topic]!
        return messageOf(seq, { topic: name, topicId: topicIds.get(name)!.id }, { datapoints })
      })
      await store.projections.write(id, chunkOf(begin, projected), { live: false })

      const rolled = begin + Math.round(asked.rolled * (seq - begin))
      await query('update projections set done_seq = $1', [rolled])
      while ((await store.rollups.advance(asked.step)).more);
      const horizon = asked.gone > 0 ? begin + Math.floor(asked.gone * (rolled - begin)) : 0
      if (horizon > begin) {
        await query('update retention_classes set horizon = $1 where id = 1', [horizon])
        await query('delete from datapoints where seq <= $1', [horizon])
      } else {
        const all = [...points.values()].flat()
        for (const one of asked.marked) {
          const at = new Date(all[one % Math.max(1, all.length)]?.at ?? center)
          await query(markSql, [at, `r${run}-%`])
          await query(spoilSql, [at])
        }
      }
      await query('update projections set done_seq = $1', [seq])
      const keptSeconds =
        asked.kept === null || horizon > begin ? null : (Date.now() - center - asked.kept) / 1_000
      await query('update rollup_levels set keep_seconds = floor($1::float8)', [keptSeconds])
      await query(
        `update rollups set count = 7, sum = 1e7, last = 1e7 where start < now() - make_interval(secs => $1::float8)`,
        [keptSeconds]
      )

      const bucket = readBucket(asked.bucket, asked.place[0], defaultLimits)
      const from = center + asked.from
      const length = asked.bucket === 'PT10S' || asked.bucket === 'PT1M' ? asked.length / 60 : asked.length
      const ask = {
        boundaries: boundaries(bucket, from, from + Math.ceil(length), 10_000),
        functions: readFunctions(
          asked.percentiles && horizon <= begin ? [...kinds, 'p50', 'p99.9'] : kinds,
          defaultLimits,
          'fn'
        ),
        fill: asked.fill,
        now: center + asked.now
      }
      // Where datapoints are gone, only rollups tell
      const raw = asked.raw && horizon <= begin
      if (horizon > begin && bucket.length.unit === 'second' && bucket.length.count < 60) return
      const page = await store.history.read(accessTo(asked.topics), {
        ...ask,
        devices: [readNamePattern(`r${run}-*`, defaultLimits, 'device')],
        metrics: [],
        filters: [],
        deviceIds: null,
        source: raw ? 'raw' : null,
        after: null,
        limit: 10
      })
      const mayRead = (topic: number): boolean =>
        (asked.topics as readonly number[] | null)?.includes(topic) ?? true
      for (const [metric, all] of points) {
        const found = page.series.find((one) => `${one.device}/${one.metric}` === `r${run}-${metric}`)
        assert.equal(found !== undefined, topicsOf.get(metric)!.some(mayRead), `${metric} is listed`)
        if (found === undefined) continue
        const wanted = reference(
          all.filter(({ topic }) => mayRead(topic)),
          ask
        )
        if (asked.topics !== null && horizon > begin) {
          // Rows of several topics whose datapoints are gone are left out: less may be there, and never more
          found.columns[0]!.forEach((count, place) => assert.ok(count! <= wanted[0]![place]!))
          continue
        }
        for (const [index, { name }] of ask.functions.entries())
          found.columns[index]!.forEach((value, place) =>
            assert.ok(
              close(value, wanted[index]![place]!),
              `${metric} ${name} from ${page.source}, bucket ${place}: ${value} instead of ${wanted[index]![place]}`
            )
          )
      }
    }),
    { numRuns: runs }
  )
})

/** The same, of which none is late. */
function inTime(messages: readonly Said[][]): Said[][] {
  const all = messages.flat().toSorted((a, b) => a.at - b.at)
  return messages.map(({ length }) => all.splice(0, length))
}

const accessTo = (topics: readonly number[] | null): Access => ({
  principal: 'test',
  mayRead: (topic) => topics?.some((one) => topicNames[one] === topic) ?? true,
  mayPublish: () => true,
  ...(topics === null && { readsAll: true })
})

const markSql = `insert into rollup_marks 
  select m.id, date_bin('1 hour', $1, 'epoch') from metrics m join devices d on d.id = m.device_id
  where d.name like $2 on conflict do nothing`

/** Rows of an hour that a mark says are not to be believed, and those of its day. */
const spoilSql = `
  update rollups set sum = 1e6, min = -1e6, max = 1e6, first = 1e6, last = 1e6, count = 1e6
  where start >= date_bin(case level when 3 then '1 day' else '1 hour' end::interval, $1, 'epoch')
    and start < date_bin('1 hour', $1, 'epoch') + interval '1 hour'`
