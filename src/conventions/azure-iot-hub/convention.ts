/** Azure IoT Hub: its devices, on whichever broker they talk to. */

import { defaultLimits } from '../../limits.ts'
import type { Convention, ConventionRoute } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { isTemplateFault, parseTopicTemplate, renderTemplate } from '../../normalize/topic-template.ts'
import { Facts } from '../facts.ts'
import { commandsFor } from './commands.ts'
import { decodeTelemetry } from './telemetry.ts'
import type { DecodeTwin } from './twin.ts'
import { decodeAsked, decodeDesired, decodeMethodResult, decodeReported, decodeResult } from './twin.ts'

export const azureIotHub: Convention = {
  name: 'azure-iot-hub',
  title: 'Azure IoT Hub',
  about:
    'What devices of IoT Hub say and are told in MQTT, where they talk to a broker of yours, or it is bridged to their hub; the hub itself lets no application in by MQTT. A device is its id, a module `device/module`. Members of a message are metrics; its properties, which stand in the topic, are metrics under `properties.`, and `iothub-creation-time-utc` or `$.ctime` tell when it was observed. `$.ct` and `$.ce` tell how to read it (JSON, text; UTF-8, UTF-16, UTF-32, gzip, deflate). The twin stands under `reported.` and `desired.`. Topics of twins and methods begin with `$iothub`, so `RIALTO_TOPICS` has to name `$iothub/#`, and they do not tell the device: say it with `device`, or bridge each device with a prefix, and say it with `bridged`.',
  sources: [
    'https://learn.microsoft.com/en-us/azure/iot/iot-mqtt-connect-to-iot-hub',
    'https://learn.microsoft.com/en-us/azure/iot-hub/iot-hub-devguide-messages-construct',
    'https://learn.microsoft.com/en-us/azure/iot/concepts-convention'
  ],
  options: {
    device: {
      kind: 'text',
      default: null,
      about: 'the device whose connection `$iothub/…` is of; without it, messages there are rejected'
    },
    bridged: {
      kind: 'templates',
      default: [],
      about:
        'what stands before `$iothub` where devices are bridged, with `{device}` for its name, such as `azure/{device}`'
    },
    offlineAfter: {
      kind: 'duration',
      default: null,
      about: 'a device that says nothing so long is offline'
    }
  },
  presence:
    'Whatever a device says live: online. Its will, known by the property `iothub-MessageType=Will`: offline. The hub gives wills that property; where another broker publishes it, the device has to write it into the topic of its will.',
  create(options) {
    const device = options.text('device')
    const bridged = options.texts('bridged')
    bridged.forEach(checkBridged)
    return {
      routes: [
        ...telemetry,
        ...bridged.flatMap((prefix) => twins.map((twin) => toTwinRoute(`${prefix}/`, twin, captured))),
        ...twins.map((twin) => toTwinRoute('', twin, () => device))
      ],
      commands: commandsFor((name) => {
        if (name === device) return ''
        return bridged[0] === undefined || name.includes('/')
          ? null
          : `${renderTemplate(bridged[0], { device: name })}/`
      })
    }
  }
}

const captured = ({ captures }: Pick<DecoderMessage, 'captures'>): string => captures['device']!

/** Commands go there, too, so the device has to be all that differs. */
function checkBridged(prefix: string): void {
  const parsed = parseTopicTemplate(prefix, defaultLimits.topicLevelsMax - 6)
  if (!isTemplateFault(parsed) && parsed.names.join() === 'device' && !/[+#]/.test(prefix)) return
  throw new OptionFault(
    'bridged',
    `${JSON.stringify(prefix)} does not tell one device`,
    'Write levels, and {device} for one of them, such as azure/{device}'
  )
}

const nothing = (): DecoderResult => ({ ...new Facts().result(), toDevice: true })

const events = 'metrics, by the members of the body; `value` where it has none; `properties.…`'
const toDevice = 'nothing: it is said to the device'

const telemetry: readonly ConventionRoute[] = [
  { topic: 'devices/{device}/messages/events', about: events, decode: decodeTelemetry },
  { topic: 'devices/{device}/messages/events/{properties+}', about: events, decode: decodeTelemetry },
  {
    topic: 'devices/{device}/modules/{module}/messages/events',
    about: `${events}; of the module`,
    decode: decodeTelemetry
  },
  {
    topic: 'devices/{device}/modules/{module}/messages/events/{properties+}',
    about: `${events}; of the module`,
    decode: decodeTelemetry
  },
  { topic: 'devices/{device}/messages/devicebound/{properties+}', about: toDevice, decode: nothing },
  {
    topic: 'devices/{device}/modules/{module}/inputs/{input}/{properties+}',
    about: toDevice,
    decode: nothing
  }
]

interface TwinTopic {
  topic: string
  about: string
  /** Absent: it says nothing. */
  decode?: DecodeTwin
  remembers?: boolean
  /** The hub says it. */
  toDevice?: boolean
}

const twins: readonly TwinTopic[] = [
  {
    topic: 'twin/PATCH/properties/reported/{request}',
    about: 'metrics `reported.…`; null removes; acknowledgements of Plug and Play are responses',
    decode: decodeReported,
    remembers: true
  },
  {
    topic: 'twin/PATCH/properties/desired/{request}',
    about: 'metrics `desired.…`, where `$version` is newer; null removes',
    decode: decodeDesired,
    remembers: true,
    toDevice: true
  },
  { topic: 'twin/GET/{request}', about: 'online: the device asks for its twin', decode: decodeAsked },
  {
    topic: 'twin/res/{status}/{request}',
    about:
      'metrics `reported.…` and `desired.…` of the whole twin, where their `$version` is another; a status that is no 2xx is an event `twinRefused`',
    decode: decodeResult,
    remembers: true,
    toDevice: true
  },
  { topic: 'methods/POST/{method}/{request}', about: toDevice },
  {
    topic: 'methods/res/{status}/{request}',
    about: 'a response by `$rid`, ok where the status is 2xx',
    decode: decodeMethodResult
  }
]

function toTwinRoute(
  prefix: string,
  { topic, about, decode, remembers = false, toDevice: isSaidTo = false }: TwinTopic,
  deviceOf: (message: Pick<DecoderMessage, 'captures'>) => string | null
): ConventionRoute {
  const route = { topic: `${prefix}$iothub/${topic}`, about }
  if (decode === undefined) return { ...route, decode: nothing }
  return {
    ...route,
    ...(remembers && { stateKey: (captures) => `twin/${deviceOf({ captures })}` }),
    decode(state, message) {
      const facts = new Facts()
      const device = deviceOf(message)
      if (message.kind === 'cleared') return facts.result()
      if (device !== null)
        return { ...facts.result(decode(device, state, message, facts)), toDevice: isSaidTo }
      facts.reject(
        'wrong_shape',
        'The topic does not tell the device, the connection did: name it with the option device, or bridge it with a prefix and name that with bridged'
      )
      return facts.result()
    }
  }
}
