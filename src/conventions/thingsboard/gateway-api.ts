/** Topics of a gateway, `v1/gateway/...`: the payload names the devices behind it. Pure. */

import type { ConventionRoute } from '../../normalize/convention.ts'
import type { DecoderResult } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { Facts, isObject, readObject } from '../facts.ts'
import { deviceIn } from './device-api.ts'
import type { DeviceApi } from './device-api.ts'
import { takeRequest, takeResponse } from './rpc.ts'
import { Values } from './values.ts'

/** True: it is said to a device. */
type Take = (given: Record<string, unknown>, facts: Facts) => boolean
type TakeOf = (device: string, given: Record<string, unknown>, facts: Facts) => boolean

export function gatewayRoutes({ prefix, castTypes }: DeviceApi): ConventionRoute[] {
  const route = (topic: string, about: string, take: Take): ConventionRoute => ({
    topic: `${prefix}v1/gateway/${topic}`,
    about,
    decode: (_, message): DecoderResult => {
      const facts = new Facts()
      const given = message.kind === 'cleared' ? undefined : readObject(message, facts)
      const toDevice = given !== undefined && take(given, facts)
      return { ...facts.result(), toDevice }
    }
  })

  /** Of one device, which the payload names. */
  const ofOne = (topic: string, about: string, take: TakeOf): ConventionRoute =>
    route(topic, about, (given, facts) => {
      const device = deviceIn(given)
      if (device !== null) return take(device, given, facts)
      facts.reject('wrong_shape', 'It names no device, as in {"device": "Device A"}')
      return false
    })

  return [
    route(
      'telemetry',
      'Telemetry, `{device: [...]}`: datapoints of each device, in the shapes of `v1/devices/me/telemetry`',
      (given, facts) => {
        const values = new Values(facts, castTypes)
        for (const [device, telemetry] of Object.entries(given)) values.telemetry(device, telemetry)
        return false
      }
    ),
    route(
      'attributes',
      'Attributes, `{device: {key: value}}` from devices, `{"device": ..., "data": {key: value}}` to one: state',
      (given, facts) => {
        const values = new Values(facts, castTypes)
        const device = deviceIn(given)
        if (device !== null) values.attributes(device, given.data)
        else for (const [name, attributes] of Object.entries(given)) values.attributes(name, attributes)
        return device !== null
      }
    ),
    ofOne(
      'attributes/request',
      'A device asks for attributes: an event `attributesRequest`',
      (device, given, facts) => {
        const asked = Object.fromEntries(Object.entries(given).filter(([name]) => name !== 'device'))
        facts.datapoint({ device, metric: 'attributesRequest', value: asked, role: 'event' })
        return false
      }
    ),
    ofOne(
      'attributes/response',
      'What it is told: attributes. One alone comes as `value`, without its key, and is left out',
      (device, { values }, facts) => {
        if (values !== undefined) new Values(facts, castTypes).attributes(device, values)
        return true
      }
    ),
    ofOne(
      'connect',
      'The device is online; `type`, its profile, is an attribute of it',
      (device, { type }, facts) => {
        facts.presence(device, 'online', 'birth')
        if (typeof type === 'string') facts.attributes(device, { type })
        return false
      }
    ),
    ofOne('disconnect', 'The device is offline', (device, _, facts) => {
      facts.presence(device, 'offline', 'death')
      return false
    }),
    ofOne(
      'rpc',
      '`{"device", "data": {"id", "method", "params"}}` is a call: an event `rpc`. `{"device", "id", "data"}` is a response, as above',
      (device, given, facts) => {
        const { id, data } = given
        const isResponse = Object.hasOwn(given, 'id')
        if (isResponse && isId(id)) takeResponse(device, String(id), data, facts)
        else if (!isResponse && isObject(data) && isId(data.id)) takeRequest(device, data.id, data, facts)
        else facts.reject('wrong_shape', `${quote(device)} has neither a call nor a response with an id`)
        return !isResponse
      }
    ),
    {
      topic: `${prefix}v1/gateway/claim`,
      about: 'Nothing: claims hold secrets',
      decode: () => new Facts().result()
    }
  ]
}

/** An integer, as ThingsBoard has them; a gateway may hand it on as text. */
const isId = (id: unknown): boolean =>
  typeof id === 'string' ? /^-?\d{1,19}$/.test(id) : typeof id === 'bigint' || Number.isInteger(id)
