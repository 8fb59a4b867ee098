/**
 * What a projection begins with: the facts that retention carried forward when it dropped the journal's beginning. Those of
 * classes that dropped more come in their places between the others (see read-facts.ts).
 */

import type { Seq } from '../model.ts'
import type { Live } from './projector.ts'
import type { WriteParts } from './write-facts.ts'
import { writeFacts } from './write-facts.ts'

/** Some of them; returns where to go on, or null when all have been read. */
export async function carry(parts: WriteParts, mine: Live, after: Seq): Promise<Seq | null> {
  const { doneSeq } = mine.row
  const facts = await parts.store.projections.carried(after, parts.limits.projectionChunkFactsMax, doneSeq)
  if (facts.length === 0) return null
  const place = { from: doneSeq, carried: true, live: false }
  const { to } = await writeFacts(parts, { ...mine, id: mine.row.id }, place, facts)
  return to
}

export async function carryAll(parts: WriteParts, mine: Live): Promise<void> {
  for (let after: Seq | null = 0; after !== null;) after = await carry(parts, mine, after)
}
