/** Resolvers of webhooks. */

import { Problem } from '../errors.ts'
import type { WebhookChangeAsk, WebhookCreateAsk, WebhookWithSecret } from '../webhooks/webhooks.ts'
import { invalid } from './arguments.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface IdArgument {
  id: string
}

/** Where null is no value, GraphQL takes it all the same. */
type UpdateInput = Omit<WebhookChangeAsk, 'url' | 'state'> & {
  url?: string | null
  state?: 'active' | 'paused' | null
}

export function createWebhookResolvers({ store, webhooks }: GraphqlParts): Resolvers {
  /** What is written is no fact, so the head is behind it. */
  const cursor = async (): Promise<string> => store.cursors.encode((await store.journal.head()).seq)
  const toPayload = async ({ secret, ...webhook }: WebhookWithSecret): Promise<object> => ({
    webhook,
    secret,
    cursor: await cursor()
  })

  return {
    Query: {
      webhooks: { resolve: (_source, _arguments, { access }) => webhooks.list(access) },
      webhook: {
        async resolve(_source, { id }: IdArgument, { access }) {
          try {
            return await webhooks.get(access, id)
          } catch (error) {
            if (error instanceof Problem && error.code === 'not_found') return null
            throw error
          }
        }
      }
    },
    Mutation: {
      createWebhook: {
        resolve: async (_source, { input }: { input: WebhookCreateAsk }, { access }) =>
          toPayload(await webhooks.create(access, { ...input }))
      },
      updateWebhook: {
        async resolve(_source, { id, input }: IdArgument & { input: UpdateInput }, { access }) {
          const { url, state, ...rest } = input
          if (url === null) throw invalid('url', 'A webhook has a URL: leave it out, and it stays')
          if (state === null) throw invalid('state', 'A webhook has a state: leave it out, and it stays')
          const change: WebhookChangeAsk = {
            ...rest,
            ...(url !== undefined && { url }),
            ...(state !== undefined && { state })
          }
          return { webhook: await webhooks.change(access, id, change), cursor: await cursor() }
        }
      },
      rotateWebhookSecret: {
        resolve: async (_source, { id }: IdArgument, { access }) =>
          toPayload(await webhooks.rotate(access, id))
      },
      deleteWebhook: {
        async resolve(_source, { id }: IdArgument, { access }) {
          await webhooks.remove(access, id)
          return { id, cursor: await cursor() }
        }
      },
      pingWebhook: {
        async resolve(_source, { id }: IdArgument, { access, signal }) {
          return { ...(await webhooks.ping(access, id, signal)), cursor: await cursor() }
        }
      }
    }
  }
}
