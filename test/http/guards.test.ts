/** docs/access.md says what each operation needs, and it is so: a new operation without a place there fails here. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { GraphQLList, GraphQLNonNull, isInputObjectType, isLeafType } from 'graphql'
import type { GraphQLInputType, GraphQLObjectType, GraphQLOutputType } from 'graphql'
import { parse } from 'yaml'
import { buildSchema } from '../../src/graphql/executable.ts'
import { registerGraphql } from '../../src/graphql/server.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { postJson, request } from '../support/bridge.ts'
import { nothingListed } from '../../src/graphql/listed-documents.ts'
import type { GraphqlParts } from '../../src/graphql/parts.ts'
import { atEnd } from '../support/cleanup.ts'
import { as, authenticatorOf, createHolders } from '../support/holders.ts'
import { startServer } from './server.ts'

const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const needs = ['open', 'known', 'read', 'command', 'own', 'admin'] as const
type Need = (typeof needs)[number]

const rows = [...file('docs/access.md').matchAll(/^\| `(\w+)` \| (.*) \| ?(.*) ?\|$/gm)].filter(([, need]) =>
  needs.includes(need as Need)
)

function listed(column: 2 | 3): Map<string, Need> {
  const found = new Map<string, Need>()
  for (const row of rows) {
    const [own, subscriptions = ''] = row[column]!.split('subscriptions')
    const names = [...own!.matchAll(/`(\w+)`/g)].map(([, name]) => name!)
    const followed = [...subscriptions.matchAll(/`(\w+)`/g)].map(([, name]) => `subscription ${name!}`)
    for (const name of [...names, ...followed]) {
      assert.ok(!found.has(name), `${name} stands there twice`)
      found.set(name, row[1] as Need)
    }
  }
  return found
}

interface Operation {
  operationId: string
  responses: Record<string, unknown>
}

const { paths } = parse(file('openapi.yaml')) as { paths: Record<string, Record<string, Operation>> }
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    method: method.toUpperCase(),
    path: path.replaceAll(/\{id\}/g, randomUUID()).replaceAll(/\{\w+\}/g, 'x'),
    name: operation.operationId.replace(/(ByName|ById)$/, ''),
    refusals: Object.keys(operation.responses)
  }))
)

const schema = buildSchema()
const fieldsOf = (type: GraphQLObjectType | null | undefined) => Object.values(type!.getFields())
const [queries, mutations] = [fieldsOf(schema.getQueryType()), fieldsOf(schema.getMutationType())]
const subscriptions = fieldsOf(schema.getSubscriptionType()).map(({ name }) => `subscription ${name}`)

const holders = createHolders()
holders.give('works', ['read:topic:#', 'command:topic:#', 'read:device:x', 'command:device:x'])
holders.give('nobody', [])
const authenticator = authenticatorOf(holders)
const { url, parts } = await startServer({ parts: { authenticator } })
const whole = await createHttpServer({
  ...parts,
  register: async (app) => {
    const graphqlParts = { ...parts, graphiqlHtml: null, listed: nothingListed, introspection: false }
    await registerGraphql(app, graphqlParts as unknown as GraphqlParts)
  }
})
const graphqlUrl = await whole.listen({ host: '127.0.0.1', port: 0 })
atEnd(() => whole.close())

test('each operation of REST stands in the document with what it needs', () => {
  const inDocument = listed(2)
  assert.deepEqual(
    [...inDocument.keys()].toSorted(),
    [...new Set(operations.map(({ name }) => name))].toSorted()
  )
})

test('each field of GraphQL stands in the document with what it needs', () => {
  const names = new Set([...[...queries, ...mutations].map(({ name }) => name), ...subscriptions])
  // `redrive` is a query and a mutation, and needs the same
  assert.deepEqual([...listed(3).keys()].toSorted(), [...names].toSorted())
})

for (const { method, path, name, refusals } of operations) {
  const need = listed(2).get(name)
  test(`${method} ${path} (${name}) needs ${need}`, async () => {
    const ask = (headers: Record<string, string>) =>
      request(url + path, {
        method,
        headers: {
          ...headers,
          ...(method !== 'GET' &&
            method !== 'DELETE' && {
              'content-type': path.endsWith('/retained') ? 'text/plain' : 'application/json'
            })
        },
        ...(method !== 'GET' && method !== 'DELETE' && { body: '{}' })
      })
    if (need !== 'open') assert.equal((await ask({})).status, 401)
    if (path === '/v1/stream') return
    const worker = await ask(as('works'))
    if (need === 'admin') {
      assert.deepEqual([worker.status, worker.body.code], [403, 'forbidden'], JSON.stringify(worker.body))
      assert.match(worker.body.detail, /`admin`/)
      assert.ok(refusals.includes('403'), 'which is documented')
    } else assert.notEqual(worker.status, 403, JSON.stringify(worker.body))
  })
}

/** The least that GraphQL takes for a type. */
function anyOf(type: GraphQLInputType): string {
  if (type instanceof GraphQLNonNull) return anyOf(type.ofType as GraphQLInputType)
  if (type instanceof GraphQLList) return '[]'
  if (isInputObjectType(type))
    return `{ ${Object.values(type.getFields())
      .filter((field) => field.type instanceof GraphQLNonNull && field.defaultValue === undefined)
      .map((field) => `${field.name}: ${anyOf(field.type)}`)
      .join(', ')} }`
  if (isLeafType(type) && 'getValues' in type) return type.getValues()[0]!.name
  return type.name === 'Int' || type.name === 'Float'
    ? '1'
    : type.name === 'Boolean'
      ? 'true'
      : `"${randomUUID()}"`
}

const selectionOf = (type: GraphQLOutputType): string =>
  type instanceof GraphQLNonNull
    ? selectionOf(type.ofType as GraphQLOutputType)
    : isLeafType(type)
      ? ''
      : '{ __typename }'

for (const [kind, fields] of [
  ['query', queries],
  ['mutation', mutations]
] as const)
  for (const { name, args, type } of fields) {
    if (listed(3).get(name) !== 'admin') continue
    test(`${kind} ${name} is for administrators`, async () => {
      const given = args
        .filter((one) => one.type instanceof GraphQLNonNull && one.defaultValue === undefined)
        .map((one) => `${one.name}: ${anyOf(one.type)}`)
      const text = `${kind} { ${name}${given.length === 0 ? '' : `(${given.join(', ')})`} ${selectionOf(type)} }`
      for (const principal of ['works', 'nobody']) {
        const { body } = await postJson(`${graphqlUrl}/graphql`, { query: text }, as(principal))
        const [error] = body.errors ?? []
        assert.equal(error?.extensions?.code, 'forbidden', `${text} ${JSON.stringify(body)}`)
        assert.match(error.message, /`admin`/)
      }
    })
  }
