/** What resolvers know of the request they serve. */

import type { Metric } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Access, Head, Seq } from '../model.ts'
import type { Instant } from '../store/as-of.ts'
import type { DatapointPage, DatapointRange } from '../store/datapoints.ts'
import type { MetricPage } from '../store/devices.ts'
import type { MetricName } from '../store/nested.ts'
import type { Store } from '../store/store.ts'
import type { CommandEventView } from '../command-views.ts'
import { toCommandEventView } from '../command-views.ts'
import type { TraceContext } from '../trace.ts'
import type { ReadBatch } from './batches.ts'
import { createBatch } from './batches.ts'
import type { HistoryReads } from './history-reads.ts'
import { createHistoryReads } from './history-reads.ts'
import { createNesting } from './nesting.ts'

/** What is asked for in one tick, by whichever fields, is read at once. */
export interface Context {
  access: Access
  /** Aborts when the client goes away. */
  signal: AbortSignal
  /** The trace that the operation belongs to. */
  trace: TraceContext | null
  head(): Promise<Head>
  /** Id of the current projection; 0: there is none yet. */
  currentProjection(): Promise<number>
  /** How far messages are normalized: datapoints of a list that is begun now are those up to here. */
  datapointsEnd(): Promise<Seq>
  /** Transitions of a command. */
  commandEvents(id: string): Promise<CommandEventView[]>
  /** A page of the metrics of a device. Throws Problem query_too_complex, as the next two do. */
  metrics(device: string, ask: MetricsAsk): Promise<MetricPage>
  metric(name: MetricName, instant: Instant | null): Promise<Metric | null>
  datapoints(name: MetricName, ask: DatapointRange): Promise<DatapointPage>
  history: HistoryReads
}

export interface MetricsAsk {
  after: number | null
  limit: number
  /** null: as they are now. */
  instant: Instant | null
}

export interface ContextParts {
  store: Pick<
    Store,
    'journal' | 'commands' | 'asOf' | 'datapoints' | 'nested' | 'history' | 'currentProjection'
  >
  limits: Limits
}

export function createContext(
  { access, signal, trace }: Pick<Context, 'access' | 'signal' | 'trace'>,
  parts: ContextParts
): Context {
  const { store, limits } = parts
  const nesting = createNesting(limits)
  const batch = <Ask, Key, Value>(read: ReadBatch<Ask, Key, Value>) =>
    createBatch<Ask, Key, Value>((ask, keys) => nesting.read(() => read(ask, keys)))

  const head = batch(async (_ask: null, keys: readonly null[]) => fill(keys, await store.journal.head()))
  const projection = batch(async (_ask: null, keys: readonly null[]) =>
    fill(keys, await store.currentProjection())
  )
  const datapointsEnd = batch(async (_ask: null, keys: readonly null[]) =>
    fill(keys, await store.datapoints.end())
  )
  const commandEvents = batch(async (_ask: null, ids: readonly string[]) => {
    const events = await store.commands.events([...new Set(ids)])
    return ids.map((id) => (events.get(id) ?? []).map(toCommandEventView))
  })
  const metrics = batch(({ instant, ...ask }: MetricsAsk, devices: readonly string[]) =>
    instant === null
      ? store.nested.metrics(access, devices, ask)
      : store.asOf.metricsOf(access, devices, instant, ask)
  )
  const metric = batch((instant: Instant | null, names: readonly MetricName[]) =>
    instant === null ? store.nested.metric(access, names) : store.asOf.metricOf(access, names, instant)
  )
  const datapoints = batch((ask: DatapointRange, names: readonly MetricName[]) =>
    store.nested.datapoints(access, names, ask)
  )

  return {
    access,
    signal,
    trace,
    head: () => head(null, null),
    currentProjection: () => projection(null, null),
    datapointsEnd: () => datapointsEnd(null, null),
    commandEvents: (id) => commandEvents(null, id),
    metrics: (device, ask) => nesting.page(ask.limit, () => metrics(ask, device)),
    async metric(name, instant) {
      const read = async () => ({ items: [await metric(instant, name)] })
      return (await nesting.page(1, read)).items[0]!
    },
    datapoints: (name, ask) => nesting.page(ask.limit, () => datapoints(ask, name)),
    history: createHistoryReads({ access, history: store.history, nesting, limits })
  }
}

const fill = <Value>(keys: readonly unknown[], value: Value): Value[] => keys.map(() => value)
