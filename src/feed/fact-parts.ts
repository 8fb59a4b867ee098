/**
 * Facts in groups whose datapoints fit into memory. One message may have thousands, and how many is known only when they
 * are read; but their bytes are bounded by the bytes of the payload they are from. Pure.
 */

import type { Limits } from '../limits.ts'
import type { Fact } from '../model.ts'
import type { FactPart } from './fact-events.ts'
import { sourcesOf } from './fact-events.ts'

/** All facts at once, without datapoints. */
export const withoutDatapoints = (facts: readonly Fact[]): FactPart[] =>
  facts.map((fact) => ({ fact, seqs: [], at: 0, first: true, last: true }))

export function* groupsOf(
  facts: readonly Fact[],
  limits: Pick<Limits, 'datapointsReadFactsMax' | 'datapointsReadBytesMax' | 'redrivenReadMessagesMax'>
): Generator<FactPart[], void, undefined> {
  let group: FactPart[] = []
  let bytes = 0
  for (const fact of facts) {
    const size = fact.message?.payload.length ?? 0
    const full = group.length >= limits.datapointsReadFactsMax || bytes + size > limits.datapointsReadBytesMax
    if (group.length > 0 && (full || fact.kind === 'datapoints')) {
      yield group
      group = []
      bytes = 0
    }
    if (fact.kind === 'datapoints') {
      for (const part of partsOf(fact, limits.redrivenReadMessagesMax)) yield [part]
      continue
    }
    group.push({ fact, seqs: sourcesOf(fact), at: 0, first: true, last: true })
    bytes += size
  }
  if (group.length > 0) yield group
}

/** Of the messages of an earlier time, the sizes are not known. */
function* partsOf(fact: Fact, messagesMax: number): Generator<FactPart, void, undefined> {
  const all = sourcesOf(fact)
  for (let at = 0; at < all.length; at += messagesMax) {
    const seqs = all.slice(at, at + messagesMax)
    yield { fact, seqs, at, first: at === 0, last: at + seqs.length === all.length }
  }
}
