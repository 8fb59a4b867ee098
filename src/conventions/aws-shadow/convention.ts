/** AWS IoT device shadow. */

import { isDeepStrictEqual } from 'node:util'
import type { Convention, ConventionRoute } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import type { DecoderMessage } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { Facts, isObject, readObject } from '../facts.ts'
import { atPath } from '../members.ts'
import { commands, tokenPrefix } from './commands.ts'
import type { Members, Place } from './documents.ts'
import { decodeDeleted, decodePart, decodeWhole, toMetric } from './documents.ts'
import { decodeLifecycle } from './lifecycle.ts'

export const awsShadow: Convention = {
  name: 'aws-shadow',
  title: 'AWS IoT device shadow',
  about:
    'A device is a thing. What it reports are metrics by their path (`light.color`), what is desired stands under `desired.`, and those of a shadow with a name under its name (`config/light.color`, `config/desired.light.color`). Null removes a member and all under it, lists are values. Each version of a shadow counts once, on whichever topic it comes first, observed when its metadata say. Its topics begin with `$`, so `RIALTO_TOPICS` has to name them: `$aws/things/+/shadow/#` and `$aws/events/presence/#`, or, as AWS advises, each topic that is listed here.',
  sources: [
    'https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-mqtt.html',
    'https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html',
    'https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html'
  ],
  options: {
    authority: {
      kind: 'text',
      default: 'broker',
      about:
        '`broker`: a shadow service answers, as at AWS, and what it accepted is true. `device`: there is none, and requests to `update` are taken as they are'
    },
    offlineAfter: {
      kind: 'duration',
      default: null,
      about: 'a thing that reports nothing so long is offline'
    }
  },
  presence:
    "`$aws/events/presence/connected` and `disconnected`, in the order of their `versionNumber`; the device is the `thingName`, or else the client id, which is the thing's name as AWS advises. On other brokers there is none of it, but `offlineAfter`.",
  create(options) {
    const authority = options.text('authority')
    if (authority !== 'broker' && authority !== 'device')
      throw new OptionFault(
        'authority',
        'Neither broker nor device',
        'Write authority: broker, or authority: device'
      )
    const kinds = [...(authority === 'broker' ? byService : byDevice), ...always]
    return {
      routes: [
        ...kinds.map((kind) => toRoute('$aws/things/{thing}/shadow', kind)),
        ...kinds.map((kind) => toRoute('$aws/things/{thing}/shadow/name/{shadow}', kind)),
        toLifecycle('connected', 'online; `ipAddress` becomes the attribute `ip`'),
        toLifecycle('disconnected', 'offline; `disconnectReason` is an event')
      ],
      commands
    }
  }
}

type Decode = (
  place: Place,
  state: DecoderState | null,
  document: Members,
  facts: Facts
) => DecoderState | undefined | void

interface Kind {
  topic: string
  about: string
  /** Absent: it says nothing. */
  decode?: Decode
  /** It needs no document. */
  empty?: boolean
  /** Whether it is the thing that is heard; else it is the shadow service, or what others want. */
  ofThing?(document: Members): boolean
}

const reports = ({ state }: Members): boolean => isObject(state) && isObject(state['reported'])

/** What the thing reported is another than before, or reported again. */
const reportedAnew = ({ previous, current }: Members): boolean =>
  !isDeepStrictEqual(
    ['state', 'metadata'].map((part) => atPath(previous, [part, 'reported'])),
    ['state', 'metadata'].map((part) => atPath(current, [part, 'reported']))
  )

const byService: readonly Kind[] = [
  { topic: 'update', about: 'nothing: it is asked for, and not yet true' },
  {
    topic: 'update/accepted',
    about: 'metrics, reported and desired; to a `desire` of ours a response that the shadow has it',
    decode(place, state, document, facts) {
      const desires = isObject(document['state']) && document['state']['desired'] !== undefined
      if (desires)
        respond(
          place,
          document,
          facts,
          true,
          `The shadow has it as version ${String(document['version'])}; the device has not said that it does`
        )
      return decodePart(place, state, document, facts)
    },
    ofThing: reports
  },
  {
    topic: 'update/documents',
    about: 'metrics, those of `current` that are not known from `update/accepted`',
    decode(place, state, { current, previous, timestamp }, facts) {
      if (!isObject(current)) return void facts.reject('wrong_shape', 'There is no current, an object')
      return decodeWhole(place, state, { timestamp, ...current }, facts, isObject(previous) ? previous : null)
    },
    ofThing: reportedAnew
  },
  {
    topic: 'get/accepted',
    about:
      'metrics, those that are newer than what is known; what it has no more is null; to a `get` of ours a response',
    decode(place, state, document, facts) {
      respond(place, document, facts, true)
      return decodeWhole(place, state, document, facts)
    }
  },
  { topic: 'delete', about: 'nothing: it is asked for' },
  {
    topic: 'delete/accepted',
    about: 'all metrics of the shadow become null; to a `delete` of ours a response',
    decode(place, state, document, facts) {
      respond(place, document, facts, true)
      return decodeDeleted(place, state, document, facts)
    }
  }
]

const byDevice: readonly Kind[] = [
  {
    topic: 'update',
    about: 'metrics, reported and desired',
    decode: (place, state, document, facts) => decodePart(place, state, document, facts, true),
    ofThing: reports
  },
  {
    topic: 'delete',
    about: 'all metrics of the shadow become null',
    empty: true,
    decode: (place, state, document, facts) => decodeDeleted(place, state, document, facts, true)
  }
]

const rejected = (operation: string): Kind => ({
  topic: `${operation}/rejected`,
  about: 'a response that is not ok, by client token; without one an event `rejected`',
  decode: (place, _, document, facts) => decodeRejected(operation, place, document, facts)
})

const always: readonly Kind[] = [
  { topic: 'update/delta', about: 'nothing: what differs of desired and reported is in both' },
  { topic: 'get', about: 'nothing: it is asked for' },
  rejected('update'),
  rejected('get'),
  rejected('delete')
]

function toRoute(
  prefix: string,
  { topic, about, decode, empty = false, ofThing = () => false }: Kind
): ConventionRoute {
  if (decode === undefined) return { topic: `${prefix}/${topic}`, about, decode: () => new Facts().result() }
  return {
    topic: `${prefix}/${topic}`,
    about,
    stateKey: ({ thing, shadow = '' }) => `shadow/${thing}/${shadow}`,
    decode(state, message) {
      const facts = new Facts()
      if (message.kind === 'cleared') return facts.result()
      const document = empty ? {} : readObject(message, facts)
      if (document === undefined) return facts.result()
      const next = decode(placeOf(message), state, document, facts) ?? undefined
      // What the shadow service says itself, or to others, is no word of the thing
      return { ...facts.result(next), toDevice: !ofThing(document) }
    }
  }
}

const placeOf = ({ captures }: DecoderMessage): Place => ({
  thing: captures['thing']!,
  shadow: captures['shadow'] ?? null
})

const toLifecycle = (event: 'connected' | 'disconnected', about: string): ConventionRoute => ({
  topic: `$aws/events/presence/${event}/{client+}`,
  about,
  stateKey: ({ client }) => `presence/${client}`,
  decode: decodeLifecycle(event === 'connected')
})

/** Of the shadow service, to a request with a token of ours. */
function respond(
  { thing }: Place,
  { clientToken, version }: Members,
  facts: Facts,
  ok: boolean,
  detail?: string
): void {
  if (typeof clientToken !== 'string' || !clientToken.startsWith(tokenPrefix)) return
  facts.response({
    device: thing,
    correlation: clientToken,
    ok,
    ...(detail !== undefined && { detail }),
    value: { version }
  })
}

/** Whoever asked, it is worth knowing. */
function decodeRejected(
  operation: string,
  place: Place,
  { code, message, clientToken }: Members,
  facts: Facts
): void {
  const device = place.thing
  if (typeof clientToken === 'string')
    facts.response({
      device,
      correlation: clientToken,
      ok: false,
      detail: `${String(code)} ${String(message)}`,
      value: { code }
    })
  else
    facts.datapoint({
      device,
      metric: toMetric(place, 'rejected'),
      value: { operation, code, message },
      role: 'event'
    })
}
