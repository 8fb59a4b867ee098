/** GET devices, one device, its metrics. */

import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { TProperties } from 'typebox'
import { toDeviceView, toMetricView } from '../device-views.ts'
import { Problem } from '../errors.ts'
import { empty, header, json, refusalsOfV1 } from './answers.ts'
import { isNotModified, toEtag } from './conditions.ts'
import { presenceWords } from './device-schemas.ts'
import { createKeyedPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
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
const pageRefusals = [
  'cursor_invalid',
  'cursor_kind',
  'cursor_ahead',
  'cursor_expired',
  'page_too_large'
] as const

export async function deviceRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, projections, limits } = parts
  const paging = createKeyedPaging(store, ['id', 'projection'])

  /** Ids of devices and metrics are of one projection: a list that was begun in another one cannot go on. */
  async function readPage<Item, View>(
    list: readonly unknown[],
    token: string | undefined,
    read: (after: number | null) => Promise<{ items: Item[]; next: number | null }>,
    toView: (item: Item) => View
  ) {
    const current = async (): Promise<number> =>
      (await projections.list()).find(({ state }) => state === 'current')?.id ?? 0
    const place = await paging.open(list, token)
    // What is read in between is of either: so the first page takes the elder, and the others look again
    const began = place.after?.projection ?? (await current())
    const { items, next } = await read(place.after?.id ?? null)
    if (place.after !== null && began !== (await current())) {
      throw new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')
    }
    return paging.close(
      list,
      place.until,
      items.map(toView),
      next === null ? null : { id: next, projection: began }
    )
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
          ...pageQuery(limits, 'asc')
        }),
        response: { 200: json('A page of devices', ref('DevicePage')), ...refusalsOfV1(...pageRefusals) }
      }
    },
    async ({ access, query: { presence, limit = limits.pageItemsDefault, order = 'asc', page } }) =>
      readPage(
        ['devices', presence, order],
        page,
        (after) =>
          store.devices.page(access, { after, limit, order, ...(presence !== undefined && { presence }) }),
        toDeviceView
      )
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
          ...deviceAddressSchema(addressing),
          headers: Type.Object({
            'if-none-match': Type.Optional(
              Type.String({ description: 'ETag of a version that the client has' })
            )
          }),
          response: {
            200: json('The device', ref('Device'), header.etag),
            304: empty('The client has this version: see If-None-Match'),
            ...refusalsOfV1('not_found')
          }
        }
      },
      async (request, reply) => {
        const device = await store.devices.byName(request.access, addressing.name(request))
        if (device === null) throw unknownDevice()
        void reply.header('etag', toEtag(device))
        return isNotModified(request.headers['if-none-match'], device)
          ? reply.code(304).send()
          : toDeviceView(device)
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
            page: pageQuery(limits, 'asc').page
          }),
          response: {
            200: json('A page of metrics', ref('MetricPage')),
            ...refusalsOfV1('not_found', ...pageRefusals)
          }
        }
      },
      async (request) => {
        const { access } = request
        const { limit = limits.pageItemsDefault, page } = request.query as { limit?: number; page?: string }
        const name = addressing.name(request)
        if ((await store.devices.byName(access, name)) === null) throw unknownDevice()
        return readPage(
          ['metrics', name],
          page,
          (after) => store.devices.metrics(access, name, { after, limit }),
          toMetricView
        )
      }
    )
  }
}
