/**
 * `npm run bench access`: what grants cost a read. The same questions with a key that may everything, with one of 100 topic
 * filters, and with one of 50 filters and 50 devices, whose answers are the same; in turn, on this machine. And a stream
 * that catches up. The goal is a ratio of at least 0.9.
 */

import assert from 'node:assert/strict'
import pg from 'pg'
import type { Side } from './compare.ts'
import { compare } from './compare.ts'
import { median } from './cpu.ts'
import type { Question } from './http-load.ts'
import { askOnce, load, toRequest } from './http-load.ts'
import { deviceName, sites, startFleet, topicName } from './reads-data.ts'

const rounds = Number(process.env['BENCH_REPEATS'] ?? 7)
const grantsOfKey = 100
const topicsAsked = 500
const streamed = 20_000

type Grant = { role: 'admin' } | { role: 'read'; topic: string } | { role: 'read'; device: string }

const ofSites = Array.from({ length: sites }, (_, site): Grant => ({ role: 'read', topic: `site/${site}/#` }))
const keys: Record<string, Grant[]> = {
  admin: [{ role: 'admin' }],
  '100 filters': [
    ...ofSites,
    ...Array.from({ length: grantsOfKey - sites }, (_, n): Grant => ({
      role: 'read',
      topic: `plant/+/line-${n}/state`
    }))
  ],
  '50 filters and 50 devices': [
    ...ofSites,
    ...Array.from({ length: grantsOfKey - sites }, (_, n): Grant => ({ role: 'read', device: deviceName(n) }))
  ]
}

export async function benchAccess(write: (line: string) => void): Promise<object[]> {
  const fleet = await startFleet(process.execPath)
  const { url, child } = fleet.service
  const port = Number(new URL(url).port)
  const client = new pg.Client({ connectionString: fleet.databaseUrl })
  await client.connect()
  const backends = async (): Promise<number[]> =>
    (
      await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
      )
    ).rows.map((row) => row.pid)

  const bearers: Record<string, string> = {}
  for (const [name, grants] of Object.entries(keys)) bearers[name] = await makeKey(url, name, grants)
  const questions: Record<string, string[]> = {
    'state by topic': Array.from(
      { length: topicsAsked },
      (_, n) => `/v1/topics/${encodeURIComponent(topicName(n))}`
    ),
    'page of 100 topics': ['/v1/topics?limit=100']
  }
  const results: object[] = []
  for (const [question, paths] of Object.entries(questions)) {
    const sides: Side[] = []
    let said: string | null = null
    for (const [name, authorization] of Object.entries(bearers)) {
      const asked: Question[] = paths.map((path) => [toRequest('GET', path, undefined, { authorization })])
      const { status, body } = await askOnce(port, asked[0]![0]!)
      assert.equal(status, 200, body)
      assert.equal(withoutTokens(body), (said ??= withoutTokens(body)), `${name} sees something else`)
      sides.push({ name, pid: child.pid!, run: (how) => load(port, asked, how) })
    }
    const measured = await compare(sides, backends, rounds)
    for (const { side, perSecond, serverUs, timesPerSecond, timesCpu } of measured) {
      const ratio = Number((1 / timesPerSecond).toFixed(3))
      const ratioOfCpu = Number((1 / timesCpu).toFixed(3))
      write(
        `${question}, ${side}: ${perSecond} per second, ${serverUs} µs of CPU, ratio ${ratio}, of CPU ${ratioOfCpu}`
      )
      results.push({ question, side, perSecond, serverUs, ratio, ratioOfCpu })
    }
  }

  const times: Record<string, number[]> = {}
  for (let round = 0; round < rounds; round++) {
    const names = Object.keys(bearers)
    for (const name of round % 2 === 0 ? names : names.toReversed())
      (times[name] ??= []).push(await follow(url, bearers[name]!))
  }
  for (const [side, mine] of Object.entries(times)) {
    const perSecond = Math.round(streamed / (median(mine) / 1_000))
    const ratio = Number(median(mine.map((ms, round) => times['admin']![round]! / ms)).toFixed(3))
    write(`stream of ${streamed} messages, ${side}: ${perSecond} per second, ratio ${ratio}`)
    results.push({ question: `stream of ${streamed} messages`, side, perSecond, ratio })
  }
  await client.end()
  await fleet.stop()
  return results
}

/** As an `Authorization`. */
async function makeKey(url: string, name: string, grants: readonly Grant[]): Promise<string> {
  const response = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, grants })
  })
  const made = (await response.json()) as { key: string }
  assert.equal(response.status, 201, JSON.stringify(made))
  return `Bearer ${made.key}`
}

/** Tokens of pages are other ones each time. */
const withoutTokens = (body: string): string => body.replaceAll(/"(next|cursor)":"[^"]*"/g, '')

/** Milliseconds until so many messages that were there have come. */
async function follow(url: string, authorization: string): Promise<number> {
  const closing = new AbortController()
  const begun = performance.now()
  const response = await fetch(`${url}/v1/stream?types=message&after=earliest`, {
    headers: { authorization },
    signal: closing.signal
  })
  assert.equal(response.status, 200)
  const marker = Buffer.from('event: message')
  let [count, rest] = [0, Buffer.alloc(0)]
  for await (const chunk of response.body!) {
    const all = Buffer.concat([rest, chunk])
    let from = 0
    for (let at = all.indexOf(marker); at !== -1; at = all.indexOf(marker, from)) {
      count++
      from = at + marker.length
    }
    if (count >= streamed) break
    rest = all.subarray(Math.max(from, all.length - marker.length + 1))
  }
  const ms = performance.now() - begun
  closing.abort()
  assert.ok(count >= streamed, `the stream ended after ${count}`)
  return ms
}
