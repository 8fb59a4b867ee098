/** History: buckets are calculated anew from the datapoints that may be read, the long way. */

import type { Asking, Item } from './fuzz-context.ts'
import { encoded } from './fuzz-context.ts'
import { joined, oneOf, pageLimit, someFilters } from './fuzz-asks.ts'
import { readFunctions } from '../../src/history/functions.ts'
import type { Point } from '../support/history-reference.ts'
import { reference } from '../support/history-reference.ts'
import { defaultLimits } from '../../src/limits.ts'

const functionsAsked = [
  'count',
  'sum',
  'min',
  'max',
  'mean',
  'first',
  'last',
  'timeWeightedMean',
  'rate',
  'p50'
]

const pointOf = ({ observedAt, seq, n, value }: Item): Point => ({
  at: Date.parse(observedAt),
  seq: Number(seq),
  n,
  value
})

export async function history(asking: Asking): Promise<void> {
  const { oracle } = asking
  const fill = asking.pick(['null', 'null', 'previous', 'linear'] as const)
  const filtersAsked = someFilters(asking)
  const range = await oracle.once('range', async () => {
    const day = Math.floor(Date.now() / 86_400_000) * 86_400_000
    const text = (at: number): string => new Date(at).toISOString()
    return { from: `from=${text(day - 3 * 86_400_000)}`, over: text(day), open: text(day + 86_400_000) }
  })
  // What holds until now is known only of buckets that are over
  const over = asking.chance(0.5)
  const kinds = asking.chance(0.6) ? functionsAsked.slice(0, -1) : functionsAsked // rollups have no percentiles
  const functions = over ? kinds : kinds.filter((name) => !/^(time|rate)/.test(name))
  const devices = oneOf(asking, 'device', ['a-1', 'b-*', 'lone'], 0.5)
  const path = joined('history', [
    range.from,
    `to=${over ? range.over : range.open}`,
    `bucket=${asking.pick(['PT1H', 'PT6H', 'P1D'])}`,
    `fn=${functions.join(',')}`,
    `fill=${fill}`,
    ...(asking.chance(0.2) ? ['source=raw'] : []),
    ...devices,
    ...filtersAsked
  ])
  const listed = await oracle.walk(path)
  const { body } = await oracle.get(`${path}&limit=1`)
  const boundaries = [...body.starts, body.to].map((at: string) => Date.parse(at))
  const all = await oracle.walk(joined('datapoints', [...devices, ...filtersAsked]))
  const readable = all.filter(({ topic }) => asking.may(topic))
  const expected = listed.flatMap((series) => {
    const mine = readable.filter(
      ({ device, metric }) => device === series['device'] && metric === series['metric']
    )
    if (mine.length === 0) return []
    const points = mine.filter(({ type }) => type === 'number').map(pointOf)
    const columns = reference(points, {
      boundaries,
      functions: readFunctions(functions, defaultLimits, 'fn'),
      fill,
      now: Date.now()
    })
    const newest = asking.may(series['topic'])
    return [
      {
        ...series,
        ...(newest ? {} : { topic: null, type: null, unit: null }),
        values: Object.fromEntries(functions.map((name, index) => [name, columns[index]!.map(near)]))
      }
    ]
  })
  const actual = await asking.walk(path, pageLimit(asking))
  asking.same(
    actual.map((series) => ({
      ...series,
      values: Object.fromEntries(
        Object.entries(series['values'] as Record<string, Array<number | null>>).map(([name, column]) => [
          name,
          column.map(near)
        ])
      )
    })),
    expected,
    path
  )
}

/** Sums are made in different orders. */
const near = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(9)))

/** Why messages are where they are: of topics that may be read, and of others not even whether there are any. */
export async function explain(asking: Asking): Promise<void> {
  const topic = asking.pick([...asking.world.topics, 'no/such/topic'])
  const path = `explain?topic=${encoded(topic)}`
  const answer = await asking.get(path)
  const { status, body } = answer
  if (!asking.may(topic)) {
    const missing = await asking.get('explain?topic=%24SYS%2Fnever')
    asking.same([status, body.code, body.detail], [403, 'forbidden', missing.body.detail], path)
    return
  }
  asking.same(status, 200, path)
  const whole = (await asking.oracle.get(path)).body
  // What is subscribed, and so the verdicts, is told by each instance of itself
  const own = { filters: null, verdicts: null }
  asking.same({ ...body, ...own }, { ...whole, ...own }, path)
}

/** What a message would give; what is stored is compared with only where it may be read. */
export async function previews(asking: Asking): Promise<void> {
  const post = (body: object) =>
    asking.get('mappings/preview', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
  const message = asking.pick(await asking.oracle.walk('messages?order=asc'))
  const { status, body } = await post({ seq: message['seq'] })
  if (asking.may(message['topic'])) asking.same(status, 200, 'a preview')
  else {
    const missing = await post({ seq: '99999999' })
    const text = ({ detail, code }: Item): string => `${code} ${String(detail).replace(/\d+/, 'N')}`
    asking.same([status, text(body)], [404, text(missing.body)], 'a preview')
  }
  // The last that is stored of q1 and q2 came by quiet/
  for (const topic of ['still/q1/x', 'quiet/q1/x', 'still/q2/x', 'raw/a/1', 'plant/a/1/temperature']) {
    const made = await post({ topic, payload: { v: 5 } })
    if (!asking.may(topic)) {
      const other = await post({ topic: '$SYS/never', payload: { v: 5 } })
      asking.same([made.status, made.body.detail], [403, other.body.detail], 'a preview of what is made up')
      continue
    }
    const [, device] = topic.split('/')
    const unchanged = /^(still|quiet)/.test(topic) && asking.may(`quiet/${device}/x`)
    asking.same(made.body.unchanged.length, unchanged ? 1 : 0, `unchanged of ${topic}`)
  }
}
