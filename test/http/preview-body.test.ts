import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem, ProblemCode } from '../../src/errors.ts'
import { createPreviewReader } from '../../src/http/preview-body.ts'
import { defaultLimits } from '../../src/limits.ts'

const read = createPreviewReader({ ...defaultLimits, previewPayloadBytesMax: 20, mappingsBytesMax: 30 })

const madeUp = (body: object): { topic: string; payload: string; properties: unknown } => {
  const { message } = read({ topic: 'a', ...body })
  assert.ok('topic' in message)
  return { ...message, payload: Buffer.from(message.payload).toString('hex') }
}
const hex = (text: string): string => Buffer.from(text).toString('hex')

test('a message of the journal, with the mappings in use or with others', () => {
  assert.deepEqual(read({ seq: '41812' }), { message: { seq: 41_812 }, mappingText: null })
  assert.deepEqual(read({ seq: '1', mappings: 'automatic: true' }), {
    message: { seq: 1 },
    mappingText: 'automatic: true'
  })
})

for (const [what, body, payload] of [
  ['an object', { payload: { a: [1] } }, '{"a":[1]}'],
  ['a text as JSON', { payload: 'on' }, '"on"'],
  ['null', { payload: null }, 'null'],
  ['false', { payload: false }, 'false'],
  ['text as itself', { payloadText: ' 1.50 ä' }, ' 1.50 ä'],
  ['no text', { payloadText: '' }, ''],
  ['no bytes', { payloadBase64: '' }, '']
] as const) {
  test(`${what} as the payload`, () => {
    assert.deepEqual(madeUp(body), { topic: 'a', payload: hex(payload), properties: null })
  })
}

test('bytes, properties, and topics that nobody may publish to', () => {
  assert.equal(madeUp({ payloadBase64: '/wA=' }).payload, 'ff00')
  const properties = { contentType: 'application/json', userProperties: [['a', 'b']] }
  assert.deepEqual(madeUp({ payload: 1, properties }).properties, properties)
  for (const topic of ['$SYS/broker/uptime', '/', 'a\u0001b', 'a/'.repeat(500)])
    assert.equal(madeUp({ topic, payload: 1 }).topic, topic)
})

test('JSON nested deeper than can be written anew is refused, also where it is nested beyond the stack', () => {
  for (const levels of [200, 100_000]) {
    const payload: unknown = JSON.parse('['.repeat(levels) + ']'.repeat(levels))
    assert.throws(
      () => read({ topic: 'a', payload }),
      ({ code, message }: Problem) => code === 'invalid_value' && /levels/.test(message)
    )
  }
})

for (const [what, body, pointer, code] of [
  ['nothing', null, '', 'invalid_value'],
  ['a text', 'a', '', 'invalid_value'],
  ['neither seq nor topic', { payload: 1 }, '/topic', 'invalid_value'],
  ['seq and topic', { seq: '1', topic: 'a', payload: 1 }, '/topic', 'invalid_value'],
  ['seq and a payload', { seq: '1', payload: null }, '/payload', 'invalid_value'],
  ['seq and bytes', { seq: '1', payloadBase64: '' }, '/payloadBase64', 'invalid_value'],
  ['seq as a number', { seq: 1 }, '/seq', 'invalid_value'],
  ['seq 0', { seq: '0' }, '/seq', 'invalid_value'],
  ['seq beyond what is safe', { seq: '9007199254740993' }, '/seq', 'invalid_value'],
  ['no payload', { topic: 'a' }, '/payload', 'invalid_value'],
  ['two payloads', { topic: 'a', payload: 1, payloadText: '1' }, '/payload', 'invalid_value'],
  ['a payload that is no base64', { topic: 'a', payloadBase64: 'x' }, '/payloadBase64', 'invalid_value'],
  ['a lone surrogate', { topic: 'a', payloadText: '\ud800' }, '/payloadText', 'invalid_value'],
  ['a payload too large', { topic: 'a', payloadText: 'ä'.repeat(11) }, '/payload', 'payload_too_large'],
  ['mappings too large', { seq: '1', mappings: 'ä'.repeat(16) }, '/mappings', 'payload_too_large'],
  ['mappings that are no text', { seq: '1', mappings: { automatic: true } }, '/mappings', 'invalid_value'],
  ['an unknown field', { topic: 'a', payload: 1, qos: 1 }, '/qos', 'unknown_field'],
  ['an unknown property', { topic: 'a', payload: 1, properties: { x: 1 } }, '/properties/x', 'unknown_field'],
  ['a topic with a wildcard', { topic: 'a/+', payload: 1 }, '/topic', 'invalid_topic'],
  ['an empty topic', { topic: '', payload: 1 }, '/topic', 'invalid_topic'],
  ['a topic with NUL', { topic: 'a\0', payload: 1 }, '/topic', 'invalid_topic'],
  ['a topic with a lone surrogate', { topic: '\ud800', payload: 1 }, '/topic', 'invalid_topic'],
  ['a topic too long', { topic: 'ä'.repeat(32_768), payload: 1 }, '/topic', 'invalid_topic'],
  [
    'a topic of answers with a wildcard',
    { topic: 'a', payload: 1, properties: { responseTopic: '#' } },
    '/properties/responseTopic',
    'invalid_topic'
  ]
] satisfies Array<[string, unknown, string, ProblemCode]>) {
  test(`${what} is ${code}`, () => {
    assert.throws(
      () => read(body),
      (problem: Problem) => {
        assert.deepEqual([problem.code, problem.errors[0]?.pointer], [code, pointer])
        return true
      }
    )
  })
}
