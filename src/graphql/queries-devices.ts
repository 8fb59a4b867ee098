/** Resolvers of devices, their metrics and datapoints, and of rejections. */

import type { Presence, RejectionReason } from '../datapoints.ts'
import type { DeviceView, MetricView } from '../device-views.ts'
import { toDatapointView, toDeviceView, toMetricView, toRejectionView } from '../device-views.ts'
import { Problem } from '../errors.ts'
import type { Access } from '../model.ts'
import type { PageArguments, RangeArguments } from './arguments.ts'
import { listName, readFilters, readFirst, readRange } from './arguments.ts'
import type { Connection, KeyedList, ListAsk } from './connections.ts'
import { readKeyedConnection } from './connections.ts'
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

export function createDeviceQueries({ store, projections, limits }: GraphqlParts): Resolvers {
  const { journal, devices, datapoints, rejections, cursors } = store
  const connect = <Item, Node>(ask: ListAsk, list: KeyedList<Item, Node>): Promise<Connection<Node>> =>
    readKeyedConnection({ cursors, head: journal.head }, ask, list)

  const currentProjection = async (): Promise<number> =>
    (await projections.list()).find(({ state }) => state === 'current')?.id ?? 0

  /** Ids of devices and metrics are of one projection: a list that was begun in another one cannot go on. */
  async function connectIds<Item extends { id: number }, Node>(
    ask: ListAsk,
    read: (after: number | null) => Promise<{ items: Item[]; next: number | null }>,
    view: (item: Item) => Node
  ): Promise<Connection<Node>> {
    let began = 0
    return connect(ask, {
      numbers: 2,
      async read(after) {
        // What is read in between is of either: so the first page takes the elder, and the others look again
        began = after?.[1] ?? (await currentProjection())
        const { items, next } = await read(after?.[0] ?? null)
        if (after !== null && began !== (await currentProjection())) {
          throw new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')
        }
        return { items, next: next === null ? null : [next, began] }
      },
      place: ({ id }) => [id, began],
      view
    })
  }

  function connectDatapoints(access: Access, page: DatapointsArguments) {
    const { device, metric = null, order } = page
    const limit = readFirst(page.first, limits)
    const range = readRange(page)
    return connect(
      { list: listName('datapoints', order, [device, metric, range]), page },
      {
        numbers: 3,
        async read(place) {
          const after = place && { observedAt: place[0]!, seq: place[1]!, n: place[2]! }
          const read = await datapoints.page(access, { device, metric, ...range, order, after, limit })
          return { items: read.items, next: read.next && [read.next.observedAt, read.next.seq, read.next.n] }
        },
        place: ({ observedAt, seq, n }) => [observedAt, seq, n],
        view: toDatapointView
      }
    )
  }

  return {
    Query: {
      devices: {
        resolve(_source, page: PageArguments & { presence?: Presence | null }, { access }) {
          const limit = readFirst(page.first, limits)
          const { order, presence = null } = page
          const given = presence === null ? {} : { presence }
          return connectIds(
            { list: listName('devices', order, [presence]), page },
            (after) => devices.page(access, { after, limit, order, ...given }),
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
        resolve: (_source, page: DatapointsArguments, { access }) => connectDatapoints(access, page)
      },
      rejections: {
        resolve(_source, page: RejectionsArguments, { access }) {
          const filters = readFilters(page.filter, limits)
          const limit = readFirst(page.first, limits)
          const range = readRange(page)
          const { order, reason = null, mapping = null } = page
          return connect(
            { list: listName('rejections', order, [filters, reason, mapping, range]), page },
            {
              numbers: 2,
              async read(place) {
                const after = place && { seq: place[0]!, n: place[1]! }
                const ask = { filters, reason, mapping, ...range, after, limit, order }
                const { items, next } = await rejections.page(access, ask)
                return { items, next: next && [next.seq, next.n] }
              },
              place: ({ seq, n }) => [seq, n],
              view: toRejectionView
            }
          )
        }
      },
      rejectionCounts: { resolve: (_source, _arguments, { access }) => rejections.counts(access) }
    },
    Device: {
      metrics: {
        resolve(source, given: Omit<PageArguments, 'order'>, { access, nested }) {
          const { device } = source as DeviceView
          const limit = readFirst(given.first, limits)
          const page = { ...given, order: 'asc' as const }
          return nested(() =>
            connectIds(
              { list: listName('metrics', 'asc', [device]), page },
              (after) => devices.metrics(access, device, { after, limit }),
              toMetricView
            )
          )
        }
      }
    },
    Metric: {
      datapoints: {
        resolve(source, page: PageArguments & RangeArguments, { access, nested }) {
          const { device, metric } = source as MetricView
          return nested(() => connectDatapoints(access, { ...page, device, metric }))
        }
      }
    }
  }
}
