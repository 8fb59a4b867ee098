import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GraphQLScalarType } from 'graphql'
import {
  buildSchema as buildFromDocument,
  GraphQLEnumType,
  isEnumType,
  isInputObjectType,
  isObjectType,
  lexicographicSortSchema,
  printSchema,
  validateSchema
} from 'graphql'
import { buildSchema } from '../../src/graphql/executable.ts'
import { printSdl } from '../../src/graphql/sdl.ts'

const schema = buildSchema()
const ours = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'))

test('the schema is valid, and its document makes the same schema', () => {
  assert.deepEqual(validateSchema(schema), [])
  assert.equal(printSchema(lexicographicSortSchema(buildFromDocument(printSdl()))), printSdl().trimEnd())
})

test('every type, field, argument and value says what it is', () => {
  const silent: string[] = []
  const look = (path: string, { description }: { description?: string | null | undefined }): void => {
    if (!description) silent.push(path)
  }
  for (const type of ours) {
    look(type.name, type)
    if (isEnumType(type)) for (const value of type.getValues()) look(`${type.name}.${value.name}`, value)
    if (!isObjectType(type) && !isInputObjectType(type)) continue
    for (const field of Object.values(type.getFields())) {
      look(`${type.name}.${field.name}`, field)
      if ('args' in field)
        for (const argument of field.args) look(`${type.name}.${field.name}(${argument.name})`, argument)
    }
  }
  assert.deepEqual(silent, [])
})

test('enums are upper case for clients and the words of the domain for us', () => {
  const causes = schema.getType('GapCause')
  assert.ok(causes instanceof GraphQLEnumType)
  assert.equal(causes.serialize('session_lost'), 'session_lost')
  assert.equal(causes.parseValue('session_lost'), 'session_lost')
})

const taken: Array<[scalar: string, values: unknown[]]> = [
  ['Seq', ['0', '1', '9007199254740993', '1234567890123456789']],
  ['DateTime', ['2026-01-31T12:00:00.000Z']],
  ['Base64', ['', 'AA==', '+/8=']],
  ['Cursor', ['abc']],
  ['JSON', [null, 0, 'text', { a: [true] }]]
]
const refused: Array<[scalar: string, values: unknown[]]> = [
  ['Seq', [1, '', '01', '-1', '1.0', '1e3', ' 1', '12345678901234567890', null, true]],
  ['DateTime', ['2026-01-31', '2026-01-31T12:00:00Z', '2026-13-31T12:00:00.000Z', 0]],
  ['Base64', ['A', 'AA=', '_-8=', ' AA==', 'AA==\n', 5]],
  ['Cursor', ['', 5]]
]
const scalar = (name: string): GraphQLScalarType => schema.getType(name) as GraphQLScalarType

for (const [name, values] of taken) {
  test(`${name} takes ${JSON.stringify(values)}`, () => {
    for (const value of values) assert.deepEqual(scalar(name).parseValue(value), value)
  })
}
for (const [name, values] of refused) {
  test(`${name} refuses ${JSON.stringify(values)}`, () => {
    for (const value of values)
      assert.throws(() => scalar(name).parseValue(value), new RegExp(`${name} is a string`))
  })
}
