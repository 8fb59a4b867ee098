/** States as they were at an instant: what the facts of the journal up to then make of topics and devices. */

import type { Datapoint, Device, Metric } from '../datapoints.ts'
import { Problem } from '../errors.ts'
import type { Access, Millis, Seq, TopicState } from '../model.ts'
import type { Limits } from '../limits.ts'
import type { Pool } from './database.ts'
import type { MetricPage } from './devices.ts'
import { devicesAsOf } from './devices-as-of.ts'
import { latestAsOf, metricsAsOf } from './metrics-as-of.ts'
import { findInstant } from './instants.ts'
import { metricOfMany, metricsOfMany } from './nested-as-of.ts'
import type { MetricName } from './nested.ts'
import { currentProjection } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'
import { beforeHorizon, readReach, reachOfDevices } from './reach.ts'
import { hashTopic } from './topics.ts'
import { topicBeforeHorizon } from './topic-before-horizon.ts'
import { topicsAsOf } from './topics-as-of.ts'

/** A time, and the place of the journal that it is. */
export interface Instant {
  at: Millis
  /** The newest fact committed at or before `at`; 0 where the journal no longer reaches back so far, or did not begin yet. */
  seq: Seq
}

/** A device at an instant, as today's mappings read the messages up to then. */
export interface DeviceAsOf extends Omit<Device, 'lastSeenAt'> {
  /**
   * null where no datapoint of then tells. Of a device with more than `asOfMetricsMax` metrics, those that changed last are
   * looked at. Mapping, topic, offlineAfterSeconds and the number of metrics are those of now.
   */
  lastSeenAt: Millis | null
  /** Names of attributes that were said anew, or first, since then: what they were is not kept, so they are absent. */
  attributesChangedSince: string[]
}

export interface AsOf {
  /** The place of a time in the past. Throws Problem `invalid_value` for one that is not. */
  instant(at: Millis): Promise<Instant>
  /**
   * null: nothing was known of the topic then, or it may not be read. `confirmedAt` is null, since no fact says it. Throws
   * Problem `cursor_expired` where nobody can tell any more.
   */
  topic(
    access: Access,
    topic: { name: string } | { id: number },
    instant: Instant
  ): Promise<TopicState | null>
  /**
   * Of these topics, as many as fit in `pageBytesMax`, in the order given; `taken` is how many were looked at. Absent are
   * those of which nothing was known. The caller checks who may read them. Throws Problem `cursor_expired` where
   * the journal does not tell of one of them any more.
   */
  topics(
    ids: readonly number[],
    instant: Instant
  ): Promise<{ states: Map<number, TopicState>; taken: number }>
  /** null: it was not known then, or may not be read. Throws Problem `cursor_expired` where nobody can tell. */
  device(access: Access, name: string, instant: Instant): Promise<DeviceAsOf | null>
  /**
   * Of these devices, by id; absent are those that were not known then. The caller checks who may read them; `access` is
   * asked for what they count. Problem as for `topics`.
   */
  devices(access: Access, ids: readonly number[], instant: Instant): Promise<Map<number, DeviceAsOf>>
  /** Metrics of a device, in the order of their ids, each with the latest datapoint of then. Problem as for `topics`. */
  metrics(
    access: Access,
    device: string,
    instant: Instant,
    ask: { after: number | null; limit: number }
  ): Promise<MetricPage>
  /**
   * The same of many devices by name, and one metric of each by its name: in the order of what is asked for, with
   * `pageBytesMax` for all of them together. Throws Problem `query_too_complex` when they have more.
   */
  metricsOf(
    access: Access,
    devices: readonly string[],
    instant: Instant,
    ask: { after: number | null; limit: number }
  ): Promise<MetricPage[]>
  metricOf(access: Access, names: readonly MetricName[], instant: Instant): Promise<Array<Metric | null>>
  /** Of these devices, by id and name of metric: the latest datapoints of then that may be read. Problem as for `topics`. */
  latest(
    access: Access,
    devices: readonly number[],
    metrics: readonly string[],
    instant: Instant
  ): Promise<Map<number, Map<string, Datapoint>>>
}

type MeantDevices = ({ names: readonly string[] } | { ids: readonly number[] }) & { presence?: boolean }

function unlessExpired(error: unknown): null {
  if (error instanceof Problem && error.code === 'cursor_expired') return null
  throw error
}

export function createAsOf(pool: Pool, limits: Limits): AsOf {
  const parts = { pool, limits }

  async function find(
    topic: { name: string } | { id: number }
  ): Promise<{ id: number; name: string } | null> {
    const [column, value] = 'name' in topic ? ['name_hash', hashTopic(topic.name)] : ['id', topic.id]
    const { rows } = await pool.query<{ id: number; name: string }>({
      name: `topic_by_${column}`,
      text: `select id, name from topics where ${column} = $1 and name <> ''`,
      values: [value]
    })
    return rows[0] ?? null
  }

  async function isReadable(access: Access, device: string): Promise<boolean> {
    const { rows } = await pool.query<{ topic: string }>({
      name: 'device_topic',
      text: `select t.name as topic from devices d join topics t on t.id = d.topic_id
             where d.projection_id = ${currentProjection} and d.name_hash = $1 and d.seq > 0`,
      values: [hashName(device)]
    })
    return rows[0] !== undefined && access.mayRead(rows[0].topic)
  }

  /** Looks at the horizons afterwards: if none that matters is past the instant, nothing was missing meanwhile. */
  async function reached<T>(instant: Instant, meant: MeantDevices, read: () => Promise<T>): Promise<T> {
    const result = await read()
    const { lowest, highest } = await readReach(pool)
    if (instant.seq >= highest) return result
    const { presence = false } = meant
    const reach = Math.max(lowest, await reachOfDevices(pool, meant, instant.seq, presence))
    if (instant.seq < reach) throw await beforeHorizon(pool, instant, reach)
    return result
  }

  return {
    instant: (at) => findInstant(pool, at),
    async topic(access, topic, instant) {
      const found = await find(topic)
      if (found === null || !access.mayRead(found.name)) return null
      // As it is afterwards, since it may be overtaken
      if (instant.seq >= (await readReach(pool)).lowest) {
        const states = await topicsAsOf(pool, limits, [found.id], instant).catch(unlessExpired)
        if (states !== null) return states.states.get(found.id) ?? null
      }
      return topicBeforeHorizon(pool, limits, found.id, instant)
    },
    topics: (ids, instant) => topicsAsOf(pool, limits, ids, instant),
    async device(access, name, instant) {
      // Nobody else is told whether it can still be told
      if (!(await isReadable(access, name))) return null
      const found = await reached(instant, { names: [name], presence: true }, () =>
        devicesAsOf(parts, access, { name }, instant)
      )
      const device = [...found.values()][0]
      return device === undefined || !access.mayRead(device.topic) ? null : device
    },
    devices: (access, ids, instant) =>
      reached(instant, { ids, presence: true }, () => devicesAsOf(parts, access, { ids }, instant)),
    metrics: (access, device, instant, ask) =>
      reached(instant, { names: [device] }, () => metricsAsOf(parts, access, device, instant, ask)),
    metricsOf: (access, devices, instant, ask) =>
      reached(instant, { names: devices }, () => metricsOfMany(parts, access, devices, instant, ask)),
    metricOf: (access, names, instant) =>
      reached(instant, { names: names.map(({ device }) => device) }, () =>
        metricOfMany(parts, access, names, instant)
      ),
    latest: (access, devices, metrics, instant) =>
      reached(instant, { ids: devices }, () => latestAsOf(parts, access, devices, metrics, instant))
  }
}
