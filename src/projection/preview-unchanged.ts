/** Of what a preview gives, what would not be stored since it is as the last stored datapoint, and why. */

import type { Limits } from '../limits.ts'
import type { Access, Seq } from '../model.ts'
import type { LastByMetric, LastStored, StoreRule } from '../normalize/deadband.ts'
import { findUnchanged, lastKey } from '../normalize/deadband.ts'
import type { MappingSet } from '../normalize/mapping-set.ts'
import type { StoredLast } from '../store/projected.ts'
import type { Store } from '../store/store.ts'
import { toTime, valueText } from './evidence.ts'
import { metricsToCompare } from './leave-out.ts'
import type { Preview } from './projections.ts'

export interface UnchangedParts {
  store: Pick<Store, 'projections' | 'datapoints'>
  limits: Limits
}

/** A preview that does not know yet what of it would not be stored; `by`: the mapping that gave its datapoints. */
export interface Previewed {
  /** 0: the message is made up. */
  seq: Seq
  by: string
  preview: Preview
}

/**
 * None of the messages knows of another. Only what is stored of topics that the reader may read is compared with. Of a message
 * that is projected already, what is stored of it tells.
 */
export async function tellUnchanged(
  { store, limits }: UnchangedParts,
  access: Access,
  set: MappingSet,
  previewed: readonly Previewed[]
): Promise<Preview[]> {
  const previews = previewed.map(({ preview }) => preview)
  const wanted = metricsToCompare(
    previewed.map(({ by, preview }) => ({ ruleOf: set.storing(by), datapoints: preview.datapoints }))
  )
  if (wanted.length === 0) return previews
  const current = (await store.projections.list()).find(({ state }) => state === 'current')
  if (current === undefined) return previews
  const latest = await store.projections.lastStored(current.id, wanted)
  const seqs = previewed.flatMap(({ seq }) => (seq === 0 ? [] : [seq]))
  const stored = await store.datapoints.bySeqs(seqs)
  const readable = wanted.flatMap((metric): Array<[string, StoredLast | null]> => {
    const last = latest.get(lastKey(metric)) ?? null
    return [[lastKey(metric), last !== null && access.mayRead(last.topic) ? last : null]]
  })
  return previewed.map(({ seq, by, preview }) => {
    const ruleOf = set.storing(by)
    const why = new Map<number, string>()
    const last: LastByMetric = new Map(readable)
    const places = new Set((stored.get(seq) ?? []).map(({ n }) => n))
    if (seq !== 0)
      for (const [key, one] of readable) {
        if (one === null || one.seq < seq) continue
        last.delete(key)
        for (const datapoint of preview.datapoints)
          if (lastKey(datapoint) === key && datapoint.role === 'state' && ruleOf?.(datapoint.metric))
            if (!places.has(datapoint.n)) why.set(datapoint.n, 'When it came, it was as the last stored one')
      }
    for (const one of findUnchanged(preview.datapoints, ruleOf, last, limits))
      why.set(one.n, reason(one.rule, one.last, limits))
    return why.size === 0 ? preview : split(preview, why)
  })
}

function split(preview: Preview, why: ReadonlyMap<number, string>): Preview {
  return {
    ...preview,
    datapoints: preview.datapoints.filter(({ n }) => !why.has(n)),
    unchanged: preview.datapoints.flatMap((datapoint) => {
      const reasoned = why.get(datapoint.n)
      return reasoned === undefined ? [] : [{ ...datapoint, why: reasoned }]
    })
  }
}

function reason({ deadband }: StoreRule, last: LastStored, { comparedExactBytesMax }: Limits): string {
  const long = last.exactBytes > comparedExactBytesMax
  const value = long ? `${last.exactBytes} bytes` : valueText(last)
  const stored = `the last stored one, ${value}${last.unit === null ? '' : ` ${last.unit}`}, observed ${toTime(last.observedAt)}`
  if (deadband === null || (last.type !== 'number' && last.type !== 'integer')) return `It is as ${stored}`
  const room = 'by' in deadband ? String(deadband.by) : `${deadband.percent} percent of it`
  return `It differs by no more than the deadband, ${room}, from ${stored}`
}
