/** Datapoints of messages: one read for all who want those of the same messages at the same time. */

import type { Datapoint } from '../datapoints.ts'
import type { Seq } from '../model.ts'

export type DatapointsOf = (seqs: readonly Seq[]) => Promise<ReadonlyMap<Seq, readonly Datapoint[]>>

/** Nothing is kept: what a message says may change. */
export function shareReads(read: DatapointsOf): DatapointsOf {
  const reading = new Map<Seq, ReturnType<DatapointsOf>>()
  return async (seqs) => {
    const others = seqs.filter((seq) => !reading.has(seq))
    if (others.length > 0) {
      const own = read(others).finally(() => {
        for (const seq of others) reading.delete(seq)
      })
      for (const seq of others) reading.set(seq, own)
    }
    const reads = [...new Set(seqs.map((seq) => reading.get(seq)!))]
    if (reads.length === 1) return reads[0]!
    const found = await Promise.all(reads)
    return new Map(
      seqs.flatMap((seq) => found.flatMap((some) => (some.has(seq) ? [[seq, some.get(seq)!] as const] : [])))
    )
  }
}
