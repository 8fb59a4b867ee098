/** What the plugin that makes openapi.yaml of the routes cannot say, said in the document that it made. Pure. */

import { examples } from './examples.ts'
import { links, requestExamples } from './request-examples.ts'
import type { Link, RequestExample } from './request-example.ts'

interface Schema {
  type?: string
  required?: string[]
  items?: Schema
  enum?: string[]
  anyOf?: Schema[]
  pattern?: string
  examples?: unknown[]
}

type Examples = Record<string, { summary: string; value: unknown }>

interface Operation {
  operationId: string
  parameters?: Array<{ name: string; in: string; schema: Schema; example?: unknown; examples?: Examples }>
  requestBody?: { required: boolean; content: Record<string, { schema: Schema; examples?: Examples }> }
  responses: Record<string, { links?: Record<string, object> }>
}

export interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

/** Of `given`; a copy in which nothing is shared: YAML would have anchors where people expect to read. */
export function completeDocument<Given>(given: Given): Given {
  const document = copyOf(given) as Document
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {}))
    if (name in examples) schema.examples = [examples[name]]
  for (const operation of Object.values(document.paths ?? {}).flatMap((of) => Object.values(of))) {
    complete(operation)
    addExamples(operation, requestExamples[operation.operationId] ?? {})
    addLinks(operation, links[operation.operationId] ?? {})
  }
  return copyOf(document) as Given
}

function complete({ parameters = [], requestBody: body }: Operation): void {
  for (const { in: where, schema } of parameters)
    if (where === 'query' && schema.items?.enum !== undefined) allowCommas(schema)
  if (body !== undefined && Object.values(body.content).every(({ schema }) => needsNothing(schema)))
    body.required = false
}

/** The parts of one request have the same name. */
function addExamples(operation: Operation, given: Record<string, RequestExample>): void {
  for (const [name, { summary, parameters: values = {}, body, type }] of Object.entries(given)) {
    for (const [of, value] of Object.entries(values)) {
      const parameter = operation.parameters?.find((one) => one.name === of)
      if (parameter === undefined) throw new Error(`${operation.operationId} has no parameter ${of}`)
      delete parameter.example
      parameter.examples = { ...parameter.examples, [name]: { summary, value } }
    }
    if (body === undefined) continue
    for (const [of, content] of Object.entries(operation.requestBody!.content))
      if (type === undefined || type === of)
        content.examples = { ...content.examples, [name]: { summary, value: body } }
  }
}

function addLinks({ operationId, parameters = [], responses }: Operation, given: Record<string, Link>): void {
  const toLink = ({ operationId: to, parameter, from }: Link): object => ({
    operationId: to,
    parameters: { [parameter]: from },
    ...(to === operationId && { description: 'With the same arguments otherwise' })
  })
  const all = Object.fromEntries(Object.entries(given).map(([name, link]) => [name, toLink(link)]))
  if (parameters.some(({ name }) => name === 'page')) {
    all['nextPage'] = toLink({ operationId, parameter: 'page', from: '$response.body#/next' })
  }
  if (Object.keys(all).length === 0) return
  for (const [status, response] of Object.entries(responses)) if (status.startsWith('2')) response.links = all
}

const copyOf = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** A list of words can be repeated, `?a=x&a=y`, and can be one value, `?a=x,y`. */
function allowCommas(list: Schema): void {
  const words = list.items!
  const word = `(${words.enum!.join('|')})`
  list.items = { anyOf: [words, { type: 'string', pattern: `^${word}(,${word})+$` }] }
}

/** The plugin asks for every body; ours may be left out where nothing in it is asked for. */
const needsNothing = ({ type, required = [] }: Schema): boolean => type === 'object' && required.length === 0
