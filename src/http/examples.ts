/** Examples for openapi.yaml, made by the code that makes the answers, so that they cannot differ from them. */

import { Problem } from '../errors.ts'
import type { Command } from '../command.ts'
import type { Message } from '../model.ts'
import { auditExamples } from './audit-schemas.ts'
import { batchExamples } from './batch-examples.ts'
import { deviceExamples } from './device-examples.ts'
import { keyExamples } from './key-examples.ts'
import { retentionExamples } from './retention-examples.ts'
import { webhookExamples } from './webhook-examples.ts'
import { toCommandView } from '../command-views.ts'
import { toGapView, toMessageView, toTopicStateView } from '../views.ts'

const at = Date.parse('2026-03-14T09:26:53.589Z')

const message: Message = {
  seq: 41_812,
  topicId: 7,
  topic: 'plant/press-3/temperature',
  receivedAt: at,
  qos: 1,
  retain: true,
  dup: false,
  payload: Buffer.from('{"celsius":71.4}'),
  properties: { contentType: 'application/json', userProperties: [['line', 'A']] }
}

const command: Command = {
  id: '0d4b7f0e-5a0a-4f6e-9d53-6b1c6f1f2a10',
  createdSeq: 41_813,
  seq: 41_815,
  topic: 'plant/press-3/set',
  payload: Buffer.from('{"celsius":65}'),
  qos: 1,
  retain: false,
  properties: null,
  device: null,
  name: null,
  parameters: null,
  delivery: 'atLeastOnce',
  orderKey: null,
  oneInFlight: false,
  state: 'published',
  awaits: 'none',
  awaited: null,
  condition: null,
  attempts: 1,
  createdAt: at,
  notBefore: null,
  expiresAt: null,
  publishedAt: at + 12,
  publishSeq: 41_814,
  timeoutSeconds: null,
  timeoutAt: null,
  finishedAt: at + 12,
  brokerReasonCode: 0,
  response: null,
  lateResponse: null,
  effectSeq: null,
  reason: null,
  retryOf: null,
  principal: 'anonymous',
  batchId: null
}

const cursor = 'AQAAAAAAAACjVLr1W0tqHjFhE3Bk9w'

/** By the name of the schema. */
export const examples: Record<string, unknown> = {
  ...auditExamples,
  ...batchExamples,
  ...deviceExamples,
  ...retentionExamples,
  ...webhookExamples,
  ...keyExamples,
  Message: toMessageView(message),
  TopicState: toTopicStateView({
    topicId: 7,
    topic: message.topic,
    seq: message.seq,
    latest: message,
    retained: message,
    retainedKnown: true,
    tombstone: null,
    expiresAt: null,
    confirmedAt: null
  }),
  Command: toCommandView(command),
  CommandRequest: { topic: command.topic, payload: { celsius: 65 }, qos: 1 },
  Problem: new Problem('invalid_value', '/qos must be <= 2', [
    { pointer: '/qos', detail: 'must be <= 2' }
  ]).toJSON(),
  Gap: toGapView({
    seq: 41_790,
    at,
    kind: 'gap',
    topicId: null,
    topic: null,
    message: null,
    commandId: null,
    detail: { cause: 'absence', session: 'ingest', from: at - 4_000, to: at, messages: null }
  })
}

export const streamExample = `id: ${cursor}
event: message
data: ${JSON.stringify({ cursor, type: 'message', message: toMessageView(message) })}

`

/** For examples of what is made of them elsewhere. */
export { cursor as exampleCursor, message as exampleMessage }
