/** A service that has just started takes up its mappings in the background: what comes before is for the rebuild. */

import type { App } from '../../src/app.ts'
import { eventually } from './eventually.ts'

/** The mappings are in use, and nothing is being built. */
export async function adopted({ store, projections }: App): Promise<void> {
  await eventually(
    async () => {
      const [list, { hash }] = [await store.projections.list(), await projections.mappings()]
      const current = list.find(({ state }) => state === 'current')
      return current?.mappingHash === hash && !list.some(({ state }) => state === 'building')
    },
    { what: 'the mappings are in use' }
  )
}
