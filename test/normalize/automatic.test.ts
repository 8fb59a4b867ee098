import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compileText, message, reasons, values } from './mappings.ts'

const set = compileText('automatic: true')
const say = (topic: string, payload: unknown, more = {}) =>
  set.normalize(message(topic, payload, more), null).outcome

test('objects have their members as metrics; all else is the metric that the last level names', () => {
  const table: Array<[string, unknown, Record<string, unknown>]> = [
    [
      'a/b/c',
      '{"t":1.5,"on":true,"s":"x","n":null}',
      { 'a/b/c t': 1.5, 'a/b/c on': true, 'a/b/c s': 'x', 'a/b/c n': null }
    ],
    [
      'a/b/c',
      '{"in":{"t":1,"deep":{"x":2}},"l":[1,{"y":2}]}',
      { 'a/b/c in.t': 1, 'a/b/c in.deep.x': 2, 'a/b/c l': { json: '[1,{"y":2}]' } }
    ],
    ['a/b/c', '{"1":{"2":{"3":{"4":{"5":{"6":7}}}}}}', { 'a/b/c 1.2.3.4.5': { json: '{"6":7}' } }],
    ['a/b/c', '{"e":{}}', { 'a/b/c e': { json: '{}' } }],
    ['a/b/c', '{}', {}],
    ['a/b/c', '23', { 'a/b c': 23 }],
    ['a/b/c', '-0.5e1', { 'a/b c': -5 }],
    ['a/b/c', '+.5', { 'a/b c': 0.5 }],
    ['a/b/c', ' 5. ', { 'a/b c': 5 }],
    ['a/b/c', 'true', { 'a/b c': true }],
    ['a/b/c', 'null', { 'a/b c': null }],
    ['a/b/c', '[1]', { 'a/b c': { json: '[1]' } }],
    ['a/b/c', '"x"', { 'a/b c': 'x' }],
    ['a/b/c', 'ON', { 'a/b c': 'ON' }],
    ['a/b/c', '00123', { 'a/b c': '00123' }],
    ['a/b/c', '0x10', { 'a/b c': '0x10' }],
    ['a/b/c', 'NaN', { 'a/b c': 'NaN' }],
    ['a/b/c', 'Infinity', { 'a/b c': 'Infinity' }],
    ['a/b/c', '21.5°C', { 'a/b c': '21.5°C' }],
    ['a/b/c', '\0', { 'a/b c': '\0' }],
    ['a/b/c', '9007199254740993', { 'a/b c': 9007199254740993n }],
    ['a/b/c', '-18446744073709551615', { 'a/b c': -18446744073709551615n }],
    [
      'a/b/c',
      '{"u":18446744073709551615,"s":"18446744073709551615"}',
      { 'a/b/c u': 18446744073709551615n, 'a/b/c s': '18446744073709551615' }
    ],
    ['a/b/c', '{"l":[18446744073709551615,1.0]}', { 'a/b/c l': { json: '[18446744073709551615,1]' } }],
    ['a/b/c', '{"a":"\\ud800"}', { 'a/b/c a': { json: '"\\ud800"' } }],
    ['a/b/c', Buffer.from('fffe00', 'hex'), { 'a/b c': { bytes: 'fffe00' } }],
    ['a/b/c', Buffer.from('efbbbf7b2261223a317d', 'hex'), { 'a/b/c a': 1 }],
    [
      'a/b/c',
      '{"__proto__":{"admin":true},"constructor":1}',
      { 'a/b/c __proto__.admin': true, 'a/b/c constructor': 1 }
    ],
    ['x', '5', { 'x value': 5 }],
    ['x', '{"a":5}', { 'x a': 5 }],
    ['a/b/c', '', {}]
  ]
  for (const [topic, payload, expected] of table) {
    const outcome = say(topic, payload)
    assert.deepEqual(values(outcome), expected, String(payload))
    assert.deepEqual(outcome.rejections, [], String(payload))
    assert.equal(outcome.mapping, 'automatic')
  }
  assert.equal(({} as Record<string, unknown>)['admin'], undefined)
})

test('topics of the broker are not asked for', () => {
  assert.equal(set.match('$SYS/broker/clients'), null)
  assert.deepEqual(say('$SYS/broker/clients', '5').mapping, null)
  assert.equal(compileText('').match('a/b'), null)
  assert.equal(compileText('automatic: false').match('a/b'), null)
})

test('what the content type says is respected', () => {
  const typed = (contentType: string, payload: string | Buffer) =>
    say('a/b', payload, { properties: { contentType } })
  assert.deepEqual(values(typed('text/plain', '23')), { 'a b': '23' })
  assert.deepEqual(values(typed('application/octet-stream', '23')), { 'a b': { bytes: '3233' } })
  assert.deepEqual(reasons(typed('application/json', '{"a":1')), ['malformed_json'])
  assert.deepEqual(reasons(typed('application/json', Buffer.from([0xff]))), ['not_utf8'])
  assert.deepEqual(
    reasons(typed('application/json; charset=utf-8', `${'['.repeat(200)}${']'.repeat(200)}`)),
    ['too_deep']
  )
})

test('numbers that no double holds are rejected; of two members with one name the last is taken, and it is said', () => {
  assert.deepEqual(reasons(say('a/b', '{"a":1e400}')), ['number_out_of_range'])
  assert.deepEqual(reasons(say('a/b', `{"a":1${'0'.repeat(400)}}`)), ['number_out_of_range'])
  const twice = say('a/b', '{"a":1,"a":2}')
  assert.deepEqual(values(twice), { 'a/b a': 2 })
  assert.deepEqual(reasons(twice), ['duplicate_keys'])
})

test('only what is live was heard from a device; a cleared topic says nothing', () => {
  assert.deepEqual(say('a/b', '{"x":1}').devices, ['a/b'])
  const found = say('a/b', '{"x":1}', { kind: 'snapshot' })
  assert.deepEqual([found.devices, values(found)], [[], { 'a/b x': 1 }])
  const cleared = say('a/b', '', { kind: 'cleared' })
  assert.deepEqual([cleared.devices, values(cleared), cleared.rejections], [[], {}, []])
})

interface Fixture {
  id: string
  topic: string
  utf8?: string
  hex?: string
}

test('payloads from the field never fail', () => {
  const fixtures = JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Fixture[]
  let datapoints = 0
  for (const { id, topic, utf8, hex } of fixtures) {
    const payload = utf8 === undefined ? Buffer.from(hex ?? '', 'hex') : Buffer.from(utf8)
    const outcome = say(topic, payload)
    datapoints += outcome.datapoints.length
    if (id !== 'av-a-dupkey') assert.deepEqual(outcome.rejections, [], id)
    else assert.deepEqual(reasons(outcome), ['duplicate_keys'])
  }
  assert.ok(fixtures.length > 40 && datapoints > 80, `${datapoints} of ${fixtures.length}`)
})
