/** Documents on their way to execution: parsed, bounded and validated once, the same for HTTP and WebSocket. */

import type {
  DocumentNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionSetNode
} from 'graphql'
import {
  getOperationAST,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate
} from 'graphql'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { toRequestError } from './errors.ts'

export type Preparation =
  | { document: DocumentNode; operation: OperationDefinitionNode }
  | { errors: readonly GraphQLError[] }

export function createDocuments(parts: {
  schema: GraphQLSchema
  limits: Limits
  introspection: boolean
}): (source: string, operationName: string | null) => Preparation {
  const { schema, limits, introspection } = parts
  const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule]
  const kept = new Map<string, DocumentNode>()

  function read(source: string): DocumentNode | readonly GraphQLError[] {
    const document = parse(source, {
      maxTokens: limits.graphqlTokensMax,
      maxSourceLength: limits.graphqlDocumentCharsMax
    })
    checkSize(document, limits)
    const errors = validate(schema, document, rules, {
      hideSuggestions: !introspection,
      maxErrors: limits.graphqlErrorsMax
    })
    if (errors.some(isAborted)) throw tooComplex('The document has too many fields that overlap')
    if (errors.length > 0) return errors
    if (kept.size >= limits.graphqlDocumentsKeptMax) kept.delete(kept.keys().next().value!)
    kept.set(source, document)
    return document
  }

  return (source, operationName) => {
    try {
      const document = kept.get(source) ?? read(source)
      if (!('kind' in document)) return { errors: document }
      const operation = getOperationAST(document, operationName)
      if (operation != null) return { document, operation }
      return { errors: [new GraphQLError('Name one operation of the document by `operationName`')] }
    } catch (error) {
      return { errors: [toRefusal(error)] }
    }
  }
}

function toRefusal(error: unknown): GraphQLError {
  if (error instanceof Problem) return toRequestError(error)
  // The parser and the rules recurse: a document nested thousands deep runs out of stack
  if (error instanceof RangeError) return toRequestError(tooComplex('The document is nested too deeply'))
  if (!(error instanceof GraphQLError)) throw error
  return isAborted(error) ? toRequestError(tooComplex(error.message)) : error
}

/** The parser and the rules stop at limits, and say so only in words. */
const isAborted = ({ message }: GraphQLError): boolean =>
  /^(Syntax Error: .*Parsing|Validation) aborted\.$/.test(message)

export const isTooComplex = (errors: readonly GraphQLError[]): boolean =>
  errors.some((error) => error.extensions['code'] === 'query_too_complex')

const tooComplex = (detail: string): Problem => new Problem('query_too_complex', detail)

/** Counts what execution would visit, fragments as often as they are spread; before validation, which is not linear. */
function checkSize(document: DocumentNode, limits: Limits): void {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  }
  const sizes = new Map<string, Size>()
  let total = 0
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION && node.kind !== Kind.FRAGMENT_DEFINITION) continue
    const { selections, depth, width } = sizeOf(node.selectionSet, fragments, sizes)
    total += selections
    if (total > limits.graphqlSelectionsMax)
      throw tooComplex(`A document selects at most ${limits.graphqlSelectionsMax} fields`)
    if (node.kind === Kind.FRAGMENT_DEFINITION) continue
    if (depth > limits.graphqlDepthMax)
      throw tooComplex(`A query has at most ${limits.graphqlDepthMax} levels of fields`)
    if (width > limits.graphqlRootFieldsMax)
      throw tooComplex(`A query has at most ${limits.graphqlRootFieldsMax} fields at its root`)
  }
}

interface Size {
  selections: number
  depth: number
  /** Fields at the first level. */
  width: number
}

const nothing: Size = { selections: 0, depth: 0, width: 0 }

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>

function sizeOf({ selections }: SelectionSetNode, fragments: Fragments, sizes: Map<string, Size>): Size {
  const size = { ...nothing }
  for (const node of selections) {
    const inner =
      node.kind === Kind.FRAGMENT_SPREAD
        ? sizeOfFragment(node.name.value, fragments, sizes)
        : node.selectionSet === undefined
          ? nothing
          : sizeOf(node.selectionSet, fragments, sizes)
    size.selections += inner.selections + 1
    const isField = node.kind === Kind.FIELD
    size.width += isField ? 1 : inner.width
    // Introspection is deep by its nature, and bounded by a rule of its own
    const depth = isField && node.name.value.startsWith('__') ? 0 : inner.depth
    size.depth = Math.max(size.depth, depth + (isField ? 1 : 0))
  }
  return size
}

function sizeOfFragment(name: string, fragments: Fragments, sizes: Map<string, Size>): Size {
  const known = sizes.get(name)
  if (known !== undefined) return known
  // Counted as nothing while it is being counted: a cycle, which validation refuses
  sizes.set(name, nothing)
  const fragment = fragments.get(name)
  const size = fragment === undefined ? nothing : sizeOf(fragment.selectionSet, fragments, sizes)
  sizes.set(name, size)
  return size
}
