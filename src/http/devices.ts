/** GET devices: many, by presence and by what they say. One of them is device.ts. */

import { Type } from 'typebox'
import type { Device } from '../datapoints.ts'
import type { DeviceView } from '../device-views.ts'
import { toDeviceItemView, toDeviceView } from '../device-views.ts'
import { Problem } from '../errors.ts'
import { metricNames } from '../predicate/metric-names.ts'
import type { DeviceAsOf } from '../store/as-of.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { presenceWords } from './device-schemas.ts'
import { createSearchPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { picking, textsOf } from './picked.ts'
import { listAnswerHeaders, listRefusals, minCursorQuery, notModified, readHeaders } from './reads.ts'
import { ref, strict, word } from './schemas.ts'
import { asOfQuery, readInstant, readSearch, searchQuery } from './search-query.ts'

export async function deviceRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  const paging = createSearchPaging(store)

  app.get(
    '/devices',
    {
      schema: {
        operationId: 'listDevices',
        summary: 'Devices and their presence',
        description:
          'In the order in which devices were first heard from, unless `sort` says otherwise. `cursor` is the position at ' +
          'which the first page was read, or of `asOf`. Latest datapoints of metrics are there as far as `where`, `sort` or ' +
          '`fields` name them, such as `metrics/temperature/value`. When changed mappings have built everything anew, a ' +
          'list that was begun before is `cursor_expired`.',
        tags: ['Devices'],
        querystring: strict({
          presence: Type.Optional(word(presenceWords, 'Only those that are so')),
          ...searchQuery({
            where: 'and(eq(presence,"online"),gt(metrics/temperature/value,21.5))',
            sort: '-metrics/temperature/value',
            fields: 'presence,metrics/temperature/value'
          }),
          ...asOfQuery,
          ...pageQuery(limits, 'asc'),
          ...minCursorQuery
        }),
        headers: readHeaders(limits),
        response: {
          200: json(
            'A page of devices',
            Type.Union([ref('DevicePage'), ref('PickedDevicePage')]),
            listAnswerHeaders
          ),
          304: notModified,
          ...refusalsOfV1('query_too_complex', 'cursor_expired', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { presence, limit = limits.pageItemsDefault, page, asOf } = query
      const { fields, ...search } = readSearch(query, limits)
      const { where, order } = search
      const metrics = metricNames({ ...search, fields })
      const list = ['devices', presence, where && where.text, query.sort, order, query.fields, asOf]
      return reads(request, reply, {
        behind: 'projected',
        watched: () => ({ projection: true }),
        fixedBy: [...(page === undefined ? [] : ['page']), ...(asOf === undefined ? [] : ['asOf'])],
        async look() {
          const instant = await readInstant(asOf, store.asOf)
          const { until, place, projection: began } = await paging.open(list, page, instant?.seq)
          // What is read in between is of either: so the first page takes the elder, and the others look again
          const projection = began ?? (await store.currentProjection())
          const ask = { ...search, metrics, limit, after: place, asOf: instant }
          const { items, next } = await store.devices.search(access, {
            ...ask,
            ...(presence !== undefined && { presence })
          })
          if (began !== null && began !== (await store.currentProjection())) throw mappingsChanged()
          const toView = picking(
            (item: (typeof items)[number]) => ({
              ...(metrics.length === 0 ? toDeviceView(item.device) : toDeviceItemView(item)),
              ...changesOf(item.device)
            }),
            fields,
            'device'
          )
          const read = { list, until, items, next, limit, toView }
          return paging.close(fields === null ? read : { ...read, fields: textsOf(fields) }, projection)
        }
      })
    }
  )
}

/** Ids of devices and metrics are of one projection: a list that was begun in another one cannot go on. */
export const mappingsChanged = (): Problem =>
  new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')

/** Of an instant, with what cannot be told of it. */
export const toDeviceAnswer = (
  device: Device | DeviceAsOf
): DeviceView & { attributesChangedSince?: string[] } => ({
  // It was heard of then, if no datapoint tells when last
  ...toDeviceView({ ...device, lastSeenAt: device.lastSeenAt ?? device.firstSeenAt }),
  ...changesOf(device)
})

const changesOf = (device: Device | DeviceAsOf): { attributesChangedSince?: string[] } =>
  'attributesChangedSince' in device ? { attributesChangedSince: device.attributesChangedSince } : {}
