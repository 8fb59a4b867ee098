/** Facts of the journal to what a projection keeps of them. Pure, but for the watch that ends what takes too long. */

import type { Outcome, SourceMessage } from '../datapoints.ts'
import type { Effect } from '../effects.ts'
import { importMapping, readImported } from '../history/imported.ts'
import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import type { DecoderState, MappingSet, Normalized } from '../normalize/mapping-set.ts'
import type { ProjectedMessage } from '../store/projected.ts'
import { DeadlineError, within } from './deadline.ts'

export interface NormalizedFacts {
  /** Facts up to here; those behind would have been more than one transaction takes. */
  to: Seq
  messages: ProjectedMessage[]
  /** The last state under each key that changed, and the message that changed it. */
  states: Map<string, { seq: Seq; state: DecoderState | null }>
  effects: Effect[]
}

/** The message of a fact; null where there is none to normalize. */
export function toSource(fact: Fact): SourceMessage | null {
  const { kind, message, seq, topic, at } = fact
  if (kind !== 'message' && kind !== 'snapshot' && kind !== 'cleared') return null
  if (topic === null) return null
  return {
    seq,
    kind,
    topic,
    // A retained message that a snapshot found gone was cleared without a message
    payload: message?.payload ?? new Uint8Array(0),
    properties: message?.properties ?? null,
    receivedAt: message?.receivedAt ?? at
  }
}

/** Keys of the states that these facts need. */
export function stateKeysOf(set: MappingSet, facts: readonly Fact[]): Set<string> {
  const keys = new Set<string>()
  for (const { topic } of facts) {
    const key = topic === null ? null : (set.match(topic)?.stateKey ?? null)
    if (key !== null) keys.add(key)
  }
  return keys
}

type NormalizeOne = (source: SourceMessage, state: DecoderState | null) => Normalized

function fold(
  set: MappingSet,
  facts: readonly Fact[],
  known: ReadonlyMap<string, DecoderState>,
  datapointsMax: number,
  normalizeOne: NormalizeOne
): NormalizedFacts {
  const messages: ProjectedMessage[] = []
  const states: NormalizedFacts['states'] = new Map()
  const effects: Effect[] = []
  let datapoints = 0
  let to = facts[0]!.seq
  for (const fact of facts) {
    to = fact.seq
    if (fact.kind === 'imported') {
      const message = fromImported(fact)
      messages.push(message)
      datapoints += message.datapoints.length
      if (datapoints >= datapointsMax) break
      continue
    }
    const source = toSource(fact)
    const match = source === null ? null : set.match(source.topic)
    if (source === null || match === null) continue
    const { stateKey } = match
    const before = stateKey === null ? null : (states.get(stateKey) ?? { state: known.get(stateKey) ?? null })
    const { outcome, state } = normalizeOne(source, before?.state ?? null)
    if (stateKey !== null && state !== undefined) states.set(stateKey, { seq: source.seq, state })
    messages.push(toProjected(fact, source, outcome))
    effects.push(...outcome.effects)
    datapoints += outcome.datapoints.length
    if (datapoints >= datapointsMax) break
  }
  return { to, messages, states, effects }
}

const toProjected = (fact: Fact, source: SourceMessage, outcome: Outcome): ProjectedMessage => ({
  seq: fact.seq,
  topicId: fact.topicId!,
  topic: source.topic,
  receivedAt: source.receivedAt,
  mapping: outcome.mapping ?? '',
  devices: outcome.devices,
  datapoints: outcome.datapoints,
  presence: outcome.presence,
  rejections: outcome.rejections,
  attributes: outcome.attributes,
  offlineAfterSeconds: outcome.offlineAfterSeconds
})

/**
 * Without a mapping, and from no device: whoever brought it need not be one. When it came is when the device became known
 * here; each datapoint has its own times.
 */
function fromImported(fact: Fact): ProjectedMessage {
  const message: ProjectedMessage = {
    seq: fact.seq,
    topicId: fact.topicId!,
    topic: fact.topic!,
    receivedAt: fact.at,
    mapping: importMapping,
    devices: [],
    datapoints: [],
    presence: [],
    rejections: [],
    attributes: [],
    offlineAfterSeconds: null
  }
  try {
    return { ...message, datapoints: readImported(fact.message!.payload) }
  } catch (error) {
    const detail = `What was imported cannot be read: ${(error as Error).message}`
    return { ...message, rejections: [{ reason: 'unstorable', detail }] }
  }
}

/** How much longer a message may take when it is tried again: a busy machine must not decide what is stored. */
const patience = [1, 4, 16]

/** At least one fact. Time is given to all together; if it is not enough, to each, and the culprits are rejected. */
export function normalizeFacts(
  set: MappingSet,
  facts: readonly Fact[],
  known: ReadonlyMap<string, DecoderState>,
  limits: Pick<Limits, 'decoderMsMax' | 'projectionChunkDatapointsMax'>
): NormalizedFacts {
  const { decoderMsMax, projectionChunkDatapointsMax } = limits
  const all = (one: NormalizeOne): NormalizedFacts =>
    fold(set, facts, known, projectionChunkDatapointsMax, one)
  try {
    return within(decoderMsMax * 4, () => all((source, state) => set.normalize(source, state)))
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error
  }
  return all((source, state) => {
    for (const factor of patience) {
      try {
        return within(decoderMsMax * factor, () => set.normalize(source, state))
      } catch (error) {
        if (!(error instanceof DeadlineError)) throw error
      }
    }
    return timedOut(set, source, decoderMsMax * patience.at(-1)!)
  })
}

const timedOut = (set: MappingSet, { topic }: SourceMessage, ms: number): Normalized => ({
  outcome: {
    mapping: set.match(topic)?.mapping.name ?? null,
    devices: [],
    datapoints: [],
    presence: [],
    rejections: [{ reason: 'decoder_timeout', detail: `The decoder took more than ${ms} ms` }],
    attributes: [],
    offlineAfterSeconds: null,
    responses: [],
    effects: []
  },
  state: undefined
})
