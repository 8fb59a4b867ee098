/**
 * The part of Home Assistant's templates that nearly all devices use: one expression, of the value or of a member of its
 * JSON, with filters that only say what type it has. All others are not understood, and said to be. Pure.
 */

import { defaultLimits } from '../../limits.ts'
import { readNumber } from '../../normalize/values.ts'

export interface Template {
  /** Into `value_json`; absent: the payload as text. */
  path?: Array<string | number>
  filters?: Filter[]
}

type Argument = string | number | boolean | null
export type Filter = [name: string, ...given: Argument[]]

const filterNames = new Set([
  'default',
  'float',
  'int',
  'is_defined',
  'lower',
  'round',
  'string',
  'trim',
  'upper'
])

const { discoveryTemplateCharsMax: templateCharsMax } = defaultLimits

/** Null: it is not understood. */
export function parseTemplate(text: string): Template | null {
  if (text.length > templateCharsMax) return null
  const braces = /^\s*\{\{-?([^{}%#]*?)-?\}\}\s*$/.exec(text)
  if (braces === null) return null
  const source = braces[1]!
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  const root = take(/\s*(value_json|value)\b/y)
  if (root === null) return null
  const path: Array<string | number> = []
  for (;;) {
    const member = take(/\s*\.\s*([A-Za-z_]\w*)|\s*\[\s*(?:'([^'\\]*)'|"([^"\\]*)"|(-?\d{1,9}))\s*\]/y)
    if (member === null) break
    const [, name, single, double, index] = member
    path.push(index === undefined ? (name ?? single ?? double)! : Number(index))
  }
  const filters: Filter[] = []
  while (take(/\s*\|/y) !== null) {
    const filter = takeFilter(take)
    if (filter === null) return null
    filters.push(filter)
  }
  // Text has no members
  if (take(/\s*$/y) === null || (root[1] === 'value' && path.length > 0)) return null
  return { ...(root[1] === 'value_json' && { path }), ...(filters.length > 0 && { filters }) }
}

function takeFilter(take: (pattern: RegExp) => RegExpExecArray | null): Filter | null {
  const name = take(/\s*([a-z_]+)/y)?.[1]
  if (name === undefined) return null
  const filter: Filter = [name === 'd' ? 'default' : name]
  if (!filterNames.has(filter[0])) return null
  if (take(/\s*\(\s*/y) === null) return filter
  while (take(/\s*\)/y) === null) {
    if (filter.length > 1) return null
    const argument = take(/\s*(?:'([^'\\]*)'|"([^"\\]*)"|(-?\d+(?:\.\d+)?)|([Tt]rue|[Ff]alse|[Nn]one))/y)
    if (argument === null) return null
    const [, single, double, number, word] = argument
    filter.push(
      number !== undefined
        ? Number(number)
        : word === undefined
          ? (single ?? double)!
          : ({ true: true, false: false, none: null }[word.toLowerCase()] as Argument)
    )
  }
  return filter
}

/** Undefined: there is no such member, so that the message says nothing of this. */
export type Rendered = { value: unknown } | { fault: string }

/** `json` is given once for all that look into it; undefined: the payload is none. */
export function render({ path, filters = [] }: Template, text: string, json: () => unknown): Rendered {
  let value: unknown = text
  if (path !== undefined) {
    value = json()
    if (value === undefined) return { fault: 'The payload is no JSON, and the template looks into it' }
    for (const step of path) value = member(value, step)
  }
  for (const [name, given] of filters) {
    const rendered = apply(name, given, value)
    if ('fault' in rendered) return rendered
    value = rendered.value
  }
  return { value }
}

function member(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return typeof step === 'number' ? value.at(step) : undefined
  return Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : undefined
}

function apply(name: string, given: Argument | undefined, value: unknown): Rendered {
  switch (name) {
    case 'default':
      return { value: value !== undefined ? value : given === undefined ? '' : given }
    case 'float':
    case 'int': {
      const number = toNumber(value)
      if (number !== null) return { value: name === 'float' ? number : truncate(number) }
      if (given !== undefined) return { value: given }
      return value === undefined ? { value } : { fault: `The template takes ${kindOf(value)} for a number` }
    }
    case 'round': {
      if (value === undefined) return { value }
      const number = toNumber(value)
      if (number === null) return { fault: `The template rounds ${kindOf(value)}` }
      return { value: round(number, typeof given === 'number' ? given : 0) }
    }
    case 'is_defined':
      return { value }
    default: {
      if (value === undefined) return { value }
      const text = asPython(value)
      if (text === null) return { fault: `The template takes ${kindOf(value)} for text` }
      return { value: changeText[name]!(text) }
    }
  }
}

const changeText: Record<string, (text: string) => string> = {
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  trim: (text) => text.trim(),
  string: (text) => text
}

const kindOf = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? 'an object or a list'
    : JSON.stringify(String(value).slice(0, 40))

export function toNumber(value: unknown): number | bigint | null {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'string' ? readNumber(value) : null
}

const truncate = (number: number | bigint): number | bigint =>
  typeof number === 'bigint' ? number : Math.trunc(number) + 0

/** Ties to the even digit, as Python does. */
function round(number: number | bigint, digits: number): number | bigint {
  if (typeof number === 'bigint' || !Number.isInteger(digits) || digits < 0 || digits > 15) return number
  const scaled = number * 10 ** digits
  const below = Math.floor(scaled)
  const isTie = scaled - below === 0.5 && Number.isInteger(digits === 0 ? 0 : scaled * 2)
  if (isTie) return (below % 2 === 0 ? below : below + 1) / 10 ** digits
  return Math.abs(number) < 1e20 ? Number(number.toFixed(digits)) : number
}

/** As a template shows it: what `payload_on` is compared with. Null: nothing that would be compared. */
export function asPython(value: unknown): string | null {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : null
}
