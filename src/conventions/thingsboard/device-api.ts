/** Topics of a device: `v1/devices/me/...`, and the short ones, `v2/...`. Pure. */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { ConventionRoute } from '../../normalize/convention.ts'
import type { Captures } from '../../normalize/topic-template.ts'
import { Facts, isObject, readJson, readObject } from '../facts.ts'
import { readAnswer, takeRequest, takeResponse } from './rpc.ts'
import { Values } from './values.ts'

export interface DeviceApi {
  /** What stands before the topics, with its slash, or nothing. */
  prefix: string
  /** The device whose topics name none. */
  device: string
  castTypes: boolean
}

/**
 * `me` is the word of the documentation; brokers and bridges that know the device put its name in its place. Short topics
 * are those of MqttTopics.java: `j` for JSON whatever the profile of the device says, `p` for Protobuf.
 */
const topics = {
  telemetry: ['v1/devices/{me}/telemetry', 'v2/t', 'v2/t/j'],
  attributes: ['v1/devices/{me}/attributes', 'v2/a', 'v2/a/j'],
  attributesRequest: ['v1/devices/{me}/attributes/request/{id}', 'v2/a/req/{id}', 'v2/a/req/j/{id}'],
  attributesResponse: ['v1/devices/{me}/attributes/response/{id}', 'v2/a/res/{id}', 'v2/a/res/j/{id}'],
  rpcRequest: ['v1/devices/{me}/rpc/request/{id}', 'v2/r/req/{id}', 'v2/r/req/j/{id}'],
  rpcResponse: ['v1/devices/{me}/rpc/response/{id}', 'v2/r/res/{id}', 'v2/r/res/j/{id}'],
  claims: ['v1/devices/{me}/claim', 'v2/c/#'],
  packages: ['v2/fw/#', 'v2/sw/#'],
  protobuf: ['v2/+/p', 'v2/+/+/p/{id}']
}

export function deviceRoutes({ prefix, device: unnamed, castTypes }: DeviceApi): ConventionRoute[] {
  /** The one that a prefix names, or the topic, or the connection. */
  const deviceOf = ({ device, me }: Captures): string =>
    device ?? (me === undefined || me === 'me' ? unnamed : me)

  const routes = (
    list: readonly string[],
    about: string,
    take: (device: string, facts: Facts, message: DecoderMessage) => void,
    toDevice = false
  ): ConventionRoute[] =>
    list.map((topic, index) => ({
      topic: prefix + topic,
      about: index === 0 ? about : 'The same',
      decode: (_, message): DecoderResult => {
        const facts = new Facts()
        if (message.kind !== 'cleared') take(deviceOf(message.captures), facts, message)
        return { ...facts.result(), toDevice }
      }
    }))

  return [
    ...routes(
      topics.telemetry,
      'Telemetry: datapoints of a series by key. `{key: value}`, `{"ts": ..., "values": {key: value}}`, or a list of these; an object is one value',
      (device, facts, message) => {
        const given = readJson(message, facts)
        if (given !== undefined) new Values(facts, castTypes).telemetry(device, given)
      }
    ),
    ...routes(
      topics.attributes,
      'Attributes: state, by key, whether the device tells its own or shared ones are set; those that are `deleted` are null. The topic is the same for both, so that the device counts as heard from either way',
      (device, facts, message) => {
        const given = readObject(message, facts)
        if (given !== undefined) new Values(facts, castTypes).attributes(device, given)
      }
    ),
    ...routes(
      topics.attributesRequest,
      'The device asks for attributes: an event `attributesRequest`',
      (device, facts, message) => {
        const asked = readObject(message, facts)
        if (asked === undefined) return
        const value = { ...asked, id: message.captures.id }
        facts.datapoint({ device, metric: 'attributesRequest', value, role: 'event' })
      }
    ),
    ...routes(
      topics.attributesResponse,
      'What it is told: attributes, of `client` and `shared`',
      (device, facts, message) => {
        const told = readObject(message, facts)
        if (told === undefined) return
        const values = new Values(facts, castTypes)
        for (const [scope, given] of Object.entries(told))
          if (scope === 'client' || scope === 'shared') values.attributes(device, given)
          else if (scope !== 'error') facts.reject('wrong_shape', 'Attributes are told as client and shared')
      },
      true
    ),
    ...routes(
      topics.rpcRequest,
      'A call, by the device or to it, which the topic does not tell: an event `rpc`, `{id, method, params}`',
      (device, facts, message) => {
        const request = readJson(message, facts)
        if (request !== undefined) takeRequest(device, message.captures.id, request, facts)
      },
      true
    ),
    ...routes(
      topics.rpcResponse,
      'Response to the call of that id: success, unless it says `error` or `"success": false`',
      (device, facts, message) => {
        const answer = readAnswer(message.payload, facts)
        takeResponse(device, message.captures.id!, answer, facts)
      }
    ),
    ...routes(topics.claims, 'Nothing: claims hold secrets', () => undefined),
    ...routes(topics.packages, 'Nothing: pieces of firmware and software', () => undefined),
    ...routes(
      topics.protobuf,
      'Rejected: Protobuf, by a schema that only the profile of the device has',
      (device, facts) =>
        facts.reject(
          'wrong_shape',
          `Protobuf of ${device} is written by a schema that its profile in ThingsBoard has; have it send JSON, or write a mapping for this topic`
        )
    )
  ]
}

/** `{ device: name, ... }` */
export const deviceIn = (given: unknown): string | null =>
  isObject(given) && typeof given.device === 'string' ? given.device : null
