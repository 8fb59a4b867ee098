/** One step of a projection: facts are normalized and committed with all that follows from them. */

import type { Logger } from 'pino'
import type { Effect } from '../effects.ts'
import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import type { MappingSet } from '../normalize/mapping-set.ts'
import { toTrouble } from '../store/database.ts'
import type { AppendedFacts, ProjectedChunk, ProjectedMessage } from '../store/projected.ts'
import type { Store } from '../store/store.ts'
import type { DecoderStates } from './decoder-states.ts'
import { leaveOut } from './leave-out.ts'
import { normalizeFacts, stateKeysOf } from './normalize-facts.ts'

export interface WriteParts {
  store: Store
  limits: Limits
  log: Logger
}

export interface Written {
  /** The projection is done up to here now. */
  to: Seq
  messages: readonly ProjectedMessage[]
  /** Datapoints that were left out, since they are as the last stored ones. */
  unchanged: number
  /** Changes of presence that were told. */
  appended: AppendedFacts[]
  effects: Effect[]
}

/**
 * Writes as many of `facts` as one transaction takes, at least one. Throws OutrunError, and the database's errors; then
 * nothing is known of `states` any more.
 */
export async function writeFacts(
  parts: WriteParts,
  projection: { id: number; set: MappingSet; states: DecoderStates },
  place: { from: Seq; carried: boolean; live: boolean },
  facts: readonly Fact[]
): Promise<Written> {
  const { set, states } = projection
  const known = await states.load(stateKeysOf(set, facts))
  const normalized = normalizeFacts(set, facts, known, parts.limits)
  const changed = states.changes(normalized.states)
  const chunk: ProjectedChunk = {
    from: place.from,
    to: place.carried ? place.from : normalized.to,
    messages: normalized.messages,
    states: changed.changes
  }
  const { messages, unchanged, appended } = await writeAll(parts, projection, chunk, place.live)
  states.remember(changed)
  return { to: normalized.to, messages, unchanged, appended, effects: normalized.effects }
}

type WrittenChunk = Pick<Written, 'messages' | 'unchanged' | 'appended'>

/**
 * A message whose outcome the database refuses must not hold up its neighbours: the chunk is halved until it is alone. What
 * is unchanged is found for each half anew, since nothing is as what was refused.
 */
async function writeAll(
  parts: WriteParts,
  projection: { id: number; set: MappingSet },
  chunk: ProjectedChunk,
  live: boolean
): Promise<WrittenChunk> {
  const { store, log } = parts
  const { messages, unchanged } = await leaveOut(parts, projection, chunk.messages)
  const put = async (given: readonly ProjectedMessage[]): Promise<WrittenChunk> => {
    const appended = await store.projections.write(projection.id, { ...chunk, messages: given }, { live })
    return { messages: given, unchanged, appended: [appended] }
  }
  try {
    return await put(messages)
  } catch (error) {
    const trouble = toTrouble(error)
    if (trouble === 'partition') {
      await store.partitions.makeAhead()
      return put(messages)
    }
    if (trouble !== 'data' || messages.length === 0) throw error
    if (messages.length === 1) {
      log.error({ err: error, seq: messages[0]!.seq }, 'Postgres refuses what a decoder gave')
      return put([refused(messages[0]!)])
    }
    const middle = messages.length >> 1
    const between = chunk.from === chunk.to ? chunk.to : messages[middle - 1]!.seq
    const one = await writeAll(
      parts,
      projection,
      { ...chunk, to: between, messages: chunk.messages.slice(0, middle), states: [] },
      live
    )
    const other = await writeAll(
      parts,
      projection,
      { ...chunk, from: between, messages: chunk.messages.slice(middle) },
      live
    )
    return {
      messages: [...one.messages, ...other.messages],
      unchanged: one.unchanged + other.unchanged,
      appended: [...one.appended, ...other.appended]
    }
  }
}

const refused = (message: ProjectedMessage): ProjectedMessage => ({
  ...message,
  devices: [],
  datapoints: [],
  numbers: [],
  presence: [],
  attributes: [],
  rejections: [
    { reason: 'unstorable', detail: 'The database refuses what the decoder gave; the log says why' }
  ]
})
