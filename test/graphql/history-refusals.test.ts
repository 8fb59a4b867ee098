/** What history over GraphQL refuses: each wrong argument has its code, and is named. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import { openTestStore } from '../support/store.ts'
import { codes, query, startServer } from './server.ts'

const { store, receive } = await openTestStore({ limits: { poolConnectionsMax: 4 } })
const { id: projection } = await currentAtHead(store, { hash: 'h', text: '' })
const { topicIds, base } = (await receive({ topic: 't' }))!
const topic = { topic: 't', topicId: topicIds.get('t')!.id }
const message = messageOf(base + 1, topic, { datapoints: [point('d0', 'a', 1)] })
await store.projections.write(projection, chunkOf(base, [message]), { live: true })

async function serve(t: TestContext) {
  const { url } = await startServer(t, { store })
  return (document: string) => query(url, document)
}

const range = { from: '2025-03-29T00:00:00.000Z', to: '2025-04-02T00:00:00.000Z' }
const days = `from: "${range.from}", to: "${range.to}", bucket: "P1D", fn: ["mean", "rate"]`
/** After the message, and over. */
const then = new Date((await store.journal.head()).at).toISOString()

const wrong: Array<[what: string, field: string, code: string, pointer: string]> = [
  [
    'a device that is a lone backslash',
    `history(device: ["\\\\"], ${days}) { tz }`,
    'invalid_value',
    '/device'
  ],
  ['an empty metric', `history(metric: [""], ${days}) { tz }`, 'invalid_value', '/metric'],
  ['a filter that is none', `history(filter: ["a/#/b"], ${days}) { tz }`, 'invalid_filter', '/filter/0'],
  ['a predicate that is none', `history(where: "maybe", ${days}) { tz }`, 'invalid_value', '/where'],
  [
    'no metric of a predicate',
    `history(where: "exists(metrics)", ${days}) { tz }`,
    'invalid_value',
    '/where'
  ],
  [
    'to before from',
    `history(from: "${range.to}", to: "${range.from}", bucket: "P1D") { tz }`,
    'invalid_value',
    '/to'
  ],
  [
    'from that is to come',
    'history(from: "9000-01-01T00:00:00.000Z", bucket: "P1D") { tz }',
    'invalid_value',
    '/from'
  ],
  ['no bucket', `history(from: "${range.from}", bucket: "") { tz }`, 'invalid_value', '/bucket'],
  [
    'a bucket that divides no day',
    `history(from: "${range.from}", bucket: "PT7M") { tz }`,
    'invalid_value',
    '/bucket'
  ],
  [
    'too many buckets',
    'history(from: "1990-01-01T00:00:00.000Z", bucket: "PT1S") { tz }',
    'query_too_complex',
    '/bucket'
  ],
  [
    'no zone',
    `history(from: "${range.from}", bucket: "P1D", tz: "Europe/Nowhere") { tz }`,
    'invalid_value',
    '/tz'
  ],
  ['no function', `history(from: "${range.from}", bucket: "P1D", fn: []) { tz }`, 'invalid_value', '/fn'],
  [
    'another function',
    `history(from: "${range.from}", bucket: "P1D", fn: ["median"]) { tz }`,
    'invalid_value',
    '/fn'
  ],
  ['no series of a page', `history(first: 0, ${days}) { tz }`, 'invalid_value', '/first'],
  [
    'a column that was not asked for',
    `history(${days}) { nodes { values(fn: "max") } }`,
    'invalid_value',
    '/fn'
  ],
  ['an instant', `device(id: "d0", asOf: "${then}") { history(${days}) { tz } }`, 'invalid_value', '/asOf'],
  [
    'an instant of metrics',
    `device(id: "d0", asOf: "${then}") { metric(name: "a") { history(${days}) { tz } } }`,
    'invalid_value',
    '/asOf'
  ],
  [
    'a metric of a device that is empty',
    `device(id: "d0") { history(metric: [""], ${days}) { tz } }`,
    'invalid_value',
    '/metric'
  ],
  [
    'a bucket of a metric',
    `device(id: "d0") { metric(name: "a") { history(from: "${range.from}", bucket: "day") { tz } } }`,
    'invalid_value',
    '/bucket'
  ]
]

for (const [what, field, code, pointer] of wrong) {
  test(`${what} is ${code}, and ${pointer} is named`, async (t) => {
    const answer = await serve(t)
    const { errors = [] } = await answer(`{ ${field} }`)
    assert.ok(errors.length > 0, 'it is answered')
    const { extensions } = errors[0]!
    assert.equal(extensions.code, code, JSON.stringify(errors[0]))
    assert.deepEqual(
      (extensions.errors as Array<{ pointer: string }>).map((one) => one.pointer),
      [pointer]
    )
  })
}

for (const [what, field] of [
  ['too large a page', `history(first: 1001, ${days}) { tz }`],
  ['another source', `history(source: hour, ${days}) { tz }`],
  ['another fill', `history(fill: ZERO, ${days}) { tz }`],
  ['no from', 'history(bucket: "P1D") { tz }'],
  ['from that is no time', 'history(from: "yesterday", bucket: "P1D") { tz }'],
  ['a place of another list', `history(after: "AAAA", ${days}) { tz }`]
] as const)
  test(`${what} is refused`, async (t) => {
    const answer = await serve(t)
    const [code] = codes(await answer(`{ ${field} }`))
    assert.match(String(code), /^(invalid_value|page_too_large|cursor_invalid)$/)
  })
