/** Examples of retention: of requests, and of what is answered. */

import { toRetentionClassView, toRetentionView } from '../history/retention-view.ts'
import type { Link, RequestExample } from './request-example.ts'

const day = 86_400

export const retentionRequests: Record<string, Record<string, RequestExample>> = {
  setRetentionClass: {
    demo: {
      summary: 'What the demo fleet says is kept for a week, or 10 GiB of it',
      parameters: { name: 'demo-week' },
      body: { filters: ['demo/#'], keepSeconds: 7 * day, keepBytes: 10 * 2 ** 30 }
    }
  },
  setRollupRetention: {
    demo: {
      summary: 'Minutes for a quarter of a year, hours for ten years, days for ever',
      body: { minute: 90 * day, hour: 3_660 * day, day: null }
    }
  }
}

export const retentionLinks: Record<string, Record<string, Link>> = {
  setRetentionClass: {
    remove: { operationId: 'removeRetentionClass', parameter: 'name', from: '$response.body#/name' }
  }
}

const none = {
  filters: [],
  keepSeconds: null,
  keepBytes: null,
  position: null,
  horizon: 0,
  bytes: 65_536,
  topics: 0,
  removed: false
}
const week = {
  ...none,
  name: 'week',
  filters: ['plant/+/vibration/#'],
  keepSeconds: 7 * day,
  position: 1,
  horizon: 20_000,
  bytes: 734_003_200,
  topics: 12
}
const rollups = { minute: 90 * day, hour: 3_660 * day, day: null }

/** By the name of the schema. */
export const retentionExamples: Record<string, unknown> = {
  RetentionClass: toRetentionClassView(week),
  RollupRetention: rollups,
  Retention: toRetentionView(
    [{ ...none, name: 'system' }, week, { ...none, name: 'default', topics: 340 }],
    rollups
  )
}
