/** The schema as a document, for docs/schema.graphql and for those who generate clients from it. */

import { lexicographicSortSchema, printSchema } from 'graphql'
import { buildSchema } from './executable.ts'

/** Sorted, so that a change of the document is a change of the contract. */
export const printSdl = (): string => `${printSchema(lexicographicSortSchema(buildSchema()))}\n`
