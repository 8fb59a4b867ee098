/** Documents on their way to execution: parsed, bounded and validated once, the same for HTTP and WebSocket. */

import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql'
import {
  getOperationAST,
  GraphQLError,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate
} from 'graphql'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { checkSize, tooComplex } from './document-size.ts'
import { toRequestError } from './errors.ts'

export type Preparation =
  | { document: DocumentNode; operation: OperationDefinitionNode }
  | { errors: readonly GraphQLError[] }

export interface Documents {
  /** Of the document's operations the one with this name; null: the only one. */
  prepare(source: string, operationName: string | null): Preparation
  /** What keeps the document from being executed. */
  faultsOf(source: string): readonly GraphQLError[]
}

export function createDocuments(parts: {
  schema: GraphQLSchema
  limits: Limits
  introspection: boolean
}): Documents {
  const { schema, limits, introspection } = parts
  const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule]
  const kept = new Map<string, DocumentNode>()

  function read(source: string): DocumentNode | readonly GraphQLError[] {
    try {
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
      return errors.length > 0 ? errors : document
    } catch (error) {
      return [toRefusal(error)]
    }
  }

  function keep(source: string, document: DocumentNode): void {
    kept.delete(source)
    if (kept.size >= limits.graphqlDocumentsKeptMax) kept.delete(kept.keys().next().value!)
    kept.set(source, document)
  }

  return {
    prepare(source, operationName) {
      const document = kept.get(source) ?? read(source)
      if (!('kind' in document)) return { errors: document }
      keep(source, document)
      const operation = getOperationAST(document, operationName)
      if (operation != null) return { document, operation }
      return { errors: [new GraphQLError('Name one operation of the document by `operationName`')] }
    },
    faultsOf(source) {
      const document = read(source)
      return 'kind' in document ? [] : document
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
