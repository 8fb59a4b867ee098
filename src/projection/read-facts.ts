/** The journal's facts for a projection that is behind the ring. */

import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import type { Store } from '../store/store.ts'

/**
 * What follows `after`, from the table, and what retention carried forward of what it dropped there, in the order in which it
 * came: what a decoder learns from one message, it must not learn before older ones.
 */
export async function journalAfter(
  store: Pick<Store, 'journal' | 'projections'>,
  after: Seq,
  limits: Pick<Limits, 'projectionChunkFactsMax' | 'projectionChunkBytesMax'>
): Promise<Fact[]> {
  const { projectionChunkFactsMax, projectionChunkBytesMax } = limits
  const facts = await store.journal.following(after, projectionChunkFactsMax, projectionChunkBytesMax)
  // Read afterwards: what is dropped has been carried before
  const carried = await store.projections.carried(after, projectionChunkFactsMax, facts.at(-1)?.seq)
  if (carried.length === 0) return facts
  // There may be more of them behind the last: what is behind it is read again
  const until = carried.at(-1)!.seq
  const kept = new Set(facts.map(({ seq }) => seq))
  return [
    ...facts.filter(({ seq }) => seq <= until),
    ...carried.filter(({ seq }) => !kept.has(seq))
  ].toSorted((one, other) => one.seq - other.seq)
}
