/** Resolvers of devices, their metrics and datapoints. */

import type { GraphQLResolveInfo } from 'graphql'
import type { Presence } from '../datapoints.ts'
import type { DatapointView } from '../device-views.ts'
import { toDatapointView, toDeviceItemView } from '../device-views.ts'
import { Problem } from '../errors.ts'
import { metricNames } from '../predicate/metric-names.ts'
import { sortKeyOf } from '../predicate/sort.ts'
import type { Instant } from '../store/as-of.ts'
import type { DatapointPage, DatapointRange } from '../store/datapoints.ts'
import type { SeriesSearch } from '../store/find-series.ts'
import type { PageArguments, RangeArguments, SearchArguments } from './arguments.ts'
import {
  listName,
  readDeviceWhere,
  readFilters,
  readFirst,
  readInstant,
  readPatterns,
  readRange,
  readSearch
} from './arguments.ts'
import { behind } from './behind.ts'
import type { Connection } from './connections.ts'
import { readKeyedConnection, readSearchConnection } from './connections.ts'
import type { Context } from './context.ts'
import type { DeviceNode, MetricNode } from './device-nodes.ts'
import { toDeviceNode, toMetricNode } from './device-nodes.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface DevicesArguments extends SearchArguments {
  presence?: Presence | null
}

interface DatapointsArguments extends PageArguments, RangeArguments {
  device?: string | null
  devices?: string[] | null
  metric?: string | null
  metrics?: string[] | null
  filter?: string[] | null
  where?: string | null
}

export function createDeviceQueries({ store, minCursor, limits }: GraphqlParts): Resolvers {
  const { devices, datapoints, asOf, cursors } = store

  /** What lists of an instant show is the journal as it was then. */
  const partsOf = ({ head }: Context, instant: Instant | null) => ({
    cursors,
    head: instant === null ? head : async () => instant
  })

  /** Ids of devices and metrics are of one projection: a list that was begun in another one cannot go on. */
  async function inProjection<Page>(
    { currentProjection }: Context,
    began: number | null,
    read: () => Promise<Page>
  ): Promise<[page: Page, projection: number]> {
    // What is read in between is of either: so the first page takes the elder, and the others look again
    const projection = began ?? (await currentProjection())
    const page = await read()
    if (began !== null && began !== (await currentProjection()))
      throw new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')
    return [page, projection]
  }

  function connectDevices(
    context: Context,
    page: DevicesArguments,
    info: GraphQLResolveInfo,
    instant: Instant | null
  ): Promise<Connection<DeviceNode>> {
    const { presence = null, order } = page
    const { ask, list } = readSearch(page, info, limits)
    const { where, sort } = ask
    const metrics = metricNames({ where, sort })
    const search = { ...ask, metrics, asOf: instant, ...(presence !== null && { presence }) }
    let projection = 0
    return readSearchConnection(
      partsOf(context, instant),
      { list: listName('devices', order, [presence, ...list]), page },
      {
        async read(after) {
          const read = () => devices.search(context.access, { ...search, after })
          const [{ items, next }, began] = await inProjection(context, after && after.projection, read)
          projection = began
          return { items, next: next && { ...next, projection } }
        },
        view: ({ device }) => toDeviceNode(device, instant),
        place: (item) => ({
          id: item.device.id,
          key: sort && sortKeyOf(toDeviceItemView(item), sort),
          projection
        })
      }
    )
  }

  function connectMetrics(
    context: Context,
    { device, instant }: DeviceNode,
    given: Omit<PageArguments, 'order'>
  ): Promise<Connection<MetricNode>> {
    const limit = readFirst(given.first, limits)
    let projection = 0
    return readKeyedConnection(
      partsOf(context, instant),
      { list: listName('metrics', 'asc', [device, instant && instant.at]), page: { ...given, order: 'asc' } },
      {
        numbers: 2,
        async read(place) {
          const read = () => context.metrics(device, { after: place?.[0] ?? null, limit, instant })
          const [{ items, next }, began] = await inProjection(context, place && place[1]!, read)
          projection = began
          return { items, next: next === null ? null : [next, projection] }
        },
        view: (metric) => toMetricNode(metric, instant),
        place: ({ id }) => [id, projection]
      }
    )
  }

  /** `series` are those that are meant, as a part of the list's name. */
  function connectDatapoints(
    context: Context,
    page: PageArguments & RangeArguments,
    { series, instant }: { series: readonly unknown[]; instant: Instant | null },
    read: (ask: DatapointRange) => Promise<DatapointPage>
  ): Promise<Connection<DatapointView>> {
    const { order } = page
    const limit = readFirst(page.first, limits)
    const given = readRange(page)
    const range = instant === null ? given : { ...given, to: beforeEnd(given.to, instant) }
    return readKeyedConnection(
      { cursors, head: async () => instant ?? { seq: await context.datapointsEnd() } },
      { list: listName('datapoints', order, [...series, given, instant && instant.at]), page },
      {
        numbers: 3,
        async read(place, until) {
          const after = place && { observedAt: place[0]!, seq: place[1]!, n: place[2]! }
          const { items, next } = await read({ ...range, order, after, limit, until })
          return { items, next: next && [next.observedAt, next.seq, next.n] }
        },
        place: ({ observedAt, seq, n }) => [observedAt, seq, n],
        view: toDatapointView
      }
    )
  }

  /** Nothing that had been received by then was observed later: what is newer need not be looked through. */
  const beforeEnd = (to: number | null, { at }: Instant): number =>
    Math.min(to ?? Infinity, at + limits.clockAheadSecondsMax * 1_000 + 1)

  return {
    Query: behind(minCursor.projected, {
      devices: {
        resolve: async (_source, page: DevicesArguments, context, info) =>
          connectDevices(context, page, info, await readInstant(page.asOf, asOf))
      },
      device: {
        async resolve(_source, { id, asOf: time }: { id: string; asOf?: string | null }, { access }) {
          const instant = await readInstant(time, asOf)
          const device =
            instant === null ? await devices.byName(access, id) : await asOf.device(access, id, instant)
          return device && toDeviceNode(device, instant)
        }
      },
      datapoints: {
        resolve(_source, page: DatapointsArguments, context) {
          const { device = null, metric = null, devices = null, metrics = null, filter, where = null } = page
          const series: SeriesSearch = {
            devices: readPatterns('device', device, devices, limits),
            metrics: readPatterns('metric', metric, metrics, limits),
            filters: readFilters(filter, limits),
            where: readDeviceWhere(where, limits)
          }
          const named = [device, metric, devices, metrics, filter, where]
          return connectDatapoints(context, page, { series: named, instant: null }, (ask) =>
            datapoints.page(context.access, { ...ask, ...series })
          )
        }
      }
    }),
    Device: {
      metrics: {
        resolve: (source, given: Omit<PageArguments, 'order'>, context) =>
          connectMetrics(context, source as DeviceNode, given)
      },
      metric: {
        async resolve(source, { name }: { name: string }, context) {
          const { device, instant } = source as DeviceNode
          const metric = await context.metric({ device, metric: name }, instant)
          return metric && toMetricNode(metric, instant)
        }
      }
    },
    Metric: {
      datapoints: {
        resolve(source, page: PageArguments & RangeArguments, context) {
          const { device, metric, instant } = source as MetricNode
          return connectDatapoints(context, page, { series: [device, metric], instant }, (ask) =>
            context.datapoints({ device, metric }, ask)
          )
        }
      }
    }
  }
}
