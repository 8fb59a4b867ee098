/** From what is known of a topic to why its messages are, or are not, where they are looked for. Pure. */

import type { Evidence, Seen } from './evidence.ts'
import { toTime } from './evidence.ts'
import type { Verdict } from './projections.ts'
import { clockVerdicts, latestVerdicts } from './verdicts-clock.ts'
import { verdict } from './verdict-codes.ts'
import { mappingVerdicts } from './verdicts-mapping.ts'
import {
  connectionVerdicts,
  filterVerdicts,
  gapVerdicts,
  missingVerdicts,
  receivedVerdicts
} from './verdicts-received.ts'
import { rejectedVerdicts } from './verdicts-rejected.ts'
import { storedVerdict, takenVerdicts } from './verdicts-stored.ts'

/** In the order in which a message meets them, so that the first is the culprit; what is only to be known stands last. */
export function verdicts(evidence: Evidence): Verdict[] {
  const { topic } = evidence
  if (topic === '' || /[+#\0]/.test(topic)) return [notATopic(topic)]
  const before = [...connectionVerdicts(evidence), ...filterVerdicts(evidence), ...gapVerdicts(evidence)]
  // That nothing came is no news where it could not
  const received = receivedVerdicts(evidence).filter(
    ({ code }) => code !== 'never_received' || before.length === 0 || evidence.others.length > 0
  )
  const onTheWay = [...before, ...received]
  const mapping = mappingVerdicts(evidence)
  const [newest] = evidence.seen
  if (evidence.state === null || newest === undefined || evidence.matched === null)
    return [...onTheWay, ...mapping, ...missingVerdicts(evidence)]
  // What was cleared has nothing more to say of itself
  const gone = onTheWay.some(({ code }) => code === 'cleared' || code === 'expired')
  return [
    ...onTheWay,
    ...mapping,
    ...(gone ? [] : contentVerdicts(evidence, newest)),
    ...missingVerdicts(evidence)
  ]
}

function contentVerdicts(evidence: Evidence, newest: Seen): Verdict[] {
  const { preview, stored, fact } = newest
  const found = [
    ...rejectedVerdicts(evidence, newest),
    ...takenVerdicts(evidence, newest),
    ...clockVerdicts(evidence, newest),
    ...projectedVerdicts(evidence, newest),
    ...latestVerdicts(evidence, newest)
  ]
  const isStored = stored.length > 0 || (preview.presence.length > 0 && fact.seq <= evidence.doneSeq)
  if (!isStored) return found
  return [...found, storedVerdict(evidence, newest), ...notes(evidence, newest)]
}

/** Whether the projection has what the mapping of now says. */
function projectedVerdicts(
  { doneSeq, building, rejections }: Evidence,
  { fact, preview, stored }: Seen
): Verdict[] {
  if (preview.datapoints.length + preview.presence.length === 0) return []
  if (fact.seq > doneSeq)
    return [
      verdict(
        'lag',
        `The message is ${fact.seq}, and normalization has done up to ${doneSeq}`,
        'Wait; /v1/mappings shows the lag'
      )
    ]
  if (stored.length > 0 || preview.datapoints.length === 0) return []
  const wait = building ? 'Wait: the new projection is being built' : null
  const before = rejections.find(({ seq }) => seq === fact.seq)
  if (before !== undefined && preview.rejections.length === 0)
    return [
      verdict(
        'redrive_needed',
        `When the message came, it was rejected: ${before.reason} (${before.detail}). The mapping of now takes it`,
        wait ?? 'Run it again: POST /v1/rejections/redrive with this topic as the filter'
      )
    ]
  return [
    verdict(
      'not_projected',
      'The message came before there was this mapping, and was not normalized by it',
      wait ?? 'Load the mappings with a rebuild: POST /v1/mappings/reload with `rebuild: true`'
    )
  ]
}

function notes({ rejections, seen }: Evidence, { fact, message }: Seen): Verdict[] {
  const told: Verdict[] = []
  const earlier = rejections.filter(({ seq }) => seq < fact.seq)
  if (earlier[0] !== undefined)
    told.push(
      verdict(
        'rejected_earlier',
        `${earlier.length} rejections of messages before, the last one ${toTime(earlier[0].receivedAt)}: ${earlier[0].reason} (${earlier[0].detail})`,
        'If the mapping of now takes them: POST /v1/rejections/redrive with this topic as the filter'
      )
    )
  if (message.dup && seen[0] !== undefined)
    told.push(
      verdict('redelivered', `The broker sent message ${fact.seq} again, with DUP; it is stored once`)
    )
  return told
}

function notATopic(topic: string): Verdict {
  if (topic === '')
    return verdict('not_a_topic', 'A topic has at least one character', 'Ask for the topic of one device')
  return verdict(
    'not_a_topic',
    `\`${topic}\` has wildcards or NUL: it is a filter, and no topic that a message could have`,
    'Ask for one topic; /v1/topics?filter= lists those that a filter matches'
  )
}
