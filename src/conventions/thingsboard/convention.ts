/** ThingsBoard: topics of devices, short ones, and those of gateways. */

import { OptionFault } from '../../normalize/convention.ts'
import type { Convention, ConventionParts, OptionValues } from '../../normalize/convention.ts'
import { Facts } from '../facts.ts'
import { commands } from './commands.ts'
import { deviceRoutes } from './device-api.ts'
import { gatewayRoutes } from './gateway-api.ts'

export const thingsBoard: Convention = {
  name: 'thingsboard',
  title: 'ThingsBoard',
  about:
    'The topics of ThingsBoard for devices and gateways, where another broker takes its place. Telemetry is a series, attributes are state; both are metrics by their keys, and an object is one value. ThingsBoard knows a device by its connection, and `me` in a topic is whoever sends it: where there are several, have the broker or a bridge put the name in the place of `me`, or before the topic, or use the topics of a gateway, whose payloads name the devices.',
  sources: [
    'https://thingsboard.io/docs/reference/mqtt-api/',
    'https://thingsboard.io/docs/reference/gateway-mqtt-api/',
    'https://github.com/thingsboard/thingsboard/blob/master/common/data/src/main/java/org/thingsboard/server/common/data/device/profile/MqttTopics.java'
  ],
  options: {
    device: { kind: 'text', default: 'me', about: 'Name of the device of topics that name none' },
    prefixes: {
      kind: 'templates',
      default: [],
      about:
        'What stands before the topics as well, such as `tb/{device}`; `{device}` is the device of `v1/devices/me` and `v2` behind it'
    },
    castTypes: {
      kind: 'flag',
      default: false,
      about: 'Numbers in quotes are numbers, as ThingsBoard takes them unless it is configured not to'
    },
    offlineAfter: {
      kind: 'duration',
      default: null,
      about: 'A device that is silent so long is offline'
    }
  },
  presence:
    '`v1/gateway/connect` and `disconnect` for devices behind a gateway (a will of the gateway may be a `disconnect`), or silence, by `offlineAfter`; else it is not known',
  create
}

function create(options: OptionValues): ConventionParts {
  const device = options.text('device') ?? 'me'
  const castTypes = options.flag('castTypes')
  const prefixes = options.texts('prefixes').map((prefix) => {
    if (prefix.split('/').includes('#') || /\{(?:id|me)\+?\}/.test(prefix))
      throw new OptionFault(
        'prefixes',
        `${prefix} has what a prefix cannot have`,
        'Write levels and names, such as tb/{device}; #, {id} and {me} are taken'
      )
    return `${prefix}/`
  })
  return {
    routes: [
      ...['', ...prefixes].flatMap((prefix) => {
        const api = { prefix, device, castTypes }
        return [...deviceRoutes(api), ...gatewayRoutes(api)]
      }),
      {
        topic: '/provision/+',
        about: 'Nothing: provisioning holds secrets',
        decode: () => new Facts().result()
      }
    ],
    commands
  }
}
