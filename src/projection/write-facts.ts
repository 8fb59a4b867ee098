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
  const appended = await writeAll(parts, projection.id, chunk, place.live)
  states.remember(changed)
  return { to: normalized.to, messages: chunk.messages, appended, effects: normalized.effects }
}

/** A message whose outcome the database refuses must not hold up its neighbours: the chunk is halved until it is alone. */
async function writeAll(
  parts: WriteParts,
  id: number,
  chunk: ProjectedChunk,
  live: boolean
): Promise<AppendedFacts[]> {
  const { store, log } = parts
  try {
    return [await store.projections.write(id, chunk, { live })]
  } catch (error) {
    const trouble = toTrouble(error)
    if (trouble === 'partition') {
      await store.partitions.makeAhead()
      return [await store.projections.write(id, chunk, { live })]
    }
    if (trouble !== 'data' || chunk.messages.length === 0) throw error
    if (chunk.messages.length === 1) {
      log.error({ err: error, seq: chunk.messages[0]!.seq }, 'Postgres refuses what a decoder gave')
      return [
        await store.projections.write(id, { ...chunk, messages: [refused(chunk.messages[0]!)] }, { live })
      ]
    }
    const middle = chunk.messages.length >> 1
    const between = chunk.from === chunk.to ? chunk.to : chunk.messages[middle - 1]!.seq
    const halves = [
      { ...chunk, to: between, messages: chunk.messages.slice(0, middle), states: [] },
      { ...chunk, from: between, messages: chunk.messages.slice(middle) }
    ]
    const appended: AppendedFacts[] = []
    for (const half of halves) appended.push(...(await writeAll(parts, id, half, live)))
    return appended
  }
}

const refused = (message: ProjectedMessage): ProjectedMessage => ({
  ...message,
  devices: [],
  datapoints: [],
  presence: [],
  attributes: [],
  rejections: [
    { reason: 'unstorable', detail: 'The database refuses what the decoder gave; the log says why' }
  ]
})
