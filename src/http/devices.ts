/** GET devices, one device, its metrics. */

import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { TProperties } from 'typebox'
import { toDeviceView, toMetricView } from '../device-views.ts'
import { Problem } from '../errors.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { toContentEtag } from './conditions.ts'
import { presenceWords } from './device-schemas.ts'
import { createKeyedPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import type { Found } from './reads.ts'
import {
  listAnswerHeaders,
  listRefusals,
  minCursorQuery,
  notModified,
  readAnswerHeaders,
  readHeaders,
  readRefusals
} from './reads.ts'
import { ref, strict, word } from './schemas.ts'

const tags = ['Devices']

/** The two ways to name a device in a URL. */
export interface DeviceAddressing {
  path: string
  suffix: string
  by: string
  query: TProperties
  params: TProperties | null
  name(request: FastifyRequest): string
}

export const deviceAddressings: readonly DeviceAddressing[] = [
  {
    path: '/device',
    suffix: 'ByName',
    by: 'by its name',
    query: { name: Type.String({ minLength: 1, description: 'Name of the device', examples: ['press-3'] }) },
    params: null,
    name: (request) => (request.query as { name: string }).name
  },
  {
    path: '/devices/:device',
    suffix: '',
    by: 'by its name in the path',
    query: {},
    params: {
      device: Type.String({
        description:
          'Name of the device, percent-encoded (`/` is `%2F`). `.` and `..`, which no path can carry, go to `/v1/device?name=`',
        examples: ['plant%2Fpress-3']
      })
    },
    name: (request) => (request.params as { device: string }).device
  }
]

export const deviceAddressSchema = ({ query, params }: DeviceAddressing, more: TProperties = {}) => ({
  querystring: strict({ ...query, ...more }),
  ...(params !== null && { params: Type.Object(params) })
})

const unknownDevice = (): Problem => new Problem('not_found', 'Nothing is known of this device')
export async function deviceRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, projections, limits, reads } = parts
  const paging = createKeyedPaging(store, ['id', 'projection'])
  const headers = readHeaders(limits)

  /** Ids of devices and metrics are of one projection: a list that was begun in another one cannot go on. */
  async function readPage<Item>(
    list: readonly unknown[],
    { page, limit }: { page: string | undefined; limit: number },
    read: (after: number | null) => Promise<{ items: Item[]; next: number | null }>,
    toView: (item: Item) => unknown
  ): Promise<Found> {
    const current = async (): Promise<number> =>
      (await projections.list()).find(({ state }) => state === 'current')?.id ?? 0
    const { until, after } = await paging.open(list, page)
    // What is read in between is of either: so the first page takes the elder, and the others look again
    const projection = after?.projection ?? (await current())
    const { items, next } = await read(after?.id ?? null)
    if (after !== null && projection !== (await current())) {
      throw new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')
    }
    return paging.close({
      list,
      until,
      items,
      next: next === null ? null : { id: next, projection },
      limit,
      toView
    })
  }

  app.get(
    '/devices',
    {
      schema: {
        operationId: 'listDevices',
        summary: 'Devices and their presence',
        description:
          'In the order in which devices were first heard from. `cursor` is the position at which the first page was ' +
          'read. When changed mappings have built everything anew, a list that was begun before is `cursor_expired`.',
        tags,
        querystring: strict({
          presence: Type.Optional(word(presenceWords, 'Only those that are so')),
          ...pageQuery(limits, 'asc'),
          ...minCursorQuery
        }),
        headers,
        response: {
          200: json('A page of devices', ref('DevicePage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('cursor_expired', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { presence, limit = limits.pageItemsDefault, order = 'asc', page } = query
      const ask = { limit, order, ...(presence !== undefined && { presence }) }
      return reads(request, reply, {
        behind: 'projected',
        watched: () => ({ projection: true }),
        fixedBy: page === undefined ? [] : ['page'],
        look: () =>
          readPage(
            ['devices', presence, order],
            { page, limit },
            (after) => store.devices.page(access, { after, ...ask }),
            toDeviceView
          )
      })
    }
  )

  for (const addressing of deviceAddressings) {
    const { path, suffix, by } = addressing

    app.get(
      path,
      {
        schema: {
          operationId: `getDevice${suffix}`,
          summary: `A device, ${by}`,
          description: 'Its presence, when it was heard from, and what is known of it beside metrics.',
          tags,
          ...deviceAddressSchema(addressing, minCursorQuery),
          headers,
          response: {
            200: json('The device', ref('Device'), readAnswerHeaders),
            304: notModified,
            ...refusalsOfV1('not_found', ...readRefusals)
          }
        }
      },
      async (request, reply) => {
        const name = addressing.name(request)
        return reads(request, reply, {
          behind: 'projected',
          watched: () => ({ device: name }),
          async look() {
            const device = await store.devices.byName(request.access, name)
            if (device === null) throw unknownDevice()
            const view = toDeviceView(device)
            return { etag: toContentEtag(device.seq, view), send: () => view }
          }
        })
      }
    )

    app.get(
      `${path}/metrics`,
      {
        schema: {
          operationId: `listMetrics${suffix}`,
          summary: `Metrics of a device with their latest datapoints, device ${by}`,
          description: 'In the order in which they were first seen; those of one message in any.',
          tags,
          ...deviceAddressSchema(addressing, {
            limit: pageQuery(limits, 'asc').limit,
            page: pageQuery(limits, 'asc').page,
            ...minCursorQuery
          }),
          headers,
          response: {
            200: json('A page of metrics', ref('MetricPage'), listAnswerHeaders),
            304: notModified,
            ...refusalsOfV1('not_found', 'cursor_expired', ...listRefusals)
          }
        }
      },
      async (request, reply) => {
        const { access } = request
        const { limit = limits.pageItemsDefault, page } = request.query as { limit?: number; page?: string }
        const name = addressing.name(request)
        return reads(request, reply, {
          behind: 'projected',
          watched: () => ({ device: name }),
          fixedBy: page === undefined ? [] : ['page'],
          async look() {
            if ((await store.devices.byName(access, name)) === null) throw unknownDevice()
            return readPage(
              ['metrics', name],
              { page, limit },
              (after) => store.devices.metrics(access, name, { after, limit }),
              toMetricView
            )
          }
        })
      }
    )
  }
}
