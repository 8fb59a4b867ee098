/** Since when all is kept that a range of the journal is asked for. */

import type { DroppedClass, FactKind, Millis, Seq } from '../model.ts'
import { mayMiss } from './missing.ts'

/**
 * Of facts behind `from`, that were committed at `time` or later: null if all that may be asked for are kept, else since when
 * they are. Asked for after they were read.
 */
export async function keptFrom(
  parts: {
    retention: { dropped(): Promise<DroppedClass[]> }
    journal: { keptBehind(seq: Seq): Promise<Millis> }
  },
  { from, time }: { from: Seq; time: Millis | null },
  ask: { filters: readonly string[]; kinds: readonly FactKind[] }
): Promise<Millis | null> {
  const dropped = (await parts.retention.dropped()).filter((one) => mayMiss(one, ask))
  const horizon = Math.max(0, ...dropped.map((one) => one.horizon))
  if (horizon <= from) return null
  const at = await parts.journal.keptBehind(horizon)
  return time !== null && at <= time ? null : at
}
