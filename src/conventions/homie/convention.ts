/** Homie 5: devices that describe themselves. */

import type { Convention, ConventionRoute } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import { decodeProperty } from './properties.ts'
import type { Naming } from './properties.ts'
import { decodeAlert, decodeDescription, decodeLog, decodeNothing, decodeState } from './routes.ts'
import { toSet } from './set.ts'

export const homie: Convention = {
  name: 'homie',
  title: 'Homie 5',
  about:
    'Devices that describe themselves in `$description`: values have the datatype and the unit that it says. A value that is not written as its datatype demands is rejected; a number outside of the range of its format is kept with the quality `out_of_range`. Values that come before the description wait for it, so that the type of a metric never changes. Colors, dates and durations are text as they are written.',
  sources: [
    'https://homieiot.github.io/specification/',
    'https://github.com/homieiot/convention/blob/develop/convention.md'
  ],
  options: {
    domain: {
      kind: 'texts',
      default: ['homie'],
      about:
        'First level of the topics; there may be several. Devices of the first are called by their ID, those of others `domain/ID`'
    }
  },
  presence:
    '`$state`: `init`, `ready` and `sleeping` are online, `disconnected` and `lost` offline. While a root device is `lost`, all of its tree is offline. A device whose `$state` is deleted is unknown.',
  create(options) {
    const domains = [...new Set(options.texts('domain'))]
    for (const domain of domains)
      if (!/^[^/+#{}$\u0000-\u001f][^/+#{}\u0000-\u001f]*$/.test(domain))
        throw new OptionFault(
          'domain',
          `${JSON.stringify(domain)} is no domain of Homie`,
          'Write one level of a topic, such as homie'
        )
    if (domains.length === 0) throw new OptionFault('domain', 'There is no domain', 'Write domain: homie')
    return {
      routes: domains.flatMap((domain) =>
        toRoutes(domain, domain === domains[0] ? (id) => id : (id) => `${domain}/${id}`)
      ),
      commands: [
        toSet((device) => {
          const [domain, id] = device.split('/') as [string, string?]
          return id === undefined ? { domain: domains[0]!, id: domain } : { domain, id }
        })
      ]
    }
  }
}

function toRoutes(domain: string, name: Naming): ConventionRoute[] {
  // All of a domain: a lost root is the end of its tree. Logs and alerts need none, but commands after them do
  const stateKey = (): string => domain
  const device = `${domain}/5/{device}`
  return [
    { topic: `${domain}/5/$broadcast/{subtopic+}`, about: 'Nothing', decode: decodeNothing },
    {
      topic: `${device}/$state`,
      about:
        'Presence of the device, and of its tree where it is lost; metric `$state`, as text. Deleted: the device is forgotten',
      stateKey,
      decode: decodeState(name)
    },
    {
      topic: `${device}/$description`,
      about: 'Attributes of the device; datatypes and units of its metrics; values that waited for it',
      stateKey,
      decode: decodeDescription(name)
    },
    {
      topic: `${device}/$log/{level}`,
      about: 'Event `$log/level`, as text',
      stateKey,
      decode: decodeLog(name)
    },
    {
      topic: `${device}/$alert/{alert}`,
      about: 'Metric `$alert/alert`, as text; null once it is deleted',
      stateKey,
      decode: decodeAlert(name)
    },
    {
      topic: `${device}/{node}/{property}`,
      about:
        'Metric `node/property`, of the datatype and with the unit of the description; an event where that says `retained: false`. One byte 0 is the empty text',
      stateKey,
      passes: true,
      decode: decodeProperty(name, '')
    },
    {
      topic: `${device}/{node}/{property}/$target`,
      about: 'Metric `node/property/$target`: what the device accepted, and may not have reached yet',
      stateKey,
      passes: true,
      decode: decodeProperty(name, '/$target')
    },
    {
      topic: `${device}/{node}/{property}/set`,
      about: 'Nothing: the device tells what it made of it',
      decode: decodeNothing
    }
  ]
}
