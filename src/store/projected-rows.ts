/** Rows of projections to the domain's types. */

import type {
  Clock,
  Datapoint,
  Device,
  Metric,
  MetricType,
  Presence,
  PresenceSource,
  Projection,
  ProjectionState,
  Role
} from '../datapoints.ts'
import { clocks, metricTypes, presences, roles } from '../datapoints.ts'
import type { Access } from '../model.ts'

/** Found in the statement that reads by it, so that a switch in between is harmless. */
export const currentProjection = `(select id from projections where state = 'current')`

const invert = <Name extends string>(numbers: Record<Name, number>): Record<number, Name> =>
  Object.fromEntries(Object.entries(numbers).map(([name, number]) => [number, name])) as Record<number, Name>

export const typeNames: Record<number, MetricType> = invert(metricTypes)
export const roleNames: Record<number, Role> = invert(roles)
const clockNames: Record<number, Clock> = invert(clocks)
export const presenceNames: Record<number, Presence> = invert(presences)

export interface ProjectionRow {
  id: number
  state: ProjectionState
  mapping_hash: string
  mapping_text: string
  done_seq: number
  target_seq: number
  version: number
  created_at: Date
  switched_at: Date | null
}

export const toProjection = (row: ProjectionRow): Projection => ({
  id: row.id,
  state: row.state,
  mappingHash: row.mapping_hash,
  mappingText: row.mapping_text,
  doneSeq: row.done_seq,
  targetSeq: row.target_seq,
  createdAt: row.created_at.getTime(),
  switchedAt: row.switched_at?.getTime() ?? null
})

export interface DeviceRow {
  id: number
  name: string
  seq: number
  mapping: string
  topic: string
  first_seen_at: Date
  last_seen_at: Date | null
  presence: number
  presence_at: Date | null
  presence_source: PresenceSource | null
  offline_after_seconds: number | null
  attributes: StoredAttributes | null
  /** How many it has: all, or by their topics. */
  metrics: number | Record<string, number> | null
}

/** Each with the message that said so, so that an older one that is read later does not replace it. */
export type StoredAttributes = Record<string, [seq: number, value: unknown]>

const columnsOfDevice = `d.id, d.name, d.seq, d.mapping, t.name as topic, d.first_seen_at, d.last_seen_at, d.presence,
  d.presence_at, d.presence_source, d.offline_after_seconds, d.attributes`

const countSql = `(select count(*) from metrics m where m.device_id = d.id and m.seq > 0)`

/** A metric that may not be read is not counted. */
const countByTopicSql = `(
    select json_object_agg(name, n) from (
      select mt.name, count(*) as n from metrics m join topics mt on mt.id = m.topic_id
      where m.device_id = d.id and m.seq > 0 group by mt.name
    ) as counted_by_topic
  )`

/** `counted`: a condition; where it does not hold, metrics are not counted. Statements of the two kinds have other names. */
export function deviceColumns({ readsAll }: Access, counted?: string): { kind: string; columns: string } {
  const [kind, count] = readsAll === true ? ['all', countSql] : ['by_topic', countByTopicSql]
  const metrics = counted === undefined ? count : `case when ${counted} then ${count} end`
  return { kind, columns: `${columnsOfDevice}, ${metrics} as metrics` }
}

const countMetrics = (metrics: DeviceRow['metrics'], access: Access): number =>
  typeof metrics === 'number'
    ? metrics
    : Object.entries(metrics ?? {}).reduce((sum, [topic, n]) => (access.mayRead(topic) ? sum + n : sum), 0)

export const toDevice = (row: DeviceRow, access: Access): Device => ({
  id: row.id,
  name: row.name,
  seq: row.seq,
  mapping: row.mapping,
  topic: row.topic,
  firstSeenAt: row.first_seen_at.getTime(),
  // Where only others spoke of it, it was never heard from itself
  lastSeenAt: (row.last_seen_at ?? row.first_seen_at).getTime(),
  presence: presenceNames[row.presence]!,
  presenceAt: row.presence_at?.getTime() ?? null,
  presenceSource: row.presence_source,
  offlineAfterSeconds: row.offline_after_seconds,
  attributes: Object.fromEntries(
    Object.entries(row.attributes ?? {}).map(([name, [, value]]) => [name, value])
  ),
  metrics: countMetrics(row.metrics, access)
})

export interface MetricRow {
  id: number
  device: string
  name: string
  seq: number
  type: number
  unit: string | null
  topic: string
  latest_seq: number
  latest_n: number
  latest_observed_at: Date
  latest_received_at: Date
  latest_number: number | null
  latest_role: number
  latest_clock: number
  latest_quality: string | null
  latest_exact: Buffer | null
}

export const metricColumns = `m.id, d.name as device, m.name, m.seq, m.type, m.unit, t.name as topic, m.latest_seq, m.latest_n,
  m.latest_observed_at, m.latest_received_at, m.latest_number, m.latest_role, m.latest_clock, m.latest_quality,
  m.latest_exact`

export const toMetric = (row: MetricRow): Metric => ({
  id: row.id,
  device: row.device,
  name: row.name,
  seq: row.seq,
  type: typeNames[row.type]!,
  unit: row.unit,
  topic: row.topic,
  latest:
    row.latest_role === roles.state
      ? {
          seq: row.latest_seq,
          n: row.latest_n,
          device: row.device,
          metric: row.name,
          topic: row.topic,
          observedAt: row.latest_observed_at.getTime(),
          receivedAt: row.latest_received_at.getTime(),
          type: typeNames[row.type]!,
          number: row.latest_number,
          exact: row.latest_exact,
          role: 'state',
          clock: clockNames[row.latest_clock]!,
          unit: row.unit,
          quality: row.latest_quality
        }
      : null
})

export interface DatapointRow {
  seq: number
  n: number
  device: string
  metric: string
  topic: string
  observed_at: Date
  received_at: Date
  type: number
  number: number | null
  exact: Buffer | null
  role: number
  clock: number
  unit: string | null
  quality: string | null
}

export const datapointColumns = `p.seq, p.n, d.name as device, m.name as metric, t.name as topic, p.observed_at,
  p.received_at, p.type, p.number, p.exact, p.role, p.clock, p.unit, p.quality`

export const toDatapoint = (row: DatapointRow): Datapoint => ({
  seq: row.seq,
  n: row.n,
  device: row.device,
  metric: row.metric,
  topic: row.topic,
  observedAt: row.observed_at.getTime(),
  receivedAt: row.received_at.getTime(),
  type: typeNames[row.type]!,
  number: row.number,
  exact: row.exact,
  role: roleNames[row.role]!,
  clock: clockNames[row.clock]!,
  unit: row.unit,
  quality: row.quality
})
