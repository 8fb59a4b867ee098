/** Where an expression leaves the document, and what stands there instead. Pure. */

import { likeness } from './edit-distance.ts'

/** Names and places of an expression that only goes down into a document, as most do; null: it does more than that. */
export function stepsOf(expression: string): string[] | null {
  const steps: string[] = []
  const step = /\s*(?:\.?("(?:[^"\\]|\\.)*"|[A-Za-z_$][\w$-]*)|\[(-?\d+|\*?)\])/y
  let at = 0
  while (at < expression.length) {
    step.lastIndex = at
    const match = step.exec(expression)
    if (match === null) return expression.slice(at).trim() === '' ? steps : null
    const name = match[1]
    if (name?.startsWith('"')) {
      try {
        steps.push(String(JSON.parse(name)))
      } catch {
        return null
      }
    } else steps.push(name ?? `[${match[2]}]`)
    at = step.lastIndex
  }
  return steps
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value that the steps lead to; undefined: they lead nowhere. Of a list, the first item stands for all. */
export function valueAt(document: unknown, steps: readonly string[]): unknown {
  let value = document
  for (const step of steps) {
    if (/^\[.*\]$/.test(step) && Array.isArray(value)) {
      const index = Number(step.slice(1, -1))
      value = (value as unknown[])[Number.isInteger(index) && step !== '[]' ? index : 0]
    } else if (isObject(value) && Object.hasOwn(value, step)) value = value[step]
    else return undefined
  }
  return value
}

const quoted = (step: string): string =>
  /^([A-Za-z_][\w]*|\[.*\])$/.test(step) ? step : JSON.stringify(step)

/** An expression that leads there. */
export const toExpression = (steps: readonly string[]): string =>
  steps
    .map((step, index) => (index > 0 && !step.startsWith('[') ? `.${quoted(step)}` : quoted(step)))
    .join('') || '@'

const namesToldMax = 8
const pathsMax = 500
const depthMax = 6

/** What is wrong with an expression that selects nothing, as sentences; null: it selects something, or cannot be told. */
export function whyNothing(document: unknown, expression: string): { detail: string; fix: string } | null {
  const steps = stepsOf(expression)
  if (steps === null || valueAt(document, steps) !== undefined) return null
  const inList = Array.isArray(document) && valueAt(document[0], steps) !== undefined
  if (inList)
    return {
      detail: `\`${expression}\` selects nothing: the document is a list of ${document.length}, with an object in it`,
      fix: `Write \`each: "@"\` and select in each item, or \`[0].${expression}\``
    }
  // What was taken for a path is one name with dots in it
  const dotted = dottedPath(document, steps)
  if (dotted !== null)
    return {
      detail: `\`${expression}\` selects nothing: the dot is part of a name, \`${dotted.at(-1)}\``,
      fix: `Put the name into quotes: \`${toExpression(dotted)}\``
    }
  const missing = steps.findIndex((_, index) => valueAt(document, steps.slice(0, index + 1)) === undefined)
  const before = steps.slice(0, missing)
  const parent = valueAt(document, before)
  const wanted = steps[missing]!
  const where = before.length === 0 ? 'the document' : `\`${toExpression(before)}\``
  const found = candidate(document, parent, before, wanted, steps.slice(missing + 1))
  const has = found === null ? `${where} is ${contents(parent)}` : `there is \`${toExpression(found)}\``
  return {
    detail: `\`${expression}\` selects nothing: \`${wanted}\` is not there; ${has}`,
    fix:
      found === null
        ? 'Select one of the names there are, or let the device send it'
        : `Write \`${toExpression(found)}\` instead of \`${expression}\``
  }
}

function dottedPath(document: unknown, steps: readonly string[]): string[] | null {
  for (let from = 0; from < steps.length; from++)
    for (let to = steps.length; to > from + 1; to--) {
      const joined = [...steps.slice(0, from), steps.slice(from, to).join('.'), ...steps.slice(to)]
      if (valueAt(document, joined) !== undefined) return joined
    }
  return null
}

/** The path that was meant: a name like it beside it; else one of that name, or like it, anywhere. */
function candidate(
  document: unknown,
  parent: unknown,
  before: readonly string[],
  wanted: string,
  rest: readonly string[]
): string[] | null {
  if (isObject(parent)) {
    const name = similar(Object.keys(parent), wanted)
    if (name !== null && valueAt(parent[name], rest) !== undefined) return [...before, name, ...rest]
    if (name !== null && rest.length === 0) return [...before, name]
  }
  const last = rest.at(-1) ?? wanted
  const all = paths(document)
  const rank = (path: readonly string[]): number =>
    ['same', 'case', 'typo', 'other'].indexOf(likeness(last, path.at(-1)!))
  const best = all
    .filter((path) => rank(path) < 3)
    .toSorted((a, b) => rank(a) - rank(b) || a.length - b.length)[0]
  return best ?? null
}

/** The name that is most like it: but for case, but for typing, or one that contains the other. */
function similar(names: readonly string[], wanted: string): string | null {
  const by = (test: (name: string) => boolean): string | undefined => names.find(test)
  const [low, short] = [wanted.toLowerCase(), wanted.length < 3]
  return (
    by((name) => likeness(wanted, name) === 'case') ??
    by((name) => likeness(wanted, name) === 'typo') ??
    by(
      (name) =>
        !short &&
        name.length > 2 &&
        (name.toLowerCase().startsWith(low) || low.startsWith(name.toLowerCase()))
    ) ??
    null
  )
}

/** All paths of a document, the shallow ones first; of a list, those of its first item. */
function paths(document: unknown): string[][] {
  const found: string[][] = []
  const queue: Array<{ path: string[]; value: unknown }> = [{ path: [], value: document }]
  for (const { path, value } of queue) {
    if (found.length >= pathsMax || path.length >= depthMax) continue
    const members: Array<[string, unknown]> = Array.isArray(value)
      ? value.slice(0, 1).map((item: unknown) => ['[0]', item])
      : isObject(value)
        ? Object.entries(value).slice(0, pathsMax)
        : []
    for (const [name, member] of members) {
      const next = [...path, name]
      if (name !== '[0]') found.push(next)
      queue.push({ path: next, value: member })
    }
  }
  return found
}

/** What a value is, for people. */
export function contents(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (isObject(value)) {
    const names = Object.keys(value)
    if (names.length === 0) return 'an object without members'
    const told = names.slice(0, namesToldMax).map((name) => `\`${name.slice(0, 60)}\``)
    return `an object with ${told.join(', ')}${names.length > namesToldMax ? `, and ${names.length - namesToldMax} more` : ''}`
  }
  if (value === null) return 'null'
  if (typeof value === 'string') return `the text \`${value.slice(0, 40)}\``
  return `the ${typeof value} \`${String(value)}\``
}
