/** The state of a topic from its facts. Pure. `topic_state` is kept as this says, one append at a time. */

import type {
  FactKind,
  Message,
  MessageProperties,
  Millis,
  QoS,
  RetainedDetail,
  Seq,
  Tombstone,
  TopicState
} from '../model.ts'
import { factKinds } from '../model.ts'

/** A fact of a topic; of one that only says whether it is known what is retained, the payload may be absent. */
export interface TopicFact {
  seq: Seq
  at: Millis
  kind: FactKind
  receivedAt: Millis | null
  qos: QoS | null
  retain: boolean | null
  dup: boolean | null
  payload: Buffer | null
  properties: MessageProperties | null
  detail: unknown
}

/**
 * Takes facts of one topic in the order of their seq: all up to an instant, or those of them that tell it all (`tells`).
 * null: nothing ever came. Not known is `confirmedAt`, since a confirmation is no fact.
 */
export function foldTopic(
  topic: { topicId: number; topic: string },
  facts: readonly TopicFact[]
): TopicState | null {
  let live: TopicFact | null = null
  let set: TopicFact | null = null
  let cleared: TopicFact | null = null
  let retainedKnown = false
  for (const fact of facts) {
    retainedKnown = knownAfter(fact) ?? retainedKnown
    if (isClear(fact)) {
      cleared ??= fact // clearing again changes nothing
    } else if (isSet(fact)) {
      set = fact
      cleared = null
    }
    if (isLatest(fact)) live = fact
  }
  const latest = live === null ? set && toRetained(topic, set) : toMessage(topic, live)
  if (latest === null) return null
  const last = set && toRetained(topic, set)
  const retained = cleared === null ? last : null
  return {
    ...topic,
    seq: facts.at(-1)!.seq,
    latest,
    retained,
    retainedKnown,
    tombstone: cleared && toTombstone(cleared, last),
    expiresAt: retained && expiry(retained),
    confirmedAt: null
  }
}

const { message, snapshot, cleared, expired } = factKinds

/**
 * The same in SQL, of a row of the journal. Of all facts up to an instant, these tell the state: the newest that is
 * latest, the newest that sets, the first that clears behind it, and the newest that says whether it is known what is
 * retained. `sets` and `clears` are as the indexes journal_sets and journal_clears have them.
 */
export const tells = {
  latest: `payload is not null and (kind in (${message}, ${cleared}) or (kind = ${snapshot} and (detail ->> 'latest') is null))`,
  sets: `retain and kind in (${message}, ${snapshot})`,
  clears: `kind in (${cleared}, ${expired})`,
  known: `(kind = ${message} and retain is distinct from false)
    or (kind in (${snapshot}, ${cleared}) and (detail ->> 'known') is null)`
} as const

const isClear = ({ kind }: TopicFact): boolean => kind === 'cleared' || kind === 'expired'

const isSet = ({ kind, retain, payload }: TopicFact): boolean =>
  retain === true && payload !== null && (kind === 'message' || kind === 'snapshot')

function isLatest({ kind, payload, detail }: TopicFact): boolean {
  if (payload === null) return false
  if (kind === 'snapshot') return (detail as RetainedDetail | null)?.latest === undefined
  return kind === 'message' || kind === 'cleared'
}

/** null: as before. */
function knownAfter({ kind, retain, detail }: TopicFact): boolean | null {
  // A live message of 3.1.1 may or may not have replaced what is retained [MQTT-3.3.1-9]
  if (kind === 'message') return retain === false ? null : retain !== null
  if (kind !== 'snapshot' && kind !== 'cleared') return null
  return (detail as RetainedDetail | null)?.known === undefined ? true : null
}

const toMessage = (topic: { topicId: number; topic: string }, fact: TopicFact): Message => ({
  ...topic,
  seq: fact.seq,
  receivedAt: fact.receivedAt!,
  qos: fact.qos!,
  retain: fact.retain,
  dup: fact.dup ?? false,
  payload: fact.payload!,
  properties: fact.properties
})

const toRetained = (topic: { topicId: number; topic: string }, fact: TopicFact): Message => ({
  ...toMessage(topic, fact),
  retain: true,
  dup: false
})

const toTombstone = (fact: TopicFact, previous: Message | null): Tombstone => ({
  at: fact.at,
  seq: fact.seq,
  cause: fact.kind === 'expired' ? 'expired' : fact.payload === null ? 'reconciled' : 'cleared',
  previous
})

const expiry = ({ receivedAt, properties }: Message): Millis | null =>
  properties?.messageExpiryInterval === undefined
    ? null
    : receivedAt + properties.messageExpiryInterval * 1_000
