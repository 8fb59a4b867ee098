/**
 * The examples of openapi.yaml are true: each request is sent to the whole service, to which the demo fleet has spoken, and
 * is answered as documented; each link is followed; each example of an answer is one.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'
import { startDemo } from '../../src/demo.ts'
import { adopted } from '../support/adopted.ts'
import type { Answer } from '../support/bridge.ts'
import { request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import { openSse } from '../support/sse.ts'
import { call, closed } from './contract.ts'

interface Link {
  operationId: string
  parameters: Record<string, string>
}

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  example?: unknown
  examples?: Record<string, { value: unknown }>
}

interface Operation {
  method: string
  path: string
  operationId: string
  parameters?: Parameter[]
  requestBody?: {
    required: boolean
    content: Record<string, { examples?: Record<string, { value: unknown }> }>
  }
  responses: Record<string, { links?: Record<string, Link>; content?: Record<string, { example?: string }> }>
}

const document = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Omit<Operation, 'method' | 'path'>>>
  components: { schemas: Record<string, { examples?: unknown[] }> }
}

const operations: Operation[] = Object.entries(document.paths).flatMap(([path, of]) =>
  Object.entries(of).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path }))
)
const operationOf = new Map(operations.map((operation) => [operation.operationId, operation]))

interface Ask {
  name: string
  values: Record<string, unknown>
  body?: unknown
  /** Media type of the body. */
  type?: string
  isLinked?: true
}

const linksOf = ({ responses }: Operation): Array<[string, Link]> =>
  Object.values(responses).flatMap(({ links = {} }) => Object.entries(links))
/** Parameters that links give: `operationId.name`. What is in an example of them may be nowhere. */
const linked = new Set(
  operations
    .flatMap(linksOf)
    .flatMap(([, { operationId, parameters }]) =>
      Object.keys(parameters).map((name) => `${operationId}.${name}`)
    )
)

/** Each named example; then, of what is in none of them, each example by itself, with what the first has. */
function asksOf({ operationId, parameters = [], requestBody: body }: Operation): Ask[] {
  const bodies: Record<string, { type: string; value: unknown }> = {}
  for (const [type, { examples = {} }] of Object.entries(body?.content ?? {}))
    for (const [name, { value }] of Object.entries(examples)) bodies[name] ??= { type, value }
  const names = new Set([
    ...parameters.flatMap(({ examples = {} }) => Object.keys(examples)),
    ...Object.keys(bodies)
  ])
  const named = [...names].map((name): Ask => ({
    name,
    values: Object.fromEntries(
      parameters.flatMap((parameter) =>
        parameter.examples?.[name] === undefined ? [] : [[parameter.name, parameter.examples[name].value]]
      )
    ),
    ...(bodies[name] !== undefined && { body: bodies[name].value, type: bodies[name].type })
  }))
  if (named.length === 0 || body?.required === false) named.push({ name: 'nothing given', values: {} })
  const alone = parameters.flatMap(({ name, example, required }): Ask[] =>
    example === undefined || required === true || linked.has(`${operationId}.${name}`)
      ? []
      : [
          {
            ...named[0]!,
            name: `${named[0]!.name}, ${name}`,
            values: { ...named[0]!.values, [name]: name === 'asOf' ? fleetWasThereAt : example }
          }
        ]
  )
  return [...named, ...alone]
}

function toRequest({ method, path, parameters = [] }: Operation, { values, body, type }: Ask) {
  const texts = (of: Parameter['in']): Array<[string, string]> =>
    parameters
      .filter(({ in: where, name }) => where === of && values[name] !== undefined)
      .flatMap(({ name }) => [values[name]].flat().map((value): [string, string] => [name, String(value)]))
  const filled = texts('path').reduce(
    (target, [name, value]) => target.replace(`{${name}}`, encodeURIComponent(value)),
    path
  )
  const query = new URLSearchParams(texts('query')).toString()
  const headers = Object.fromEntries(texts('header'))
  if (body === undefined) return { target: `${filled}${query && `?${query}`}`, init: { method, headers } }
  return {
    target: `${filled}${query && `?${query}`}`,
    init: {
      method,
      headers: { ...headers, 'content-type': type === '*/*' ? 'text/plain' : type! },
      body: type === 'application/json' ? JSON.stringify(body) : String(body)
    }
  }
}

/** What a runtime expression of OpenAPI finds in an answer; undefined where there is nothing. */
function found(expression: string, { headers, body }: Answer): unknown {
  const header = /^\$response\.header\.(.+)$/.exec(expression)?.[1]
  if (header !== undefined) return headers.get(header) ?? undefined
  const pointer = /^\$response\.body#\/(.+)$/.exec(expression)![1]!
  const value = pointer
    .split('/')
    .reduce((at: Record<string, unknown> | undefined, name) => at?.[name] as never, body)
  return value ?? undefined
}

const mappings = `
automatic: true
mappings:
  - name: meters
    topic: demo/{device}/meter
    decoder: json
    offlineAfter: 5m
    commands:
      - { name: set, topic: "demo/{device}/target/set" }
`

const broker = await startBroker()
const app = await startBridge({
  mqttUrl: broker.url,
  config: { mappingsFile: await mappingFile(mappings) }
})
const { url } = app
await adopted(app)
const demo = await startDemo({ broker: { url: broker.url }, log: silent })
const meter = await connectClient(broker.url)
await meter.client.publishAsync('demo/cellar/meter', '{"watts":12}', { qos: 1 })
for (let count = 0; count < 2; count++)
  await meter.client.publishAsync('demo/garage/meter', '{"watts":', { qos: 1 })
const listOf = async (list: string): Promise<Answer['body'][]> =>
  (await request(`${url}/v1/${list}`)).body.items
const fleetIsThere = (): Promise<unknown> =>
  eventually(
    async () =>
      (await listOf('topics?filter=demo/%2B/telemetry')).length === 6 &&
      (await listOf('devices')).filter(({ device }) => device.endsWith('/telemetry')).length === 6,
    { what: 'what the fleet says is there' }
  )
await fleetIsThere()
await eventually(
  async () =>
    (await listOf('datapoints?device=demo/lab/telemetry&metric=temperature')).length > 1 &&
    (await listOf('devices?presence=online')).length > 0 &&
    (await listOf('rejections')).length === 2,
  { what: 'what the meters say is there' }
)

/** A time that is over: the one thing that is never as an example has it. */
const fleetWasThereAt = new Date().toISOString()

/** Of what an event of this type carries. */
const shapes = { message: 'Message', state: 'TopicState', datapoint: 'Datapoint' } as const

/** Asks, and follows where the answer leads; what is done last is left for later. */
async function send(operation: Operation, ask: Ask): Promise<void> {
  const { target, init } = toRequest(operation, ask)
  const what = `${operation.operationId}, ${ask.name}: ${init.method} ${target}`
  if (operation.operationId === 'stream') {
    const stream = await openSse(`${url}${target}`, init.headers)
    assert.equal(stream.status, 200, what)
    const [type] = [ask.values['types'] ?? ['message']].flat() as [keyof typeof shapes]
    fits(shapes[type], (await stream.find(type)).data[type])
    return stream.close()
  }
  const answer = await call(`${url}${target}`, init)
  assert.ok(answer.status < 400, `${what}: ${answer.status} ${JSON.stringify(answer.body)}`)
  if (Array.isArray(answer.body?.items) && operation.operationId !== 'listGaps')
    assert.ok(answer.body.items.length > 0, `${what}: nothing is found`)
  if (ask.isLinked === true) return // one step is enough
  for (const [name, link] of Object.entries(operation.responses[answer.status]!.links ?? {})) {
    const next = operationOf.get(link.operationId)!
    const values = Object.entries(link.parameters).map(([parameter, from]) => [
      parameter,
      found(from, answer)
    ])
    if (values.some(([, value]) => value === undefined)) continue // the last page, or several commands
    const base = next === operation ? ask : asksOf(next)[0]!
    const then: Ask = {
      ...base,
      name: `${ask.name}, ${name}`,
      values: { ...base.values, ...Object.fromEntries(values) },
      isLinked: true
    }
    followed.add(`${operation.operationId}.${name}`)
    if (!isLast(next)) await send(next, then)
    else if (!later.has(next.operationId)) later.set(next.operationId, then)
  }
}

const followed = new Set<string>()
/** By operation. */
const later = new Map<string, Ask>()

function fits(name: string, value: unknown): void {
  const validator = Compile({
    components: closed(document.components),
    ...closed(document.components.schemas[name]!)
  })
  assert.ok(validator.Check(value), `${name}: ${JSON.stringify(validator.Errors(value))}`)
}

for (const [name, { examples = [] }] of Object.entries(document.components.schemas)) {
  for (const example of examples) test(`the example of ${name} is one`, () => fits(name, example))
}

/** What is read must be there, and is not to be taken away before. */
const order = [
  /^(send|create(Webhook|Key)$)/,
  /^(?!retry|clear|forget|cancel|delete|revoke)/,
  /^retry/,
  /^clear/,
  /^forgetTopicById$/,
  /^forget/,
  /^(delete|revoke)/,
  /^cancel/
]
const rankOf = ({ operationId }: Operation): number => order.findIndex((pattern) => pattern.test(operationId))
const isLast = (operation: Operation): boolean => rankOf(operation) > 1
const isLinked = ({ operationId }: Operation): boolean =>
  [...linked].some((parameter) => parameter.startsWith(`${operationId}.`))
/** Without its link, a parameter that is required has no value. */
const isComplete = ({ parameters = [], requestBody: body }: Operation, ask: Ask): boolean =>
  parameters.every(({ name, required }) => required !== true || Object.hasOwn(ask.values, name)) &&
  (body?.required !== true || ask.body !== undefined)

async function run(operation: Operation): Promise<void> {
  const link = later.get(operation.operationId)
  const asks = [...asksOf(operation), ...(link === undefined ? [] : [link])]
  const complete = asks.filter((ask) => isComplete(operation, ask))
  assert.ok(complete.length > 0 || isLinked(operation), 'there is neither an example nor a link')
  for (const ask of complete) await send(operation, ask)
}

/** Each topic whose retained message was set has it again from the broker. */
async function setsCameBack(): Promise<boolean> {
  const set = (await listOf('commands')).filter(({ retain }) => retain).map(({ topic }) => topic)
  const states = await listOf('topics?filter=demo/%23')
  return set.every((name) => states.some(({ topic, retained }) => topic === name && retained !== null))
}

let stopping: Promise<void> | null = null

/** What was sent before was published; this is not, and can be cancelled. */
async function sendWithoutBroker(operationId: string, example: string): Promise<void> {
  stopping ??= demo.stop().then(() => broker.stop())
  await stopping
  await eventually(async () => (await request(`${url}/v1/status`)).body.mqtt.publisherConnected === false)
  later.clear()
  const operation = operationOf.get(operationId)!
  const { values, ...ask } = asksOf(operation).find(({ name }) => name === example)!
  await send(operation, { ...ask, values: { ...values, 'idempotency-key': `${operationId} without broker` } })
}

/** Until what an operation asks for is there. */
const before: Record<string, () => Promise<unknown>> = {
  listCommands: () => eventually(async () => (await request(`${url}/v1/status`)).body.commandsOpen === 0),
  clearRetainedByName: () => eventually(setsCameBack),
  cancelBatch: () => sendWithoutBroker('sendBatch', 'demo'),
  cancelCommand: () => sendWithoutBroker('sendCommands', 'device')
}

for (const operation of operations.toSorted((one, other) => rankOf(one) - rankOf(other))) {
  const { operationId } = operation
  test(operationId, async () => {
    if (operationId.startsWith('forget')) await fleetIsThere()
    await before[operationId]?.()
    await run(operation)
  })
}

test('every link was followed', () => {
  const all = operations.flatMap((operation) =>
    linksOf(operation).map(([name]) => `${operation.operationId}.${name}`)
  )
  // There are no gaps; and outcomes of a batch are one step away already
  assert.deepEqual(
    [...new Set(all)].filter((link) => !followed.has(link)),
    ['listGaps.nextPage', 'listBatchOutcomes.nextPage']
  )
})
