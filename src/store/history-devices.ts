/** Devices that a predicate holds of, for reads of their series. */

import type { SearchPlace } from '../cursor.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Predicate } from '../predicate/predicate.ts'
import type { Devices } from './devices.ts'

/** Their ids. Throws Problem query_too_complex where there are too many, or too many to look at. */
export async function devicesWhere(
  devices: Pick<Devices, 'search'>,
  limits: Pick<Limits, 'searchStepRowsMax' | 'sortTopicsMax'>,
  access: Access,
  where: Predicate
): Promise<number[]> {
  const { searchStepRowsMax: limit, sortTopicsMax } = limits
  const ids: number[] = []
  let after: SearchPlace | null = null
  // A page that finds few looks at as many as a page may, so this bounds also what is looked at in vain
  for (let pages = 0; pages * limit < sortTopicsMax; pages++) {
    const page = await devices.search(access, {
      where,
      sort: null,
      order: 'asc',
      metrics: [],
      asOf: null,
      after,
      limit
    })
    for (const { device } of page.items) ids.push(device.id)
    if (page.next === null) return ids
    after = page.next
  }
  const detail = `holds of more than ${sortTopicsMax} devices, or looks at too many: narrow it, or name the devices`
  throw new Problem('query_too_complex', `where ${detail}`, [{ pointer: 'where', detail }])
}
