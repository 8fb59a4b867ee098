/** What the plugin that makes openapi.yaml of the routes cannot say, said in the document that it made. Pure. */

import { examples } from './examples.ts'

interface Schema {
  type?: string
  required?: string[]
  items?: Schema
  enum?: string[]
  anyOf?: Schema[]
  pattern?: string
  examples?: unknown[]
}

interface Operation {
  parameters?: Array<{ in: string; schema: Schema }>
  requestBody?: { required: boolean; content: Record<string, { schema: Schema }> }
}

export interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

/** Of `given`; a copy in which nothing is shared: YAML would have anchors where people expect to read. */
export function completeDocument<Given>(given: Given): Given {
  const document = structuredCopy(given) as Document
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {}))
    if (name in examples) schema.examples = [examples[name]]
  for (const operations of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(operations)) {
      for (const parameter of operation.parameters ?? [])
        if (parameter.in === 'query' && parameter.schema.items?.enum !== undefined)
          allowCommas(parameter.schema)
      const body = operation.requestBody
      if (body !== undefined && Object.values(body.content).every(({ schema }) => needsNothing(schema)))
        body.required = false
    }
  }
  return structuredCopy(document) as Given
}

const structuredCopy = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** A list of words can be repeated, `?a=x&a=y`, and can be one value, `?a=x,y`. */
function allowCommas(list: Schema): void {
  const words = list.items!
  const word = `(${words.enum!.join('|')})`
  list.items = { anyOf: [words, { type: 'string', pattern: `^${word}(,${word})+$` }] }
}

/** The plugin asks for every body; ours may be left out where nothing in it is asked for. */
const needsNothing = ({ type, required = [] }: Schema): boolean => type === 'object' && required.length === 0
