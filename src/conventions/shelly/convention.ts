/** Shelly, second generation and later. */

import type { Convention, ConventionRoute, OptionValues } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { Facts, readObject, readText } from '../facts.ts'
import { createCommands, isShellyId } from './commands.ts'
import { decodeNotification, decodeRequest, decodeResponse, looksLikeObject } from './frames.ts'
import { deviceInformation, isComponent, sayStatus } from './status.ts'

export const shelly: Convention = {
  name: 'shelly',
  title: 'Shelly, second generation and later',
  about:
    "Devices of the generations Plus, Pro, Gen3 and Gen4. A device is named by its topic prefix, which is its id, or what the user wrote. What is not of the shape that Shelly documents is left to others, since topics such as `lamp/online` may be anybody's. The first generation (`shellies/…`) is not covered.",
  sources: [
    'https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt',
    'https://shelly-api-docs.shelly.cloud/gen2/General/RPCProtocol',
    'https://shelly-api-docs.shelly.cloud/gen2/General/Notifications',
    'https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Introduction/',
    'https://shelly-api-docs.shelly.cloud/gen2/DynamicComponents/BTHome/'
  ],
  options: {
    prefixes: {
      kind: 'templates',
      default: ['{device}'],
      about:
        'Topic prefixes of the devices: `home/{device}`; `{device+}` for several levels, other names for levels that are none of it'
    },
    clientId: {
      kind: 'topic',
      default: 'rialto',
      about:
        '`src` of requests: answers come to `rialto/rpc` and `rialto/PREFIX/rpc`, which Rialto has to be subscribed to'
    }
  },
  presence: '`PREFIX/online` is `true` or `false` (retained, and the will).',
  create: (options) => {
    const prefixes = readPrefixes(options)
    const clientId = options.text('clientId') ?? 'rialto'
    if (/[{}]/.test(clientId))
      throw new OptionFault('clientId', 'Not a topic: it has braces', 'Write it as it is')
    return {
      routes: [...responseRoutes(clientId, prefixes), ...prefixes.flatMap(routesOf)],
      commands: createCommands({ prefixes, clientId })
    }
  }
}

function readPrefixes(options: OptionValues): readonly string[] {
  const prefixes = options.texts('prefixes').map((prefix) => prefix.replace(/\/$/, ''))
  if (prefixes.length === 0) throw new OptionFault('prefixes', 'There is none', "Write ['{device}']")
  for (const prefix of prefixes) {
    const names = [...prefix.matchAll(/\{(\w+)\+?\}/g)].map(([, name]) => name!)
    if (!names.includes('device') || names.includes('component') || /#|\{(?!device)\w+\+\}/.test(prefix))
      throw new OptionFault(
        'prefixes',
        `${JSON.stringify(prefix)} is no topic prefix with {device} in it`,
        'Write where the device stands: home/{device}'
      )
  }
  return prefixes
}

function responseRoutes(clientId: string, prefixes: readonly string[]): ConventionRoute[] {
  const about = 'Response to the command whose `id` it has; of `Shelly.GetDeviceInfo` attributes, too.'
  return [clientId, ...prefixes.map((prefix) => `${clientId}/${prefix}`)].map((src) => ({
    topic: `${src}/rpc`,
    about,
    decode: (_, message) => decodeResponse(message)
  }))
}

const route = (
  topic: string,
  about: string,
  decode: (message: DecoderMessage, device: string) => DecoderResult | null
): ConventionRoute => ({
  topic,
  about,
  decode: (_, message) => decode(message, message.captures.device!),
  passes: true
})

const routesOf = (prefix: string): ConventionRoute[] => [
  route(
    `${prefix}/events/rpc`,
    '`NotifyStatus`, `NotifyFullStatus`: metrics such as `switch:0.apower`, at the time `ts`, with the units that Shelly documents; `sys.mac`, `wifi.sta_ip`: attributes. `NotifyEvent`: event `input:0.event` with its name, and `input:0.event.…` with what else it tells.',
    decodeNotification
  ),
  route(`${prefix}/status/{component}`, 'The same metrics, at the time of receipt.', decodeStatus),
  route(`${prefix}/online`, 'Presence.', (message, device) =>
    decodeOnline(message, device, prefix !== '{device}' || isShellyId(device))
  ),
  route(`${prefix}/announce`, 'Attributes: id, model, generation, firmware, MAC.', decodeAnnounce),
  route(`${prefix}/debug/log`, 'Event `debug.log`, where the prefix is the id of a Shelly.', decodeLog),
  route(`${prefix}/rpc`, 'Requests to the device: nothing.', decodeRequest),
  route(`${prefix}/command`, 'Commands to the device: nothing.', (message) =>
    isWord(message, /^(announce|status_update|status)$/) ? new Facts().result() : null
  ),
  route(`${prefix}/command/{component}`, 'Commands to the device: nothing.', (message) =>
    isComponent(message.captures.component!) ? new Facts().result() : null
  )
]

const isWord = ({ payload }: DecoderMessage, words: RegExp): boolean =>
  payload.length < 32 && words.test(Buffer.from(payload).toString('latin1'))

function decodeStatus(message: DecoderMessage, device: string): DecoderResult | null {
  const component = message.captures.component!
  if (!isComponent(component)) return null
  const facts = new Facts()
  if (message.kind === 'cleared') return facts.result()
  // Others may have a status of the network, too; with its number a name can be no one else's
  if (!component.includes(':') && !looksLikeObject(message)) return null
  const status = readObject(message, facts)
  if (status !== undefined) sayStatus(facts, device, component, status, {})
  return facts.result()
}

/** That a topic is empty now does not tell what it was: `isOwn`, if the name does. */
function decodeOnline(message: DecoderMessage, device: string, isOwn: boolean): DecoderResult | null {
  const facts = new Facts()
  if (message.kind === 'cleared') return isOwn ? facts.presence(device, 'unknown').result() : null
  if (!isWord(message, /^(true|false)$/)) return null
  return isWord(message, /^true$/)
    ? facts.presence(device, 'online').result()
    : facts.presence(device, 'offline', 'death').result()
}

function decodeAnnounce(message: DecoderMessage, device: string): DecoderResult | null {
  if (!looksLikeObject(message)) return null
  const facts = new Facts()
  const about = deviceInformation(readObject(message, facts))
  return about === null ? null : facts.attributes(device, about).result()
}

function decodeLog(message: DecoderMessage, device: string): DecoderResult | null {
  if (!isShellyId(device)) return null
  const facts = new Facts()
  const line = message.payload.length === 0 ? undefined : readText(message, facts)
  if (line !== undefined) facts.datapoint({ device, metric: 'debug.log', value: line, role: 'event' })
  return facts.result()
}
