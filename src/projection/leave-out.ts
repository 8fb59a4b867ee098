/** Of a chunk what is stored: datapoints that say nothing new are left out, where the mapping stores changes alone. */

import type { NormalizedDatapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { LastByMetric, RuleOf } from '../normalize/deadband.ts'
import { findUnchanged, lastKey } from '../normalize/deadband.ts'
import type { MappingSet } from '../normalize/mapping-set.ts'
import type { ProjectedMessage } from '../store/projected.ts'
import type { Store } from '../store/store.ts'

export interface LeftOut {
  messages: readonly ProjectedMessage[]
  /** Datapoints that are not stored. */
  unchanged: number
}

/** `projection`: its id; what it has stored is what is compared with. */
export async function leaveOut(
  parts: { store: Pick<Store, 'projections'>; limits: Limits },
  projection: { id: number; set: MappingSet },
  messages: readonly ProjectedMessage[]
): Promise<LeftOut> {
  const wanted = metricsToCompare(
    messages.map((one) => ({ ruleOf: ruleFor(projection.set, one), datapoints: one.datapoints }))
  )
  if (wanted.length === 0) return { messages, unchanged: 0 }
  const last: LastByMetric = new Map(wanted.map((metric) => [lastKey(metric), null]))
  for (const [key, stored] of await parts.store.projections.lastStored(projection.id, wanted))
    last.set(key, stored)
  return keepChanges(projection.set, messages, last, parts.limits)
}

/** What was imported has times of receipt of its own, and no mapping: one that has the name of imports is another's. */
export const ruleFor = (
  set: Pick<MappingSet, 'storing'>,
  { mapping, datapoints }: Pick<ProjectedMessage, 'mapping' | 'datapoints'>
): RuleOf | null => (datapoints[0]?.receivedAt === undefined ? set.storing(mapping) : null)

/** Device and metric, each once, of the datapoints that may be left out. */
export function metricsToCompare(
  messages: ReadonlyArray<{ ruleOf: RuleOf | null; datapoints: readonly NormalizedDatapoint[] }>
): Array<{ device: string; metric: string }> {
  const wanted = new Map<string, { device: string; metric: string }>()
  for (const { ruleOf, datapoints } of messages) {
    if (ruleOf === null) continue
    for (const one of datapoints)
      if (one.role === 'state' && ruleOf(one.metric) !== null) wanted.set(lastKey(one), one)
  }
  return [...wanted.values()]
}

/** Pure. Numbers of datapoints stay those that they have in their messages. */
export function keepChanges(
  set: Pick<MappingSet, 'storing'>,
  messages: readonly ProjectedMessage[],
  last: LastByMetric,
  limits: Pick<Limits, 'comparedExactBytesMax'>
): LeftOut {
  let unchanged = 0
  const kept = messages.map((message): ProjectedMessage => {
    const found = findUnchanged(message.datapoints, ruleFor(set, message), last, limits)
    if (found.length === 0) return message
    unchanged += found.length
    const out = new Set(found.map(({ n }) => n))
    const numbers = [...message.datapoints.keys()].filter((n) => !out.has(n))
    return { ...message, datapoints: numbers.map((n) => message.datapoints[n]!), numbers }
  })
  return { messages: kept, unchanged }
}
