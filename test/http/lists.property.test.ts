/** Lists of datapoints and of messages are what one finds who reads everything at the first page. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { query } from '../support/database.ts'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { countRows, datapointsOf, messagesOf, toQuery } from './list-model.ts'
import { startProjected } from './projected.ts'

const limits = { pageRowsScannedMax: 30, seriesNotRolledFactsMax: 8, messageTopicsMax: 4 }
const server = await startProjected({ limits })
const url = server.databaseUrl

const topic = fc.constantFrom('plant/1/a', 'plant/1/b', 'plant/2/a', 'plant', 'yard', '$own')
const message = fc.record({
  topic,
  points: fc.array(
    fc.record({
      device: fc.constantFrom('press-1', 'press-2', 'p*', 'p\\', 'oven'),
      metric: fc.constantFrom('t', 'temp', 't_mp'),
      at: fc.integer({ min: 0, max: 12 })
    }),
    { maxLength: 4 }
  )
})

interface Told {
  topic: string
  points: Array<{ device: string; metric: string; at: number }>
}

async function tell({ topic: name, points }: Told): Promise<void> {
  const datapoints = points.map(({ device, metric, at }) => point(device, metric, at, { observedAt: at }))
  await server.project(name, { datapoints })
}

/** As the writer of rollups notes it, so far as lists look at it. */
const rollUp = (): Promise<unknown> =>
  query(
    url,
    `with done as (
       update projections set rolled_seq = done_seq where state = 'current' returning id, rolled_seq
     )
     insert into metric_topics select distinct metric_id, topic_id from datapoints, done
     where projection_id = id and seq <= rolled_seq on conflict do nothing`
  )

const asked = {
  device: fc.oneof(
    fc.constant<string[]>([]),
    fc.uniqueArray(
      fc.constantFrom('press-*', 'press-1', '*', '*-2', 'p\\*', 'p\\\\', 'oven', 'none', '*o*n*', 'rare'),
      {
        minLength: 1,
        maxLength: 2
      }
    )
  ),
  filter: fc.oneof(
    fc.constant<string[]>([]),
    fc.constantFrom<string[][]>(['rare/#'], ['rare/1', 'yard'], ['none']),
    fc.uniqueArray(fc.constantFrom<string[]>('plant/+/a', 'plant/#', 'yard', '#', '+/1/b', '$own'), {
      minLength: 1,
      maxLength: 2
    })
  ),
  order: fc.constantFrom('asc' as const, 'desc' as const),
  limit: fc.integer({ min: 2, max: 40 })
}
const meanwhile = fc.record({
  first: fc.array(message, { maxLength: 3 }),
  between: fc.array(message, { minLength: 1, maxLength: 3 }),
  rolled: fc.boolean()
})

/** Follows a list to its end while more is told; each page is looked at. */
async function follow(
  path: string,
  between: () => Promise<void>,
  look: (page: { items: unknown[] }) => void
) {
  const items: Array<{ seq: string; n: number }> = []
  for (let [next, pages] = ['', 0]; next !== null; pages++) {
    assert.ok(pages < 1_000, 'the list does not end')
    const { status, body } = await call(`${server.url}/v1/${path}${next && `&page=${next}`}`)
    assert.equal(status, 200, JSON.stringify(body))
    items.push(...body.items)
    look(body)
    next = body.next
    if (pages < 4) await between()
  }
  return items
}

test('datapoints: of all series together, whatever is told between the pages', async (t) => {
  const rows = countRows(t, (name) => name.startsWith('datapoint_places'))
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        ...asked,
        metric: fc.uniqueArray(fc.constantFrom('t', 't*', 't_mp', '*p', 'none'), { maxLength: 2 }),
        where: fc.constantFrom(null, 'prefix(device,"press")', 'not(eq(device,"oven"))'),
        from: fc.constantFrom(null, null, 3),
        to: fc.constantFrom(null, null, 9)
      }),
      meanwhile,
      async ({ where, ...ask }, { first, between, rolled }) => {
        for (const one of first) await tell(one)
        if (rolled) await rollUp()
        const whole = (device: string): boolean =>
          where === null || (where.startsWith('not') ? device !== 'oven' : device.startsWith('press'))
        const expected = await datapointsOf(url, ask, whole)
        const writeMore = async (): Promise<void> => {
          for (const one of between) await tell(one)
        }
        rows()
        const found = await follow(`datapoints?${toQuery({ ...ask, where })}`, writeMore, ({ items }) => {
          const counted = rows()
          assert.ok(
            counted.rows <= limits.pageRowsScannedMax,
            `${counted.rows} rows for ${items.length} items`
          )
          assert.ok(counted.statements <= 12, `${counted.statements} statements`)
        })
        assert.deepEqual(
          found.map(({ seq, n }) => `${seq} ${n}`),
          expected
        )
      }
    ),
    { numRuns: 40 }
  )
})

test('messages: by topics, devices and the time of commit, whatever is received between the pages', async (t) => {
  const rows = countRows(t, (name) => name.startsWith('facts_of_topics'))
  let byTopics = 0
  for (let at = 0; at < 6; at++) {
    await tell({ topic: `rare/${at % 2}`, points: [{ device: 'rare', metric: 't', at }] })
    await server.receive(
      ...Array.from({ length: 35 }, (_, n) => ({ topic: n % 9 === 0 ? 'plant/1/a' : 'busy' }))
    )
  }
  await fc.assert(
    fc.asyncProperty(
      fc.record(asked),
      fc.record({
        from: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 1 }),
        to: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 1 })
      }),
      fc.integer({ min: -1, max: 1 }),
      meanwhile,
      async (ask, { from, to }, beside, { first, between }) => {
        for (const one of first) await tell(one)
        // Of metrics that come by several topics all are known then
        await rollUp()
        const times = await query<{ at: Date }>(url, 'select at from journal where kind = 1 order by seq')
        const timeAt = (place: number | null): number | null =>
          place === null ? null : times[Math.floor(place * (times.length - 1))]!.at.getTime() + beside
        const range = {
          from: timeAt(from),
          to: timeAt(to === null || from === null ? to : Math.max(from, to))
        }
        const expected = await messagesOf(url, { ...ask, ...range })
        const writeMore = async (): Promise<void> => {
          for (const { topic: name } of between) await server.receive({ topic: name })
        }
        rows()
        const found = await follow(`messages?${toQuery({ ...ask, ...range })}`, writeMore, ({ items }) => {
          const counted = rows()
          byTopics += counted.statements
          assert.ok(
            counted.rows <= limits.pageRowsScannedMax,
            `${counted.rows} rows for ${items.length} items`
          )
        })
        assert.deepEqual(
          found.map(({ seq }) => seq),
          expected
        )
      }
    ),
    { numRuns: 40 }
  )
  assert.ok(byTopics > 20, `${byTopics} looks at topics`)
})
