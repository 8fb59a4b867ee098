/** zigbee2mqtt. */

import type { Convention, ConventionRoute } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import { Facts } from '../facts.ts'
import { decodeEvent, decodeHealth, decodeInfo, decodeResponse, decodeState } from './bridge.ts'
import { createCommands } from './commands.ts'
import { decodeAvailability, decodeEntity } from './entities.ts'
import { decodeDevices, decodeGroups } from './inventory.ts'
import type { Naming } from './naming.ts'
import { createNaming } from './naming.ts'

export const zigbee2mqtt: Convention = {
  name: 'zigbee2mqtt',
  title: 'zigbee2mqtt',
  about:
    'Bridge of Zigbee devices. A device or a group is named as its friendly name, which may have `/` in it; the bridge is the device `zigbee2mqtt/bridge`. The time of receipt counts: `last_seen` tells when a device was heard, and not when its values were so, since each message repeats all of them.',
  sources: [
    'https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html',
    'https://www.zigbee2mqtt.io/guide/usage/exposes.html',
    'https://www.zigbee2mqtt.io/guide/configuration/device-availability.html',
    'https://github.com/Koenkk/zigbee2mqtt/blob/master/lib/controller.ts'
  ],
  options: {
    base: {
      kind: 'texts',
      default: ['zigbee2mqtt'],
      about: '`base_topic`, several where there are several bridges'
    },
    baseInName: {
      kind: 'flag',
      default: false,
      about: 'Names of devices begin with the base: for several bridges with the same friendly names'
    }
  },
  presence:
    '`BASE/NAME/availability` and `BASE/bridge/state`, as a word or as `{"state": …}`. While the bridge is offline, its devices are, too; when it is back, they are what was said of them last, or unknown.',
  create(options) {
    const bases = options.texts('base')
    if (bases.length === 0)
      throw new OptionFault('base', 'There is none', 'Write the base_topic: zigbee2mqtt')
    for (const base of bases)
      if (base === '' || /[+#{}]/.test(base))
        throw new OptionFault('base', `${JSON.stringify(base)} is no topic`, 'Write levels between slashes')
    const namings = bases.map((base) => createNaming(base, options.flag('baseInName')))
    return { routes: namings.flatMap(routesOf), commands: createCommands(namings) }
  }
}

function routesOf(naming: Naming): ConventionRoute[] {
  const { base } = naming
  const stateKey = (): string => base
  const ignored: ConventionRoute['decode'] = () => new Facts().result()
  return [
    {
      topic: `${base}/bridge/state`,
      about: 'Presence of the bridge, and with it of its devices.',
      stateKey,
      decode: (state, message) => decodeState(naming, state, message)
    },
    {
      topic: `${base}/bridge/devices`,
      about:
        'Attributes of the devices: model, vendor, description, address, power source, firmware. Units of their properties, from `exposes`.',
      stateKey,
      decode: (state, message) => decodeDevices(naming, state, message)
    },
    {
      topic: `${base}/bridge/groups`,
      about: 'Attributes of the groups: number, members.',
      stateKey,
      decode: (state, message) => decodeGroups(naming, state, message)
    },
    {
      topic: `${base}/bridge/info`,
      about:
        'Attributes of the bridge: version, coordinator, network. Metrics `permit_join`, `restart_required`.',
      decode: (_, message) => decodeInfo(naming, message)
    },
    {
      topic: `${base}/bridge/health`,
      about: 'Metrics of the bridge: `health.process.uptime_sec`, …',
      decode: (_, message) => decodeHealth(naming, message)
    },
    ...['event', 'logging', 'log'].map((name) => ({
      topic: `${base}/bridge/${name}`,
      about: `Event \`${name}\` of the bridge.`,
      decode: (_: unknown, message: Parameters<ConventionRoute['decode']>[1]) =>
        decodeEvent(naming, name, message)
    })),
    {
      topic: `${base}/bridge/response/{request+}`,
      about: 'Response to the command whose `transaction` it has; without one, an event `response`.',
      decode: (_, message) => decodeResponse(naming, message)
    },
    {
      topic: `${base}/bridge/#`,
      about: 'Requests, definitions, extensions, converters: nothing.',
      decode: ignored
    },
    {
      topic: `${base}/{name+}/availability`,
      about: 'Presence.',
      stateKey,
      decode: (state, message) => decodeAvailability(naming, state, message)
    },
    ...['set', 'set/{attribute}', 'get', 'get/{attribute}'].map((end) => ({
      topic: `${base}/{name+}/${end}`,
      about: 'Commands to the devices: nothing.',
      decode: ignored
    })),
    {
      topic: `${base}/{name+}`,
      about:
        'Metrics by the path of the members (`color.x`, `update.state`), with units of `bridge/devices`. `action`, `action_…` and `click`: events. `device`: attributes. With `output: attribute`, `BASE/NAME/ATTRIBUTE` is the same metric.',
      stateKey,
      decode: (state, message) => decodeEntity(naming, state, message)
    }
  ]
}
