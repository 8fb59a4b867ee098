/** Resolvers of what changes normalization: redrives, other mappings, forgetting. */

import type { RejectionReason } from '../datapoints.ts'
import type { Access } from '../model.ts'
import { toRedriveView, toReloadedView } from '../projection/views.ts'
import { administering } from './administering.ts'
import type { RangeArguments } from './arguments.ts'
import { readFilters, readRange } from './arguments.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface RedriveArguments extends RangeArguments {
  filter?: string[] | null
  reason?: RejectionReason | null
  mapping?: string | null
}

export function createMappingMutations({ store, projections, limits }: GraphqlParts): Resolvers {
  const cursor = async (): Promise<string> => store.cursors.encode((await store.journal.head()).seq)

  async function forget(access: Access, subject: { device: string } | { topic: string }) {
    return { ...(await projections.forget(access, subject)), cursor: await cursor() }
  }

  return {
    Mutation: administering({
      redrive: {
        async resolve(_source, given: RedriveArguments, { access }) {
          const { reason = null, mapping = null } = given
          const ask = { filters: readFilters(given.filter, limits), reason, mapping, ...readRange(given) }
          return { redrive: toRedriveView(await projections.redrive(access, ask)), cursor: await cursor() }
        }
      },
      reloadMappings: {
        async resolve(_source, { rebuild = null }: { rebuild?: boolean | null }, { access }) {
          const reloaded = await projections.reload({ rebuild, by: access })
          const { seq, horizon } = await store.journal.head()
          return { ...toReloadedView(reloaded, horizon), cursor: store.cursors.encode(seq) }
        }
      },
      forgetDevice: {
        resolve: (_source, { id }: { id: string }, { access }) => forget(access, { device: id })
      },
      forgetTopic: {
        resolve: (_source, { name }: { name: string }, { access }) => forget(access, { topic: name })
      }
    })
  }
}
