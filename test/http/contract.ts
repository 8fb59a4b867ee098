/** Holds answers against openapi.yaml: nothing missing, and nothing that it does not tell of. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'
import type { Answer } from '../support/bridge.ts'
import { request } from '../support/bridge.ts'

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>
}

const document = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
  components: object
}
const components = closed(document.components)

/** Like `request`, and the answer must be as documented. */
export async function call(url: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await request(url, init)
  const method = (init.method ?? 'GET').toLowerCase()
  const path = new URL(url).pathname
  const operation = Object.entries(document.paths).find(([template]) => toPattern(template).test(path))?.[1][
    method
  ]
  assert.ok(operation, `${method} ${path} is not documented`)
  const response = operation.responses[answer.status]
  assert.ok(response, `${method} ${path}: ${answer.status} is not documented: ${JSON.stringify(answer.body)}`)
  const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
  if (!/[/+]json$/.test(type) || response.content === undefined) return answer
  const schema = wantedOf(response.content[type]?.schema, new URL(url).searchParams.has('fields'))
  if (schema === undefined) {
    assert.ok(
      'application/octet-stream' in response.content,
      `${method} ${path}: ${answer.status} as ${type}`
    )
    return answer
  }
  const validator = Compile({ components, ...closed(schema) })
  assert.ok(validator.Check(answer.body), JSON.stringify([validator.Errors(answer.body), answer.body]))
  return answer
}

/** With `fields` the answer has what was asked for, and without it everything. */
function wantedOf(schema: object | undefined, hasFields: boolean): object | undefined {
  const choices = (schema as { anyOf?: Array<{ $ref?: string }> } | undefined)?.anyOf ?? []
  const isPicked = ({ $ref = '' }: { $ref?: string }): boolean => $ref.includes('/Picked')
  if (!choices.some(isPicked)) return schema
  return choices.find((choice) => isPicked(choice) === hasFields)
}

/** A literal segment wins over a parameter, as in the router. */
const toPattern = (template: string): RegExp =>
  new RegExp(`^${template.replaceAll(/\{\w+\}/g, '(?!by-id(/|$))[^/]+').replaceAll('.', '\\.')}$`)

/** The same schema, in which every object has the properties that are named and no others. */
export function closed<T>(schema: T): T {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(closed) as T
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]))
  const isObject =
    'properties' in inner && inner['type'] === 'object' && inner['additionalProperties'] !== true
  return (isObject ? { ...inner, additionalProperties: false } : inner) as T
}
