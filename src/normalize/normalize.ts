/** Received messages to facts and changes of state. Pure: no clock, no I/O; the same input gives the same output. */

import type {
  FactKind,
  GapCause,
  GapDetail,
  MessageProperties,
  Millis,
  QoS,
  RetainedDetail
} from '../model.ts'

/** A message as the broker sent it. */
export interface Received {
  topic: string
  payload: Uint8Array
  qos: QoS
  retain: boolean | null
  dup: boolean
  packetId: number | null
  properties: MessageProperties | null
  receivedAt: Millis
  found: boolean
  discardedBytes: number
  /** The topic's bytes in base64 where they are not UTF-8; `topic` is then only an approximation. */
  malformedTopic: string | null
}

export interface NormalizedFact {
  kind: FactKind
  topic: string | null
  receivedAt: Millis
  payload: Uint8Array | null
  qos: QoS | null
  retain: boolean | null
  dup: boolean | null
  packetId: number | null
  properties: MessageProperties | null
  detail: GapDetail | RetainedDetail | null
}

/** How the facts of a batch change one topic; numbers are positions in the batch. */
export interface NormalizedState {
  topic: string
  last: number
  latest: number | null
  retained: 'keep' | 'set' | 'clear'
  known: boolean | null
  retainedBy: number | null
  previous: number | null
  expiresAt: Millis | null
}

export interface Normalized {
  facts: NormalizedFact[]
  states: NormalizedState[]
}

/** Folds a batch: one fact per message, in order, and one change per topic. */
export function normalize(messages: readonly Received[], session: string): Normalized {
  const facts = messages.map((message) => {
    const cause = gapCause(message)
    return cause === null ? toFact(message) : toGap(message, cause, session)
  })
  return { facts, states: statesOf(facts) }
}

/** How these facts, appended together, change their topics. */
export function statesOf(facts: readonly NormalizedFact[]): NormalizedState[] {
  const states = new Map<string, NormalizedState>()
  for (const [index, fact] of facts.entries()) if (fact.topic !== null) fold(states, fact, index)
  return [...states.values()]
}

function gapCause(message: Received): GapCause | null {
  if (message.discardedBytes > 0) return 'packet_too_large'
  // [MQTT-1.5.4-1], [MQTT-1.5.4-2], [MQTT-4.7.3-1], [MQTT-3.3.2-2]
  if (message.malformedTopic !== null || message.topic === '' || /[\0+#]/.test(message.topic))
    return 'invalid_topic'
  return null
}

function toFact(message: Received): NormalizedFact {
  const { topic, receivedAt, payload, qos, retain, dup, packetId, properties, found } = message
  const cleared = retain === true && payload.length === 0 // [MQTT-3.3.1-6]
  const kind = found ? 'snapshot' : cleared ? 'cleared' : 'message'
  // What is found through the session may be older than what came live
  const detail = found ? { latest: false as const } : null
  return { kind, topic, receivedAt, payload, qos, retain, dup, packetId, properties, detail }
}

/** Nothing disappears in silence: what cannot be a message of a topic is a fact that says so, with the bytes there are. */
function toGap(message: Received, cause: GapCause, session: string): NormalizedFact {
  const { topic, receivedAt, payload, qos, retain, dup, packetId, discardedBytes, malformedTopic } = message
  const detail: GapDetail = {
    cause,
    session,
    from: receivedAt,
    to: receivedAt,
    messages: 1,
    topic,
    ...(malformedTopic !== null && { topicBase64: malformedTopic }),
    ...(discardedBytes > 0 && { bytes: discardedBytes })
  }
  const kept = cause === 'packet_too_large' ? null : payload
  return {
    kind: 'gap',
    topic: null,
    receivedAt,
    payload: kept,
    qos,
    retain,
    dup,
    packetId,
    properties: null,
    detail
  }
}

function fold(states: Map<string, NormalizedState>, fact: NormalizedFact, index: number): void {
  const topic = fact.topic!
  const before = states.get(topic)
  const state: NormalizedState = {
    ...(before ?? {
      topic,
      retained: 'keep',
      known: null,
      retainedBy: null,
      previous: null,
      expiresAt: null
    }),
    topic,
    last: index,
    latest: fact.kind === 'snapshot' ? (before?.latest ?? null) : index
  }
  if (fact.kind === 'cleared') {
    // Clearing again changes nothing: the tombstone tells of what was there
    if (before?.retained !== 'clear') {
      const previous = before?.retained === 'set' ? before.retainedBy : null
      Object.assign(state, { retained: 'clear', retainedBy: index, previous, expiresAt: null })
    }
    state.known = true
  } else if (fact.retain === true) {
    Object.assign(state, {
      retained: 'set',
      known: true,
      retainedBy: index,
      previous: null,
      expiresAt: expiry(fact)
    })
  } else if (fact.retain === null) {
    // A live message of 3.1.1 may or may not have replaced what is retained
    state.known = false
  }
  states.set(topic, state)
}

const expiry = ({ receivedAt, properties }: NormalizedFact): Millis | null =>
  properties?.messageExpiryInterval === undefined
    ? null
    : receivedAt + properties.messageExpiryInterval * 1_000
