/**
 * No payload is in the log from `info` up (F40), whatever becomes of it: the built service, with messages that are taken,
 * rejected, refused by Postgres, and that a decoder throws away, and with commands that go well and that do not.
 */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { logOptions } from '../../src/log.ts'
import { postJson, request } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { canaries, createFinder } from '../support/canaries.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import { startService } from '../support/service.ts'

const { payload } = canaries
const find = createFinder()

test('what an error of Postgres or a library carries is not told, and what it is, is', () => {
  const lines: string[] = []
  const log = pino({ ...logOptions, level: 'info' }, { write: (text) => void lines.push(text) })
  const refused = Object.assign(new Error('new row for relation "journal" violates check constraint'), {
    code: '23514',
    constraint: 'journal_check',
    detail: `Failing row contains (${payload})`,
    where: payload,
    parameters: [payload]
  })
  const ofValue = Object.assign(new Error(`invalid input syntax for type json: "${payload}"`), {
    code: '22P02'
  })
  const around = new Error('Cannot write', { cause: refused })
  around.cause = Object.assign(new AggregateError([ofValue, payload], 'Both', { cause: around }), {
    config: { data: payload }
  })
  log.error({ err: refused }, 'one')
  log.child({ part: 'x' }).error({ err: around }, 'two')
  log.error({ err: ofValue }, 'three')
  assert.deepEqual(find(lines.join('')), [])
  const [one, two, three] = lines.map((line) => JSON.parse(line))
  assert.deepEqual(
    [one.err.code, one.err.constraint, one.err.message],
    ['23514', 'journal_check', refused.message]
  )
  assert.match(one.err.stack, /payloads\.test/)
  assert.deepEqual([two.err.message, two.err.cause.message], ['Cannot write', 'Both'])
  assert.equal(two.err.cause.errors[0].code, '22P02')
  assert.match(three.err.stack, /payloads\.test/)
})

const mappings = `
automatic: true
mappings:
  - name: throws
    topic: throws/{device}
    decoder: ./throws.mjs
  - name: pumps
    topic: pumps/{device}
    decoder: json
    metrics: [{ name: v, value: v, type: number }]
    commands: [{ name: set, topic: "pumps/{device}/set" }]
`
const decoder = `
export function decode(state, message) {
  const text = Buffer.from(message.payload).toString()
  if (text.includes('throw')) throw new Error(text)
  if (text.includes('effect')) return { facts: {}, effects: [{ topic: 'a/#', payload: text, qos: 1 }] }
  return { facts: { datapoints: [{ metric: 'text', value: text }], rejections: [{ detail: text }] } }
}
`

test('no payload is in the log at info, in errors, metrics, the status or the audit', async () => {
  const broker = await startBroker()
  const databaseUrl = await createDatabase()
  const file = await mappingFile(mappings)
  await writeFile(join(dirname(file), 'throws.mjs'), decoder)
  const service = await startService({
    DATABASE_URL: databaseUrl,
    MQTT_URL: broker.url,
    RIALTO_CONFIG: file,
    LOG_LEVEL: 'info'
  })
  const { url } = service
  await eventually(async () => (await fetch(`${url}/readyz`)).ok)
  // Refusals of Postgres that only these messages meet, by their lengths, and that quote the whole row
  const poison = Buffer.from(`poison, poison, ${payload}`)
  await query(
    databaseUrl,
    `alter table journal add check (octet_length(payload) <> ${poison.length} or kind = 7)`
  )
  await query(
    databaseUrl,
    `alter table datapoints add check (exact is null or octet_length(exact) <> ${payload.length + 8})`
  )
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return text
      .split('\n')
      .filter((line) => line.startsWith(`rialto_${name}`))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  const { client } = await connectClient(broker.url)
  const publish = (topic: string, text: string | Buffer, more: object = {}): Promise<unknown> =>
    client.publishAsync(topic, text, { qos: 1, ...more })
  await publish('plain/text', payload)
  await publish('plain/json', JSON.stringify({ [payload]: payload }), { retain: true })
  await publish('plain/retained', '', { retain: true })
  await publish('plain/type', payload, {
    properties: { contentType: 'application/cbor', userProperties: { [payload]: payload } }
  })
  await publish('poison/one', poison)
  await publish('throws/one', `throw ${payload}`)
  await publish('throws/two', `effect ${payload}`)
  await publish('throws/three', payload)
  // 8 bytes more: Postgres refuses the datapoint
  await publish('throws/four', `${payload}12345678`)
  await publish('pumps/one', JSON.stringify({ v: payload }))
  await publish('pumps/one', `{"v":${payload}`)
  await publish('pumps/one', '{"v":1}')
  await eventually(async () => (await metric('messages_unstorable_total')) === 1, { what: 'poison' })
  await eventually(async () => (await metric('rejections_total')) >= 4, { what: 'rejections' })
  await eventually(async () => service.output().includes('Postgres refuses what a decoder gave'), {
    what: 'a datapoint that Postgres refuses'
  })

  const commands = `${url}/v1/commands`
  const answers = [
    await postJson(commands, { topic: 'c/one', payload: { payload } }, { prefer: 'wait=5' }),
    await postJson(commands, { device: 'one', name: 'set', payload }),
    await postJson(commands, { device: 'one', name: payload, payload }),
    await postJson(commands, { topic: 'c/two', payloadBase64: payload }),
    await postJson(commands, { topic: 'c/two', payload, contentType: payload }),
    await postJson(commands, { topic: 'c/three', payload, awaits: 'response', timeoutSeconds: 1 }),
    await request(commands, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: payload
    }),
    await request(`${url}/v1/topic/retained?name=c/four`, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain' },
      body: payload
    })
  ]
  assert.ok(answers.some(({ status }) => status < 300) && answers.some(({ status }) => status >= 400))
  await eventually(async () => (await metric('commands_total')) >= 2, { what: 'commands that ended' })
  const document =
    'mutation ($payload: String) { sendCommand(input: { topic: "c/five", payloadText: $payload, nope: 1 }) { cursor } }'
  await postJson(`${url}/graphql`, { query: document, variables: { payload } })
  await postJson(`${url}/v1/mappings/preview`, { topic: 'throws/one', payloadText: `throw ${payload}` })

  for (const path of ['/metrics', '/v1/status', '/v1/audit?limit=1000', '/v1/gaps']) {
    const text = await (await fetch(url + path)).text()
    assert.deepEqual(find(text), [], path)
  }
  await client.endAsync()
  assert.equal(await service.kill('SIGTERM'), 0)
  const lines = service.output().split('\n')
  assert.deepEqual(
    find(service.output()).map(({ line }) => lines[line - 1]),
    []
  )
  assert.match(service.output(), /Postgres refuses a message/)
})
