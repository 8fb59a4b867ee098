/** Examples of webhooks: of requests, and of what is answered. */

import type { Link, RequestExample } from './request-example.ts'

const id = '7f0c5b9e-0f4e-4f3c-8a2a-3f6f5d1f9b11'

export const webhookRequests: Record<string, Record<string, RequestExample>> = {
  createWebhook: {
    demo: {
      summary: 'What becomes of commands to the demo fleet',
      body: { url: 'https://example.com/hooks/rialto', types: ['command'], filters: ['demo/#'] }
    },
    warm: {
      summary: 'Temperatures above 25 degrees, and where messages may be missing, from all that is kept on',
      body: {
        url: 'https://example.com/hooks/warm',
        description: 'For the facility manager',
        types: ['datapoint', 'gap'],
        filters: ['demo/#'],
        where: 'and(eq(metric,"temperature"),gt(value,25))',
        after: 'earliest'
      }
    }
  },
  updateWebhook: { demo: { summary: 'For a while, nothing', body: { state: 'paused' } } }
}

const linkTo = (operationId: string): Link => ({ operationId, parameter: 'id', from: '$response.body#/id' })

export const webhookLinks: Record<string, Record<string, Link>> = {
  createWebhook: {
    webhook: linkTo('getWebhook'),
    update: linkTo('updateWebhook'),
    rotate: linkTo('rotateWebhookSecret'),
    ping: linkTo('pingWebhook'),
    delete: linkTo('deleteWebhook')
  }
}

const webhook = {
  id,
  url: 'https://example.com/hooks/rialto',
  description: '',
  types: ['command'],
  filters: ['demo/#'],
  where: null,
  finalOnly: true,
  state: 'active',
  reason: null,
  cursor: 'AQAAAAAAAACjVLr1W0tqHjFhE3Bk9w',
  lag: 3,
  attempts: 1,
  nextAttemptAt: '2026-03-14T09:27:00.000Z',
  lastError: 'status 503',
  lastErrorAt: '2026-03-14T09:26:55.000Z',
  lastDeliveredAt: '2026-03-14T09:20:00.000Z',
  previousSecretUntil: null,
  principal: 'api-key',
  createdAt: '2026-03-14T09:00:00.000Z',
  updatedAt: '2026-03-14T09:00:00.000Z'
}

/** By the name of the schema. */
export const webhookExamples: Record<string, unknown> = {
  Webhook: webhook,
  WebhookList: { items: [webhook] },
  WebhookWithSecret: { ...webhook, secret: 'whsec_YW4gZXhhbXBsZSBvZiAzMiBieXRlcywgbm8gc2VjcmV0' },
  WebhookPing: { delivered: false, status: null, error: 'the connection was refused (ECONNREFUSED)', ms: 12 }
}
