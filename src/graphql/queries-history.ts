/** Resolvers of history: buckets of series, of devices and of metrics. */

import { Problem } from '../errors.ts'
import type { HistoryFrameView } from '../history/views.ts'
import { toHistoryFrame } from '../history/views.ts'
import { invalid, listName, readDeviceWhere, readFilters, readFirst, readPatterns } from './arguments.ts'
import { behind } from './behind.ts'
import type { Connection } from './connections.ts'
import { readKeyedConnection } from './connections.ts'
import type { Context } from './context.ts'
import type { DeviceNode, MetricNode } from './device-nodes.ts'
import type { Resolvers } from './executable.ts'
import type { BucketArguments, SeriesNode } from './history-reads.ts'
import { readGiven, toSeriesNode } from './history-reads.ts'
import type { GraphqlParts } from './parts.ts'

interface HistoryArguments extends BucketArguments {
  device?: string[] | null
  metric?: string[] | null
  filter?: string[] | null
  where?: string | null
  first?: number | null
  after?: string | null
}

export function createHistoryQueries({ store, minCursor, limits }: GraphqlParts): Resolvers {
  const { history, cursors } = store

  async function connect(
    context: Context,
    { device = null, metric = null, filter = null, where = null, first, after, ...given }: HistoryArguments
  ): Promise<Connection<SeriesNode> & HistoryFrameView> {
    const { access, currentProjection } = context
    const limit = readFirst(first, {
      pageItemsDefault: limits.historySeriesDefault,
      pageItemsMax: limits.historySeriesMax
    })
    const devices = readPatterns('device', null, device, limits)
    const metrics = readPatterns('metric', null, metric, limits)
    const filters = readFilters(filter, limits)
    const predicate = readDeviceWhere(where, limits)
    const { from, to = null, bucket, tz, fn, fill, source = null } = given
    const list = [device, metric, filters, where, { from, to, bucket, tz, fn, fill, source }]
    let frame: HistoryFrameView | null = null
    let [projection, now] = [0, 0]
    const connection = await readKeyedConnection(
      { cursors, head: context.head },
      { list: listName('history', 'asc', list), page: { after: after ?? null, order: 'asc' } },
      {
        numbers: 3,
        async read(place) {
          // All pages end where the first one does
          now = place?.[2] ?? context.history.now()
          const buckets = readGiven(given, now, limits)
          // What is read in between is of either: so the first page takes the elder, and the others look again
          projection = place?.[1] ?? (await currentProjection())
          const deviceIds = predicate === null ? null : await history.deviceIds(access, predicate)
          const ask = {
            ...buckets,
            devices,
            metrics,
            filters,
            deviceIds,
            fill,
            source,
            limit,
            now
          }
          const found = await context.history.page({ ...ask, after: place?.[0] ?? null })
          const isOneRead = place === null && predicate === null
          if (!isOneRead && projection !== (await currentProjection()))
            throw new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')
          frame = toHistoryFrame(buckets, fill, found)
          return {
            items: found.series.map((one) => toSeriesNode(one, buckets.functions)),
            next: found.next === null ? null : [found.next, projection, now]
          }
        },
        view: (series) => series,
        place: ({ metricId }) => [metricId, projection, now]
      }
    )
    // Into the connection itself, whose places are made when they are asked for
    return Object.assign(connection, frame!)
  }

  const starts = {
    resolve(source: unknown, _given: unknown, context: Context) {
      const { starts } = source as HistoryFrameView
      context.history.answer(starts.length)
      return starts
    }
  }
  const columns = {
    values: {
      resolve(source: unknown, { fn }: { fn: string }, context: Context) {
        const { functions, byFunction } = source as SeriesNode
        const index = functions.findIndex(({ name }) => name === fn)
        if (index === -1)
          throw invalid(
            'fn',
            `${fn} is none of those that were asked for: ${functions.map(({ name }) => name).join(', ')}`
          )
        context.history.answer(byFunction[index]!.length)
        return byFunction[index]
      }
    },
    columns: {
      resolve(source: unknown, _given: unknown, context: Context) {
        const { functions, byFunction } = source as SeriesNode
        context.history.answer(functions.length * byFunction[0]!.length)
        return functions.map(({ name }, index) => ({ fn: name, values: byFunction[index] }))
      }
    }
  }

  return {
    Query: behind(minCursor.projected, {
      history: { resolve: (_source, given: HistoryArguments, context) => connect(context, given) }
    }),
    Device: {
      history: {
        resolve(source, given: BucketArguments & { metric?: string[] | null }, context) {
          const device = source as DeviceNode
          checkNow(device)
          return context.history.ofDevice(device, { ...given, metric: given.metric ?? null })
        }
      }
    },
    Metric: {
      history: {
        resolve(source, given: BucketArguments, context) {
          const metric = source as MetricNode
          checkNow(metric)
          return context.history.ofMetric(metric, given)
        }
      }
    },
    HistoryConnection: { starts },
    DeviceHistory: { starts },
    MetricHistory: { starts, ...columns },
    Series: columns
  }
}

/** What datapoints were there at an instant is not rolled up. */
function checkNow({ instant }: { instant: unknown }): void {
  if (instant !== null) throw invalid('asOf', 'history is what is known now: ask for it without asOf')
}
