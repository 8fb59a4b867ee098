/** What normalization finds, as clients see it: the same on REST, GraphQL and streams. Pure. */

import type {
  Clock,
  Datapoint,
  Device,
  Metric,
  MetricType,
  NormalizedPresence,
  Presence,
  PresenceChange,
  PresenceSource,
  Rejection,
  RejectionReason,
  Role,
  Value
} from './datapoints.ts'
import type { Fact } from './model.ts'
import { decodePayload } from './payload.ts'
import type { PayloadView } from './views.ts'
import { toPayloadView, toSeq, toTime, toTimeOrNull } from './views.ts'

/** As with payloads: `value` is the best that JSON can say, `valueText` is exact, `valueBase64` are the bytes. */
export interface ValueView {
  type: MetricType
  /** null for null and bytes, and for JSON with a number that no double holds; an integer beyond 2^53 is the nearest double. */
  value: unknown
  /** null for null and bytes. */
  valueText: string | null
  /** null for all but bytes. */
  valueBase64: string | null
}

/** A datapoint as a mapping gives it, in a message without a place yet. */
export interface NewDatapointView extends ValueView {
  n: number
  device: string
  metric: string
  topic: string
  unit: string | null
  quality: string | null
  observedAt: string
  receivedAt: string
  clock: Clock
  role: Role
}

export interface DatapointView extends NewDatapointView {
  seq: string
}

export interface DeviceView {
  device: string
  seq: string
  mapping: string
  topic: string
  firstSeenAt: string
  lastSeenAt: string
  presence: Presence
  presenceAt: string | null
  presenceSource: PresenceSource | null
  offlineAfterSeconds: number | null
  attributes: Record<string, unknown>
  metricCount: number
}

/** A device in a list, with the latest datapoints of metrics that were asked for by name. */
export interface DeviceItemView extends DeviceView {
  metrics: Record<string, DatapointView>
}

export interface MetricView {
  device: string
  metric: string
  seq: string
  type: MetricType
  unit: string | null
  topic: string
  latest: DatapointView | null
}

export interface PresenceView {
  device: string
  presence: Presence
  source: PresenceSource
  at: string
}

export interface PresenceChangeView {
  seq: string
  device: string
  from: Presence
  to: Presence
  source: PresenceSource
  at: string
  topic: string
}

export interface RejectionView {
  seq: string
  n: number
  topic: string
  mapping: string
  reason: RejectionReason
  detail: string
  receivedAt: string
  /** What was received; null when the journal no longer has it. */
  raw: PayloadView | null
}

export function toValueView({ type, number, exact }: Value): ValueView {
  const text = exact === null ? null : Buffer.from(exact).toString('utf8')
  switch (type) {
    case 'null':
      return { type, value: null, valueText: null, valueBase64: null }
    case 'number':
    case 'integer':
      return { type, value: number, valueText: text ?? String(number), valueBase64: null }
    case 'boolean':
      return { type, value: number === 1, valueText: String(number === 1), valueBase64: null }
    case 'text':
      return { type, value: text ?? '', valueText: text ?? '', valueBase64: null }
    case 'json':
      return { type, value: toJsonValue(exact), valueText: text, valueBase64: null }
    case 'bytes':
      return { type, value: null, valueText: null, valueBase64: Buffer.from(exact ?? []).toString('base64') }
  }
}

/** As a payload that is said to be JSON: null where it is not, is nested too deep, or no double holds it. */
function toJsonValue(exact: Uint8Array | null): unknown {
  const { format, value } = decodePayload(exact ?? new Uint8Array(), null)
  return format === 'text' ? null : value
}

export const toNewDatapointView = (datapoint: Omit<Datapoint, 'seq'>): NewDatapointView => ({
  n: datapoint.n,
  device: datapoint.device,
  metric: datapoint.metric,
  topic: datapoint.topic,
  ...toValueView(datapoint),
  unit: datapoint.unit,
  quality: datapoint.quality,
  observedAt: toTime(datapoint.observedAt),
  receivedAt: toTime(datapoint.receivedAt),
  clock: datapoint.clock,
  role: datapoint.role
})

export const toDatapointView = (datapoint: Datapoint): DatapointView => ({
  seq: toSeq(datapoint.seq),
  ...toNewDatapointView(datapoint)
})

export const toDeviceView = (device: Device): DeviceView => ({
  device: device.name,
  seq: toSeq(device.seq),
  mapping: device.mapping,
  topic: device.topic,
  firstSeenAt: toTime(device.firstSeenAt),
  lastSeenAt: toTime(device.lastSeenAt),
  presence: device.presence,
  presenceAt: toTimeOrNull(device.presenceAt),
  presenceSource: device.presenceSource,
  offlineAfterSeconds: device.offlineAfterSeconds,
  attributes: device.attributes,
  metricCount: device.metrics
})

export const toDeviceItemView = ({
  device,
  metrics
}: {
  device: Device
  metrics: ReadonlyMap<string, Datapoint>
}): DeviceItemView => ({
  ...toDeviceView(device),
  metrics: Object.fromEntries(Array.from(metrics, ([name, latest]) => [name, toDatapointView(latest)]))
})

export const toMetricView = (metric: Metric): MetricView => ({
  device: metric.device,
  metric: metric.name,
  seq: toSeq(metric.seq),
  type: metric.type,
  unit: metric.unit,
  topic: metric.topic,
  latest: metric.latest && toDatapointView(metric.latest)
})

export const toPresenceView = ({ device, presence, source, at }: NormalizedPresence): PresenceView => ({
  device,
  presence,
  source,
  at: toTime(at)
})

export function toPresenceChangeView(fact: Fact): PresenceChangeView {
  const { device, from, to, source, at, topic } = fact.detail as PresenceChange
  return { seq: toSeq(fact.seq), device, from, to, source, at: toTime(at), topic }
}

export const toRejectionView = (rejection: Rejection): RejectionView => ({
  seq: toSeq(rejection.seq),
  n: rejection.n,
  topic: rejection.topic,
  mapping: rejection.mapping,
  reason: rejection.reason,
  detail: rejection.detail,
  receivedAt: toTime(rejection.receivedAt),
  raw: rejection.payload && toPayloadView(rejection.payload, rejection.properties)
})
