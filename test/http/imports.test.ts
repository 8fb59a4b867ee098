/** Imports over HTTP, by the whole service, without mappings unless told. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { test } from 'node:test'
import { mappingFile } from '../support/projection.ts'
import type { Answer, BridgeOptions } from '../support/bridge.ts'
import { postJson, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { openSse } from '../support/sse.ts'
import { everything } from '../support/store.ts'
import { call } from './contract.ts'
import { alwaysAs, startServer } from './server.ts'

const broker = await startBroker()
const start = (options: Partial<BridgeOptions> = {}) => startBridge({ mqttUrl: broker.url, ...options })

const day = Date.parse('2026-03-01T00:00:00Z')
const line = (n: number, more: object = {}): string =>
  `${JSON.stringify({ device: `d${n % 3}`, metric: 'm', observedAt: new Date(day + n * 1_000).toISOString(), value: n, ...more })}\n`
const lines = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, n) => line(from + n)).join('')

const send = (url: string, id: string, body: BodyInit, type = 'application/x-ndjson'): Promise<Answer> =>
  call(`${url}/v1/import/datapoints?id=${id}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
    ...(body instanceof ReadableStream && { duplex: 'half' })
  })

/** Values of all devices, as datapoints have them, behind a cursor. */
async function valuesOf(url: string, cursor: string | null): Promise<number[]> {
  const values: number[] = []
  for (const device of ['d0', 'd1', 'd2']) {
    for (let page: string | null = ''; page !== null;) {
      const after: string = page === '' ? '' : `&page=${page}`
      const behind = cursor === null ? '' : `&min-cursor=${cursor}`
      const { body } = await call(`${url}/v1/datapoints?device=${device}&limit=1000${after}${behind}`)
      values.push(...body.items.map(({ value }: { value: number }) => value))
      page = body.next
    }
  }
  return values.sort((one, other) => one - other)
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

test('without mappings, what is imported is read at once, by all who read datapoints', async () => {
  const { url, databaseUrl } = await start()
  const live = await openSse(`${url}/v1/stream?types=datapoint`)
  const messages = await openSse(`${url}/v1/stream?types=message,state`)
  await live.find('progress')
  await messages.find('progress')
  const { client } = await connectClient(broker.url)
  await client.publishAsync('plant/a', '1', { qos: 1 })
  await messages.find('message')
  const before = new Date().toISOString()
  const { status, body, headers } = await send(
    url,
    'a',
    line(0, { role: 'state', unit: 'W', topic: 'plant/a' }) +
      line(3) +
      line(1, { receivedAt: '2026-03-02T00:00:00Z' })
  )
  assert.equal(status, 200)
  const { cursor, ...counts } = body
  assert.deepEqual(counts, { id: 'a', lines: 3, datapoints: 3, skippedLines: 0 })
  assert.equal(headers.get('rialto-cursor'), cursor)

  const { body: page } = await call(`${url}/v1/datapoints?device=d0&order=asc&min-cursor=${cursor}`)
  const [first, second] = page.items
  assert.deepEqual(
    [first.value, first.unit, first.role, first.topic, first.observedAt, first.receivedAt, first.clock],
    [0, 'W', 'state', 'plant/a', '2026-03-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z', 'device']
  )
  assert.deepEqual([second.value, second.role, second.topic], [3, 'historical', 'rialto/import'])
  const { body: other } = await call(`${url}/v1/datapoints?device=d1`)
  assert.deepEqual(
    [other.items[0].observedAt, other.items[0].receivedAt],
    ['2026-03-01T00:00:01.000Z', '2026-03-02T00:00:00.000Z']
  )

  // Streams tell of them as datapoints, and as nothing else
  await eventually(() => live.events.filter(({ event }) => event === 'datapoint').length === 3)
  await messages.find('progress')
  const again = await openSse(`${url}/v1/stream?types=datapoint&after=earliest&device=d1`)
  assert.equal((await again.find('datapoint')).data.datapoint.value, 1)
  await client.publishAsync('plant/b', '2', { qos: 1 })
  await messages.find('message', ({ message }) => message.topic === 'plant/b')
  const isThere = ({ topic }: { topic: string }): boolean => topic === 'rialto/import'
  assert.ok(!messages.events.some(({ data }) => isThere(data.message ?? data.state ?? data)))
  const { body: kept } = await call(`${url}/v1/messages`)
  assert.ok(kept.items.length >= 2 && !kept.items.some(isThere))

  // History has them before they are rolled up, and after
  const history = `${url}/v1/history?device=d*&metric=m&bucket=P1D&fn=count,sum&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z`
  for (const rolled of [false, true]) {
    if (rolled)
      await eventually(async () => {
        const [row] = await query<{ sum: number }>(
          databaseUrl,
          'select sum(sum) from rollups where level = 3'
        )
        return row!.sum === 4
      })
    const { body: asked } = await call(`${history}&min-cursor=${cursor}`)
    assert.deepEqual(
      asked.items.map(({ device, values }: Answer['body']) => [device, values]),
      [
        ['d0', { count: [2], sum: [3] }],
        ['d1', { count: [1], sum: [1] }]
      ]
    )
  }

  // No topic is known by them alone
  const { body: topics } = await call(`${url}/v1/topics`)
  assert.ok(topics.items.length >= 2 && !topics.items.some(isThere))
  assert.equal((await call(`${url}/v1/topic?name=rialto/import`)).status, 404)
  const soon = new Date(Date.now() - 1).toISOString()
  const { body: then } = await call(`${url}/v1/topics?asOf=${soon}`)
  assert.ok(then.items.length >= 2 && !then.items.some(isThere))

  // Devices are known since the import, and were not heard from
  const { body: device } = await call(`${url}/v1/devices/d0`)
  assert.deepEqual([device.mapping, device.presence, device.metricCount], ['import', 'unknown', 1])
  assert.ok(device.firstSeenAt >= before && device.lastSeenAt === device.firstSeenAt)
  assert.equal((await call(`${url}/v1/devices/d0?asOf=${before}`)).status, 404)
  const { body: metrics } = await call(`${url}/v1/devices/d0/metrics`)
  assert.equal(metrics.items[0].latest.value, 0, 'what is historical is never latest')
})

test('the same file again is passed over; a longer one goes on; another one is refused', async () => {
  const { url } = await start({ limits: { importBatchDatapointsMax: 10 } })
  const whole = await send(url, 'x', lines(25))
  assert.deepEqual([whole.body.lines, whole.body.skippedLines], [25, 0])
  const again = await send(url, 'x', lines(25))
  assert.deepEqual([again.body.lines, again.body.datapoints, again.body.skippedLines], [25, 25, 25])
  assert.equal(again.body.cursor, whole.body.cursor)
  const longer = await send(url, 'x', `${lines(25)}\n\n${lines(5, 25)}`)
  assert.deepEqual([longer.body.lines, longer.body.datapoints, longer.body.skippedLines], [32, 30, 25])
  for (const [what, file] of [
    ['another', lines(40, 1)],
    ['a shorter', lines(20)],
    ['none', '']
  ] as const) {
    const { status, body } = await send(url, 'x', file)
    assert.deepEqual([what, status, body.code, body.lines], [what, 422, 'idempotency_mismatch', 32])
  }
  assert.equal(
    (await send(url, 'x', 'device,metric,observedAt,value\n', 'text/csv')).body.code,
    'invalid_value'
  )
  assert.deepEqual(await valuesOf(url, longer.body.cursor), upTo(30))

  const { body: listed } = await call(`${url}/v1/imports`)
  const { body: one } = await call(`${url}/v1/imports/x`)
  assert.deepEqual(listed.items, [one])
  assert.deepEqual([one.state, one.lines, one.datapoints, one.format], ['done', 32, 30, 'ndjson'])
  assert.equal((await call(`${url}/v1/imports/y`)).status, 404)
})

test('the first line that is wrong ends it, and all before it is committed', async () => {
  const { url } = await start({ limits: { importBatchDatapointsMax: 4, importLineBytesMax: 300 } })
  const csv = 'device,metric,observedAt,value\r\n'
  const row = (n: number): string => `d${n % 3},m,${new Date(day + n * 1_000).toISOString()},${n}\r\n`
  for (const [id, file, type, pointer, code] of [
    ['b1', `${lines(6)}{"device":1}\n${lines(3, 6)}`, 'application/x-ndjson', '/7/value', 'invalid_value'],
    ['b2', `${lines(6)}${line(6, { 'a/b~c': 1 })}`, 'application/x-ndjson', '/7/a~1b~0c', 'unknown_field'],
    ['b3', `${lines(6)}{"a"`, 'application/x-ndjson', '/7', 'invalid_value'],
    ['b4', `${lines(6)}${'x'.repeat(5_000_000)}`, 'application/x-ndjson', '/7', 'invalid_value'],
    [
      'b5',
      Buffer.concat([Buffer.from(lines(6)), Buffer.from([0xc3, 0x28, 10])]),
      'application/x-ndjson',
      '/7',
      'invalid_value'
    ],
    ['b6', `${lines(6)}${line(6, { topic: 'a/+' })}`, 'application/x-ndjson', '/7/topic', 'invalid_value'],
    [
      'b7',
      csv + upTo(6).map(row).join('') + 'd0,m,,1\r\n' + row(6),
      'text/csv',
      '/7/observedAt',
      'invalid_value'
    ],
    ['b8', csv + upTo(6).map(row).join('') + 'd0,m\r\n' + row(6), 'text/csv', '/7', 'invalid_value'],
    ['b9', csv + upTo(6).map(row).join('') + '"d0,m\r\n' + row(6), 'text/csv', '/7', 'invalid_value'],
    [
      'b10',
      csv + upTo(6).map(row).join('') + `d0,m,"${'x'.repeat(1_000)}",1\r\n`,
      'text/csv',
      '/7',
      'invalid_value'
    ]
  ] as const) {
    const { status, body } = await send(url, id, file, type)
    assert.deepEqual(
      [id, status, body.code, body.errors[0].pointer, body.lines],
      [id, 422, code, pointer, 6],
      body.detail
    )
    const { body: one } = await call(`${url}/v1/imports/${id}`)
    assert.deepEqual([one.lines, one.datapoints, one.state], [6, 6, 'interrupted'])
    // Mended, it goes on behind them
    const mended = type === 'text/csv' ? csv + upTo(8).map(row).join('') : lines(8)
    const { body: done } = await send(url, id, mended, type)
    assert.deepEqual([done.lines, done.datapoints, done.skippedLines], [8, 8, 6])
    await eventually(async () => (await valuesOf(url, null)).length % 8 === 0)
  }
  for (const [id, file] of [
    ['h1', ''],
    ['h2', 'device,metric,observedAt\r\n'],
    ['h3', 'device,metric,observedAt,value,x\r\n']
  ] as const) {
    const { status, body } = await send(url, id, file, 'text/csv')
    assert.deepEqual([id, status, body.lines], [id, 422, 0])
    assert.match(body.errors[0].pointer, /^\/0/)
  }
})

test('what is not asked for as it should be is refused before anything is read', async () => {
  const { url } = await start()
  const post = (query: string, headers: Record<string, string>) =>
    call(`${url}/v1/import/datapoints${query}`, { method: 'POST', headers, body: lines(1) })
  const ndjson = { 'content-type': 'application/x-ndjson' }
  for (const [query, headers, code] of [
    ['', ndjson, 'invalid_value'],
    ['?id=a%20b', ndjson, 'invalid_value'],
    [`?id=${'a'.repeat(65)}`, ndjson, 'invalid_value'],
    ['?id=a&more=1', ndjson, 'unknown_field'],
    ['?id=a', { 'content-type': 'application/json' }, 'unsupported_media_type'],
    ['?id=a', { 'content-type': 'text/plain' }, 'unsupported_media_type'],
    ['?id=a', { 'content-type': 'text/csv; charset=latin1' }, 'unsupported_media_type'],
    ['?id=a', { ...ndjson, 'content-encoding': 'gzip' }, 'unsupported_media_type']
  ] as const) {
    assert.equal((await post(query, headers)).body.code, code, query + JSON.stringify(headers))
  }
  assert.equal((await post('?id=a', { 'content-type': 'Application/X-NDJSON; charset="UTF-8"' })).status, 200)
  assert.deepEqual((await call(`${url}/v1/imports`)).body.items.length, 1)
})

test('a topic that may not be published to ends it, and imports of others are not seen', async () => {
  const mine = { ...everything, principal: 'me', mayPublish: (topic: string) => topic.startsWith('mine/') }
  const { url, store } = await startServer({ parts: { authenticator: alwaysAs(mine) } })
  const { status, body } = await send(
    url,
    'f',
    line(0, { topic: 'mine/a' }) + line(1, { topic: 'mine/b' }) + line(2, { topic: 'theirs' })
  )
  assert.deepEqual([status, body.code, body.lines, body.errors[0].pointer], [403, 'forbidden', 2, '/3/topic'])
  await store.imports.begin('another', 'g', 'csv')
  const { body: listed } = await call(`${url}/v1/imports`)
  assert.deepEqual(
    listed.items.map(({ id }: { id: string }) => id),
    ['f']
  )
  assert.equal((await call(`${url}/v1/imports/g`)).status, 404)
})

/** A request whose body comes as it is written, and is never ended unless told. */
async function openRequest(url: string, id: string) {
  const { port, host } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  let answer = ''
  socket.on('data', (data) => (answer += data.toString()))
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(
    `POST /v1/import/datapoints?id=${id} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/x-ndjson\r\n` +
      'transfer-encoding: chunked\r\n\r\n'
  )
  return {
    socket,
    answer: () => answer,
    write: (text: string) => void socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`),
    end: () => void socket.write('0\r\n\r\n')
  }
}

test('two at once under one id: the second is refused, and the first goes on', async () => {
  const { url } = await start({ limits: { importBatchDatapointsMax: 10, importLeaseMs: 3_000 } })
  const first = await openRequest(url, 't')
  first.write(lines(20))
  await eventually(async () => (await call(`${url}/v1/imports/t`)).body.lines >= 10)
  const second = await send(url, 't', lines(30))
  assert.deepEqual([second.status, second.body.code], [409, 'import_running'])
  // It is its for as long as it lives, however little comes
  const since = Date.now()
  await eventually(() => Date.now() - since > 4_000)
  assert.equal((await send(url, 't', lines(30))).status, 409)
  assert.equal((await call(`${url}/v1/imports/t`)).body.state, 'running')
  first.write(lines(10, 20))
  first.end()
  await eventually(() => first.answer().includes('"lines":30'))
  first.socket.destroy()
  assert.equal((await send(url, 't', lines(30))).body.skippedLines, 30)
})

test('a connection that breaks anywhere: the same file again, and each line is there once', async () => {
  const { url } = await start({ limits: { importBatchDatapointsMax: 50 } })
  const count = 2_000
  const file = lines(count)
  let broken = 0
  for (; broken < 12; broken++) {
    const request = await openRequest(url, 'r')
    const until = Math.floor((Math.random() * file.length) / (broken === 0 ? 4 : 1))
    for (let at = 0; at < until; at += 20_000) {
      request.write(file.slice(at, Math.min(at + 20_000, until)))
      await new Promise(setImmediate)
    }
    const stateOf = async () => (await call(`${url}/v1/imports/r`)).body
    if (broken === 0) {
      request.write(file.slice(until, file.length / 2))
      await eventually(async () => (await stateOf()).lines > 0)
    }
    request.socket.destroy()
    // If it was noticed at all
    await eventually(async () => (await stateOf()).state !== 'running')
  }
  // Until it has noticed that the last one is gone
  const { body } = await eventually(async () => {
    const answer = await send(url, 'r', file)
    return answer.body.code !== 'import_running' && answer
  })
  assert.deepEqual([body.lines, body.datapoints], [count, count])
  assert.ok(body.skippedLines > 0, 'something was committed of those that broke')
  assert.deepEqual(await valuesOf(url, body.cursor), upTo(count))
})

test('a client that sends nothing more is told so, and one that is refused may go on sending for a while', async () => {
  const { url } = await start({ limits: { importStallMsMax: 300, importRefusedMsMax: 300 } })
  const silent = await openRequest(url, 's')
  silent.write(lines(7))
  await once(silent.socket, 'close')
  assert.match(silent.answer(), /^HTTP\/1\.1 408 /)
  assert.match(silent.answer(), /"code":"request_timeout".*"lines":7/)

  const stubborn = await openRequest(url, 'u')
  stubborn.write(`${lines(3)}bad\n`)
  const closed = once(stubborn.socket, 'close')
  const sending = setInterval(() => stubborn.write(lines(1)), 20)
  await eventually(() => stubborn.answer().includes('"lines":3'))
  await closed
  clearInterval(sending)
})

test('more imports at once than are allowed are refused', async () => {
  const { url } = await start({ limits: { importsMax: 2 } })
  const open = [await openRequest(url, 'm1'), await openRequest(url, 'm2')]
  await eventually(async () => (await call(`${url}/v1/imports`)).body.items.length === 2)
  const { status, body, headers } = await send(url, 'm3', lines(1))
  assert.deepEqual([status, body.code, headers.get('retry-after')], [429, 'too_many_requests', '1'])
  for (const { end } of open) end()
  await eventually(() => open.every(({ answer }) => answer().includes(' 200 ')))
  assert.equal((await send(url, 'm3', lines(1))).status, 200)
  for (const { socket } of open) socket.destroy()
})

test('a file may come for longer than other requests, as long as it comes', async () => {
  const { url } = await start({ limits: { requestMsMax: 300, importStallMsMax: 2_000 } })
  const slow = await openRequest(url, 'l')
  const since = Date.now()
  let sent = 0
  await eventually(
    () => {
      slow.write(line(sent++))
      return Date.now() - since > 1_500
    },
    { everyMs: 100 }
  )
  slow.end()
  await eventually(() => slow.answer().includes(`"lines":${sent}`))
  slow.socket.destroy()
})

test('a service that ends says so, and what came is committed', async () => {
  const { url, close, databaseUrl } = await start()
  const open = await openRequest(url, 'e')
  open.write(lines(7))
  await eventually(async () => (await call(`${url}/v1/imports/e`)).body.state === 'running')
  await close()
  await eventually(() => open.answer().includes('"lines":7'))
  assert.match(open.answer(), /^HTTP\/1\.1 408 /)
  const { url: next } = await start({ databaseUrl })
  const { body } = await send(next, 'e', lines(9))
  assert.equal(body.skippedLines, 7)
  assert.deepEqual(await valuesOf(next, body.cursor), upTo(9))
})

test('an instance that does not lead imports, too, and its readers and streams have all of it', async () => {
  const { url: leading, databaseUrl } = await start()
  await eventually(async () => (await call(`${leading}/v1/status`)).body.leading)
  const { url } = await start({ databaseUrl })
  assert.equal((await call(`${url}/v1/status`)).body.leading, false)
  const streams = await Promise.all(
    [leading, url].map((at) => openSse(`${at}/v1/stream?types=datapoint&after=earliest`))
  )
  const { body } = await send(url, 'i', lines(300))
  assert.deepEqual(await valuesOf(url, body.cursor), upTo(300))
  for (const { events } of streams) {
    const told = (): number[] =>
      events.filter(({ event }) => event === 'datapoint').map(({ data }) => data.datapoint.value)
    await eventually(() => told().length >= 300)
    assert.deepEqual(
      told().sort((one, other) => one - other),
      upTo(300)
    )
  }
})

const mapping = (metric: string): string => `
mappings:
  - name: plant
    topic: live/{device}
    decoder: json
    metrics: [{ name: ${metric}, value: n }]
`

test('mappings that come, change and go leave what was imported as it was', async () => {
  const { client } = await connectClient(broker.url)
  const { url: first, close, databaseUrl } = await start()
  const { body } = await send(first, 'k', lines(9))
  await client.publishAsync('live/d0', '{"n":100}', { qos: 1 })
  await eventually(async () => (await call(`${first}/v1/messages?filter=live/d0`)).body.items.length === 1)
  const imported = await valuesOf(first, body.cursor)
  assert.deepEqual(imported, upTo(9))
  await close()

  const file = await mappingFile(mapping('one'))
  const { url, close: closeSecond } = await start({ databaseUrl, config: { mappingsFile: file } })
  const all = [...imported, 100]
  const shows = (url: string, expected: number[]) =>
    eventually(async () => {
      assert.deepEqual(await valuesOf(url, null), expected)
      return true
    })
  await shows(url, all)
  await writeFile(file, mapping('two'))
  await postJson(`${url}/v1/mappings/reload`, {})
  await eventually(async () =>
    (await call(`${url}/v1/devices/d0/metrics`)).body.items.some(
      ({ metric }: { metric: string }) => metric === 'two'
    )
  )
  await shows(url, all)
  // Heard from now, and the import does not take that back
  const heard = (await call(`${url}/v1/devices/d0`)).body
  assert.equal(heard.mapping, 'plant')
  const more = await send(url, 'k', lines(12))
  assert.deepEqual(await valuesOf(url, more.body.cursor), [...upTo(12), 100])
  const after = (await call(`${url}/v1/devices/d0`)).body
  assert.deepEqual(
    [after.mapping, after.lastSeenAt, after.presence],
    ['plant', heard.lastSeenAt, heard.presence]
  )
  await closeSecond()

  const { url: third } = await start({ databaseUrl })
  await shows(third, upTo(12))
  const [projections] = await query<{ count: number }>(databaseUrl, 'select count(*)::int from projections')
  assert.equal(projections!.count, 1)
})
