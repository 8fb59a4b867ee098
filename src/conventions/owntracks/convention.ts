/** OwnTracks: phones and trackers that tell where they are. */

import { defaultLimits } from '../../limits.ts'
import type { Convention, ConventionRoute } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { filterFault } from '../../topic.ts'
import { Facts, isObject, readJson } from '../facts.ts'
import { commandsFor } from './commands.ts'
import type { Members } from './location.ts'
import { decodeMessage } from './messages.ts'
import type { Secrets } from './secrets.ts'
import { openBox, readSecrets, secretOf } from './secrets.ts'

export const ownTracks: Convention = {
  name: 'owntracks',
  title: 'OwnTracks',
  about:
    'A device is `user/device`. `_type` tells what a message is, on whichever of these topics it comes; a message may be a list of such. Members are metrics with the units of the booklet (m, km/h, %, kPa), `lat` and `lon` two metrics of one message and one instant, observed at `tst`. Members that begin with `_` are left out. Encrypted messages are opened with the secret that `keys` has for the device.',
  sources: ['https://owntracks.org/booklet/tech/json/', 'https://owntracks.org/booklet/features/encrypt/'],
  options: {
    base: {
      kind: 'texts',
      default: ['owntracks'],
      about: 'what stands before `{user}/{device}` in topics; several are possible'
    },
    keys: {
      kind: 'file',
      default: null,
      about:
        'secrets of encrypted messages: lines `user/device: secret`, or `*: secret` for all others, as they stand; `#` begins a comment'
    }
  },
  presence:
    'Live messages of a device: online. `lwt`, on the topic of its locations: offline, and its location stays as it was. Retained locations tell nothing of now.',
  create(options) {
    const bases = options.texts('base')
    bases.forEach(checkBase)
    const secrets = readSecrets(options.file('keys'))
    return {
      routes: bases.flatMap((base) =>
        topics.map((topic) => toRoute(`${base}/{user}/{device}`, topic, secrets))
      ),
      commands: commandsFor(bases, secrets)
    }
  }
}

function checkBase(base: string): void {
  const fault = /[+#{}]/.test(base) ? 'it has wildcards' : filterFault(base, defaultLimits.topicLevelsMax - 3)
  if (fault !== null || base.endsWith('/'))
    throw new OptionFault(
      'base',
      `Not a beginning of topics: ${fault ?? 'it ends with a slash'}`,
      'Write the levels before {user}/{device}, such as owntracks'
    )
}

type Topic = [subtopic: string, about: string]

const topics: readonly Topic[] = [
  ['', '`location`: its members as metrics, `tid` an attribute; `poi` an event. `lwt`: offline'],
  ['/event', '`transition`: an event `transition` with `event` (enter, leave) and `desc`'],
  ['/waypoint', '`waypoint`: an event `waypoint`, a region as it was made'],
  ['/waypoints', '`waypoints`: the list of all regions, a metric'],
  ['/status', '`status`: metrics `iOS.…` and `android.…`; model and versions are attributes'],
  ['/step', '`steps`: metrics `steps`, `steps.from`, `steps.to`; a response'],
  ['/beacon', '`beacon`: metrics `beacon.{name}.rssi`, `.prox`, `.acc`'],
  ['/dump', '`configuration`: a metric without passwords; a response'],
  ['/info', '`card`: attributes `name` and `tid`; not the picture'],
  ['/request', '`request` (tours): an event'],
  ['/cmd', 'nothing: it is said to the device']
]

function toRoute(device: string, [subtopic, about]: Topic, secrets: Secrets): ConventionRoute {
  const decode = subtopic === '/cmd' ? nothing : toDecode(secrets)
  return { topic: `${device}${subtopic}`, about, decode }
}

const nothing = (): DecoderResult => ({ ...new Facts().result(), toDevice: true })

const toDecode =
  (secrets: Secrets): ConventionRoute['decode'] =>
  (_, message) => {
    const facts = new Facts()
    // An empty message removes a retained one
    if (message.payload.length === 0) return facts.result()
    const { user, device } = message.captures
    const name = `${user}/${device}`
    for (const members of readMessages(message, facts)) {
      const opened = members['_type'] === 'encrypted' ? open(members, name, message, secrets, facts) : members
      if (opened !== null) decodeMessage(name, opened, facts, message.kind === 'message')
    }
    return facts.result()
  }

/** One, or a list of several. */
function readMessages(message: DecoderMessage, facts: Facts): Members[] {
  const value = readJson(message, facts)
  if (value === undefined) return []
  const found = (Array.isArray(value) ? value : [value]).slice(0, defaultLimits.datapointsPerMessageMax)
  const messages = found.filter(isObject)
  if (messages.length < found.length)
    facts.reject('wrong_shape', 'A message of OwnTracks is a JSON object, or a list of objects')
  return messages
}

/** What a box has inside, or null. It has a message, and no other box. */
function open(
  { data }: Members,
  device: string,
  message: DecoderMessage,
  secrets: Secrets,
  facts: Facts
): Members | null {
  const refuse = (detail: string): null => {
    facts.reject('wrong_shape', detail)
    return null
  }
  if (typeof data !== 'string') return refuse('An encrypted message has data, and this one has none')
  const key = secretOf(secrets, device)
  if (key === null)
    return refuse(
      `The message is encrypted, and there is no key for ${device}: write "${device}: secret" into the file that the option keys names`
    )
  const payload = openBox(data, key)
  if (payload === undefined)
    return refuse(
      `The key of ${device} does not open the message: its secret is another one, or the message is damaged`
    )
  const inside = readJson({ ...message, payload }, facts)
  if (inside === undefined) return null
  if (!isObject(inside)) return refuse('What is encrypted is no JSON object')
  return inside['_type'] === 'encrypted' ? refuse('What is encrypted is encrypted again') : inside
}
