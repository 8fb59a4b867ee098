/** The two ways to name a device in a URL. What is done with the device is the same for both. */

import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { TProperties } from 'typebox'
import { Problem } from '../errors.ts'
import { strict } from './schemas.ts'

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

export const unknownDevice = (): Problem => new Problem('not_found', 'Nothing is known of this device')
