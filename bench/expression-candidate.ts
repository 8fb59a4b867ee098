/**
 * One candidate and one task, in a process of its own, since some never end: `bench/expressions.ts` starts it. The library is
 * read from the folder that is given, where it was installed for this run only.
 */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { defaultLimits } from '../src/limits.ts'
import { compileExpression } from '../src/normalize/expression.ts'

type Select = (document: unknown) => unknown

const [folder, candidate, task] = process.argv.slice(2) as [string, string, string]

async function load(name: string): Promise<Record<string, never>> {
  const require = createRequire(join(folder, 'package.json'))
  const loaded = (await import(pathToFileURL(require.resolve(name)).href)) as Record<string, never>
  return (loaded['default'] ?? loaded) as Record<string, never>
}

/** By the name of the candidate: an expression to a function. */
const compilers: Record<string, (expression: string) => Promise<Select>> = {
  async 'json-pointer'(expression) {
    const pointer = (await load('json-pointer')) as unknown as {
      get(document: unknown, path: string): unknown
    }
    return (document) => pointer.get(document, expression)
  },
  async jmespath(expression) {
    const { search } = (await load('jmespath')) as unknown as {
      search(document: unknown, text: string): unknown
    }
    return (document) => search(document, expression)
  },
  async '@jmespath-community/jmespath'(expression) {
    const { compile, TreeInterpreter } = (await load('@jmespath-community/jmespath')) as unknown as {
      compile(text: string): unknown
      TreeInterpreter: { search(tree: unknown, document: unknown): unknown }
    }
    const tree = compile(expression)
    return (document) => TreeInterpreter.search(tree, document)
  },
  async '@aws-lambda-powertools/jmespath'(expression) {
    const { search } = (await load('@aws-lambda-powertools/jmespath')) as unknown as {
      search(text: string, document: unknown): unknown
    }
    return (document) => search(expression, document)
  },
  async jsonata(expression) {
    const jsonata = (await load('jsonata')) as unknown as (text: string) => { evaluate: Select }
    const compiled = jsonata(expression)
    return (document) => compiled.evaluate(document)
  },
  ours: async (expression) => compileExpression(expression, defaultLimits.expressionStepsMax).select
}

const isPointer = candidate === 'json-pointer'
const isJsonata = candidate === 'jsonata'

interface Task {
  /** null: the language has nothing like it. */
  expression: string | null
  document: () => unknown
  times?: number
}

const big = 18446744073709551615n
const list = (length: number): unknown[] =>
  Array.from({ length }, (_, index) => ({ n: `n${index}`, v: index }))
const nested = (levels: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = { a: value }
  return value
}
const doubling = (times: number): string =>
  isJsonata
    ? `(${'$x := $append($x, $x); '.repeat(times)}$count($x))`.replace('(', '($x := [1, 2]; ')
    : `[@]${' | [@, @] | []'.repeat(times)} | length(@)`

const tasks: Record<string, Task> = {
  plain: {
    expression: isPointer ? '/data/temp' : 'data.temp',
    document: () => ({ data: { temp: 21.5 }, ts: 1 }),
    times: 100_000
  },
  filter: {
    expression: isPointer ? null : isJsonata ? "list[n='n1'].v" : "list[?n=='n1'].v | [0]",
    document: () => ({ list: list(2) }),
    times: 50_000
  },
  bigint: { expression: isPointer ? '/data/big' : 'data.big', document: () => ({ data: { big } }) },
  inherited: { expression: isPointer ? '/constructor' : 'constructor', document: () => ({}) },
  'many items': {
    expression: isPointer ? null : isJsonata ? 'list[v>5].n' : 'list[?v>`5`].n',
    document: () => ({ list: list(100_000) })
  },
  'doubling 25 times': { expression: isPointer ? null : doubling(25), document: () => ({ a: 1 }) },
  'text of a shared value': {
    expression: isPointer
      ? null
      : isJsonata
        ? `(${'$x := [[$x], [$x]]; '.repeat(25)}$length($string($x)))`.replace('(', '($x := 1; ')
        : `@${' | [@, @]'.repeat(25)} | to_string(@) | length(@)`,
    document: () => 1
  },
  'endless loop': {
    expression: isJsonata ? '($f := function($x) { $f($x) }; $f(1))' : null,
    document: () => 1
  },
  'regular expression': {
    expression: isJsonata ? '$contains(a, /^(x+x+)+$/)' : null,
    document: () => ({ a: `${'x'.repeat(40)}y` })
  },
  'deep document': {
    expression: isPointer ? '/a'.repeat(50) : Array.from({ length: 50 }, () => 'a').join('.'),
    document: () => nested(50)
  }
}

const { expression, document, times = 1 } = tasks[task]!
if (expression === null) process.stdout.write('{"result":"not in the language"}')
else {
  const given = document()
  let result: unknown
  let begun = performance.now()
  try {
    const select = await compilers[candidate]!(expression)
    // Once more than needed, for the compiler of V8 to see
    for (let index = 1; index < times; index++) await select(given)
    begun = performance.now()
    // Promises only where the library gives them
    for (let index = 0; index < times; index++) {
      result = select(given)
      if (result instanceof Promise) result = await (result as Promise<unknown>)
    }
  } catch (error) {
    result = `error: ${(error as Error).message ?? String(error)}`.slice(0, 80)
  }
  const microseconds = ((performance.now() - begun) * 1_000) / times
  const { maxRSS } = process.resourceUsage()
  const shown =
    typeof result === 'bigint'
      ? String(result)
      : Array.isArray(result)
        ? `${result.length} items`
        : typeof result === 'function'
          ? 'a function'
          : (result ?? null)
  process.stdout.write(
    JSON.stringify({
      result: shown,
      microseconds: Number(microseconds.toFixed(3)),
      maxRssMiB: Math.round(maxRSS / 1_024)
    })
  )
}
