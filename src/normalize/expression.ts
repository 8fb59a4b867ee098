/** Selecting values: JMESPath, compiled once, evaluated within a bound of work that no input can exceed. Pure. */

import { TreeInterpreter, compile } from '@jmespath-community/jmespath'

/** What is selected of a document; undefined: nothing. */
export interface Expression {
  text: string
  /** It names one place in the document, so what it gives is a part of it, and null is a null that stands there. */
  plain: boolean
  /** Throws ExpressionError where it cannot be evaluated. */
  select(document: unknown): unknown
}

export class ExpressionError extends Error {}

interface Node {
  type: string
  name?: string
  value?: unknown
  left?: Node
  right?: Node
  children?: Node[]
}

const nodeTypes = new Set(
  `Field Literal Index Slice FilterProjection Comparator KeyValuePair MultiSelectHash MultiSelectList Function Ternary
  AndExpression OrExpression NotExpression IndexExpression Pipe Projection Subexpression ValueProjection
  ExpressionReference Flatten Identity Current Unary Arithmetic`.split(/\s+/)
)

/** Those whose work is no more than what they are given and give, which is counted. */
export const expressionFunctions =
  `abs ceil floor lower upper keys values avg contains ends_with starts_with from_items items join length map max max_by
  min min_by not_null reverse sort sort_by split sum to_array to_number to_string trim trim_left trim_right type zip`.split(
    /\s+/
  )

/** Throws an Error that tells what is wrong with the text. */
export function compileExpression(text: string, stepsMax: number): Expression {
  let tree: Node
  try {
    tree = compile(text) as Node
  } catch (error) {
    throw new Error((error as Error).message.replace(/^Syntax error[:,] /, ''), { cause: error })
  }
  check(tree)
  const path = toPath(tree)
  if (path !== null) return { text, plain: true, select: compilePath(path) }
  return { text, plain: false, select: (document) => interpreter.run(tree, document, stepsMax) }
}

function check(node: Node): void {
  if (!nodeTypes.has(node.type)) throw new Error(`${node.type} is not supported`)
  if (node.type === 'Function' && !expressionFunctions.includes(node.name!))
    throw new UnknownFunction(node.name!)
  for (const part of Object.values(node)) {
    if (node.type === 'Literal' || typeof part !== 'object' || part === null) continue
    if (Array.isArray(part)) for (const child of part) check(child as Node)
    else check(part as Node)
  }
}

export class UnknownFunction extends Error {
  readonly functionName: string

  constructor(functionName: string) {
    super(`There is no function ${functionName}`)
    this.functionName = functionName
  }
}

/** The names and positions of an expression that has nothing else, from the outside in. */
function toPath(node: Node): Array<string | number> | null {
  if (node.type === 'Field') return [node.name!]
  if (node.type === 'Index') return [node.value as number]
  if (node.type === 'Current' || node.type === 'Identity') return []
  if (node.type !== 'Subexpression' && node.type !== 'IndexExpression') return null
  const [left, right] = [toPath(node.left!), toPath(node.right!)]
  return left === null || right === null ? null : [...left, ...right]
}

function compilePath(path: Array<string | number>): (document: unknown) => unknown {
  if (path.length === 1) {
    const [part] = path
    return (document) => step(document, part!)
  }
  return (document) => {
    let value = document
    for (const part of path) {
      value = step(value, part)
      if (value === undefined) return undefined
    }
    return value
  }
}

/** Own members only: a document has no `constructor` unless it says so. */
function step(value: unknown, part: string | number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined
  if (Array.isArray(value)) return typeof part === 'number' ? value.at(part) : undefined
  if (typeof part === 'number') return undefined
  return Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined
}

const Interpreter = TreeInterpreter.constructor as new () => {
  visit(node: never, value: unknown): unknown
}

class BoundedInterpreter extends Interpreter {
  #stepsLeft = 0

  run(tree: Node, document: unknown, stepsMax: number): unknown {
    this.#stepsLeft = stepsMax
    try {
      return this.visit(tree as never, document) ?? undefined
    } catch (error) {
      throw error instanceof ExpressionError ? error : new ExpressionError((error as Error).message)
    }
  }

  override visit(node: never, value: unknown): unknown {
    const result = this.#visitNode(node as Node, value)
    this.#charge(1 + (Array.isArray(result) || typeof result === 'string' ? result.length : 0))
    return result
  }

  #visitNode(node: Node, value: unknown): unknown {
    if (node.type === 'Field') return step(value, node.name!) ?? null
    if (node.type === 'Comparator')
      return compare(
        node.name!,
        this.visit(node.left as never, value),
        this.visit(node.right as never, value)
      )
    if (node.type === 'Function' && (node.name === 'join' || node.name === 'to_string')) {
      const given = node.children!.map((child) => this.visit(child as never, value))
      return node.name === 'join' ? this.#join(given) : toText(given)
    }
    return super.visit(node as never, value)
  }

  #charge(steps: number): void {
    this.#stepsLeft -= steps
    if (this.#stepsLeft < 0) throw new ExpressionError('it takes too many steps')
  }

  /** The length is known before the text is made. */
  #join([glue, items]: unknown[]): string {
    if (typeof glue !== 'string' || !Array.isArray(items) || items.some((item) => typeof item !== 'string'))
      throw new ExpressionError('join() takes a text and a list of texts')
    let length = glue.length * items.length
    for (const item of items as string[]) length += item.length
    this.#charge(length)
    return items.join(glue)
  }
}

/** One for all: an evaluation ends before the next begins. */
const interpreter = new BoundedInterpreter()

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null

/** Lists and objects are never compared: they may contain themselves many times over. Integers are compared exactly. */
function compare(name: string, left: unknown, right: unknown): boolean | null {
  const numbers = [left, right].every((side) => typeof side === 'number' || typeof side === 'bigint')
  if (name === 'EQ' || name === 'NE') {
    if (!isScalar(left) && !isScalar(right)) throw new ExpressionError('it compares lists or objects')
    const equal = numbers ? !(left! < right!) && !(left! > right!) : left === right
    return (name === 'EQ') === equal
  }
  if (!numbers) return null
  if (name === 'LT') return left! < right!
  if (name === 'GT') return left! > right!
  return name === 'LTE' ? left! <= right! : left! >= right!
}

function toText(given: unknown[]): string {
  if (given.length !== 1 || !isScalar(given[0]))
    throw new ExpressionError('to_string() takes one text, number or boolean')
  return String(given[0])
}
