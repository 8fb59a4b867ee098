/**
 * Hostile text in every parameter, and hostile bodies at every operation that takes one, as openapi.yaml lists them: each is
 * answered by what was asked for or by a problem, never by a fault of ours, and nothing of the database shows.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { startBridge } from './support/bridge.ts'
import { startBroker } from './support/broker.ts'

interface Parameter {
  name: string
  in: string
  schema: { type?: string; items?: unknown }
}
interface Operation {
  operationId: string
  parameters?: Parameter[]
  requestBody?: { content: Record<string, unknown> }
}
const { paths } = parse(readFileSync(new URL('../openapi.yaml', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
}
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, { operationId }]) => path.startsWith('/v1/') && operationId !== 'stream')
    .map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation }))
)
const broker = await startBroker()
const { url } = await startBridge({ mqttUrl: broker.url })

/** What injects into SQL, LIKE, regular expressions, JSON paths, logs, and what encodes badly. */
const injections = [
  "'",
  "';drop table journal;--",
  "' or '1'='1",
  '1) or (1=1',
  '"; select pg_sleep(10); --',
  '$$;select 1;$$',
  '$1',
  'a\\',
  '%\\',
  '_%\\_',
  '\\',
  '\\u0000',
  '\u0000',
  '\ud800',
  '\ufeff',
  '(((((((((((',
  '[a-',
  '{"a":',
  '$.a[?(@)]',
  '-1',
  '0x10',
  '1e400',
  '9223372036854775808',
  'NaN',
  '../../etc/passwd',
  '\r\nset-cookie: a=b',
  '${jndi:ldap://x}',
  '<script>alert(1)</script>',
  'and(',
  'and(eq(payload,1),',
  "eq(payload,')",
  `eq(${'a/'.repeat(500)}b,1)`,
  '+/#/+',
  'x'.repeat(5_000)
]
/** Of Postgres, of JavaScript: nobody's business. */
const tells =
  /\b(22[0-9A-Z]{3}|42[0-9A-Z]{3}|23[0-9]{3})\b.*error|syntax error at|operator does not exist|invalid input syntax|invalid byte sequence|relation "|column "|pg_|at [\w.<>]+ \(|node_modules|TypeError|Cannot read/

async function check(path: string, init: RequestInit, what: string): Promise<number> {
  const answer = await fetch(`${url}${path}`, init)
  const text = await answer.text()
  assert.ok(answer.status < 500 || answer.status === 503, `${what}: ${answer.status} ${text.slice(0, 500)}`)
  if (answer.status >= 400) {
    const problem = JSON.parse(text) as { code?: string; status?: number; detail?: string; errors?: unknown }
    assert.deepEqual(
      [typeof problem.code, problem.status],
      ['string', answer.status],
      `${what}: ${text.slice(0, 500)}`
    )
    // What they sent themselves may stand in it
    if (!tells.test(what)) assert.doesNotMatch(text, tells, what)
  }
  return answer.status
}

const encode = (text: string): string => encodeURIComponent(text.toWellFormed())
const fill = (path: string, values: Record<string, string>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encode(values[name] ?? '1'))

const text = fc.oneof(
  fc.constantFrom(...injections),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.tuple(fc.constantFrom(...injections), fc.string({ maxLength: 10 })).map(([a, b]) => a + b)
)

for (const { path, method, operationId, parameters = [] } of operations.filter(
  ({ method }) => method === 'GET'
)) {
  const places = parameters.filter((one) => one.in === 'query' || one.in === 'path')
  if (places.length === 0) continue
  test(`${operationId}: whatever stands in its parameters`, async () => {
    for (const one of places)
      for (const value of injections) {
        const query = one.in === 'query' ? `?${one.name}=${encode(value)}` : ''
        await check(fill(path, { [one.name]: value }) + query, { method }, `${one.name}=${value}`)
      }
    await fc.assert(
      fc.asyncProperty(
        fc.subarray(places, { minLength: 1, maxLength: Math.min(4, places.length) }),
        fc.array(text, { minLength: 4, maxLength: 4 }),
        async (some, values) => {
          const given = Object.fromEntries(some.map(({ name }, at) => [name, values[at]!]))
          const query = some
            .filter((one) => one.in === 'query')
            .map(({ name }) => `${name}=${encode(given[name]!)}`)
          await check(`${fill(path, given)}?${query.join('&')}`, { method }, JSON.stringify(given))
        }
      ),
      { numRuns: 40 }
    )
  })
}

const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
const json = { 'content-type': 'application/json' }

for (const { path, method, operationId, requestBody } of operations) {
  if (requestBody?.content['application/json'] === undefined) continue
  test(`${operationId}: whatever its body is`, async () => {
    const ask = (body: RequestInit['body'], headers: Record<string, string>): Promise<number> =>
      check(fill(path, {}), { method, headers, body: body ?? null }, `${method} ${path}`)
    for (const [body, headers, statuses] of [
      ['{"a":', json, [400]],
      ['{"a":1}', { 'content-type': 'text/plain' }, [415]],
      ['a=1', { 'content-type': 'application/x-www-form-urlencoded' }, [415]],
      ['<a/>', { 'content-type': 'application/xml' }, [415]],
      [gzipSync(`"${'x'.repeat(50_000_000)}"`), { ...json, 'content-encoding': 'gzip' }, [415]],
      [`"${'x'.repeat(12 * 1024 * 1024)}"`, json, [413]],
      [nested, json, [400, 422]],
      [`{"a":${nested}}`, json, [400, 422]],
      [Buffer.from([0xff, 0xfe, 0x00]), json, [400]]
    ] as const) {
      const status = await ask(body, headers)
      assert.ok((statuses as readonly number[]).includes(status), `${String(body).slice(0, 40)}: ${status}`)
    }
    // Some may be left out, or have nothing that they need
    for (const body of [
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
      'null',
      '[]',
      '"\\ud800"'
    ])
      await ask(body, json)
    assert.equal(({} as { polluted?: number }).polluted, undefined)
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 4 }), async (body) => {
        await ask(body, json)
      }),
      { numRuns: 25 }
    )
  })
}
