/** GET one device, and its metrics, by either of its addresses; now, or as they were. */

import type { Device } from '../datapoints.ts'
import { toMetricView } from '../device-views.ts'
import type { Access } from '../model.ts'
import type { DeviceAsOf, Instant } from '../store/as-of.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { toContentEtag } from './conditions.ts'
import { deviceAddressSchema, deviceAddressings, unknownDevice } from './device-addressings.ts'
import { mappingsChanged, toDeviceAnswer } from './devices.ts'
import { createKeyedPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import {
  listAnswerHeaders,
  listRefusals,
  minCursorQuery,
  notModified,
  readAnswerHeaders,
  readHeaders,
  readRefusals
} from './reads.ts'
import { ref } from './schemas.ts'
import { asOfQuery, readInstant } from './search-query.ts'

const tags = ['Devices']

export async function oneDeviceRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  const { devices, asOf: past } = store
  const paging = createKeyedPaging(store, ['id', 'deviceId'])
  const headers = readHeaders(limits)

  async function read(access: Access, name: string, instant: Instant | null): Promise<Device | DeviceAsOf> {
    const device =
      instant === null ? await devices.byName(access, name) : await past.device(access, name, instant)
    if (device === null) throw unknownDevice()
    return device
  }

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
          ...deviceAddressSchema(addressing, { ...asOfQuery, ...minCursorQuery }),
          headers,
          response: {
            200: json('The device', ref('Device'), readAnswerHeaders),
            304: notModified,
            ...refusalsOfV1('not_found', 'cursor_expired', ...readRefusals)
          }
        }
      },
      async (request, reply) => {
        const { access } = request
        const { asOf } = request.query as { asOf?: string }
        const name = addressing.name(request)
        return reads(request, reply, {
          behind: 'projected',
          watched: () => ({ device: name }),
          fixedBy: asOf === undefined ? [] : ['asOf'],
          async look() {
            const instant = await readInstant(asOf, past)
            const device = await read(access, name, instant)
            const view = toDeviceAnswer(device)
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
          description:
            'In the order in which they were first seen; those of one message in any. When changed mappings have built ' +
            'everything anew, a list that was begun before is `cursor_expired`.',
          tags,
          ...deviceAddressSchema(addressing, {
            ...asOfQuery,
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
        const {
          limit = limits.pageItemsDefault,
          page,
          asOf
        } = request.query as { limit?: number; page?: string; asOf?: string }
        const name = addressing.name(request)
        const list = ['metrics', name, asOf]
        return reads(request, reply, {
          behind: 'projected',
          watched: () => ({ device: name }),
          fixedBy: [...(page === undefined ? [] : ['page']), ...(asOf === undefined ? [] : ['asOf'])],
          async look() {
            const instant = await readInstant(asOf, past)
            const { until, after } = await paging.open(list, page, instant?.seq)
            // In another projection it is another device; the first page may be of either, and takes the elder
            const deviceId = after?.deviceId ?? (await read(access, name, instant)).id
            const ask = { after: after?.id ?? null, limit }
            const { items, next } =
              instant === null
                ? await devices.metrics(access, name, ask)
                : await past.metrics(access, name, instant, ask)
            if (after !== null && deviceId !== (await read(access, name, instant)).id) throw mappingsChanged()
            return paging.close({
              list,
              until,
              items,
              next: next === null ? null : { id: next, deviceId },
              limit,
              toView: toMetricView
            })
          }
        })
      }
    )
  }
}
