/** Resolvers of devices, their metrics and datapoints, and of rejections. */

import type { Presence, RejectionReason } from '../datapoints.ts'
import type { DatapointView, DeviceView, MetricView } from '../device-views.ts'
import { toDatapointView, toDeviceView, toMetricView, toRejectionView } from '../device-views.ts'
import { Problem } from '../errors.ts'
import type { DatapointPage, DatapointsAsk } from '../store/datapoints.ts'
import type { PageArguments, RangeArguments } from './arguments.ts'
import { listName, readFilters, readFirst, readRange } from './arguments.ts'
import { behind } from './behind.ts'
import type { Connection, KeyedList, ListAsk } from './connections.ts'
import { readKeyedConnection } from './connections.ts'
import type { Context } from './context.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface DatapointsArguments extends PageArguments, RangeArguments {
  device: string
  metric?: string | null
}

interface RejectionsArguments extends PageArguments, RangeArguments {
  filter?: string[] | null
  reason?: RejectionReason | null
  mapping?: string | null
}

export function createDeviceQueries({ store, minCursor, limits }: GraphqlParts): Resolvers {
  const { devices, datapoints, rejections, cursors } = store
  const connect = <Item, Node>(
    { head }: Context,
    ask: ListAsk,
    list: KeyedList<Item, Node>
  ): Promise<Connection<Node>> => readKeyedConnection({ cursors, head }, ask, list)

  /** Ids of devices and metrics are of one projection: a list that was begun in another one cannot go on. */
  async function connectIds<Item extends { id: number }, Node>(
    context: Context,
    ask: ListAsk,
    read: (after: number | null) => Promise<{ items: Item[]; next: number | null }>,
    view: (item: Item) => Node
  ): Promise<Connection<Node>> {
    let began = 0
    return connect(context, ask, {
      numbers: 2,
      async read(after) {
        // What is read in between is of either: so the first page takes the elder, and the others look again
        began = after?.[1] ?? (await context.currentProjection())
        const { items, next } = await read(after?.[0] ?? null)
        if (after !== null && began !== (await context.currentProjection())) {
          throw new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')
        }
        return { items, next: next === null ? null : [next, began] }
      },
      place: ({ id }) => [id, began],
      view
    })
  }

  function connectDatapoints(
    context: Context,
    page: DatapointsArguments,
    read: (ask: Omit<DatapointsAsk, 'device' | 'metric'>) => Promise<DatapointPage>
  ): Promise<Connection<DatapointView>> {
    const { device, metric = null, order } = page
    const limit = readFirst(page.first, limits)
    const range = readRange(page)
    return connect(
      context,
      { list: listName('datapoints', order, [device, metric, range]), page },
      {
        numbers: 3,
        async read(place) {
          const after = place && { observedAt: place[0]!, seq: place[1]!, n: place[2]! }
          const { items, next } = await read({ ...range, order, after, limit })
          return { items, next: next && [next.observedAt, next.seq, next.n] }
        },
        place: ({ observedAt, seq, n }) => [observedAt, seq, n],
        view: toDatapointView
      }
    )
  }

  return {
    Query: behind(minCursor.projected, {
      devices: {
        resolve(_source, page: PageArguments & { presence?: Presence | null }, context) {
          const limit = readFirst(page.first, limits)
          const { order, presence = null } = page
          const given = presence === null ? {} : { presence }
          return connectIds(
            context,
            { list: listName('devices', order, [presence]), page },
            (after) => devices.page(context.access, { after, limit, order, ...given }),
            toDeviceView
          )
        }
      },
      device: {
        async resolve(_source, { id }: { id: string }, { access }) {
          const device = await devices.byName(access, id)
          return device && toDeviceView(device)
        }
      },
      datapoints: {
        resolve(_source, page: DatapointsArguments, context) {
          const { device, metric = null } = page
          return connectDatapoints(context, page, (ask) =>
            datapoints.page(context.access, { ...ask, device, metric })
          )
        }
      },
      rejections: {
        resolve(_source, page: RejectionsArguments, context) {
          const filters = readFilters(page.filter, limits)
          const limit = readFirst(page.first, limits)
          const range = readRange(page)
          const { order, reason = null, mapping = null } = page
          return connect(
            context,
            { list: listName('rejections', order, [filters, reason, mapping, range]), page },
            {
              numbers: 2,
              async read(place) {
                const after = place && { seq: place[0]!, n: place[1]! }
                const ask = { filters, reason, mapping, ...range, after, limit, order }
                const { items, next } = await rejections.page(context.access, ask)
                return { items, next: next && [next.seq, next.n] }
              },
              place: ({ seq, n }) => [seq, n],
              view: toRejectionView
            }
          )
        }
      },
      rejectionCounts: { resolve: (_source, _arguments, { access }) => rejections.counts(access) }
    }),
    Device: {
      metrics: {
        resolve(source, given: Omit<PageArguments, 'order'>, context) {
          const { device } = source as DeviceView
          const limit = readFirst(given.first, limits)
          return connectIds(
            context,
            { list: listName('metrics', 'asc', [device]), page: { ...given, order: 'asc' } },
            (after) => context.metrics(device, { after, limit }),
            toMetricView
          )
        }
      },
      metric: {
        async resolve(source, { name }: { name: string }, context) {
          const metric = await context.metric({ device: (source as DeviceView).device, metric: name })
          return metric && toMetricView(metric)
        }
      }
    },
    Metric: {
      datapoints: {
        resolve(source, page: PageArguments & RangeArguments, context) {
          const { device, metric } = source as MetricView
          return connectDatapoints(context, { ...page, device, metric }, (ask) =>
            context.datapoints({ device, metric }, ask)
          )
        }
      }
    }
  }
}
