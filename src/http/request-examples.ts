/**
 * Examples of requests for openapi.yaml. They ask for what `npm start -- --demo` publishes, and are run by
 * test/http/openapi-examples.test.ts.
 */

import { auditRequests } from './audit-schemas.ts'
import { batchLinks, batchRequests } from './batch-examples.ts'
import { commandLinks, commandRequests } from './command-examples.ts'
import { historyExamples } from './history-examples.ts'
import { keyLinks, keyRequests } from './key-examples.ts'
import { permissionRequests } from './permissions.ts'
import type { Link, RequestExample } from './request-example.ts'
import { retentionLinks, retentionRequests } from './retention-examples.ts'
import { webhookLinks, webhookRequests } from './webhook-examples.ts'
import { device, filter, from, one, to, topic } from './request-example.ts'

const writes = (parameters: Record<string, unknown>) => ({
  demo: {
    summary: 'And wait for the broker',
    parameters: { ...parameters, prefer: 'wait=5' },
    body: 'calibrated'
  }
})
const clears = (parameters: Record<string, unknown>) =>
  one('If there is one', { ...parameters, 'if-match': '*', prefer: 'wait=5' })

/** By operation, then by a name that the parts of one request share. */
export const requestExamples: Record<string, Record<string, RequestExample>> = {
  ...auditRequests,
  ...retentionRequests,
  ...permissionRequests,
  ...webhookRequests,
  ...keyRequests,
  listTopics: {
    demo: { summary: 'Topics of the demo fleet', parameters: { filter, limit: 2, order: 'asc' } },
    warmest: {
      summary: 'The warmest rooms first, and no more of them than is needed',
      parameters: {
        filter,
        where: 'and(gt(payload/temperature,5),exists(payload/heating))',
        sort: '-payload/temperature',
        fields: ['topic,payload/temperature'],
        limit: 2
      }
    },
    retained: { summary: 'What the broker retains', parameters: { filter: ['demo/#'], state: 'retained' } }
  },
  getTopicByName: {
    demo: { summary: 'Its telemetry', parameters: { name: topic } },
    field: {
      summary: 'Its temperature',
      parameters: { name: topic, fields: ['receivedAt', 'payload/temperature'] }
    }
  },
  getTopic: {
    demo: { summary: 'Its telemetry', parameters: { topic } },
    field: { summary: 'Its temperature', parameters: { topic, fields: ['payload/temperature'] } }
  },
  getTopicById: one('Its temperature', { fields: ['payload/temperature'] }),
  getPayloadByName: one('Its telemetry, as it was published', { name: topic }),
  getPayload: one('Its telemetry, as it was published', { topic }),
  forgetTopicByName: one('A room that is no more', { name: 'demo/archive/telemetry' }),
  forgetTopic: one('A room that is no more', { topic: 'demo/lobby/telemetry' }),
  setRetainedByName: writes({ name: 'demo/lab/note', qos: 1 }),
  setRetained: writes({ topic: 'demo/office/note', qos: 1 }),
  setRetainedById: writes({ qos: 1 }),
  clearRetainedByName: clears({ name: 'demo/lab/note' }),
  clearRetained: clears({ topic: 'demo/office/note' }),
  clearRetainedById: clears({}),
  listDevices: {
    demo: { summary: 'The first two', parameters: { limit: 2, order: 'asc' } },
    online: { summary: 'Those that are there', parameters: { presence: 'online' } },
    warmest: {
      summary: 'The warmest first, with their temperature',
      parameters: {
        where: 'gt(metrics/temperature/value,5)',
        sort: '-metrics/temperature/value',
        fields: ['device,metrics/temperature/value'],
        limit: 2
      }
    }
  },
  getDeviceByName: one('A thermostat', { name: device }),
  getDevice: one('A thermostat', { device }),
  listMetricsByName: one('Of a thermostat', { name: device, limit: 2 }),
  listMetrics: one('Of a thermostat', { device, limit: 2 }),
  forgetDeviceByName: one('A room that is no more', { name: 'demo/workshop/telemetry' }),
  forgetDevice: one('A room that is no more', { device: 'demo/kitchen/telemetry' }),
  ...historyExamples,
  listRejections: one('What is not JSON, of one mapping', {
    filter: ['demo/#'],
    reason: 'malformed_json',
    mapping: 'meters',
    from,
    to,
    limit: 1
  }),
  redrive: {
    demo: { summary: 'What was not JSON', body: { filters: ['demo/#'], reason: 'malformed_json' } },
    nothing: { summary: 'Everything that one mapping rejected', body: { mapping: 'meters' } }
  },
  listRedrives: one('The newest ten', { limit: 10 }),
  previewMapping: {
    demo: { summary: 'By the mappings in use', body: { topic, payload: { temperature: 21.5 } } },
    other: {
      summary: 'By others',
      body: {
        topic: 'demo/lab/meter',
        payloadText: '12.5',
        mappings: 'mappings:\n  - name: meters\n    topic: demo/{device}/{metric}\n'
      }
    }
  },
  reloadMappings: { demo: { summary: 'What is kept stays as it is', body: { rebuild: false } } },
  explain: one('Its telemetry', { topic }),
  listMessages: {
    demo: { summary: 'The newest two of the demo fleet', parameters: { filter, limit: 2, order: 'desc' } },
    device: {
      summary: 'What came from a thermostat since then, oldest first',
      parameters: { device: [device], from, to, order: 'asc', limit: 2 }
    },
    drain: {
      summary: 'All that is kept, to go on from',
      parameters: { filter, after: 'earliest', limit: 10 }
    }
  },
  listGaps: {
    demo: { summary: 'The newest ten', parameters: { limit: 10 } },
    since: { summary: 'Those that were noticed since then', parameters: { from } }
  },
  ...commandRequests,
  ...batchRequests,
  stream: {
    demo: {
      summary: 'All messages and states that are kept, and then those to come',
      parameters: { filter, types: ['message', 'state'], after: 'earliest' }
    },
    dashboard: {
      summary: 'States as they are now, and then at most two of each topic in a second, above a temperature',
      parameters: {
        filter,
        types: ['state'],
        snapshot: true,
        where: 'gt(payload/temperature,5)',
        mode: 'latest',
        maxRate: 2
      }
    },
    series: {
      summary: 'Temperatures of a thermostat',
      parameters: { types: ['datapoint'], device, metric: 'temperature', after: 'earliest' }
    }
  },
  createStreamTicket: { demo: { summary: 'Good for a minute', body: { expiresInSeconds: 60 } } }
}

const toTopic = (operationId: string): Link => ({
  operationId,
  parameter: 'topicId',
  from: '$response.body#/items/0/topicId'
})
/** By operation: where its answer leads. Every page leads to the next one, too. */
export const links: Record<string, Record<string, Link>> = {
  ...retentionLinks,
  ...webhookLinks,
  ...keyLinks,
  listTopics: {
    state: toTopic('getTopicById'),
    payload: toTopic('getPayloadById'),
    setRetained: toTopic('setRetainedById'),
    clearRetained: toTopic('clearRetainedById'),
    forget: toTopic('forgetTopicById'),
    stream: { operationId: 'stream', parameter: 'after', from: '$response.body#/cursor' }
  },
  exportDatapoints: {
    whatCame: { operationId: 'exportDatapoints', parameter: 'after', from: '$response.header.Rialto-Cursor' }
  },
  exportMessages: {
    whatCame: { operationId: 'exportMessages', parameter: 'after', from: '$response.header.Rialto-Cursor' }
  },
  redrive: { progress: { operationId: 'getRedrive', parameter: 'id', from: '$response.body#/id' } },
  ...commandLinks,
  ...batchLinks
}
