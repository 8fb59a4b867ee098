/** What in an answer's payload tells which command it answers, by expressions of mappings. Pure. */

import type { Limits } from '../limits.ts'
import type { MessageProperties } from '../model.ts'
import { automaticEncoding, decode } from './decode-payload.ts'
import { compileExpression } from './expression.ts'
import type { Expression } from './expression.ts'
import { toKey } from './value-key.ts'

/** Expressions that are compiled at a time. */
const compiledMax = 1_000

/** For a message, what an expression finds in it, as a key (value-key.ts); null: nothing, or it cannot be evaluated. */
export type Correlator = (message: {
  payload: Uint8Array
  properties: MessageProperties | null
}) => (expression: string) => string | null

/**
 * The payload is read as `decoder: auto` of a mapping reads it, once, and only if it is asked for. Expressions are those of
 * commands, which may be older than the mappings: one that does not compile any more finds nothing.
 */
export function createCorrelator(limits: Limits): Correlator {
  const compiled = new Map<string, Expression | null>()

  function compile(text: string): Expression | null {
    const known = compiled.get(text)
    if (known !== undefined) return known
    if (compiled.size >= compiledMax) compiled.clear()
    const expression = compiles(text, limits)
    compiled.set(text, expression)
    return expression
  }

  return (message) => {
    let document: { value: unknown } | undefined
    return (text) => {
      const expression = compile(text)
      if (expression === null) return null
      document ??= decode(automaticEncoding, message, limits, () => undefined) ?? { value: undefined }
      return correlationIn(expression, document.value)
    }
  }
}

function compiles(text: string, limits: Limits): Expression | null {
  try {
    return compileExpression(text, limits.expressionStepsMax)
  } catch {
    return null
  }
}

/** Null is nothing: it correlates with no command. */
export function correlationIn(expression: Expression, document: unknown): string | null {
  try {
    const found = expression.select(document)
    return found === undefined || found === null ? null : toKey(found)
  } catch {
    return null
  }
}
