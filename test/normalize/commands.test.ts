/** Commands of mappings: what a document may say of them, what a client may give, and what is sent and awaited. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../../src/errors.ts'
import type { MappingFault, MappingSet } from '../../src/normalize/mapping-set.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { parseExact } from '../../src/normalize/exact-json.ts'
import { toKey } from '../../src/normalize/value-key.ts'
import { commandId, render } from './commands.ts'
import { compileText, mapping } from './mappings.ts'

const document = (command: string, ...lines: string[]): string =>
  mapping('topic: x/{device}', ...lines, `commands: [{ name: c, topic: "x/{device}/c", ${command} }]`)

const compile = (command: string, ...lines: string[]): MappingSet => compileText(document(command, ...lines))

const send = (set: MappingSet, payload: string) => render(set, 'x/a', 'c', Buffer.from(payload))

function refusals(set: MappingSet, payload: string): string[] {
  try {
    send(set, payload)
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    assert.equal(error.code, 'invalid_value')
    return error.errors.map(({ pointer, detail }) => `${pointer} ${detail}`)
  }
  return []
}

function faultsOf(text: string): readonly MappingFault[] {
  try {
    compileText(text)
  } catch (error) {
    assert.ok(error instanceof MappingsError, String(error))
    return error.faults
  }
  return []
}

const faults: Array<[command: string, pointer: string, message: RegExp, fix: RegExp]> = [
  ['qos: 3', '/qos', /cannot be "3"/, /0/],
  ['payload: "((("', '/payload', /Not an expression/, /JMESPath/],
  ['correlation: id', '/correlation', /no responseTopic/, /Add responseTopic/],
  ['ok: "eq(payload,1)"', '/ok', /no responseTopic/, /Add responseTopic/],
  ['timeout: 5s', '/timeout', /nothing is/, /responseTopic or effect/],
  ['effect: { metric: m }, timeout: 0s', '/timeout', /not from 1s/, /between/],
  ['responseTopic: "x/{device}/+"', '/responseTopic', /no \+ and #/, /correlation/],
  ['responseTopic: "x/{nobody}"', '/responseTopic', /captures no \{nobody\}/, /device, id/],
  ['responseTopic: "x/r", ok: "eq(payload"', '/ok', /Not a predicate/, /eq\(payload\/status/],
  ['responseTopic: "x/r", ok: "{}"', '/ok', /Not a predicate/, /reading/],
  ['effect: { value: v }', '/effect', /no metric/, /metric: target/],
  ['effect: { metric: "{nobody}" }', '/effect/metric', /captures no/, /device/],
  ['id: "a b"', '/id', /no member/, /meta\.uid/],
  ['id: { type: integer }', '/id', /names no member/, /member: id/],
  ['id: { member: id, type: uuid }', '/id/type', /cannot be "uuid"/, /text/],
  ['delivery: once', '/delivery', /cannot be "once"/, /atMostOnce/],
  ['oneInFlight: maybe', '/oneInFlight', /neither true nor false/, /true or false/],
  ['parameters: 5', '/parameters', /no mapping/, /type: object/],
  ['parameters: { pattern: "^a" }', '/parameters/pattern', /no key "pattern"/, /There is|mean/],
  ['parameters: { type: float }', '/parameters/type', /cannot be "float"/, /object/],
  ['parameters: { type: [number, float] }', '/parameters/type', /no type float/, /integer/],
  ['parameters: { minimum: a }', '/parameters/minimum', /no number/, /30/],
  ['parameters: { enum: [] }', '/parameters/enum', /no value/, /enum/],
  ['parameters: { required: a }', '/parameters/required', /no list/, /target/],
  ['parameters: { properties: { a: 1 } }', '/parameters/properties/a', /no mapping/, /type: object/],
  [
    'parameters: { additionalProperties: {} }',
    '/parameters/additionalProperties',
    /neither true nor/,
    /true/
  ],
  ['parameters: { items: { max: 1 } }', '/parameters/items/max', /no key "max"/, /maximum|maxItems/],
  [
    `parameters: ${'{ items: '.repeat(25)}{}${' }'.repeat(25)}`,
    `/parameters${'/items'.repeat(20)}`,
    /deeper than 20/,
    /flatter/
  ]
]

for (const [command, pointer, message, fix] of faults)
  test(`a fault of the document: ${command.slice(0, 60)}`, () => {
    const [fault, ...more] = faultsOf(document(command))
    assert.ok(fault !== undefined, 'no fault')
    assert.deepEqual(more, [])
    assert.equal(fault.pointer, `/mappings/0/commands/0${pointer}`)
    assert.match(fault.message, message)
    assert.match(fault.fix, fix)
    assert.equal(fault.line, 4)
  })

const schema = `parameters: { type: object, required: [mode], additionalProperties: false, properties: {
  mode: { enum: [auto, "off", 3] }, t: { type: number, minimum: 5, exclusiveMaximum: 30 },
  n: { type: [integer, "null"] }, on: { const: true }, "a/b": { type: string, minLength: 1, maxLength: 2 },
  list: { type: array, minItems: 1, maxItems: 2, items: { type: boolean } } } }`.replace(/\s+/g, ' ')

const given: Array<[payload: string, refusals: string[]]> = [
  ['{"mode":"auto"}', []],
  ['{"mode":3.0,"t":5,"n":null,"on":true,"a/b":"😀😀","list":[true,false]}', []],
  ['{"mode":"off","n":9007199254740993}', []],
  ['{}', ['/payload/mode is missing']],
  ['5', ['/payload must be object']],
  ['not json', ['/payload must be object']],
  ['', ['/payload must be object']],
  ['{"mode":"on"}', ['/payload/mode must be one of "auto", "off", 3']],
  ['{"mode":"3"}', ['/payload/mode must be one of "auto", "off", 3']],
  [
    '{"mode":3,"t":30,"n":1.5,"on":1}',
    ['/payload/t must be less than 30', '/payload/n must be integer or null', '/payload/on must be true']
  ],
  ['{"mode":3,"t":4.99}', ['/payload/t must be at least 5']],
  ['{"mode":3,"t":"7"}', ['/payload/t must be number']],
  [
    '{"mode":3,"a/b":"","c~d":1}',
    [
      '/payload/a~1b must have at least so many characters: 1',
      '/payload/c~0d is not known; there are mode, t, n, on, a/b, list'
    ]
  ],
  ['{"mode":3,"list":[]}', ['/payload/list must have at least so many items: 1']],
  [
    '{"mode":3,"list":[true,1,false]}',
    ['/payload/list must have at most so many items: 2', '/payload/list/1 must be boolean']
  ],
  ['{"mode":3,"__proto__":1}', ['/payload/__proto__ is not known; there are mode, t, n, on, a/b, list']]
]

for (const [payload, expected] of given)
  test(`given ${payload.slice(0, 60)}: ${expected.length === 0 ? 'taken' : 'refused'}`, () => {
    assert.deepEqual(refusals(compile(schema), payload).toSorted(), expected.toSorted())
  })

test('what is wrong in many places is told in some', () => {
  const many = JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`m${n}`, n])))
  assert.equal(refusals(compile(schema), many).length, 20)
})

test('what is given is sent byte by byte, unless something is put in', () => {
  const bytes = Buffer.from([0xff, 0x00, 0x7b])
  assert.deepEqual(render(compile('qos: 0'), 'x/a', 'c', bytes).payload, bytes)
  assert.equal(send(compile('id: id'), '{"id": "own",  "b":1}').payload.toString(), '{"id": "own",  "b":1}')
  assert.equal(send(compile('id: id'), '{"id":null}').payload.toString(), `{"id":"${commandId}"}`)
  assert.equal(
    send(compile('id: m.id'), '{"a":9007199254740993,"m":{"b":1}}').payload.toString(),
    `{"a":9007199254740993,"m":{"b":1,"id":"${commandId}"}}`
  )
  assert.equal(send(compile('id: m.id'), '{}').payload.toString(), `{"m":{"id":"${commandId}"}}`)
  for (const wrong of ['5', '[]', 'text', '', '{"m":5}'])
    assert.match(refusals(compile('id: m.id'), wrong).join(), /must be a JSON object/, wrong)
  assert.match(refusals(compile('payload: "max(@)"'), '5').join(), /makes no payload/)
  assert.match(refusals(compile('payload: a'), '{"b":1}').join(), /has nothing for a/)
})

test('an answer is known by what the command carries, or the command is refused', () => {
  const byMember = compile('responseTopic: "x/{device}/r", correlation: re.id')
  assert.deepEqual(send(byMember, '{"re":{"id":7}}').response, {
    kind: 'message',
    filter: 'x/a/r',
    correlationData: null,
    correlation: { expression: 're.id', value: toKey(7) },
    where: null,
    ok: null
  })
  for (const nothing of ['{"id":7}', '{"re":{"id":null}}', '5', ''])
    assert.match(refusals(byMember, nothing).join(), /has nothing for re\.id/, nothing)
  const byId = compile('responseTopic: "x/{device}/r", correlation: re.id, id: { member: n, type: integer }')
  const sent = send(byId, '{}')
  assert.equal(
    sent.response!.correlation!.value,
    toKey((parseExact(sent.payload.toString()) as { n: number }).n)
  )
  assert.deepEqual(sent.properties, { responseTopic: 'x/a/r' })
  // The client's own
  assert.equal(send(byId, '{"n":"mine"}').response!.correlation!.value, toKey('mine'))
  const byData = send(compile('responseTopic: "x/{device}/r"'), '1')
  assert.deepEqual(byData.properties, {
    responseTopic: 'x/a/r',
    correlationData: byData.response!.correlationData
  })
  assert.equal(
    Buffer.from(byData.response!.correlationData!, 'base64').toString('hex'),
    commandId.replaceAll('-', '')
  )
  const wild = send(compile('responseTopic: "x/{device}/+/#", correlation: id, id: id'), '{}')
  assert.deepEqual([wild.properties, wild.response!.filter], [null, 'x/a/+/#'])
})

test('only what cannot be told apart is one in flight, or what the mapping says', () => {
  const oneInFlight = (command: string): boolean => send(compile(command), '{"id":1}').oneInFlight
  assert.equal(oneInFlight('responseTopic: x/r'), false)
  assert.equal(oneInFlight('responseTopic: x/r, correlation: id'), false)
  assert.equal(oneInFlight('responseTopic: "x/r/{id}"'), false)
  assert.equal(oneInFlight('responseTopic: "x/r/{id}", correlation: false'), false)
  assert.equal(oneInFlight('responseTopic: x/r, correlation: false'), true)
  assert.equal(oneInFlight('responseTopic: x/r, oneInFlight: true'), true)
})

test('an effect is the value as the mapping will show it', () => {
  const effect = (command: string, payload: string, ...lines: string[]): unknown =>
    send(compile(command, ...lines), payload).effect
  const typed = 'metrics: [{ name: on, value: on, type: boolean }, { name: t, value: t, type: number }]'
  assert.deepEqual(effect('effect: { metric: on, value: on }', '{"on":"ON"}', typed), {
    metric: 'on',
    value: true
  })
  assert.deepEqual(effect('effect: { metric: t, value: t }', '{"t":"21.50"}', typed), {
    metric: 't',
    value: 21.5
  })
  assert.deepEqual(effect('effect: { metric: t, value: t }', '{"t":"warm"}', typed), {
    metric: 't',
    value: 'warm'
  })
  assert.deepEqual(effect('effect: { metric: "{device}.t" }', '{"b":1}'), { metric: 'a.t', value: { b: 1 } })
  assert.deepEqual(effect('effect: { metric: value }', '7'), { metric: 'value', value: 7 })
  assert.equal(effect('effect: { metric: t, value: t }', '{"x":1}'), null)
})

test('property: whatever is given, it is sent or refused, and what is put in is there', () => {
  const set = compile(
    `${schema}, id: meta.id, responseTopic: "x/r", correlation: meta.id, effect: { metric: t, value: t }`
  )
  const free = compile(
    'id: meta.id, responseTopic: "x/r", correlation: meta.id, effect: { metric: t, value: t }'
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'))
      ),
      (payload) => {
        refusals(set, payload)
        if (refusals(free, payload).length > 0) return
        const { payload: sent, response } = send(free, payload)
        const document = parseExact(sent.toString()) as { meta: { id: unknown } }
        assert.equal(response!.correlation!.value, toKey(document.meta.id))
      }
    ),
    { numRuns: 500 }
  )
})
