/** Validation without surprises: nothing is coerced, stripped or ignored, and faults say where and what. Pure. */

import type { FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ProblemDetail } from '../errors.ts'
import { Problem } from '../errors.ts'
import type { Query } from './query-string.ts'

/** For Fastify: headers, query strings and parameters of a route. */
export const compileRoutePart: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const isQuery = httpPart === 'querystring'
  const check = createCheck(schema, isQuery ? toName : (pointer) => pointer.slice(1))
  return (value: unknown) => {
    const given = isQuery ? readQuery(schema, value as Query) : value
    try {
      return { value: check(given) }
    } catch (error) {
      return { error: error as Problem }
    }
  }
}

/** Returns the value itself, or throws Problem unknown_field, page_too_large or invalid_value. */
export function createCheck<Schema extends TSchema>(
  schema: Schema,
  toPointer: (pointer: string) => string = (pointer) => pointer
): (value: unknown) => Static<Schema> {
  const validator = Compile(schema)
  return (value) => {
    if (isTooWide(value))
      throw new Problem('invalid_value', 'An object or array here has far too many entries')
    if (!validator.Check(value)) throw toProblem(validator.Errors(value) as Fault[], toPointer)
    return value as Static<Schema>
  }
}

interface Fault {
  keyword: string
  instancePath: string
  params: { additionalProperties?: string[]; requiredProperties?: string[]; allowedValues?: unknown[] }
  message: string
}

function toProblem(faults: readonly Fault[], toPointer: (pointer: string) => string): Problem {
  const unknown = faults.some((fault) => fault.keyword === 'additionalProperties')
  const tooLarge = faults.some((fault) => fault.keyword === 'maximum' && fault.instancePath === '/limit')
  const code = unknown ? 'unknown_field' : tooLarge ? 'page_too_large' : 'invalid_value'
  const errors = faults
    .flatMap(toDetails)
    .map(({ pointer, detail }) => ({ pointer: toPointer(pointer), detail }))
  return new Problem(
    code,
    errors.map(({ pointer, detail }) => `${pointer || 'It'} ${detail}`).join('; '),
    errors
  )
}

function toDetails({ keyword, instancePath, params, message }: Fault): ProblemDetail[] {
  const each = (names: readonly string[] = [], detail: string): ProblemDetail[] =>
    names.slice(0, 8).map((name) => ({ pointer: `${instancePath}/${escapePointer(name)}`, detail }))
  if (keyword === 'additionalProperties') return each(params.additionalProperties, 'is not known here')
  if (keyword === 'required') return each(params.requiredProperties, 'is missing')
  if (keyword === 'boolean') return [] // the schema `false`, of a field that is reported already
  if (keyword === 'enum')
    return [{ pointer: instancePath, detail: `must be one of ${params.allowedValues?.join(', ')}` }]
  return [{ pointer: instancePath, detail: message }]
}

/** RFC 6901 section 3. */
const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

/** A query parameter has a name, also when one of its values is wrong. */
const toName = (pointer: string): string => pointer.split('/')[1] ?? ''

/**
 * Text is all that a query string has: digits become numbers, true and false booleans, one value of many a list,
 * enumerations split at commas.
 */
function readQuery(schema: TSchema, query: Query): Record<string, unknown> {
  const { properties = {} } = schema as {
    properties?: Record<string, { type?: string; items?: { enum?: unknown[] } }>
  }
  const read = Object.entries(query).map(([name, given]): [string, unknown] => {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (typeof given === 'string') {
      if (property?.type === 'integer' && /^\d{1,15}$/.test(given)) return [name, Number(given)]
      if (property?.type === 'number' && /^\d{1,15}(\.\d{1,15})?$/.test(given)) return [name, Number(given)]
      if (property?.type === 'boolean' && /^(true|false)$/.test(given)) return [name, given === 'true']
    }
    if (property?.type !== 'array') return [name, given]
    const values = [given].flat()
    return [name, property.items?.enum === undefined ? values : values.flatMap((value) => value.split(','))]
  })
  return Object.fromEntries(read)
}

/** Checking a body of megabytes that is one wide object would stop everything else for seconds. */
const widthMax = 10_000

function isTooWide(value: unknown, levels = 4): boolean {
  if (typeof value !== 'object' || value === null || levels === 0) return false
  if (Object.keys(value).length > widthMax) return true
  return Object.entries(value).some(([name, inner]) => name !== 'payload' && isTooWide(inner, levels - 1))
}

/** For a route that reads its body itself: the schema then only documents it. */
export const bodyIsReadByRoute: FastifySchemaCompiler<TSchema> = (part) =>
  part.httpPart === 'body' ? (value: unknown) => ({ value }) : compileRoutePart(part)
