/** Exports over a real store: whole, exact, and gone on with wherever they are cut off. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExchangeFormat } from '../../src/history/exchange.ts'
import { datapointColumns, messageColumns } from '../../src/history/exchange.ts'
import { createHttpServer } from '../../src/http/server.ts'
import type { Access } from '../../src/model.ts'
import { query } from '../support/database.ts'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import type { Row } from './exports.ts'
import { fetchFile, keptOf, rowsOf } from './exports.ts'
import { pages, startProjected } from './projected.ts'
import { alwaysAs } from './server.ts'

const server = await startProjected({ limits: { exportPageRowsMax: 5 } })
const { project, receive } = server
const base = `${server.url}/v1`
const exports = `${base}/export`
const formats: ExchangeFormat[] = ['ndjson', 'csv']
const start = Date.parse('2026-03-14T09:00:00Z')

const exact = (
  type: 'integer' | 'text' | 'json' | 'bytes',
  bytes: string | number[],
  number: number | null = null
) => point('hostile "one", \'two\'', `metric,${type}`, number, { type, exact: Buffer.from(bytes as string) })

const texts = [
  '',
  '"',
  '""',
  ',',
  ';',
  '\r',
  '\n',
  '\r\n',
  '\n\r\n"\r',
  'a,"b"\r\nc',
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  "'",
  '\\',
  '\\"',
  ' padded ',
  'null',
  'true',
  '12',
  'NaN',
  'häuser 🏠 e\u0301',
  '\u2028\u2029',
  '\ufeff',
  '\ufeffbom',
  '</script>',
  '#',
  'cursor'
]

// Of a message each, and then of one that has more than a page
for (const [index, text] of texts.entries())
  await project(`hostile/${index}/a,"b'=1`, {
    datapoints: [{ ...exact('text', text), observedAt: start + index, unit: '"°C",', quality: '=bad\u2028' }]
  })
await project('types/many', {
  datapoints: [
    point('types', 'null', null, { type: 'null' }),
    point('types', 'number', 0.1),
    point('types', 'large', 1e308),
    point('types', 'boolean', 0, { type: 'boolean' }),
    exact('integer', '9007199254740993', 2 ** 53),
    exact('integer', '-123456789012345678901234567890', -1.2345678901234568e29),
    exact('json', '{"a":9007199254740993,"b":"\\n,\\""}'),
    exact('json', '[]'),
    exact('bytes', [0, 255, 10, 13, 34, 44]),
    exact('bytes', []),
    point('types', 'times', 1, { observedAt: start + 1, clock: 'ahead', role: 'historical' }),
    point('types', 'times', 2, { observedAt: start, clock: 'received', role: 'event' })
  ]
})
await receive(
  { topic: 'bytes/all', payload: Buffer.from([0, 255, 10, 13, 34, 44]), qos: 0, retain: null, dup: true },
  { topic: 'bytes/none', payload: Buffer.alloc(0), retain: true },
  { topic: 'bytes/nul', payload: Buffer.from('a\0b\r\n"c",') },
  {
    topic: 'bytes/properties',
    properties: {
      contentType: 'text/plain',
      userProperties: [
        ['a', '1'],
        ['a', '"\r\n']
      ]
    }
  }
)

async function itemsOf(list: string): Promise<Row[]> {
  const items: Row[] = []
  for await (const page of pages(`${base}/${list}`)) items.push(...page.items)
  return items
}
const inOrder = (items: Row[]): Row[] =>
  items.toSorted(
    (one, other) => Number(one['seq']) - Number(other['seq']) || Number(one['n']) - Number(other['n'])
  )

const withoutCursor = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'cursor'))
const everyDatapoint = inOrder([
  ...(await itemsOf(`datapoints?device=${encodeURIComponent(exact('text', '').device)}&order=asc`)),
  ...(await itemsOf('datapoints?device=types&order=asc'))
])
const everyMessage = await itemsOf('messages?order=asc&limit=1000')

/** Cells as the row of a page has them. */
const cellsOf: Record<string, (item: Row) => Row> = {
  datapoints: (item) => ({
    ...Object.fromEntries(datapointColumns.map((name) => [name, item[name] ?? null])),
    n: String(item['n']),
    value: item['valueText'] ?? item['valueBase64'] ?? null
  }),
  messages: (item) => ({
    ...Object.fromEntries(messageColumns.map((name) => [name, item[name] ?? null])),
    ...Object.fromEntries(['qos', 'dup'].map((name) => [name, String(item[name])])),
    retain: item['retain'] === null ? null : String(item['retain']),
    payloadBase64: item['payloadText'] === null ? item['payloadBase64'] : null,
    properties: item['properties'] === null ? null : JSON.stringify(item['properties'])
  })
}

for (const [what, every] of [
  ['datapoints', everyDatapoint],
  ['messages', everyMessage]
] as const) {
  test(`${what}: an export is what pages have, in the order of the journal`, async () => {
    const { status, headers, bytes } = await fetchFile(`${exports}/${what}`)
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
    assert.match(
      headers.get('content-disposition')!,
      new RegExp(`^attachment; filename="${what}-\\d+\\.ndjson"$`)
    )
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('content-length'), null)
    const rows = rowsOf(bytes, 'ndjson')
    assert.deepEqual(rows.map(withoutCursor), every)
    assert.ok(every.length > texts.length)
  })

  test(`${what}: CSV says the same, exactly`, async () => {
    const { headers, bytes } = await fetchFile(`${exports}/${what}?format=csv`)
    assert.equal(headers.get('content-type'), 'text/csv; charset=utf-8; header=present')
    const rows = rowsOf(bytes, 'csv')
    const cells = every.map((item) =>
      Object.fromEntries(
        Object.entries(cellsOf[what]!(item)).map(([name, cell]) => [name, cell === '' ? null : cell])
      )
    )
    assert.deepEqual(
      rows.map((row) => ({ ...row, cursor: null })),
      cells
    )
    assert.deepEqual(Object.keys(rows[0]!), [...(what === 'datapoints' ? datapointColumns : messageColumns)])
    const bare = await fetchFile(`${exports}/${what}?format=csv&header=false`)
    assert.equal(bare.headers.get('content-type'), 'text/csv; charset=utf-8; header=absent')
    assert.equal(bytes.subarray(bytes.indexOf('\r\n') + 2).compare(bare.bytes), 0)
  })

  for (const format of formats) {
    test(`${what}, ${format}: the last row of each message has a cursor, and the last of all that of the whole`, async () => {
      const { headers, bytes } = await fetchFile(`${exports}/${what}?format=${format}`)
      const rows = rowsOf(bytes, format)
      const isLast = rows.map(({ seq }, index) => rows[index + 1]?.['seq'] !== seq)
      assert.deepEqual(
        rows.map(({ cursor }) => typeof cursor === 'string'),
        isLast
      )
      assert.equal(rows.at(-1)!['cursor'], headers.get('rialto-cursor'))
      assert.equal(
        rowsOf(
          (await fetchFile(`${exports}/${what}?format=${format}&after=${headers.get('rialto-cursor')}`))
            .bytes,
          format
        ).length,
        0
      )
    })

    test(`${what}, ${format}: wherever it is cut off, it is gone on with, and nothing is lost or twice`, async () => {
      const url = `${exports}/${what}?format=${format}`
      const { bytes: whole } = await fetchFile(url)
      const rests = new Map<string, Buffer>()
      for (let at = 0; at <= whole.length; at++) {
        const kept = keptOf(whole.subarray(0, at), format)
        if (kept === null) continue // begun again
        const { cursor } = kept
        const asked = rests.get(cursor) ?? (await fetchFile(`${url}&header=false&after=${cursor}`)).bytes
        rests.set(cursor, asked)
        assert.ok(Buffer.concat([kept.bytes, asked]).equals(whole), `cut at ${at}`)
      }
      assert.equal(rests.size, new Set(every.map(({ seq }) => seq)).size)
    })
  }
}

test('an empty text is not a null: the type tells', async () => {
  const rows = rowsOf((await fetchFile(`${exports}/datapoints?format=csv`)).bytes, 'csv')
  assert.deepEqual(
    rows.filter(({ value }) => value === null).map(({ type }) => type),
    ['text', 'null', 'bytes']
  )
})

test('patterns, filters and times choose datapoints', async () => {
  const asks: Array<[query: string, chosen: (row: Row) => boolean]> = [
    ['device=types', ({ device }) => device === 'types'],
    ['device=types&device=no*', ({ device }) => device === 'types'],
    ['metric=metric,*', ({ metric }) => String(metric).startsWith('metric,')],
    [
      'device=t*s&metric=n*&metric=times',
      ({ metric }) => ['null', 'number', 'times'].includes(String(metric))
    ],
    ['filter=hostile/%2B/%23', ({ topic }) => String(topic).startsWith('hostile/')],
    [
      'filter=hostile/3/%23&filter=types/many',
      ({ topic }) => /^(hostile\/3\/|types\/many)/.test(String(topic))
    ],
    [`from=${new Date(start).toISOString()}`, ({ observedAt }) => Date.parse(String(observedAt)) >= start],
    [`to=${new Date(start).toISOString()}`, ({ observedAt }) => Date.parse(String(observedAt)) < start],
    [
      `from=${new Date(start + 1).toISOString()}&to=${new Date(start + 2).toISOString()}&device=types`,
      ({ device, observedAt }) => device === 'types' && Date.parse(String(observedAt)) === start + 1
    ],
    ['from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59.9999Z', () => true],
    ['where=eq(device,"types")', ({ device }) => device === 'types'],
    ['device=nobody', () => false]
  ]
  for (const [query, chosen] of asks) {
    const { bytes, headers } = await fetchFile(`${exports}/datapoints?${query}`)
    const rows = rowsOf(bytes, 'ndjson')
    assert.deepEqual(rows.map(withoutCursor), everyDatapoint.filter(chosen), query)
    assert.ok(headers.get('rialto-cursor'), query)
    if (rows.length > 0) assert.equal(rows.at(-1)!['cursor'], headers.get('rialto-cursor'), query)
  }
})

test('messages are chosen by filter, and by the time of their commit', async () => {
  const at = await query<{ seq: string; at: Date }>(
    server.databaseUrl,
    'select seq, at from journal where kind in (1, 3) order by seq'
  )
  const times = new Map(at.map((row) => [row.seq, row.at.getTime()]))
  for (const bound of [...new Set(times.values())].filter((_, index) => index % 6 === 0)) {
    for (const shift of [-1, 0, 1]) {
      const time = new Date(bound + shift)
      for (const [name, holds] of [
        ['from', (seq: unknown) => times.get(String(seq))! >= time.getTime()],
        ['to', (seq: unknown) => times.get(String(seq))! < time.getTime()]
      ] as const) {
        const rows = rowsOf(
          (await fetchFile(`${exports}/messages?${name}=${time.toISOString()}`)).bytes,
          'ndjson'
        )
        assert.deepEqual(
          rows.map(withoutCursor),
          everyMessage.filter(({ seq }) => holds(seq)),
          `${name} ${time.toISOString()}`
        )
      }
    }
  }
  const chosen = rowsOf((await fetchFile(`${exports}/messages?filter=bytes/%23`)).bytes, 'ndjson')
  assert.equal(chosen.length, 4)
})

test('what comes while it is read is left to the next, and then nothing is missing and nothing twice', async () => {
  const all: Row[] = []
  let cursor = 'earliest'
  const count = 40
  let written = 0
  const writing = (async () => {
    for (; written < count; written++)
      await project('written/meanwhile', {
        datapoints: Array.from({ length: written % 13 }, (_, n) => point('meanwhile', `m${n}`, written))
      })
  })()
  for (let isOver = false; !isOver;) {
    isOver = written === count
    const { bytes, headers } = await fetchFile(`${exports}/datapoints?device=meanwhile&after=${cursor}`)
    all.push(...rowsOf(bytes, 'ndjson'))
    cursor = headers.get('rialto-cursor')!
  }
  await writing
  assert.deepEqual(all.map(withoutCursor), inOrder(await itemsOf('datapoints?device=meanwhile&order=asc')))
})

test('what cannot be exported is refused as documented', async () => {
  const refusals: Array<[path: string, status: number, code: string]> = [
    ['datapoints?format=xml', 422, 'invalid_value'],
    ['datapoints?limit=5', 422, 'unknown_field'],
    ['datapoints?device=', 422, 'invalid_value'],
    ['datapoints?metric=a%5C', 422, 'invalid_value'],
    [
      `datapoints?${Array.from({ length: 101 }, (_, n) => `device=${n}`).join('&')}`,
      400,
      'query_too_complex'
    ],
    ['datapoints?where=gt(', 422, 'invalid_value'],
    ['datapoints?filter=a/%23/b', 422, 'invalid_filter'],
    ['datapoints?from=yesterday', 422, 'invalid_value'],
    ['datapoints?from=2026-03-14T09:00:00Z&to=2026-03-13T09:00:00Z', 422, 'invalid_value'],
    ['datapoints?after=nonsense', 400, 'cursor_invalid'],
    ['messages?header=1', 422, 'invalid_value'],
    ['messages?device=types', 422, 'unknown_field'],
    ['messages?after=nonsense', 400, 'cursor_invalid'],
    ['messages?min-cursor=nonsense', 400, 'cursor_invalid'],
    [`messages?after=${server.store.cursors.encode(1e9)}`, 409, 'cursor_ahead']
  ]
  for (const [path, status, code] of refusals) {
    const answer = await call(`${exports}/${path}`)
    assert.deepEqual([answer.status, answer.body.code], [status, code], path)
    assert.match(answer.headers.get('content-type')!, /^application\/problem\+json/)
  }
  assert.equal(server.parts.stats.exports, 0)
})

test('who may not read a topic does not get what came by it', async () => {
  const access: Access = {
    principal: 'some',
    mayRead: (topic) => topic.startsWith('types/'),
    mayPublish: () => false
  }
  const app = await createHttpServer({ ...server.parts, authenticator: alwaysAs(access) })
  for (const [what, topics] of [
    ['datapoints', ['types/many']],
    ['messages', ['types/many']]
  ] as const) {
    const { body } = await app.inject(`/v1/export/${what}`)
    const rows = rowsOf(Buffer.from(body), 'ndjson')
    assert.deepEqual([...new Set(rows.map(({ topic }) => topic))], topics)
    assert.equal(typeof rows.at(-1)!['cursor'], 'string')
  }
  await app.close()
})
