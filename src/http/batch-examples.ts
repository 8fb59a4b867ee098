/** Examples of batches: of requests, and of what is answered. */

import { toBatchOutcomeView, toBatchView } from '../command-batch-views.ts'
import type { BatchRefusal, CommandBatch } from '../command-batch.ts'
import type { Link, RequestExample } from './request-example.ts'
import { one } from './request-example.ts'

export const batchRequests: Record<string, Record<string, RequestExample>> = {
  sendBatch: {
    demo: {
      summary: 'A target for all that have one, two in a second, until a tenth fails',
      parameters: { 'idempotency-key': 'cooler-everywhere-1' },
      body: {
        devices: ['cellar', 'demo/*'],
        name: 'set',
        payload: 17,
        ratePerSecond: 2,
        stopAtFailureShare: 0.1,
        expiresInSeconds: 60
      }
    },
    where: {
      summary: 'To those that are there',
      body: { devices: ['cellar'], where: 'eq(presence,"online")', name: 'set', payload: 18 }
    }
  },
  listBatches: one('The newest', { limit: 1 }),
  listBatchOutcomes: one('A few at a time', { limit: 2 })
}

const toBatch = (operationId: string): Link => ({ operationId, parameter: 'id', from: '$response.body#/id' })

export const batchLinks: Record<string, Record<string, Link>> = {
  sendBatch: {
    batch: toBatch('getBatch'),
    outcomes: toBatch('listBatchOutcomes'),
    cancel: toBatch('cancelBatch')
  }
}

const refusal: BatchRefusal = {
  device: 'plant/gate',
  topic: 'plant/gate',
  code: 'invalid_value',
  detail: '/name is no command: plant has none. Send to a topic instead',
  errors: [{ pointer: '/name', detail: 'is no command: plant has none. Send to a topic instead' }]
}

const batch: CommandBatch = {
  id: '4f6f2f52-8a38-4a7b-9c39-7d0f9a4f0c11',
  seq: 41_900,
  principal: 'anonymous',
  devices: ['press-*', 'plant/gate'],
  where: 'eq(presence,"online")',
  name: 'restart',
  ratePerSecond: 5,
  stop: { failureShare: 0.1, after: 10 },
  accepted: 120,
  refusals: [refusal],
  createdAt: Date.parse('2026-03-14T09:26:53.589Z'),
  state: 'stopped',
  reason: 'failure_share: 3 of 22 failed, and the batch stops at a share of 0.1',
  finishedAt: null,
  counts: { succeeded: 19, timedOut: 2, failed: 1, published: 4, cancelled: 94 },
  final: 116
}

/** By the name of the schema. */
export const batchExamples: Record<string, unknown> = {
  BatchRequest: {
    devices: ['press-*'],
    name: 'restart',
    payload: {},
    ratePerSecond: 5,
    stopAtFailureShare: 0.1
  },
  Batch: toBatchView(batch),
  BatchOutcome: toBatchOutcomeView({ n: 120, device: refusal.device, refusal })
}
