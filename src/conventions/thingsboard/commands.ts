/** Calls and shared attributes, on the topics on which the device, or its gateway, is heard. Pure. */

import { CommandFault } from '../../normalize/convention.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { writeCommandJson } from '../command-json.ts'
import { requestIdOf } from './rpc.ts'

interface Place {
  /** With its slash. */
  base: string
  kind: 'device' | 'short' | 'gateway'
  /** `j/` where the device asked for JSON by its topic. */
  json: string
}

const deviceTopic =
  /^((?:.*\/)?v1\/devices\/[^/]+\/)(?:telemetry|attributes|claim|(?:attributes|rpc)\/(?:request|response)\/[^/]+)$/
const gatewayTopic =
  /^((?:.*\/)?v1\/gateway\/)(?:telemetry|attributes(?:\/re(?:quest|sponse))?|connect|disconnect|rpc|claim)$/
const shortTopic = /^((?:.*\/)?v2\/)(?:[ta](?:\/j)?|c(?:\/[jp])?|[ar]\/re[qs](?:\/j)?\/[^/]+)$/

function placeOf({ topic, device }: CommandTarget): Place {
  const found =
    match(topic, gatewayTopic, 'gateway') ??
    match(topic, deviceTopic, 'device') ??
    match(topic, shortTopic, 'short')
  if (found === null)
    throw new CommandFault(
      null,
      `cannot be sent: ${topic}, where ${device} was heard last, has no topic for it`
    )
  return found
}

function match(topic: string, pattern: RegExp, kind: Place['kind']): Place | null {
  const base = pattern.exec(topic)?.[1]
  return base === undefined ? null : { base, kind, json: /\/j(\/[^/]+)?$/.test(topic) ? 'j/' : '' }
}

export const commands: readonly ConventionCommand[] = [
  {
    name: 'rpc',
    about: 'Calls a method of the device, `{"method": ..., "params": ...}`: a server-side RPC',
    topic: 'v1/devices/{me}/rpc/request/{id}',
    parameters: {
      method: { type: 'text', required: true, about: 'Name of the method' },
      params: { type: 'any', required: false, about: 'Its parameters, any JSON; default `{}`' },
      oneway: { type: 'boolean', required: false, about: 'Whether no response is to come; default false' }
    },
    answer:
      'The device’s word: success, unless it says `error` or `"success": false`; none where `oneway`. It comes on `v1/devices/{me}/rpc/response/{id}` with the same id, an integer made from the id of the command. Short topics and gateways have their own: `v2/r/req/{id}` and `v2/r/res/{id}`, `v1/gateway/rpc`',
    render: (target, { method, params = {}, oneway = false }) => {
      if (method === '') throw new CommandFault('method', 'must be the name of a method, and is empty')
      const id = requestIdOf(target.id)
      const correlation = oneway === true ? null : String(id)
      const { base, kind, json } = placeOf(target)
      if (kind === 'gateway')
        return send(
          `${base}rpc`,
          { device: target.device, data: { id, method, params } },
          'params',
          correlation
        )
      const topic = kind === 'short' ? `${base}r/req/${json}${id}` : `${base}rpc/request/${id}`
      return send(topic, { method, params }, 'params', correlation)
    }
  },
  {
    name: 'attributes',
    about: 'Sets shared attributes',
    topic: 'v1/devices/{me}/attributes',
    parameters: {
      attributes: { type: 'object', required: true, about: 'Values by key' },
      deleted: { type: 'texts', required: false, about: 'Keys of attributes that are there no more' }
    },
    answer:
      'None: ThingsBoard has no answer to it, and shows what was set. So does Rialto; whether the device took it, the device tells in attributes or telemetry of its own',
    render: (target, { attributes, deleted = [] }) => {
      const keys = Object.keys(attributes as object)
      const gone = deleted as string[]
      if (keys.length + gone.length === 0)
        throw new CommandFault('attributes', 'must have a key and its value')
      if (keys.includes('deleted'))
        throw new CommandFault(
          'attributes',
          'must not have the key deleted, by which ThingsBoard removes others'
        )
      const data = gone.length === 0 ? attributes : { ...(attributes as object), deleted: gone }
      const { base, kind, json } = placeOf(target)
      if (kind === 'gateway')
        return send(`${base}attributes`, { device: target.device, data }, 'attributes', null)
      const topic = kind === 'short' ? `${base}a${json === '' ? '' : '/j'}` : `${base}attributes`
      return send(topic, data, 'attributes', null)
    }
  }
]

/** ThingsBoard has QoS 0 and 1. */
const send = (
  topic: string,
  value: unknown,
  parameter: string,
  correlation: string | null
): RenderedCommand => ({
  topic,
  payload: writeCommandJson(value, parameter),
  qos: 1,
  correlation,
  effect: null
})
