/** Examples of devices and mappings for openapi.yaml, made by the code that makes the answers. */

import type { Datapoint, Redrive } from '../datapoints.ts'
import { toDatapointView, toDeviceView, toMetricView, toRejectionView } from '../device-views.ts'
import type { Preview } from '../projection/projections.ts'
import {
  toExplanationView,
  toMappingsView,
  toPreviewView,
  toProjectionView,
  toRedriveView
} from '../projection/views.ts'

const at = Date.parse('2026-03-14T09:26:53.589Z')
const topic = 'plant/press-3/temperature'
const hash = '7d0e6c0c0d3f4f2a8e5a1b9f6c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d'

const datapoint: Datapoint = {
  seq: 41_812,
  n: 0,
  device: 'press-3',
  metric: 'temperature',
  topic,
  type: 'number',
  number: 71.4,
  exact: null,
  unit: '°C',
  quality: null,
  observedAt: at - 120,
  receivedAt: at,
  clock: 'device',
  role: 'state'
}

const mapping: NonNullable<Preview['mapping']> = {
  name: 'presses',
  topic: 'plant/{device}/{metric}',
  filter: 'plant/+/+',
  decoder: 'json',
  merge: 'append',
  stateful: false,
  offlineAfterSeconds: 300,
  commands: [
    {
      name: 'set',
      topic: 'plant/{device}/{metric}/set',
      responseTopic: 'plant/{device}/{metric}/ack',
      correlation: 'id'
    }
  ],
  line: 2
}

const { seq: _, ...newDatapoint } = datapoint
const preview: Preview = {
  topic,
  mapping,
  captures: { device: 'press-3', metric: 'temperature' },
  datapoints: [newDatapoint],
  unchanged: [],
  presence: [{ device: 'press-3', presence: 'online', source: 'seen', at }],
  rejections: [],
  attributes: [],
  commands: [{ name: 'set', topic: `${topic}/set`, responseTopic: `${topic}/ack` }],
  state: null
}

const rejection = toRejectionView({
  seq: 41_809,
  n: 0,
  topic,
  mapping: mapping.name,
  reason: 'malformed_json',
  detail: 'Unexpected end of JSON input',
  receivedAt: at - 9_000,
  payload: Buffer.from('{"celsius":'),
  properties: null
})

const redrive: Redrive = {
  id: '5d2f8c0e-7a39-4a0a-9d3c-7b9d2b6d6b1f',
  state: 'done',
  mode: 'messages',
  filters: ['plant/+/temperature'],
  reason: 'malformed_json',
  mapping: null,
  from: null,
  to: null,
  principal: 'anonymous',
  createdAt: at,
  finishedAt: at + 850,
  lastSeq: 41_809,
  untilSeq: 41_812,
  messages: 12,
  accepted: 11,
  error: null
}

/** By the name of the schema. */
export const deviceExamples: Record<string, unknown> = {
  Device: toDeviceView({
    id: 3,
    name: 'press-3',
    seq: 41_812,
    mapping: mapping.name,
    topic,
    firstSeenAt: at - 86_400_000,
    lastSeenAt: at,
    presence: 'online',
    presenceAt: at - 3_600_000,
    presenceSource: 'seen',
    offlineAfterSeconds: 300,
    attributes: { model: 'P3' },
    metrics: 1
  }),
  Metric: toMetricView({
    id: 9,
    device: 'press-3',
    name: 'temperature',
    seq: 41_812,
    type: 'number',
    unit: '°C',
    topic,
    latest: datapoint
  }),
  Datapoint: toDatapointView(datapoint),
  Rejection: rejection,
  RejectionCounts: { items: [{ mapping: mapping.name, reason: 'malformed_json', count: 12 }] },
  Mapping: mapping,
  Mappings: toMappingsView({
    file: '/etc/rialto/rialto.yaml',
    hash,
    loadedAt: at - 60_000,
    mappings: [mapping],
    faults: [],
    doneSeq: 41_812,
    lag: 0
  }),
  PreviewRequest: { topic, payload: { celsius: 71.4 } },
  Preview: toPreviewView(preview),
  Explanation: toExplanationView({
    topic,
    verdicts: [
      {
        code: 'malformed_json',
        detail: 'The newest message was rejected: the payload is not JSON',
        fix: 'Choose the decoder `text`, or mend what publishes'
      }
    ],
    filters: [{ filter: '#', subscribed: true, refusedWith: null }],
    mapping,
    captures: preview.captures,
    shadowed: [],
    messages: [],
    rejections: [],
    rejectionCounts: [{ reason: 'malformed_json', count: 12 }],
    devices: ['press-3']
  }),
  Projection: toProjectionView(
    {
      id: 2,
      state: 'building',
      mappingHash: hash,
      mappingText: 'mappings:\n  - name: presses\n    topic: plant/{device}/{metric}\n',
      doneSeq: 20_906,
      targetSeq: 41_812,
      createdAt: at,
      switchedAt: null
    },
    0
  ),
  Redrive: toRedriveView(redrive),
  Forgotten: { messages: 812, datapoints: 812, devices: 1, topics: 1 }
}

/** For examples of what is made of it elsewhere. */
export { datapoint as exampleDatapoint }
