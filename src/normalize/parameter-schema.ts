/**
 * What may be given to a mapping's command: JSON Schema, as far as it can be checked without surprises
 * (https://json-schema.org/draft/2020-12/json-schema-validation). Integers beyond 2^53 are exact. Pure.
 */

import type { Entry } from './document-entry.ts'
import { toKey } from './value-key.ts'

export interface ParameterFault {
  /** JSON Pointer (RFC 6901) into what was given. */
  pointer: string
  detail: string
}

/** The faults of a value, at most `faultsMax`; none: it fits. */
export type ParameterCheck = (value: unknown) => ParameterFault[]

const faultsMax = 20
const depthMax = 20

const types = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
type TypeName = (typeof types)[number]

const keywords = [
  'type',
  'enum',
  'const',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'minItems',
  'maxItems',
  'title',
  'description',
  'default',
  'examples'
]

type Report = (pointer: string, detail: string) => void
type Rule = (value: unknown, pointer: string, report: Report) => void

/** null and faults of the document, if it is no schema, or says what is not checked. */
export function readParameterSchema(entry: Entry): ParameterCheck | null {
  const rule = readRule(entry, 1)
  if (rule === null) return null
  return (value) => {
    const faults: ParameterFault[] = []
    rule(value, '', (pointer, detail) => {
      if (faults.length < faultsMax) faults.push({ pointer, detail })
    })
    return faults
  }
}

function readRule(entry: Entry, depth: number): Rule | null {
  if (depth > depthMax)
    return entry.fault(`The schema is nested deeper than ${depthMax} levels`, 'Write a flatter one')
  const members = entry.map(keywords, '{ type: object, properties: { target: { type: number } } }')
  if (members === null) return null
  const rules: Array<Rule | null> = []
  const add = (name: string, read: (value: Entry) => Rule | null): void => {
    const value = members.get(name)
    if (value !== undefined) rules.push(read(value))
  }
  add('type', readType)
  add('enum', readEnum)
  add('const', (value) => {
    const key = toKey(value.json())
    return (given, at, report) =>
      toKey(given) === key ? undefined : report(at, `must be ${JSON.stringify(value.json())}`)
  })
  for (const [name, bound] of Object.entries(bounds)) add(name, (value) => readBound(value, bound))
  add('properties', (value) => readProperties(value, depth))
  add('required', readRequired)
  add('additionalProperties', (value) => readAdditional(value, members.get('properties')))
  add('items', (value) => {
    const rule = readRule(value, depth + 1)
    return (
      rule &&
      ((given, at, report) => {
        if (Array.isArray(given)) for (const [n, item] of given.entries()) rule(item, `${at}/${n}`, report)
      })
    )
  })
  if (rules.includes(null)) return null
  return (value, pointer, report) => {
    for (const rule of rules) rule!(value, pointer, report)
  }
}

function readType(entry: Entry): Rule | null {
  const names = entry.isList ? entry.words('[number, "null"]') : [entry.oneOf(types)]
  if (names === null || names[0] === null) return null
  const wrong = names.find((name) => !types.includes(name as TypeName))
  if (wrong !== undefined) return entry.fault(`There is no type ${wrong}`, `There are ${types.join(', ')}`)
  return (value, at, report) =>
    names.some((name) => isOf[name as TypeName](value))
      ? undefined
      : report(at, `must be ${names.join(' or ')}`)
}

const isNumber = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || typeof value === 'number'
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isOf: Record<TypeName, (value: unknown) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: isNumber,
  integer: (value) => typeof value === 'bigint' || Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null
}

function readEnum(entry: Entry): Rule | null {
  const items = entry.list('[auto, "off"]')
  if (items === null) return null
  if (items.length === 0) return entry.fault('enum has no value', 'Write for instance enum: [auto, "off"]')
  const values = items.map((item) => item.json())
  const keys = new Set(values.map(toKey))
  const shown = values.slice(0, 20).map((value) => JSON.stringify(value))
  return (value, at, report) =>
    keys.has(toKey(value)) ? undefined : report(at, `must be one of ${shown.join(', ')}`)
}

interface Bound {
  measure(value: unknown): number | bigint | null
  holds(value: number | bigint, bound: number): boolean
  says: string
}

const numberOf = (value: unknown): number | bigint | null => (isNumber(value) ? value : null)
/** Characters are code points (section 6.3.1). */
const lengthOf = (value: unknown): number | null =>
  typeof value === 'string' ? Array.from(value).length : null
const sizeOf = (value: unknown): number | null => (Array.isArray(value) ? value.length : null)
const least = (value: number | bigint, bound: number): boolean => value >= bound
const most = (value: number | bigint, bound: number): boolean => value <= bound

const bounds: Record<string, Bound> = {
  minimum: { measure: numberOf, holds: least, says: 'must be at least' },
  maximum: { measure: numberOf, holds: most, says: 'must be at most' },
  exclusiveMinimum: { measure: numberOf, holds: (a, b) => a > b, says: 'must be more than' },
  exclusiveMaximum: { measure: numberOf, holds: (a, b) => a < b, says: 'must be less than' },
  minLength: { measure: lengthOf, holds: least, says: 'must have at least so many characters:' },
  maxLength: { measure: lengthOf, holds: most, says: 'must have at most so many characters:' },
  minItems: { measure: sizeOf, holds: least, says: 'must have at least so many items:' },
  maxItems: { measure: sizeOf, holds: most, says: 'must have at most so many items:' }
}

function readBound(entry: Entry, { measure, holds, says }: Bound): Rule | null {
  const bound = entry.json()
  if (typeof bound !== 'number' || !Number.isFinite(bound))
    return entry.fault('The bound is no number', 'Write for instance 30')
  return (value, at, report) => {
    const measured = measure(value)
    if (measured !== null && !holds(measured, bound)) report(at, `${says} ${bound}`)
  }
}

function readProperties(entry: Entry, depth: number): Rule | null {
  const members = entry.all('{ target: { type: number } }')
  if (members === null) return null
  const rules = [...members].map(([name, value]) => [name, readRule(value, depth + 1)] as const)
  if (rules.some(([, rule]) => rule === null)) return null
  return (value, at, report) => {
    if (!isObject(value)) return
    for (const [name, rule] of rules)
      if (Object.hasOwn(value, name)) rule!(value[name], `${at}/${escapePointer(name)}`, report)
  }
}

function readRequired(entry: Entry): Rule | null {
  const names = entry.words('[target]')
  if (names === null) return null
  return (value, at, report) => {
    if (!isObject(value)) return
    for (const name of names)
      if (!Object.hasOwn(value, name)) report(`${at}/${escapePointer(name)}`, 'is missing')
  }
}

function readAdditional(entry: Entry, properties: Entry | undefined): Rule | null {
  const allowed = entry.boolean()
  if (allowed === null) return null
  const known = [...(properties?.all('{}')?.keys() ?? [])]
  return (value, at, report) => {
    if (allowed || !isObject(value)) return
    for (const name of Object.keys(value))
      if (!known.includes(name))
        report(
          `${at}/${escapePointer(name)}`,
          known.length === 0 ? 'is not known' : `is not known; there are ${known.slice(0, 20).join(', ')}`
        )
  }
}

/** RFC 6901 section 3. */
export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
