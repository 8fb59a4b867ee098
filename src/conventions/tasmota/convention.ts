/** Tasmota. */

import { defaultLimits } from '../../limits.ts'
import type { Convention, ConventionRoute, OptionValues } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import { Facts } from '../facts.ts'
import { createCommands } from './commands.ts'
import { decodeConfig, decodeLwt, decodeSensors } from './discovery.ts'
import { readFullTopic, readPrefixes, toCommandTopic, toDevice } from './full-topic.ts'
import { createReadTime } from './local-time.ts'
import { decodeLeaf } from './messages.ts'

export const tasmota: Convention = {
  name: 'tasmota',
  title: 'Tasmota',
  about:
    'Firmware of many plugs, relays, lights and sensors. A device is named as its `%topic%`. Its `Time` is a local time without a zone: it counts only with the option `timezone`, and else the time of receipt does; `Epoch`, and a time with its offset, always count.',
  sources: [
    'https://tasmota.github.io/docs/MQTT/',
    'https://tasmota.github.io/docs/Commands/',
    'https://tasmota.github.io/docs/Buttons-and-Switches/',
    'https://tasmota.github.io/docs/Zigbee/',
    'https://github.com/arendst/Tasmota/blob/development/tasmota/tasmota_xdrv_driver/xdrv_12_discovery.ino'
  ],
  options: {
    fullTopic: {
      kind: 'templates',
      default: ['%prefix%/%topic%/'],
      about:
        '`FullTopic` of the devices, several where they differ. Tokens `%prefix%`, `%topic%`, `%hostname%`, `%id%` in any order, each a level; other levels as they are, or `{name}` for any one'
    },
    prefixes: {
      kind: 'texts',
      default: ['cmnd', 'stat', 'tele'],
      about: '`Prefix1`, `Prefix2` and `Prefix3` of the devices'
    },
    timezone: {
      kind: 'text',
      default: null,
      about: "Time zone of the devices' `Time`, by its IANA name, such as `Europe/Berlin`"
    },
    discovery: {
      kind: 'topic',
      default: 'tasmota/discovery',
      about: 'Where the devices announce themselves'
    }
  },
  presence:
    '`tele/TOPIC/LWT` is `Online` or `Offline` (retained, and the will), or the words that the discovery message gives.',
  create: (options) => {
    const texts = options.texts('fullTopic')
    if (texts.length === 0) throw new OptionFault('fullTopic', 'There is none', 'Write it as on the device')
    const fullTopics = texts.map(readFullTopic)
    const prefixes = readPrefixes(options.texts('prefixes'))
    return {
      routes: [
        ...discoveryRoutes(options),
        ...fullTopics.flatMap((fullTopic) => routesOf(fullTopic.under, prefixes, options))
      ],
      commands: createCommands(
        (target) => toCommandTopic(target, fullTopics, prefixes, defaultLimits.topicLevelsMax),
        fullTopics[0]!.under(prefixes.cmnd)
      )
    }
  }
}

const stateKey = (): string => 'discovered'

function discoveryRoutes(options: OptionValues): ConventionRoute[] {
  const base = options.text('discovery') ?? 'tasmota/discovery'
  if (/[{}]/.test(base))
    throw new OptionFault('discovery', 'Not a topic: it has braces', 'Write levels as they are')
  return [
    {
      topic: `${base}/{mac}/config`,
      about: 'Attributes: names, model, firmware, address, topic, number of relays.',
      stateKey,
      decode: decodeConfig
    },
    {
      topic: `${base}/{mac}/sensors`,
      about: 'Attribute `sensors`: their names. What they measured then is old, and left out.',
      stateKey,
      decode: decodeSensors
    }
  ]
}

function routesOf(
  under: (prefix: string) => string,
  { cmnd, stat, tele }: ReturnType<typeof readPrefixes>,
  options: OptionValues
): ConventionRoute[] {
  const readTime = createReadTime(options.text('timezone'))
  const decode: ConventionRoute['decode'] = (_, message) =>
    decodeLeaf(toDevice(message.captures), message.captures.leaf!, message, readTime).result()
  return [
    {
      topic: `${under(tele)}/LWT`,
      about: 'Presence.',
      stateKey,
      decode: (state, message) => decodeLwt(toDevice(message.captures), state, message)
    },
    {
      topic: `${under(tele)}/{leaf+}`,
      about:
        '`STATE`, `SENSOR` and others: metrics by the path of their members (`DS18B20.Temperature`, `ENERGY.Power`), with units as `TempUnit`, `PressureUnit` and `SpeedUnit` say, or as Tasmota documents. `INFO1` to `INFO3`: attributes. What a receiver hears (`IrReceived`, `RfReceived`, …), and `Action` of buttons and switches: events; of `ZbReceived`, numbers are state, commands and words events. A topic with a word or a number (`POWER_LOW`): a metric of its name.',
      decode
    },
    {
      topic: `${under(stat)}/{leaf+}`,
      about:
        '`RESULT`: as above. `POWER`, `POWER1`, …: the same metric as in `RESULT` and `STATE`, a word. `STATUS8`, `STATUS10`, `STATUS11`: as `SENSOR` and `STATE`. `STATUS`, `STATUS2`, `STATUS5`: attributes; other `STATUSn`: metrics such as `StatusMEM.Heap`. `LOGGING`: an event.',
      decode
    },
    {
      topic: `${under(cmnd)}/{leaf+}`,
      about: 'Commands to the devices: nothing.',
      decode: () => new Facts().result()
    }
  ]
}
