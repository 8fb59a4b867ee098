/** Resolver of the audit. */

import { toAuditView } from '../store/audit-log.ts'
import { administering } from './administering.ts'
import type { PageArguments, RangeArguments } from './arguments.ts'
import { listName, readFirst, readRange } from './arguments.ts'
import { readConnection } from './connections.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface AuditArguments extends PageArguments, RangeArguments {
  principal?: string | null
  action?: string | null
  subject?: string | null
}

export function createAuditQueries({ store, limits }: GraphqlParts): Resolvers {
  const { audit, cursors } = store
  return {
    Query: administering({
      audit: {
        resolve(_source, page: AuditArguments, { access, head }) {
          const { order, principal = null, action = null, subject = null } = page
          const ask = { principal, action, subject, ...readRange(page) }
          const limit = readFirst(page.first, limits)
          return readConnection(
            { cursors, head },
            { list: listName('audit', order, [ask]), page },
            {
              read: (after) => audit.page(access, { ...ask, after, limit, order }),
              place: ({ seq }) => seq,
              view: toAuditView
            }
          )
        }
      }
    })
  }
}
