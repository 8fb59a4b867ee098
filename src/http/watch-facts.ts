/** Lists of the journal, and of what it says of topics, change with facts of some kinds. */

import type { Watched } from '../feed/watch.ts'
import type { Access, FactKind } from '../model.ts'
import { compileFilters } from '../topic.ts'

/** Made only for those who wait. */
export const watchFacts =
  (access: Access, kinds: readonly FactKind[], filters: readonly string[]): (() => Watched) =>
  () => {
    const matches = compileFilters(filters)
    return {
      facts: ({ kind, topic }) =>
        kinds.includes(kind) && (topic === null || (matches(topic) && access.mayRead(topic)))
    }
  }
