/** rialto.yaml as text to its root entry: YAML 1.2 without aliases, so that nothing small becomes large. */

import type { Document } from 'yaml'
import { LineCounter, isScalar, parseDocument, visit } from 'yaml'
import type { Limits } from '../limits.ts'
import { Entry } from './document-entry.ts'
import { FaultList } from './mapping-faults.ts'

export interface ReadDocument {
  /** null: the document is empty, or cannot be read. */
  root: Entry | null
  faults: FaultList
  document: Document | null
}

const fixes: Record<string, string> = {
  DUPLICATE_KEY: 'Write each key once',
  MULTIPLE_DOCS: 'Write one document, without ---',
  TAB_AS_INDENT: 'Indent with spaces'
}
const fixOther =
  'Look at the quotes, colons and spaces here and in the line before: text with {, [, # or a colon needs quotes'

export function readDocument(text: string, limits: Limits): ReadDocument {
  const lineCounter = new LineCounter()
  const faults = new FaultList(lineCounter, limits.mappingFaultsMax)
  const unreadable: ReadDocument = { root: null, faults, document: null }
  const bytesMax = limits.mappingsBytesMax
  if (Buffer.byteLength(text) > bytesMax) {
    faults.add(
      0,
      [],
      `The document is larger than ${bytesMax} bytes`,
      'Write fewer mappings, whose topics match more'
    )
    return unreadable
  }
  let document: Document
  try {
    document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' })
  } catch (error) {
    // A stack that is exhausted by nesting
    faults.add(0, [], `The document cannot be read: ${(error as Error).message}`, 'Nest less')
    return unreadable
  }
  const { contents, errors, warnings } = document
  for (const { code, message, pos } of [...errors, ...warnings])
    faults.add(pos[0], [], `Not YAML: ${message}`, fixes[code] ?? fixOther)
  let aliases = 0
  try {
    visit(document, {
      Alias: (_key, node) => {
        if (aliases++ === 0)
          faults.add(node.range?.[0] ?? 0, [], 'Aliases are not allowed', 'Write out what it stands for')
      }
    })
  } catch {
    faults.add(0, [], 'The document is nested too deep', 'Nest less')
    return unreadable
  }
  const empty = contents === null || (isScalar(contents) && contents.value === null)
  const readable = aliases === 0 && errors.every(({ code }) => code === 'DUPLICATE_KEY')
  return { root: readable && !empty ? new Entry(contents, 0, [], faults) : null, faults, document }
}
