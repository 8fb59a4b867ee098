/**
 * Finds the document that a request means: its text is given, or it is named by what the operator listed (GraphQL over
 * HTTP, appendix A: persisted documents), or by the hash of a text that was given before (Apollo's automatic persisted
 * queries).
 */

import { createHash } from 'node:crypto'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { invalid } from './arguments.ts'
import type { ListedDocuments } from './listed-documents.ts'

export interface DocumentAsk {
  /** Absent, null and the empty string are no text; graphql-transport-ws asks for a string in any case. */
  query?: unknown
  documentId?: unknown
  extensions?: Record<string, unknown> | null | undefined
}

/** As text. Throws Problem invalid_value, not_found, or forbidden where only listed documents are taken. */
export type FindDocument = (ask: DocumentAsk) => string

export function createSources({
  listed: { texts, only },
  limits
}: {
  listed: ListedDocuments
  limits: Pick<Limits, 'graphqlDocumentsKeptMax' | 'graphqlDocumentCharsMax'>
}): FindDocument {
  const automatic = new Map<string, string>()

  function keep(hash: string, query: string): void {
    if (query.length > limits.graphqlDocumentCharsMax) return // refused anyway
    if (toSha256(query) !== hash)
      throw invalid('extensions/persistedQuery/sha256Hash', 'It is not the SHA-256 of `query`')
    automatic.delete(hash)
    if (automatic.size >= limits.graphqlDocumentsKeptMax) automatic.delete(automatic.keys().next().value!)
    automatic.set(hash, query)
  }

  // What is too long is not listed: it need not be hashed
  const isListed = (query: string): boolean =>
    query.length <= limits.graphqlDocumentCharsMax && texts.has(`sha256:${toSha256(query)}`)

  return ({ query = null, documentId = null, extensions }) => {
    const id = documentId ?? extensions?.['documentId'] ?? null
    const hash = readHash(extensions?.['persistedQuery'] ?? null)
    const isText = query !== null && query !== ''
    if (id !== null) {
      if (typeof id !== 'string') throw invalid('documentId', '`documentId` is a string')
      if (isText) throw invalid('documentId', 'Give either `documentId` or `query`')
      const text = texts.get(id)
      if (text === undefined) throw new Problem('not_found', 'No document is listed under this `documentId`')
      return text
    }
    if (isText) {
      if (typeof query !== 'string') throw invalid('query', '`query` is a GraphQL document, as a string')
      if (only && !isListed(query)) {
        throw new Problem(
          'forbidden',
          'Only listed documents are executed here: give the `documentId` of one, or its very text'
        )
      }
      if (hash !== null && !only) keep(hash, query)
      return query
    }
    if (hash === null)
      throw invalid('query', 'Give `query`, a GraphQL document as a string, or the `documentId` of one')
    const text = texts.get(`sha256:${hash}`) ?? automatic.get(hash)
    // The word that Apollo's clients look for, to send the text along once
    if (text === undefined) throw new Problem('not_found', 'PersistedQueryNotFound')
    return text
  }
}

/** Lower case hexadecimal, of the text in UTF-8: behind `sha256:` the document's identifier (appendix A). */
export const toSha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

function readHash(given: unknown): string | null {
  if (given === null) return null
  const { version, sha256Hash } = given as { version?: unknown; sha256Hash?: unknown }
  if (version !== 1 || typeof sha256Hash !== 'string')
    throw invalid('extensions/persistedQuery', 'It is { version: 1, sha256Hash }')
  return sha256Hash
}
