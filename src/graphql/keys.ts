/** Resolvers of API keys. */

import type { KeyChangeAsk, KeyCreateAsk } from '../access/key-ask.ts'
import { toKeyView } from '../access/key-view.ts'
import type { KeyWithText } from '../access/keys.ts'
import { Problem } from '../errors.ts'
import type { Key } from '../key.ts'
import type { PageArguments } from './arguments.ts'
import { invalid, listName, readFirst } from './arguments.ts'
import { readConnection } from './connections.ts'
import { administering } from './administering.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface IdArgument {
  id: string
}

/** Where null is no value, GraphQL takes it all the same. */
type ChangeInput = Omit<KeyChangeAsk, 'name' | 'grants'> & {
  name?: string | null
  grants?: KeyCreateAsk['grants'] | null
}

export function createKeyResolvers({ store, keys, limits }: GraphqlParts): Resolvers {
  const { cursors } = store
  /** What is written is no fact, so the head is behind it. */
  const cursor = async (): Promise<string> => cursors.encode((await store.journal.head()).seq)
  const toPayload = async (key: Key): Promise<object> => ({
    apiKey: toKeyView(key),
    cursor: await cursor()
  })
  const withText = async ({ key, text }: KeyWithText): Promise<object> => ({
    ...(await toPayload(key)),
    key: text
  })

  return {
    Query: administering({
      keys: {
        resolve(_source, page: PageArguments, { access, head }) {
          const { order } = page
          const limit = readFirst(page.first, limits)
          return readConnection(
            { cursors, head },
            { list: listName('keys', order, []), page },
            {
              read: (after) => keys.page(access, { after, limit, order }),
              place: ({ number }) => number,
              view: (key) => toKeyView(key)
            }
          )
        }
      },
      key: {
        async resolve(_source, { id }: IdArgument, { access }) {
          try {
            return toKeyView(await keys.get(access, id))
          } catch (error) {
            if (error instanceof Problem && error.code === 'not_found') return null
            throw error
          }
        }
      }
    }),
    Mutation: administering({
      createKey: {
        resolve: async (_source, { input }: { input: KeyCreateAsk }, { access }) =>
          withText(await keys.create(access, input))
      },
      changeKey: {
        async resolve(_source, { id, input }: IdArgument & { input: ChangeInput }, { access }) {
          const { name, grants, ...rest } = input
          if (name === null) throw invalid('name', 'A key has a name: leave it out, and it stays')
          if (grants === null) throw invalid('grants', 'A key has grants: leave them out, and they stay')
          const change: KeyChangeAsk = {
            ...rest,
            ...(name !== undefined && { name }),
            ...(grants !== undefined && { grants })
          }
          return toPayload(await keys.change(access, id, change))
        }
      },
      rotateKey: {
        resolve: async (
          _source,
          { id, overlapSeconds }: IdArgument & { overlapSeconds: number },
          { access }
        ) => withText(await keys.rotate(access, id, overlapSeconds))
      },
      revokeKey: {
        resolve: async (_source, { id }: IdArgument, { access }) => toPayload(await keys.revoke(access, id))
      }
    })
  }
}
