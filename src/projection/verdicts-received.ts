/** Verdicts on the way of a message to us: the connection, the filters, what came and what went again. Pure. */

import { compileFilter, covers } from '../topic.ts'
import type { Evidence } from './evidence.ts'
import { toTime } from './evidence.ts'
import { nearest } from './nearest.ts'
import type { Verdict } from './projections.ts'
import { verdict } from './verdict-codes.ts'

/** A shared subscription gets what the filter behind the name of its group matches [MQTT-4.8.2]. */
const plain = (filter: string): string => filter.replace(/^\$share\/[^/]+\//, '')

export const filterMatches = (filter: string, topic: string): boolean => compileFilter(plain(filter))(topic)

export function connectionVerdicts({ leading, mqtt }: Evidence): Verdict[] {
  if (!leading) return []
  if (mqtt.takenOver)
    return [
      verdict(
        'session_taken_over',
        `The connection ends again and again, soon after it was made: ${mqtt.lastError ?? 'another client uses our client id'}`,
        'Set RIALTO_CLIENT_ID to a client id that nobody else uses, or give the other client another one'
      )
    ]
  if (mqtt.state === 'connected') return []
  const reason = mqtt.lastError ?? 'no answer yet'
  return [verdict('not_connected', `Not connected to the broker: ${reason}`, connectionFix(reason))]
}

function connectionFix(reason: string): string {
  if (/not authori[sz]ed|bad user ?name|password|identifier rejected|banned/i.test(reason))
    return 'Check MQTT_USERNAME and MQTT_PASSWORD, and whether the broker lets the client id RIALTO_CLIENT_ID in'
  if (/certificate|self.signed|ssl|tls|altname/i.test(reason))
    return 'Check MQTT_CA, MQTT_CERT and MQTT_KEY, and that the name in MQTT_URL is the one of the certificate'
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) return 'Check the name of the host in MQTT_URL: nobody knows it'
  if (/ECONNREFUSED/.test(reason))
    return 'Check host and port in MQTT_URL, and that the broker runs: nothing listens there'
  return 'Check MQTT_URL (mqtt:, mqtts:, ws: or wss:, host, port), and whether the broker runs and can be reached'
}

export function filterVerdicts(evidence: Evidence): Verdict[] {
  const { topic, filters, leading, mqtt } = evidence
  const matching = filters.filter((filter) => filterMatches(filter, topic))
  if (matching.length === 0) return [noFilter(evidence)]
  const refused = matching.filter((filter) =>
    mqtt.refusedFilters.some((other) => other === filter || covers(other, filter))
  )
  if (!leading || refused.length < matching.length) return []
  return [
    verdict(
      'filter_refused',
      `The broker refused ${listed(refused)}: this client may not read there`,
      "Allow it in the broker's access list for the user that MQTT_USERNAME names, then restart"
    )
  ]
}

function noFilter({ topic, filters }: Evidence): Verdict {
  if (topic.startsWith('$'))
    return verdict(
      'no_filter_matches',
      `\`${topic}\` begins with $: wildcards at the beginning of a filter, as in \`#\`, leave such topics out`,
      `Add \`${topic.split('/')[0]}/#\` to RIALTO_TOPICS`
    )
  const near = nearest(filters.map(plain), topic)
  if (near === null)
    return verdict(
      'no_filter_matches',
      `No filter of RIALTO_TOPICS matches, and none comes near: there is ${listed(filters.slice(0, 8))}`,
      `Add \`${topic.split('/')[0]}/#\` to RIALTO_TOPICS`
    )
  return verdict(
    'no_filter_matches',
    `No filter of RIALTO_TOPICS matches. The nearest is \`${near.pattern}\`: ${near.differs}`,
    `Write \`${near.repaired}\` into RIALTO_TOPICS, or let the device publish as the filter says`
  )
}

const listed = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ')

const gapCodes = {
  packet_too_large: 'too_large',
  invalid_topic: 'invalid_topic',
  unstorable: 'unstorable_message'
} as const

/** Messages of this topic that could not be kept as such, if nothing came since. */
export function gapVerdicts({ topic, gaps, seen, limits }: Evidence): Verdict[] {
  const newest = seen[0]?.fact.seq ?? 0
  for (const { seq, detail } of gaps) {
    const code = gapCodes[detail.cause as keyof typeof gapCodes]
    if (code === undefined || detail['topic'] !== topic || seq < newest) continue
    const at = toTime(detail.to)
    if (code === 'too_large')
      return [
        verdict(
          code,
          `A message of ${bytesOf(detail['bytes'])} came at ${at} and was discarded: we take packets up to ${limits.packetBytesMax} bytes`,
          'Let the device send it in parts, or something smaller'
        )
      ]
    return [
      verdict(
        code,
        `A message came at ${at} and could not be kept as one of this topic: see the gap ${seq}`,
        code === 'invalid_topic'
          ? 'Let the device publish to a topic of UTF-8 without wildcards and NUL'
          : null
      )
    ]
  }
  return []
}

const bytesOf = (bytes: unknown): string => (typeof bytes === 'number' ? `${bytes} bytes` : 'unknown length')

export function receivedVerdicts(evidence: Evidence): Verdict[] {
  const { topic, state, others, mqtt, limits } = evidence
  if (state === null) return [neverReceived()]
  const gone = state.tombstone
  if (state.retained !== null || gone === null) return []
  // A message that came later is there, whatever became of the retained one
  if (evidence.seen.some(({ fact, message }) => fact.seq > gone.seq && message.payload.length > 0)) return []
  const at = toTime(gone.at)
  if (gone.cause === 'expired')
    return [
      verdict(
        'expired',
        `The retained message expired at ${at}: its publisher gave it a message expiry interval`,
        'Publish it again, with a longer message expiry interval or without one'
      )
    ]
  return [
    verdict(
      'cleared',
      gone.cause === 'cleared'
        ? `The retained message was cleared at ${at}: somebody published an empty payload with retain`
        : `The retained message is gone from the broker, which was found out at ${at}: it was cleared while we were away`,
      'Find out who publishes an empty retained payload; publish the message again'
    )
  ]

  function neverReceived(): Verdict {
    const near = nearest(others, topic)
    if (near !== null)
      return verdict(
        'never_received',
        `No message of this topic ever came. There is \`${near.pattern}\`: ${near.differs}`,
        `Ask for \`${near.pattern}\`, or let the device publish to \`${topic}\``
      )
    const larger =
      mqtt.version === '5'
        ? `; on MQTT 5 a broker does not send packets of more than ${limits.packetBytesMax} bytes`
        : ''
    return verdict(
      'never_received',
      `A filter matches, and no message of this topic ever came${larger}`,
      'Check that the device publishes, to this broker (MQTT_URL), and to this topic: `mosquitto_sub -v -t "#"` shows what ' +
        'comes. Some brokers grant a subscription and deliver nothing of it: look into their access list'
    )
  }
}

/** What may be missing since the newest message. */
export function missingVerdicts({ gaps, seen }: Evidence): Verdict[] {
  const newest = seen[0]?.fact.seq ?? 0
  const gap = gaps.find(({ seq, detail }) => seq > newest && !(detail.cause in gapCodes))
  if (gap === undefined) return []
  const { cause, from, to } = gap.detail
  return [
    verdict(
      'gap',
      `Between ${toTime(from)} and ${toTime(to)} messages may be missing: ${cause}`,
      'See docs/delivery.md for what each cause can take'
    )
  ]
}
