/** Resolver of what whoever asks may do. */

import type { PermissionAsk } from '../access/permissions.ts'
import { tellPermissions } from '../access/permissions.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

export const createPermissionQueries = ({ limits }: Pick<GraphqlParts, 'limits'>): Resolvers => ({
  Query: {
    permissions: {
      resolve: (_source, { checks }: { checks: PermissionAsk[] }, { access }) =>
        tellPermissions(access, checks, limits)
    }
  }
})
