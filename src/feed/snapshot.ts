/** The states of all matching topics, as the first part of a stream. */

import type { Cursors } from '../cursor.ts'
import type { Limits } from '../limits.ts'
import type { Access, Seq, TopicState } from '../model.ts'
import type { StreamEvent } from '../views.ts'
import type { Where } from './event-body.ts'
import { isWanted } from './event-body.ts'
import { toStateBody } from './fact-events.ts'
import type { Slice } from './slice.ts'
import { slices } from './slice.ts'

/** States that have not changed since `until`, in the order of their topics' ids. */
export type StatesPage = (
  access: Access,
  ask: {
    filters: readonly string[]
    after: number
    limit: number
    bytesMax: number
    order: 'asc'
    until: Seq
  }
) => Promise<{ items: TopicState[]; next: number | null }>

/**
 * From a position within it on. States that change after `from.seq` are left out of it when they are come to: the facts that
 * changed them follow it.
 */
export async function* snapshotFrom(
  access: Access,
  ask: {
    filters: readonly string[]
    where?: Where | null
    from: { seq: Seq; snapshotTopicId?: number | null }
  },
  signal: AbortSignal,
  parts: { statesPage: StatesPage; cursors: Pick<Cursors, 'encodeInSnapshot'>; limits: Limits }
): AsyncGenerator<Slice, void, undefined> {
  const { limits } = parts
  const { filters, where = null } = ask
  const { seq: until } = ask.from
  let after = ask.from.snapshotTopicId ?? 0

  function* eventsOf(states: readonly TopicState[]): Generator<StreamEvent, void, undefined> {
    for (const state of states) {
      const body = toStateBody(state)
      if (where === null || isWanted(body, where))
        yield { cursor: parts.cursors.encodeInSnapshot(until, state.topicId), ...body }
    }
  }

  for (;;) {
    const { items, next } = await parts.statesPage(access, {
      filters,
      after,
      limit: Math.min(limits.snapshotPageStatesMax, limits.pageItemsMax),
      bytesMax: limits.feedSliceBytesMax,
      order: 'asc',
      until
    })
    if (signal.aborted) return
    yield* slices(eventsOf(items), limits.snapshotPageStatesMax)
    if (next === null) return
    after = next
  }
}
