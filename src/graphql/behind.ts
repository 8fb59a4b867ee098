/** Read your writes: fields with `minCursor` read when what they read has come that far. */

import type { MinCursor } from '../feed/min-cursor.ts'
import type { Resolvers } from './executable.ts'

type Fields = Resolvers[string]

/** `wait` is for the journal or for the projection, as the fields read. */
export const behind = (wait: MinCursor['journal'], fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, { resolve }]) => [
      name,
      {
        async resolve(source, given, context, info) {
          const { minCursor } = given as { minCursor?: string | null }
          if (minCursor != null) await wait(minCursor, context.signal)
          return resolve!(source, given, context, info)
        }
      } satisfies Fields[string]
    ])
  )
