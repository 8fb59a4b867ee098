/** AirVantage: its reserved topics, tasks as commands, and what it hands on to applications. */

import { OptionFault } from '../../normalize/convention.ts'
import type {
  Convention,
  ConventionParts,
  ConventionRoute,
  OptionValues
} from '../../normalize/convention.ts'
import { decodeAvailability } from './availability.ts'
import { createCommands } from './commands.ts'
import { decodeData } from './data.ts'
import { decodeEnvelope, decodeErrors } from './platform.ts'
import { decodeAcks, decodeTasks } from './tasks.ts'
import { decodeTimeSeries } from './time-series.ts'

export const airvantage: Convention = {
  name: 'airvantage',
  title: 'AirVantage',
  about:
    'The reserved topics of AirVantage (Sierra Wireless, Semtech). The first level is the serial number or the IMEI, whichever the application model has, and the name of the device; data paths are metrics. Nothing is lost where a timestamp stands twice in an object, and paths that no application model has are kept.',
  sources: [
    'https://dok.airvantage.io/av/reference/hardware/protocols/mqtt-av/',
    'https://doc.airvantage.net/av/reference/hardware/protocols/mqtt-ts/',
    'https://github.com/legatoproject/legato-Service-AirVantageConnector',
    'https://github.com/AirVantage/amqp2mqtt'
  ],
  options: {
    prefix: {
      kind: 'topic',
      default: null,
      about: 'What stands before all topics, where a bridge put something there'
    },
    unquote: {
      kind: 'flag',
      default: false,
      about:
        'Values in quotes that say a number, `true` or `false` are that; some clients quote every value, and leave it to the application model'
    },
    errors: {
      kind: 'templates',
      default: ['errors', '{device}/errors'],
      about: 'Topics of trace lines'
    },
    platform: {
      kind: 'text',
      default: 'airvantage',
      about: 'Device of what names none: trace lines on a topic without `{device}`, and operations'
    },
    availability: {
      kind: 'templates',
      default: [],
      about: 'Topics of births and wills, with `{device}`: AirVantage leaves them to its users'
    },
    online: { kind: 'texts', default: ['online', 'Online', 'true', '1'], about: 'Words on them for online' },
    offline: {
      kind: 'texts',
      default: ['offline', 'Offline', 'false', '0'],
      about: 'Words on them for offline'
    },
    offlineAfter: {
      kind: 'duration',
      default: null,
      about: 'A device that is silent so long is offline'
    }
  },
  presence: 'Topics of the option `availability`, or silence, by `offlineAfter`; else it is not known',
  create
}

function create(options: OptionValues): ConventionParts {
  const given = options.text('prefix')
  const prefix = given === null ? '' : `${given}/`
  const platform = options.text('platform') ?? 'airvantage'
  const unquote = options.flag('unquote')
  const words = { online: options.texts('online'), offline: options.texts('offline') }
  const routes: ConventionRoute[] = [
    {
      topic: '{device}/messages/json',
      about:
        'Datapoints by path, at the time that the message gives, or that of receipt. `{timestamp: {path: value}}`, `{path: value}`, `[{path: [{timestamp, value}]}]`, and mixtures of them; times in seconds to nanoseconds, by their size',
      decode: (_, message) => decodeData(message.captures.device!, unquote, message)
    },
    {
      topic: '{device}/messages/ts',
      about: 'Datapoints of a time series in CBOR: paths, factors, and rows of differences',
      decode: (_, message) => decodeTimeSeries(message.captures.device!, false, message)
    },
    {
      topic: '{device}/messages/tsz',
      about: 'The same, compressed with zlib (not gzip), to 16 MiB',
      decode: (_, message) => decodeTimeSeries(message.captures.device!, true, message)
    },
    {
      topic: '{device}/acks/json',
      about: 'Responses, one for each `uid`: `OK` is success, `ERROR` is not, with its `message`',
      decode: (_, message) => decodeAcks(message.captures.device!, message)
    },
    ...['tasks', 'tacks'].map((tasks): ConventionRoute => ({
      topic: `{device}/${tasks}/json`,
      about:
        tasks === 'tasks'
          ? 'What others ask of the device: an event `task` for each, never a state'
          : 'The same; a published sample misspells it',
      decode: (_, message) => decodeTasks(message.captures.device!, message)
    })),
    ...options.texts('availability').map((topic): ConventionRoute => {
      if (!topic.split('/').includes('{device}'))
        throw new OptionFault(
          'availability',
          `${topic} does not name a device`,
          'Write {device} for the level that does'
        )
      return {
        topic,
        about: 'Presence, by the words of the options `online` and `offline`; emptied: unknown',
        decode: (_, message) => decodeAvailability(message.captures.device!, words, message)
      }
    }),
    ...options.texts('errors').map((topic): ConventionRoute => ({
      topic,
      about: 'A trace of AirVantage: an event `errors`, the text as it is',
      decode: (_, message) => decodeErrors(platform, message)
    })),
    ...['MonitoringData', 'OperationStateChange'].map((topic): ConventionRoute => ({
      topic,
      about:
        topic === 'MonitoringData'
          ? '`event.system.incoming.communication`: datapoints by path and timestamp, of the device that `system.id` names. Other events: an event with the name of what happened, such as `operation.state.change`'
          : 'The same; states of operations are events of the device that the option `platform` names',
      decode: (_, message) => decodeEnvelope(platform, unquote, message)
    }))
  ]
  return {
    routes: routes.map((route) => ({ ...route, topic: prefix + route.topic })),
    commands: createCommands(prefix)
  }
}
