/** What is asked again when a command is retried: what the client said, and nothing that we made for the first one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from '../../src/command.ts'
import type { TopicAsk } from '../../src/command-ask.ts'
import { createRequests } from '../../src/commands/requests.ts'
import { toRetryAsk } from '../../src/commands/retry.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { newCommand, notYet } from '../support/new-command.ts'

const everyone: Access = {
  principal: 'test',
  mayRead: () => true,
  readsAll: true,
  mayPublish: () => true
}
const toRequest = createRequests({
  address: () => Promise.reject(new Error('no device is asked for')),
  responses: 'rialto/test/responses',
  filters: ['#'],
  limits: defaultLimits
})

const asked = (more: Partial<TopicAsk> = {}): TopicAsk => ({
  kind: 'topic',
  topic: 't',
  payload: Buffer.from('1'),
  qos: 2,
  retain: true,
  properties: null,
  response: null,
  delivery: 'atMostOnce',
  notBefore: null,
  expiresInSeconds: null,
  timeoutSeconds: null,
  awaits: null,
  expect: null,
  condition: null,
  ...more
})

/** As the store has it. */
async function commandOf(ask: TopicAsk): Promise<Command> {
  const { expiresInSeconds, id, ...request } = await toRequest(everyone, ask)
  const createdAt = Date.parse('2026-03-14T09:26:53.589Z')
  const expiresAt = expiresInSeconds === null ? null : createdAt + expiresInSeconds * 1_000
  const stored = newCommand('t', { ...request, id: id!, createdAt, expiresAt } as object)
  const payload = Buffer.from(stored.payload)
  return { ...stored, ...notYet, createdSeq: 1, seq: 1, payload, parameters: null }
}

for (const [what, ask] of [
  ['nothing but a message', asked()],
  ['an expiry', asked({ expiresInSeconds: 7 })],
  ['a response, all of it ours', asked({ awaits: 'response', timeoutSeconds: 9 })],
  [
    'a response by predicates',
    asked({ response: { filter: null, where: 'exists(payload/id)', ok: 'eq(payload/ok,true)' } })
  ],
  [
    'a response on topics of the client, without correlation data',
    asked({ response: { filter: 'a/+', where: 'exists(payload/id)', ok: null } })
  ],
  [
    'a response by properties of the client',
    asked({
      awaits: 'response',
      properties: { responseTopic: 'a/b', correlationData: 'AAE=', userProperties: [['n', 'v']] }
    })
  ],
  ['a response topic of the client', asked({ awaits: 'response', properties: { responseTopic: 'a/b' } })],
  [
    'a response on the response topic of the client, said twice',
    asked({ response: { filter: 'a/b', where: null, ok: null }, properties: { responseTopic: 'a/b' } })
  ],
  ['correlation data of the client', asked({ awaits: 'response', properties: { correlationData: 'AAE=' } })],
  ['an effect', asked({ expect: { filter: 'a/#', where: 'eq(payload,1)' } })],
  ['a condition', asked({ condition: { seq: 7 } })],
  ['properties without a response', asked({ properties: { contentType: 'x/y', responseTopic: 'a/b' } })]
] as const) {
  test(`a retry of a command with ${what} is the same, but for what is made for each`, async () => {
    const first = await commandOf(ask)
    const second = await commandOf(toRetryAsk(first) as TopicAsk)
    assert.notEqual(second.id, first.id)
    const without = ({ id, ...command }: Command): unknown =>
      JSON.parse(
        JSON.stringify(command)
          .replaceAll(id, '{id}')
          .replaceAll(Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64'), '{correlation}')
      )
    assert.deepEqual(without(second), without(first))
  })
}

test('the time before which it was not published is not repeated: it is published at once', async () => {
  const ask = asked({ notBefore: Date.now() + 60_000, expiresInSeconds: 100 })
  assert.deepEqual(
    [toRetryAsk(await commandOf(ask)).notBefore, toRetryAsk(await commandOf(ask)).expiresInSeconds],
    [null, 100]
  )
})

test('a command to a device is asked with its parameters, not with the message that was made of them', async () => {
  const command = await commandOf(asked({ properties: { contentType: 'application/cbor' } }))
  const parameters = Buffer.from('{"on":true}')
  const { kind, payload, ...ask } = toRetryAsk({ ...command, device: 'd', name: 'set', parameters })
  assert.deepEqual([kind, payload.toString()], ['device', '{"on":true}'])
  assert.deepEqual('device' in ask && [ask.device, ask.name, ask.contentType], [
    'd',
    'set',
    'application/cbor'
  ])
})
