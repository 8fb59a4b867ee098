/** Fields that are only for administrators. */

import { mustAdminister } from '../access/administer.ts'
import type { Resolvers } from './executable.ts'

type Fields = Resolvers[string]

/** Nothing is read or written for anybody else: Problem forbidden. */
export const administering = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, { resolve }]) => [
      name,
      {
        resolve(source, given, context, info) {
          mustAdminister(context.access)
          return resolve!(source, given, context, info)
        }
      } satisfies Fields[string]
    ])
  )
