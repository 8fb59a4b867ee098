/** The file of documents that clients may name instead of sending: a JSON object of id and document. */

import { open } from 'node:fs/promises'
import type { Limits } from '../limits.ts'
import { createDocuments } from './documents.ts'
import { buildSchema } from './executable.ts'
import { toSha256 } from './sources.ts'

export interface ListedDocuments {
  /** By their ids, and each by `sha256:` and its hash, too. */
  texts: ReadonlyMap<string, string>
  /** Nothing else is executed. */
  only: boolean
}

export const nothingListed: ListedDocuments = { texts: new Map(), only: false }

/** How many faults are told at once. */
const faultsMax = 10

/**
 * Reads and validates the file, so that nothing in it can fail later for what it says. Throws an Error that names the
 * file and, for each fault, the id and what to do.
 */
export async function readListedDocuments(
  path: string,
  { limits, introspection }: { limits: Limits; introspection: boolean }
): Promise<ReadonlyMap<string, string>> {
  const given = parse(await readText(path, limits.graphqlListedBytesMax), path)
  const documents = Object.entries(given)
  if (documents.length > limits.graphqlListedDocumentsMax)
    throw new Error(`${path} lists more than ${limits.graphqlListedDocumentsMax} documents`)
  const { faultsOf } = createDocuments({ schema: buildSchema(), limits, introspection })
  const texts = new Map<string, string>()
  const faults: string[] = []
  for (const [id, text] of documents) {
    const fault = idFault(id) ?? textFault(id, text) ?? documentFault(text as string, faultsOf)
    if (fault !== null) faults.push(`${JSON.stringify(id)}: ${fault}`)
    else texts.set(id, text as string).set(`sha256:${toSha256(text as string)}`, text as string)
    if (faults.length >= faultsMax) break
  }
  if (faults.length > 0) throw new Error(`${path} is not usable:\n  - ${faults.join('\n  - ')}`)
  return texts
}

async function readText(path: string, bytesMax: number): Promise<string> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${path} cannot be read (${error.code})`, { cause: error })
  })
  try {
    const { size } = await file.stat()
    if (size > bytesMax) throw new Error(`${path} has more than ${bytesMax} bytes`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function parse(text: string, path: string): object {
  try {
    const given: unknown = JSON.parse(text)
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`, { cause: error })
  }
  throw new Error(`${path} is not one JSON object of id and document`)
}

/** Appendix A of GraphQL over HTTP, "Document identifier syntax"; prefixes but `sha256` and `x-` are reserved. */
function idFault(id: string): string | null {
  if (!/^[\w.~-]+(:[\w.~:-]+)?$/.test(id)) return 'an id has letters, digits, - . _ ~, and : behind a prefix'
  if (id.includes(':') && !/^(sha256:[\da-f]{64}$|x-)/.test(id))
    return 'before a : comes sha256, with 64 lower case hexadecimal digits behind it, or a prefix that begins with x-'
  return null
}

function textFault(id: string, text: unknown): string | null {
  if (typeof text !== 'string') return 'a document is a string'
  const hash = `sha256:${toSha256(text)}`
  return id.startsWith('sha256:') && id !== hash ? `the document has the id ${hash}` : null
}

function documentFault(
  text: string,
  faultsOf: ReturnType<typeof createDocuments>['faultsOf']
): string | null {
  const fault = faultsOf(text)[0]
  if (fault === undefined) return null
  const place = fault.locations?.[0]
  return place === undefined ? fault.message : `${fault.message} (line ${place.line}, column ${place.column})`
}
