/**
 * `npm run bench topics`: pages of topics by filter with 10,000 and with 1,000,000 topics, and the memory of the service
 * after as many messages to few topics and to a million.
 */

import { readFile } from 'node:fs/promises'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { defaultLimits } from '../src/limits.ts'
import { createDatabase, query } from '../test/support/database.ts'
import { eventually } from '../test/support/eventually.ts'
import { startMosquitto } from '../test/support/mosquitto.ts'
import type { Service } from '../test/support/service.ts'
import { startService } from '../test/support/service.ts'

const few = 10_000
const many = Number(process.env['BENCH_TOPICS'] ?? 1_000_000)
const requestsMax = 200
/** For one filter. */
const msMax = 10_000

const filters: Record<string, string | null> = {
  broad: null,
  prefix: 'site/17/#',
  'narrow prefix': 'site/17/device/117/#',
  exact: 'site/17/device/117/temp',
  rare: '+/+/+/117/+',
  'rare behind a prefix': 'site/+/device/117/+',
  none: '+/nowhere/#'
}

/** Four topics a device, a hundred sites; 40 bytes of payload. */
const fillSql = (topics: number): string => `
  with made as (
    insert into topics (name, name_hash)
    select name, sha256(convert_to(name, 'UTF8')) from (
      select 'site/' || n / 4 % 100 || '/device/' || n / 4 || '/' || (array['temp', 'humidity', 'battery', 'state'])[n % 4 + 1] as name
      from generate_series(0, ${topics - 1}) as n order by n) as names
    returning id
  ), head as (
    update journal_head set seq = seq + ${topics} returning seq - ${topics} as base
  )
  insert into topic_state (topic_id, seq, message_seq, received_at, qos, retain, dup, payload)
  select id, base + id, base + id, now(), 1, false, false, convert_to(rpad('{"v":' || id || ',"pad":"', 38, 'x') || '"}', 'UTF8')
  from made, head`

async function serve(url: string): Promise<{ service: Service; port: number; stop: () => Promise<void> }> {
  const broker = await startMosquitto()
  const service = await startService({ DATABASE_URL: url, MQTT_URL: broker.url, RIALTO_TOPICS: 'bench/#' })
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok)
  const stop = async (): Promise<void> => {
    await service.kill('SIGTERM')
    await broker.stop()
  }
  return { service, port: broker.port, stop }
}

interface TopicsPage {
  items: unknown[]
  next: string | null
}

async function page(url: string, filter: string | null, next: string | null): Promise<TopicsPage> {
  const parameters = new URLSearchParams({
    ...(filter !== null && { filter }),
    ...(next !== null && { page: next })
  })
  const response = await fetch(`${url}/v1/topics?${parameters.toString()}`)
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as TopicsPage
}

async function timed<T>(work: () => Promise<T>): Promise<[ms: number, result: T]> {
  const begun = performance.now()
  const result = await work()
  return [performance.now() - begun, result]
}

const at = (values: readonly number[], share: number): number =>
  Number(values[Math.min(values.length - 1, Math.floor(values.length * share))]!.toFixed(1))

async function measureLists(topics: number): Promise<object[]> {
  const url = await createDatabase()
  // The service makes the tables; topics come while it does not run
  await (await serve(url)).stop()
  await query(url, fillSql(topics))
  await query(url, 'vacuum analyze topics, topic_state')
  const { service, stop } = await serve(url)
  const results: object[] = []
  for (const [name, filter] of Object.entries(filters)) {
    const times: number[] = []
    const until = performance.now() + msMax
    await page(service.url, filter, null)
    while (times.length < requestsMax && performance.now() < until) {
      times.push((await timed(() => page(service.url, filter, null)))[0])
    }
    const sorted = times.toSorted((a, b) => a - b)
    const walked = await walk(service.url, filter)
    results.push({
      topics,
      filter: name,
      requests: times.length,
      p50Ms: at(sorted, 0.5),
      p99Ms: at(sorted, 0.99),
      ...walked
    })
  }
  await stop()
  return results
}

/** To the end of the list, where it is not the whole: how many pages, and how long the slowest took. */
async function walk(url: string, filter: string | null): Promise<object> {
  if (filter === null) return {}
  let [next, pages, items, slowest]: [string | null, number, number, number] = [null, 0, 0, 0]
  do {
    const from: string | null = next
    const [ms, result]: [number, TopicsPage] = await timed(() => page(url, filter, from))
    slowest = Math.max(slowest, ms)
    items += result.items.length
    next = result.next
    pages++
  } while (next !== null)
  return { pages, items, slowestPageMs: Number(slowest.toFixed(1)) }
}

const memoryOf = async ({ child }: Service, name: string): Promise<number> =>
  Math.round(
    Number(
      new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))![1]
    ) / 1_024
  )

/** `messages` to so many topics, through the broker, until all are stored. */
async function measureMemory(topics: number, messages: number): Promise<object> {
  const url = await createDatabase()
  const { service, port, stop } = await serve(url)
  const startMiB = await memoryOf(service, 'VmRSS')
  const publisher = fork(
    new URL('publisher.ts', import.meta.url),
    [port, 1, messages, topics, 2_000].map(String),
    {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    }
  )
  await once(publisher, 'message')
  const begun = performance.now()
  publisher.send('go')
  await once(publisher, 'message')
  await eventually(
    async () =>
      Number((await query<{ seq: string }>(url, 'select seq from journal_head'))[0]!.seq) >= messages,
    { withinMs: 600_000, everyMs: 200, what: 'every message is stored' }
  )
  const seconds = (performance.now() - begun) / 1_000
  const stored = await query<{ count: string }>(url, 'select count(*) from topics')
  const result = {
    topics: Number(stored[0]!.count),
    messages,
    perSecond: Math.round(messages / seconds),
    startMiB,
    rssMiB: await memoryOf(service, 'VmRSS'),
    peakMiB: await memoryOf(service, 'VmHWM')
  }
  await stop()
  return result
}

export async function benchTopics(write: (line: string) => void): Promise<object[]> {
  const results: object[] = []
  const show = (row: object): void => {
    results.push(row)
    write(
      Object.entries(row)
        .map(([name, value]) => `${name} ${value}`)
        .join('  ')
    )
  }
  write('First pages of 100 by REST, then all pages of the filter')
  for (const topics of [few, many]) for (const row of await measureLists(topics)) show(row)
  const { topicCacheEntriesMax, topicCacheBytesMax } = defaultLimits
  write(
    `Memory: what depends on the number of topics is the cache of their ids, at most ${topicCacheEntriesMax} entries and ` +
      `${topicCacheBytesMax / 2 ** 20} MiB; all else is bounded by bytes held, whatever their topics`
  )
  for (const topics of [few, many]) show(await measureMemory(topics, many))
  return results
}
