/** What retention took from those who read the journal: told by class, to those who may have wanted it. Pure. */

import type { DroppedClass, Fact, FactKind, Seq } from '../model.ts'
import { overlap } from '../topic.ts'

/** Facts of a class that were dropped before they could be read: some of those from here to there. */
export interface Skipped {
  from: Seq
  to: Seq
  retentionClass: string
}

const kindsOfTopics: ReadonlySet<FactKind> = new Set([
  'message',
  'snapshot',
  'cleared',
  'expired',
  'imported'
])

/** Whether who asks for this may have got something of the class. No filter at all means every topic. */
export function mayMiss(
  { filters }: Pick<DroppedClass, 'filters'>,
  ask: { filters: readonly string[]; kinds: readonly FactKind[] }
): boolean {
  if (filters !== null && filters.length === 0) return ask.kinds.some((kind) => !kindsOfTopics.has(kind))
  if (!ask.kinds.some((kind) => kindsOfTopics.has(kind))) return false
  return (
    filters === null ||
    ask.filters.length === 0 ||
    ask.filters.some((wanted) => filters.some((filter) => overlap(wanted, filter)))
  )
}

/** The first position behind `after`, and up to `to`, that no fact has; null: all are there. `facts` are in order. */
export function firstMissing(facts: readonly Fact[], after: Seq, to: Seq): Seq | null {
  let next = after + 1
  for (const { seq } of facts) {
    if (seq < next) continue
    if (seq > next) break
    next++
  }
  return next > to ? null : next
}

/**
 * What a reader is to be told who misses a fact at `missing`: of each class once, up to its horizon. `told` is how far he has
 * been told of each, and is brought up to date.
 */
export function tellSkipped(
  classes: readonly DroppedClass[],
  ask: { filters: readonly string[]; kinds: readonly FactKind[] },
  missing: Seq,
  told: Map<string, Seq>
): Skipped[] {
  const skipped: Skipped[] = []
  for (const one of classes) {
    const from = Math.max(missing, (told.get(one.name) ?? 0) + 1)
    if (one.horizon < from || !mayMiss(one, ask)) continue
    skipped.push({ from, to: one.horizon, retentionClass: one.name })
    told.set(one.name, one.horizon)
  }
  return skipped
}
