/** The journal's facts for a projection that is behind the ring. */

import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import type { Store } from '../store/store.ts'

/** What follows `after`, from the table; what retention took meanwhile is passed over. */
export async function journalAfter(
  store: Pick<Store, 'journal'>,
  after: Seq,
  limits: Pick<Limits, 'projectionChunkFactsMax' | 'projectionChunkBytesMax'>
): Promise<Fact[]> {
  const { projectionChunkFactsMax, projectionChunkBytesMax } = limits
  const facts = await store.journal.following(after, projectionChunkFactsMax, projectionChunkBytesMax)
  if (facts.length > 0) return facts
  const { horizon } = await store.journal.head()
  return horizon <= after
    ? []
    : store.journal.following(horizon, projectionChunkFactsMax, projectionChunkBytesMax)
}
