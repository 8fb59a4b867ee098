import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getIntrospectionQuery } from 'graphql'
import { createDocuments } from '../../src/graphql/documents.ts'
import { buildSchema } from '../../src/graphql/executable.ts'
import { defaultLimits } from '../../src/limits.ts'

const parts = { schema: buildSchema(), limits: defaultLimits, introspection: true }
const { prepare } = createDocuments(parts)
const many = (count: number, toText: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => toText(i)).join(' ')

/** Codes of the errors that a document gets; none when it may be executed. */
function faults(document: string, read = prepare): unknown[] {
  const prepared = read(document, null)
  return 'errors' in prepared ? prepared.errors.map(({ extensions }) => extensions['code'] ?? 'invalid') : []
}

const fields =
  '{ cursor nodes { topic seq retained { seq payload properties { userProperties } } } pageInfo { endCursor } }'

const executed: Record<string, string> = {
  'the standard introspection query': getIntrospectionQuery({
    inputValueDeprecation: true,
    specifiedByUrl: true
  }),
  'twenty fields at the root': `{ ${many(20, (i) => `t${i}: topics ${fields}`)} }`,
  'as many levels as the schema has':
    '{ topics { edges { node { tombstone { previous { properties { contentType } } } } } } }'
}
for (const [name, document] of Object.entries(executed)) {
  test(`${name} may be executed`, () => assert.deepEqual(faults(document), []))
}

const bombs: Record<string, string> = {
  'deep fields': `{ topics ${'{ edges '.repeat(50)} ${'}'.repeat(50)} }`,
  'very deep fields': `{${'a{'.repeat(20_000)}`,
  'deep lists': `mutation { sendCommand(input: { topic: "a", payload: ${'['.repeat(900)}1${']'.repeat(900)} }) { cursor } } ${'#'.repeat(50_000)}`,
  'deep fragments': `{ ...F0 } ${many(20, (i) => `fragment F${i} on Query { topics { ...F${i + 1} } }`)} fragment F20 on Query { status { version } }`,
  aliases: `{ ${many(21, (i) => `a${i}: status { version }`)} }`,
  'aliases in a fragment': `{ ...F } fragment F on Query { ${many(21, (i) => `a${i}: status { version }`)} }`,
  'fields that overlap': `{ status { ${'version '.repeat(950)} } }`,
  'repeated fields': `{ status { ${'version '.repeat(1_001)} } }`,
  'fragments that double': `{ status { ...F0 } } ${many(12, (i) => `fragment F${i} on Status { ...F${i + 1} ...F${i + 1} }`)} fragment F12 on Status { version }`,
  'a million fields by fragments': `{ status { ...F0 } } ${many(40, (i) => `fragment F${i} on Status { ...F${i + 1} ...F${i + 1} }`)} fragment F40 on Status { version }`,
  directives: `{ status ${'@a '.repeat(2_000)} { version } }`,
  'a long comment': `{ status { version } } #${'x'.repeat(50_000)}`
}
for (const [name, document] of Object.entries(bombs)) {
  test(`${name}: refused as too complex, at once`, () => {
    const begin = process.cpuUsage()
    assert.deepEqual(faults(document), ['query_too_complex'])
    const { user } = process.cpuUsage(begin)
    assert.ok(user < 500_000, `${user} µs`)
  })
}

test('fragments that spread themselves are invalid, not endless', () => {
  const document = '{ status { ...A } } fragment A on Status { ...B } fragment B on Status { ...A }'
  assert.ok(faults(document).includes('invalid'))
})

test('the worst document within the limits does not stop the service', () => {
  const overlapping = `{ topics { nodes { ${many(100, (i) => `...F${i}`)} } } } ${many(100, (i) => `fragment F${i} on TopicState { retained { topic } }`)}`
  const begin = process.cpuUsage()
  assert.deepEqual(faults(overlapping), [])
  const { user } = process.cpuUsage(begin)
  assert.ok(user < 500_000, `${user} µs`)
})

test('without introspection the schema cannot be asked for, nor guessed', () => {
  const { prepare: closed } = createDocuments({ ...parts, introspection: false })
  assert.ok(faults('{ __schema { queryType { name } } }', closed).length > 0)
  const guess = closed('{ topix { cursor } }', null)
  assert.ok('errors' in guess && !/Did you mean/.test(guess.errors[0]!.message))
  const helped = prepare('{ topix { cursor } }', null)
  assert.ok('errors' in helped && /Did you mean/.test(helped.errors[0]!.message))
})

test('of several operations one must be named', () => {
  const document = 'query A { status { version } } query B { status { leading } }'
  assert.ok('errors' in prepare(document, null))
  assert.ok('errors' in prepare(document, 'C'))
  const named = prepare(document, 'B')
  assert.ok('operation' in named && named.operation.name?.value === 'B')
})
