/** Whatever comes in, the answer is a problem as RFC 9457 says, with a code of the catalogue. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { Problem, problems } from '../../src/errors.ts'
import { toProblem } from '../../src/http/problems.ts'
import { createBareServer } from './server.ts'

const json = { 'content-type': 'application/json' }
const id = '0d4b7f0e-5a0a-4f6e-9d53-6b1c6f1f2a10'
const app = await createBareServer({
  limits: { bodyBytesMax: 1_000, commandPayloadBytesMax: 100, filtersMax: 2 }
})

const post = (
  body: string | Buffer,
  headers: Record<string, string> = json,
  url = '/v1/commands'
): InjectOptions => ({ method: 'POST', url, headers, body })
const redrive = (body: string): InjectOptions => post(body, json, '/v1/rejections/redrive')
const ticket = (body: string): InjectOptions => post(body, json, '/v1/stream/tickets')
const get = (url: string): InjectOptions => ({ method: 'GET', url })

const cases: Array<[what: string, ask: InjectOptions, code: keyof typeof problems, pointer?: string]> = [
  ['no such path', get('/nope'), 'not_found'],
  ['no such path under /v1', get('/v1/nope'), 'not_found'],
  ['paths are case-sensitive', get('/v1/Topics'), 'not_found'],
  ['no such method', { method: 'PATCH', url: '/v1/topics' }, 'not_found'],
  ['a path that cannot be decoded', get('/v1/topics/a%2'), 'malformed_request'],
  ['a query that cannot be decoded', get('/v1/topics?filter=%'), 'malformed_request'],
  ['a query that cannot be decoded far behind', get('/v1/topics?filter=a?b=%'), 'malformed_request'],
  ['an unknown parameter', get('/v1/topics?filters=a'), 'unknown_field', 'filters'],
  ['a parameter of another route', get('/v1/topic?name=a&limit=1'), 'unknown_field', 'limit'],
  ['a parameter named like a prototype', get('/v1/topics?__proto__=1'), 'unknown_field', '__proto__'],
  ['a parameter twice', get('/v1/topics?limit=1&limit=2'), 'invalid_value', 'limit'],
  ['a parameter missing', get('/v1/topic'), 'invalid_value', 'name'],
  ['a parameter empty', get('/v1/topic?name='), 'invalid_value', 'name'],
  ['a limit in hexadecimal', get('/v1/topics?limit=0x10'), 'invalid_value', 'limit'],
  ['a limit with an exponent', get('/v1/topics?limit=1e1'), 'invalid_value', 'limit'],
  ['a limit of nothing', get('/v1/topics?limit='), 'invalid_value', 'limit'],
  ['a limit of 0', get('/v1/topics?limit=0'), 'invalid_value', 'limit'],
  ['a limit too large', get('/v1/topics?limit=1001'), 'page_too_large', 'limit'],
  ['an order in capitals', get('/v1/topics?order=ASC'), 'invalid_value', 'order'],
  ['an illegal filter', get('/v1/topics?filter=a/%23/b'), 'invalid_filter', 'filter'],
  ['a filter with NUL', get('/v1/messages?filter=a%00'), 'invalid_filter', 'filter'],
  ['an empty filter', get('/v1/messages?filter='), 'invalid_filter', 'filter'],
  ['too many filters', get('/v1/messages?filter=a&filter=b&filter=c'), 'invalid_filter', 'filter'],
  ['a page token made up', get('/v1/messages?page=abc'), 'cursor_invalid'],
  ['a state that is none', get('/v1/commands?state=pending,lost'), 'invalid_value', 'state'],
  ['a topic with NUL', get('/v1/commands?topic=a%00'), 'invalid_topic', 'topic'],
  ['an id that is none', get('/v1/commands/1'), 'invalid_value', 'id'],
  ['a topic id that is none', get('/v1/topics/by-id/0'), 'invalid_value', 'topicId'],
  ['an unknown type of events', get('/v1/stream?types=message,metrics'), 'invalid_value', 'types'],
  ['a mode that is none', get('/v1/stream?mode=newest'), 'invalid_value', 'mode'],
  ['a rate of every event', get('/v1/stream?maxRate=1'), 'invalid_value', 'maxRate'],
  ['a rate of all, which is every', get('/v1/stream?mode=all&maxRate=1'), 'invalid_value', 'maxRate'],
  ['a rate too low', get('/v1/stream?mode=latest&maxRate=0.009'), 'invalid_value', 'maxRate'],
  ['a rate too high', get('/v1/stream?mode=latest&maxRate=100.1'), 'invalid_value', 'maxRate'],
  ['a rate in words', get('/v1/stream?mode=latest&maxRate=often'), 'invalid_value', 'maxRate'],
  ['a rate with an exponent', get('/v1/stream?mode=latest&maxRate=1e1'), 'invalid_value', 'maxRate'],
  ['a snapshot of messages', get('/v1/stream?snapshot=true'), 'invalid_value', 'snapshot'],
  ['a snapshot, perhaps', get('/v1/stream?types=state&snapshot=1'), 'invalid_value', 'snapshot'],
  ['messages of a device', get('/v1/stream?device=a'), 'invalid_value', 'device'],
  ['presence of a metric', get('/v1/stream?types=presence&metric=a'), 'invalid_value', 'metric'],
  ['a predicate that is none', get('/v1/stream?where=payload/a>1'), 'invalid_value', 'where'],
  ['a ticket made up', get('/v1/stream?ticket=abc'), 'unauthenticated'],
  ['two tickets', get('/v1/stream?ticket=abc&ticket=abc'), 'unauthenticated'],
  ['a ticket where none is taken', get('/v1/topics?ticket=abc'), 'unknown_field', 'ticket'],
  ['a ticket for ever', ticket('{"expiresInSeconds":3601}'), 'invalid_value', '/expiresInSeconds'],
  ['a ticket for no time', ticket('{"expiresInSeconds":0}'), 'invalid_value', '/expiresInSeconds'],
  ['a ticket for a while', ticket('{"expiresInSeconds":1.5}'), 'invalid_value', '/expiresInSeconds'],
  ['a ticket of another name', ticket('{"seconds":1}'), 'unknown_field', '/seconds'],
  ['a ticket that is a list', ticket('[]'), 'invalid_value'],
  ['a cursor made up', get('/v1/stream?after=abc'), 'cursor_invalid'],
  ['a device without a name', get('/v1/device'), 'invalid_value', 'name'],
  ['a device with an empty name', get('/v1/device?name='), 'invalid_value', 'name'],
  ['a presence that is none', get('/v1/devices?presence=away'), 'invalid_value', 'presence'],
  ['two presences', get('/v1/devices?presence=online&presence=offline'), 'invalid_value', 'presence'],
  ['a page of devices made up', get('/v1/devices?page=abc'), 'cursor_invalid'],
  ['too many devices', get('/v1/devices?limit=1001'), 'page_too_large', 'limit'],
  ['an order of metrics', get('/v1/devices/a/metrics?order=asc'), 'unknown_field', 'order'],
  ['datapoints of a device without a name', get('/v1/datapoints?device='), 'invalid_value', 'device'],
  ['datapoints of an endless pattern', get('/v1/datapoints?device=a%5C'), 'invalid_value', 'device'],
  ['datapoints of no metric', get('/v1/datapoints?device=a&metric='), 'invalid_value', 'metric'],
  ['a time that is none', get('/v1/datapoints?device=a&from=yesterday'), 'invalid_value', 'from'],
  ['a time without an offset', get('/v1/datapoints?device=a&to=2026-01-01T00:00:00'), 'invalid_value', 'to'],
  [
    'a range that ends before it begins',
    get('/v1/rejections?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'),
    'invalid_value',
    'to'
  ],
  ['a page of datapoints made up', get('/v1/datapoints?device=a&page=abc'), 'cursor_invalid'],
  ['an illegal filter of rejections', get('/v1/rejections?filter=a%23'), 'invalid_filter', 'filter'],
  ['a reason that is none', get('/v1/rejections?reason=bad'), 'invalid_value', 'reason'],
  ['a mapping with NUL', get('/v1/rejections?mapping=a%00'), 'invalid_value', 'mapping'],
  ['a redrive of an illegal filter', redrive('{"filters":["a/#/b"]}'), 'invalid_filter', '/filters'],
  ['a redrive of too many filters', redrive('{"filters":["a","b","c"]}'), 'invalid_value', '/filters'],
  ['a redrive of a filter that is no list', redrive('{"filters":"a"}'), 'invalid_value', '/filters'],
  ['a redrive of a reason that is none', redrive('{"reason":"bad"}'), 'invalid_value', '/reason'],
  ['a redrive of a mapping that is none', redrive('{"mapping":"a b"}'), 'invalid_value', '/mapping'],
  ['a redrive from a time that is none', redrive('{"from":"yesterday"}'), 'invalid_value', '/from'],
  ['a redrive with an unknown field', redrive('{"filter":["a"]}'), 'unknown_field', '/filter'],
  ['a redrive of a list', redrive('[]'), 'invalid_value', ''],
  ['half of a redrive', redrive('{'), 'malformed_json'],
  ['a redrive id that is none', get('/v1/redrives/1'), 'invalid_value', 'id'],
  ['too many redrives', get('/v1/redrives?limit=1001'), 'page_too_large', 'limit'],
  ['an empty preview', post('', json, '/v1/mappings/preview'), 'invalid_value', ''],
  ['a preview of nothing', post('{}', json, '/v1/mappings/preview'), 'invalid_value', '/topic'],
  [
    'a preview that is not JSON',
    post('a: 1', { 'content-type': 'application/yaml' }, '/v1/mappings/preview'),
    'unsupported_media_type'
  ],
  [
    'a reload with a word',
    post('{"rebuild":"no"}', json, '/v1/mappings/reload'),
    'invalid_value',
    '/rebuild'
  ],
  [
    'a reload with an unknown field',
    post('{"file":"/etc/passwd"}', json, '/v1/mappings/reload'),
    'unknown_field',
    '/file'
  ],
  ['nothing explained', get('/v1/explain'), 'invalid_value', 'topic'],
  ['what is neither topic nor filter explained', get('/v1/explain?topic=a%23/b'), 'invalid_topic', 'topic'],
  ['a topic with NUL explained', get('/v1/explain?topic=a%00'), 'invalid_topic', 'topic'],
  ['a QoS that is none', { method: 'DELETE', url: '/v1/topics/a/retained?qos=3' }, 'invalid_value', 'qos'],
  ['an empty retained message', { method: 'PUT', url: '/v1/topics/a/retained' }, 'invalid_value', ''],
  [
    'a retained message too large',
    { method: 'PUT', url: '/v1/topics/a/retained', body: 'x'.repeat(101) },
    'payload_too_large'
  ],
  ['a body too large', post('"'.padEnd(1_001, 'x')), 'payload_too_large'],
  ['a form', post('a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 'unsupported_media_type'],
  ['plain text', post('{}', { 'content-type': 'text/plain' }), 'unsupported_media_type'],
  ['half of a JSON', post('{"topic":'), 'malformed_json'],
  ['JSON that is not UTF-8', post(Buffer.from([0x22, 0xff, 0x22])), 'malformed_json'],
  ['no body', { method: 'POST', url: '/v1/commands' }, 'invalid_value', ''],
  ['an empty body that is called JSON', post(''), 'invalid_value', ''],
  ['an unknown field', post('{"topic":"a","payload":1,"QoS":1}'), 'unknown_field', '/QoS'],
  ['a batch of nothing', post('{"commands":[]}'), 'invalid_value', '/commands'],
  ['a batch with more beside it', post('{"commands":[{}],"qos":1}'), 'unknown_field', '/qos'],
  [
    'an empty Idempotency-Key',
    post('{}', { ...json, 'idempotency-key': '' }),
    'invalid_value',
    'idempotency-key'
  ],
  [
    'an Idempotency-Key too long',
    post('{}', { ...json, 'idempotency-key': 'k'.repeat(256) }),
    'invalid_value',
    'idempotency-key'
  ]
]

for (const [what, ask, code, pointer] of cases) {
  test(`${what}: ${code}`, async () => {
    const answer = await app.inject(ask)
    const body = answer.json()
    assert.equal(body.code, code)
    assert.equal(answer.statusCode, problems[code].status)
    assert.equal(body.status, answer.statusCode)
    assert.match(answer.headers['content-type'] as string, /^application\/problem\+json/)
    assert.ok(body.detail.length > 0)
    if (pointer !== undefined) assert.equal(body.errors[0].pointer, pointer)
  })
}

test('every route under /v1 refuses a parameter that it does not know', async () => {
  const paths = Object.entries(app.swagger().paths ?? {}).filter(([path]) => path.startsWith('/v1'))
  assert.ok(paths.length > 15)
  for (const [path, operations] of paths) {
    const url = path
      .replace('{topic}', 'a')
      .replace('{topicId}', '1')
      .replace('{device}', 'a')
      .replace('{id}', id)
      .replace('{name}', 'a')
    for (const method of Object.keys(operations as object)) {
      const answer = await app.inject({ method: method.toUpperCase() as 'GET', url: `${url}?nonsense=1` })
      assert.equal(answer.json().code, 'unknown_field', `${method} ${path}`)
    }
  }
})

test('with a key, everything under /v1 and the metrics ask for it; health and documents do not', async () => {
  const guarded = await createBareServer({ apiKey: 'open sesame, please'.replaceAll(' ', '-') })
  const open: string[] = []
  const operations = Object.entries(guarded.swagger().paths!).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => [path, method.toUpperCase() as 'GET'] as const)
  )
  assert.ok(operations.length > 40)
  for (const [path, method] of [...operations, ['/openapi.yaml', 'GET'], ['/docs/', 'GET']] as const) {
    const answer = await guarded.inject({ method, url: path.replaceAll(/[{}]/g, '') })
    if (answer.statusCode === 401) assert.equal(answer.headers['www-authenticate'], 'Bearer')
    else open.push(path)
  }
  assert.deepEqual(open, ['/livez', '/readyz', '/openapi.yaml', '/docs/'])
  const url = '/v1/topic/retained?name=a'
  assert.equal((await guarded.inject({ method: 'DELETE', url })).statusCode, 401)
  const wrong = await guarded.inject({ url: '/v1/status', headers: { authorization: 'Bearer open-sesame' } })
  assert.equal(wrong.json().code, 'unauthenticated')
  const authorization = 'Bearer open-sesame,-please'
  assert.equal((await guarded.inject({ url: '/v1/status', headers: { authorization } })).statusCode, 200)
})

const coded = (code: string, more: object = {}): Error =>
  Object.assign(new Error('secret'), { code, ...more })

for (const [error, code] of [
  [new Problem('forbidden', 'no'), 'forbidden'],
  [new Error('secret'), 'internal'],
  [new TypeError('secret'), 'internal'],
  [coded('FST_ERR_SOMETHING'), 'internal'],
  [coded('42P01'), 'internal'],
  [coded('23505'), 'internal'],
  [coded('57P01'), 'database_unavailable'],
  [coded('53300'), 'database_unavailable'],
  [coded('ECONNREFUSED', { syscall: 'connect' }), 'database_unavailable'],
  [coded('EPIPE', { syscall: 'write' }), 'database_unavailable'],
  [coded('P1001'), 'database_unavailable'],
  [coded('P2024'), 'database_unavailable'],
  [coded('P2002'), 'internal'],
  [new Error('Connection terminated unexpectedly'), 'database_unavailable'],
  [new Error('timeout exceeded when trying to connect'), 'database_unavailable']
] as const) {
  test(`${error.name} ${'code' in error ? error.code : error.message} is ${code}, and its text stays here`, () => {
    const problem = toProblem(error)
    assert.equal(problem.code, code)
    assert.ok(!JSON.stringify(problem).includes('secret'))
  })
}

test('while the database is away, clients are told when to try again', async () => {
  const away = (): Promise<never> => Promise.reject(new Error('Connection terminated unexpectedly'))
  const server = await createBareServer({ parts: { store: { journal: { head: away } } as never } })
  const answer = await server.inject('/v1/messages')
  assert.deepEqual([answer.statusCode, answer.headers['retry-after']], [503, '1'])
})

for (const [what, sent, status] of [
  ['what is not HTTP', 'HELLO\r\n\r\n', 400],
  ['a head too large', `GET /livez HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 400],
  ['a head that never ends', 'GET /livez HTTP/1.1\r\nhost: a\r\n', 408],
  [
    'a body that never ends',
    'POST /v1/commands HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    408
  ],
  [
    'a body that nobody reads and that never ends',
    'POST /v1/commands HTTP/1.1\r\nhost: a\r\ncontent-type: text/css\r\ncontent-length: 9\r\n\r\n{',
    415
  ]
] as const) {
  test(`${what} is answered with a problem, and the connection closed`, async () => {
    const server = await createBareServer({ limits: { headersMsMax: 300, requestMsMax: 600 } })
    const address = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
    const socket = connect(Number(address.port), '127.0.0.1')
    socket.write(sent)
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    await once(socket, 'close')
    const [head, body] = Buffer.concat(chunks).toString().split('\r\n\r\n')
    assert.match(head!, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.equal(JSON.parse(body!).status, status)
  })
}
