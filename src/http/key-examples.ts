/** Examples of API keys: of requests, and of what is answered. */

import type { KeyView } from '../access/key-view.ts'
import type { Link, RequestExample } from './request-example.ts'
import { one } from './request-example.ts'

export const keyRequests: Record<string, Record<string, RequestExample>> = {
  listKeys: one('The newest', { limit: 1 }),
  createKey: {
    demo: {
      summary: 'To read the demo fleet, and command its lab, for a month',
      body: {
        name: 'dashboard',
        grants: [
          { role: 'read', topic: 'demo/#' },
          { role: 'command', topic: 'demo/lab/#' }
        ],
        expiresInSeconds: 2_592_000
      }
    },
    tenant: {
      summary: 'For a tenant, whose topics begin with acme/',
      body: { name: 'acme', grants: [{ role: 'read', topic: '#' }], tenant: 'acme' }
    }
  },
  changeKey: {
    demo: { summary: 'For one device', body: { grants: [{ role: 'read', device: 'demo/lab' }] } }
  },
  rotateKey: { demo: { summary: 'With an hour to change over', body: { overlapSeconds: 3_600 } } }
}

const linkTo = (operationId: string): Link => ({ operationId, parameter: 'id', from: '$response.body#/id' })

export const keyLinks: Record<string, Record<string, Link>> = {
  createKey: {
    key: linkTo('getKey'),
    change: linkTo('changeKey'),
    rotate: linkTo('rotateKey'),
    revoke: linkTo('revokeKey')
  }
}

const key: KeyView = {
  id: 'b7Xq20RmVd4K',
  name: 'dashboard',
  grants: [
    { role: 'read', topic: 'demo/#' },
    { role: 'command', topic: 'demo/lab/#' }
  ],
  tenant: null,
  state: 'active',
  createdBy: 'api-key',
  createdAt: '2026-03-14T09:00:00.000Z',
  updatedAt: '2026-03-14T09:00:00.000Z',
  expiresAt: '2026-04-13T09:00:00.000Z',
  rotatedAt: null,
  previousUntil: null,
  revokedAt: null,
  lastUsedAt: '2026-03-14T09:26:00.000Z'
}

/** By the name of the schema. */
export const keyExamples: Record<string, unknown> = {
  Grant: key.grants[0],
  Key: key,
  KeyWithText: { ...key, key: `rialto_${key.id}_${'x'.repeat(49)}` }
}
