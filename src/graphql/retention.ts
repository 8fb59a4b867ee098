/** Resolvers of how long what is kept, and of its changes. */

import { toRetentionClassView, toRetentionView } from '../history/retention-view.ts'
import type { RetentionView, RollupRetentionView } from '../history/retention-view.ts'
import { administering } from './administering.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface ClassArguments {
  name: string
  filters?: string[] | null
  keepSeconds?: number | null
  keepBytes?: number | null
}

export function createRetentionResolvers({
  store: { retention, journal, cursors }
}: GraphqlParts): Resolvers {
  const cursor = async (): Promise<string> => cursors.encode((await journal.head()).seq)
  const read = async (): Promise<RetentionView> =>
    toRetentionView(await retention.classes(), await retention.rollups())

  return {
    Query: administering({ retention: { resolve: read } }),
    Mutation: administering({
      setRetentionClass: {
        async resolve(_source, given: ClassArguments, { access }) {
          const { name, filters, keepSeconds = null, keepBytes = null } = given
          const settings = { filters: filters ?? [], keepSeconds, keepBytes }
          const made = await retention.setClass(name, settings, access)
          return { class: toRetentionClassView(made), cursor: await cursor() }
        }
      },
      removeRetentionClass: {
        async resolve(_source, { name }: { name: string }, { access }) {
          await retention.removeClass(name, access)
          return { retention: await read(), cursor: await cursor() }
        }
      },
      setRollupRetention: {
        async resolve(_source, keep: Partial<RollupRetentionView>, { access }) {
          // Its prototype is null
          return { rollups: await retention.setRollups({ ...keep }, access), cursor: await cursor() }
        }
      }
    })
  }
}
