/** Searches of devices against everything that pages read, and their bounds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { Device } from '../../src/datapoints.ts'
import { toDeviceItemView } from '../../src/device-views.ts'
import { Problem } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { readFields } from '../../src/predicate/fields.ts'
import { metricNames } from '../../src/predicate/metric-names.ts'
import { readPredicate } from '../../src/predicate/predicate.ts'
import { readSort } from '../../src/predicate/sort.ts'
import type { DevicesSearch, DeviceWithMetrics } from '../../src/store/search-devices.ts'
import type { Store } from '../../src/store/store.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import { everything, openTestStore } from '../support/store.ts'
import type { TestStore } from '../support/store.ts'
import { answer, questions, readAll } from './searches.ts'

const ask: DevicesSearch = {
  where: null,
  sort: null,
  order: 'asc',
  after: null,
  limit: 100,
  metrics: [],
  asOf: null
}
const runs = process.env['FULL'] === '1' ? 3_000 : 150
const where = (text: string) => readPredicate(text, defaultLimits)
const sort = (text: string) => readSort(text, defaultLimits)
const onlyPublic: Access = { ...everything, mayRead: (topic) => topic.startsWith('public') }
const metrics = ['x', 'a/b', 'json', '__proto__', 'secret']

/** So many messages of thirty devices on two topics, received from then on; each has some of the metrics and attributes. */
async function say(
  { store, receive }: Pick<TestStore, 'store' | 'receive'>,
  { count = 60, seed = 3, from = 1_000 } = {}
): Promise<void> {
  const { id, doneSeq } = await currentAtHead(store, { hash: 'h', text: '' })
  const topics = Array.from({ length: count }, (_, n) => (n % 3 === 0 ? 'secret/1' : 'public/1'))
  const { topicIds, base } = (await receive(...topics.map((topic) => ({ topic }))))!
  const messages = fc
    .sample(
      fc.record({
        device: fc.integer({ min: 0, max: 29 }).map((n) => `d${n}`),
        name: fc.constantFrom(...metrics),
        number: fc.oneof(fc.integer({ min: -2, max: 12 }), fc.constant(null)),
        exact: fc.constantFrom('text', '{"a":[1,{"b":null}]}', '"é"'),
        type: fc.constantFrom('number' as const, 'text' as const, 'json' as const, 'boolean' as const),
        role: fc.constantFrom('state' as const, 'state' as const, 'event' as const),
        attributes: fc.constantFrom<Record<string, unknown>>(
          {},
          { model: 'M1' },
          { model: { a: 1 }, seq: 9 }
        ),
        presence: fc.constantFrom('online' as const, 'offline' as const)
      }),
      { numRuns: count, seed }
    )
    .map(({ device, name, number, exact, type, role, attributes, presence }, n) =>
      messageOf(
        base + n + 1,
        { topic: topics[n]!, topicId: topicIds.get(topics[n]!)!.id },
        {
          receivedAt: from + n,
          devices: [device],
          datapoints: [
            point(device, name, type === 'number' ? (number ?? 1) : type === 'boolean' ? 1 : null, {
              type,
              role,
              observedAt: 1_000 * (base + n),
              exact: type === 'text' || type === 'json' ? Buffer.from(exact) : null
            })
          ],
          presence: [{ device, presence, source: 'availability', at: base + n }],
          attributes: [{ device, attributes }]
        }
      )
    )
  await store.projections.write(id, chunkOf(doneSeq, messages), { live: true })
}

async function open(limits: Partial<Limits>, url?: string): Promise<TestStore> {
  const opened = await openTestStore({ limits, ...(url !== undefined && { url }) })
  if (url === undefined) await say(opened)
  return opened
}

/** By the reads of one device after another. */
async function readEverything(
  store: Store,
  access: Access,
  names: readonly string[]
): Promise<DeviceWithMetrics[]> {
  const devices: Device[] = []
  for (let after: number | null = null; ;) {
    const page = await store.devices.page(everything, { after, limit: 7, order: 'asc' })
    devices.push(...page.items)
    if (page.next === null) break
    after = page.next
  }
  const all: DeviceWithMetrics[] = []
  for (const device of devices) {
    const { items } = await store.devices.metrics(access, device.name, { after: null, limit: 100 })
    const latest = items.flatMap(({ name, latest }) =>
      latest !== null && names.includes(name) ? [[name, latest] as const] : []
    )
    // What may not be read is not counted
    all.push({ device: { ...device, metrics: items.length }, metrics: new Map(latest) })
  }
  return all
}

test('all pages of a search have what there is, in order, once, however few devices a page looks at', async () => {
  const narrow = { pageRowsScannedMax: 12, searchRowsMax: 9, searchStepRowsMax: 4 }
  const { store, url } = await open(narrow)
  const sorting = await open({ searchStepRowsMax: 4 }, url)
  const all = await readEverything(store, everything, metrics)
  const seen = { found: 0, none: 0, short: 0, metrics: 0 }
  const known = new Map<Access, DeviceWithMetrics[]>()
  await fc.assert(
    fc.asyncProperty(
      questions(all.map(toDeviceItemView)),
      fc.constantFrom(undefined, undefined, 'online' as const, 'offline' as const),
      fc.constantFrom(everything, onlyPublic),
      fc.constantFrom([], ['topic,metrics/x/value', 'metrics/a~1b']),
      async (question, presence, access, fields) => {
        const names = metricNames({ ...question, fields: readFields(['device', ...fields], defaultLimits) })
        const { items, short } = await readAll(
          (after) =>
            (question.sort === null ? store : sorting.store).devices.search(access, {
              ...ask,
              ...question,
              ...(presence !== undefined && { presence }),
              metrics: names,
              after
            }),
          question.limit
        )
        if (!known.has(access)) known.set(access, await readEverything(store, access, metrics))
        const there = known
          .get(access)!
          .filter(
            ({ device }) =>
              access.mayRead(device.topic) && (presence === undefined || device.presence === presence)
          )
          .map(({ device, metrics: latest }) => ({
            device,
            metrics: new Map([...latest].filter(([name]) => names.includes(name)))
          }))
        const expected = answer(there, toDeviceItemView, question)
        assert.deepEqual(
          items.map(({ device }) => device.name),
          expected.map(({ device }) => device.name)
        )
        const sortedNames = (of: DeviceWithMetrics) => ({
          device: of.device,
          metrics: [...of.metrics].toSorted(([a], [b]) => (a < b ? -1 : 1))
        })
        assert.deepEqual(items.map(sortedNames), expected.map(sortedNames))
        seen[items.length > 0 ? 'found' : 'none']++
        seen.short += short
        if (items.some((item) => item.metrics.size > 0)) seen.metrics++
      }
    ),
    { numRuns: runs }
  )
  assert.ok(Math.min(seen.found, seen.none, seen.short, seen.metrics) > runs / 10, JSON.stringify(seen))
})

test('a search of devices as they were has what there was then, also where few values are read at once', async () => {
  const tests = await openTestStore({
    limits: { searchRowsMax: 9, searchStepRowsMax: 4, searchLatestMax: 8, searchBytesMax: 40 }
  })
  const sorting = await openTestStore({ url: tests.url, limits: { searchLatestMax: 1, pageBytesMax: 30 } })
  await say(tests, { count: 30 })
  const head = await tests.store.journal.head()
  const asOf = { at: head.at, seq: head.seq }
  const then = await readEverything(tests.store, everything, metrics)
  await say(tests, { seed: 4, from: head.at + 1_000 })
  const now = await readEverything(tests.store, everything, metrics)
  assert.ok(now.length > then.length)
  // Of others, what was then is not kept
  const toKept = (item: DeviceWithMetrics): object => {
    const {
      device,
      firstSeenAt,
      presence,
      presenceAt,
      presenceSource,
      metrics: latest
    } = toDeviceItemView(item)
    return { device, firstSeenAt, presence, presenceAt, presenceSource, metrics: latest }
  }
  const seen = { found: 0, changed: 0, short: 0 }
  await fc.assert(
    fc.asyncProperty(
      questions(then.map(toKept)),
      fc.constantFrom(undefined, undefined, 'online' as const, 'offline' as const),
      async (question, presence) => {
        const { store } = question.sort === null ? tests : sorting
        const names = metricNames({ ...question, fields: readFields(['metrics/x'], defaultLimits) })
        const { items, short } = await readAll(
          (after) =>
            store.devices.search(everything, {
              ...ask,
              ...question,
              ...(presence !== undefined && { presence }),
              metrics: names,
              after,
              asOf
            }),
          question.limit
        )
        const wanted = (of: readonly DeviceWithMetrics[]): unknown[] =>
          answer(
            of
              .filter(({ device }) => presence === undefined || device.presence === presence)
              .map(({ device, metrics: latest }) => ({
                device,
                metrics: new Map(Array.from(latest).filter(([name]) => names.includes(name)))
              })),
            toKept,
            question
          ).map(toKept)
        assert.deepEqual(items.map(toKept), wanted(then))
        if (items.length > 0) seen.found++
        if (!isDeepStrictEqual(wanted(now), wanted(then))) seen.changed++
        seen.short += short
      }
    ),
    { numRuns: runs / 5 }
  )
  assert.ok(Math.min(seen.found, seen.changed, seen.short) > runs / 50, JSON.stringify(seen))
})

test('of values that were large then and are small now, a page has no more than fit', async () => {
  const { store, receive } = await openTestStore({ limits: { searchBytesMax: 1_000, searchLatestMax: 1 } })
  const { id } = await currentAtHead(store, { hash: 'h', text: '' })
  const sayOf = async (bytes: number, from: number) => {
    const { topicIds, base } = (await receive({ topic: 't' }))!
    const exact = Buffer.alloc(bytes, 'x')
    const datapoints = [0, 1, 2, 3, 4].map((n) =>
      point(`d${n}`, 'm', null, { type: 'text', exact, observedAt: base })
    )
    const message = messageOf(
      base + 1,
      { topic: 't', topicId: topicIds.get('t')!.id },
      { receivedAt: from, datapoints }
    )
    await store.projections.write(id, chunkOf(base, [message]), { live: true })
  }
  await sayOf(500, 1_000)
  const { at, seq } = await store.journal.head()
  await sayOf(1, at + 1_000)
  const sizes: number[] = []
  const { items } = await readAll(async (after) => {
    const page = await store.devices.search(everything, { ...ask, metrics: ['m'], asOf: { at, seq }, after })
    sizes.push(page.items.length)
    return page
  }, 100)
  // What is read of now, a byte each, counts as well
  assert.deepEqual(sizes, [2, 2, 1])
  assert.deepEqual(
    items.map(({ metrics: latest }) => latest.get('m')!.exact!.length),
    [500, 500, 500, 500, 500]
  )
})

test('names of metrics are from where, sort and fields; a path that names none is refused with its argument', () => {
  const names = metricNames({
    where: where('or(gt(metrics/t/value,1),eq(metrics/a~1b/unit,"C"))'),
    sort: sort('-metrics/t/observedAt'),
    fields: readFields(['device,metrics/h'], defaultLimits)
  })
  assert.deepEqual(names, ['t', 'a/b', 'h'])
  for (const [pointer, given] of [
    ['where', { where: where('exists(metrics)') }],
    ['sort', { sort: sort('metrics') }],
    ['fields', { fields: readFields(['device,metrics'], defaultLimits) }]
  ] as const)
    assert.throws(
      () => metricNames(given),
      (error) =>
        error instanceof Problem && error.code === 'invalid_value' && error.errors[0]!.pointer === pointer
    )
})

test('a search looks at so many devices, and so many bytes; a sort takes so many', async () => {
  const { store, url } = await open({ searchRowsMax: 10, searchStepRowsMax: 3 })
  const pages = async (of: Store, more: Partial<DevicesSearch>) => {
    const sizes: number[] = []
    await readAll(async (after) => {
      const page = await of.devices.search(everything, { ...ask, ...more, after })
      sizes.push(page.items.length)
      return page
    }, 100)
    return sizes
  }
  const [{ length: count }, sizes] = [await readEverything(store, everything, []), await pages(store, {})]
  assert.deepEqual(
    sizes,
    Array.from({ length: Math.ceil(count / 10) }, (_, n) => Math.min(10, count - 10 * n))
  )
  const tight = await open({ searchBytesMax: 20, sortTopicsMax: count }, url)
  // Attributes are some bytes each, so that few fit
  assert.ok((await pages(tight.store, {})).length > count / 4)
  assert.equal(
    (await tight.store.devices.search(everything, { ...ask, sort: sort('-device') })).items.length,
    count
  )
  for (const [limits, path, detail] of [
    [{ searchBytesMax: 20 }, 'attributes/model', /at most 20 bytes/],
    [{ searchBytesMax: 20 }, 'metrics/json/value', /at most 20 bytes/],
    [{ sortTopicsMax: count - 1 }, 'device', /devices/]
  ] as const) {
    const { store: narrow } = await open(limits, url)
    await assert.rejects(
      narrow.devices.search(everything, { ...ask, sort: sort(path) }),
      (error) => error instanceof Problem && error.code === 'query_too_complex' && detail.test(error.message)
    )
  }
})
