/** Home Assistant discovery. */

import type { Convention, ConventionRoute } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import { decodeConfig } from './decode-config.ts'
import { decodeState } from './decode-state.ts'
import { pressEntity, setEntity } from './set.ts'

export const homeAssistant: Convention = {
  name: 'homeassistant',
  title: 'Home Assistant discovery',
  about:
    'Devices that tell Home Assistant what they have, and on which topics. Several entities with the same first identifier are one device, called by that identifier (else by a connection, the name of the device, or the `unique_id`); its metrics are called as its entities: by name, else entity ID, device class or object ID. Templates may be one expression, `{{ value }}` or `{{ value_json.a["b"][0] }}`, with the filters `default`, `float`, `int`, `is_defined`, `lower`, `round`, `string`, `trim` and `upper`; what has another one gives no metric, and stands under `unsupported` in the attribute `entity.NAME` of the device. A message that comes before the configuration of its topic is not understood: a device tells from the next one on. Other conventions are asked first: a device that is discovered here, and understood by one of them, is there twice.',
  sources: [
    'https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery',
    'https://www.home-assistant.io/integrations/mqtt/#supported-abbreviations-in-mqtt-discovery-messages'
  ],
  options: {
    prefix: {
      kind: 'texts',
      default: ['homeassistant'],
      about: 'Where discovery messages are; there may be several'
    }
  },
  presence:
    '`availability_topic` and `availability`, with the mode `all`, `any` or `latest`: the device is online while any of its entities is available. Devices without are unknown.',
  asked: 'announced',
  create(options) {
    const prefixes = [...new Set(options.texts('prefix'))]
    for (const prefix of prefixes)
      if (!/^[^/+#{}$\u0000-\u001f][^+#{}\u0000-\u001f]*$/.test(prefix) || prefix.endsWith('/'))
        throw new OptionFault(
          'prefix',
          `${JSON.stringify(prefix)} is no topic that discovery messages can begin with`,
          'Write one or more levels, such as homeassistant'
        )
    if (prefixes.length === 0)
      throw new OptionFault('prefix', 'There is no prefix', 'Write prefix: homeassistant')
    return { routes: toRoutes(prefixes), commands: [setEntity, pressEntity] }
  }
}

function toRoutes(prefixes: readonly string[]): ConventionRoute[] {
  // One memory of all: a configuration may name any topic
  const stateKey = (): string => 'configurations'
  return [
    ...prefixes.flatMap((prefix, index): ConventionRoute[] => {
      const decode = decodeConfig(index === 0 ? '' : `${prefix}/`)
      return [
        {
          topic: `${prefix}/status`,
          about: 'Nothing: Home Assistant says that it has started',
          decode: () => ({ facts: {} })
        },
        {
          topic: `${prefix}/device/{object}/config`,
          about:
            'A device with its entities: attributes, and what its topics mean from then on. An entity that is left out, or has only its platform, is removed; empty, all of them are',
          stateKey,
          decode
        },
        {
          topic: `${prefix}/{component}/{object}/config`,
          about: 'An entity: attributes of its device, and what its topics mean from then on. Empty: removed',
          stateKey,
          decode
        },
        {
          topic: `${prefix}/{component}/{node}/{object}/config`,
          about: 'The same, with a node ID',
          stateKey,
          decode
        }
      ]
    }),
    {
      topic: '#',
      about:
        'As the configurations say that name the topic: metric `NAME` for the state of an entity, `NAME.part` for others such as `brightness` or `current_temperature`, `NAME.attributes` for JSON attributes, with units; true and false where there are payloads for on and off, and a number where there is a unit, a state class or a device class. Events, triggers and tags are events. Messages of topics that none names belong to the next convention',
      stateKey,
      passes: true,
      decode: decodeState
    }
  ]
}
