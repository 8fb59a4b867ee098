/** Goes over facts in their order and takes those that a reader wants: as many as he may hold while he takes his time. Pure. */

import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import { bytesOf } from './ring.ts'

export interface Scan {
  facts: Fact[]
  /** All up to here were looked at. */
  cursor: Seq
}

/** `facts` begin anywhere; those behind `after` are looked at. */
export function scan(
  facts: readonly Fact[],
  after: Seq,
  wanted: (fact: Fact) => boolean,
  limits: Pick<Limits, 'feedPageFactsMax' | 'feedSliceBytesMax'>
): Scan {
  const taken: Fact[] = []
  let cursor = after
  let bytes = 0
  for (const fact of facts) {
    if (fact.seq <= after) continue
    if (wanted(fact)) {
      bytes += bytesOf(fact)
      if (taken.length > 0 && bytes > limits.feedSliceBytesMax) break
      taken.push(fact)
    }
    cursor = fact.seq
    if (taken.length === limits.feedPageFactsMax) break
  }
  return { facts: taken, cursor }
}
