/** `store` of rialto.yaml: which datapoints of a mapping, a metric or a convention are stored. */

import type { Limits } from '../limits.ts'
import type { StoreRule } from './deadband.ts'
import type { Entry } from './document-entry.ts'

const example = '{ deadband: 0.5, atLeastEvery: 10m }'

/** null: each of them; undefined: there are faults. */
export function readStore(entry: Entry, limits: Limits): StoreRule | null | undefined {
  if (!entry.isMap) {
    const word = entry.oneOf(['changes', 'all'])
    if (word === null) return undefined
    return word === 'all' ? null : { deadband: null, atLeastEverySeconds: null }
  }
  const members = entry.map(['deadband', 'atLeastEvery'], example)!
  const [banded, timed] = [members.get('deadband'), members.get('atLeastEvery')]
  if (entry.isEmpty) {
    entry.fault('store says nothing', `Write store: changes, or for instance store: ${example}`)
    return undefined
  }
  const deadband = banded === undefined ? null : readDeadband(banded)
  const atLeastEverySeconds = timed === undefined ? null : timed.duration(limits.storeEverySecondsMax)
  return members.size === 0 ||
    (banded !== undefined && deadband === null) ||
    (timed !== undefined && atLeastEverySeconds === null)
    ? undefined
    : { deadband, atLeastEverySeconds }
}

function readDeadband(entry: Entry): StoreRule['deadband'] {
  if (!entry.isMap) {
    const by = entry.positive(Number.MAX_VALUE, '0.5')
    return by === null ? null : { by }
  }
  const share = entry.map(['percent'], '{ percent: 1 }')?.get('percent')
  if (share === undefined) return entry.fault('deadband says nothing', 'Write a number, or { percent: 1 }')
  const percent = share.positive(100, '1')
  return percent === null ? null : { percent }
}
