/** Resolvers of batches: one command to many devices. */

import type { BatchOutcome, BatchState } from '../command-batch.ts'
import { toBatchOutcomeView, toBatchView } from '../command-batch-views.ts'
import type { BatchView } from '../command-batch-views.ts'
import type { BatchInput } from '../commands/batch-ask.ts'
import { readBatchAsk } from '../commands/batch-ask.ts'
import { noSuchBatch } from '../commands/batches.ts'
import { contentTypeOf } from '../commands/encode-payload.ts'
import type { PageArguments } from './arguments.ts'
import { isUuid, listName, readFirst } from './arguments.ts'
import { behind } from './behind.ts'
import type { PayloadInput } from './command-input.ts'
import { readPayload, stringify } from './command-input.ts'
import { readConnection } from './connections.ts'
import type { Resolvers } from './executable.ts'
import { checkKey } from './command-sending.ts'
import type { GraphqlParts } from './parts.ts'

interface BatchesPage extends PageArguments {
  state?: BatchState[] | null
}

interface SendBatchInput extends BatchInput, PayloadInput {
  idempotencyKey?: string | null
}

export function createBatchResolvers(parts: GraphqlParts): Resolvers {
  const { store, batches, limits, minCursor } = parts
  const { cursors, journal } = store
  const cursorOf = async (seq: number): Promise<string> => cursors.encode(seq || (await journal.head()).seq)

  return {
    Query: behind(minCursor.journal, {
      batches: {
        resolve(_source, page: BatchesPage, { access, head }) {
          const limit = readFirst(page.first, limits)
          const { order } = page
          const states = page.state ?? []
          return readConnection(
            { cursors, head },
            { list: listName('batches', order, [states]), page },
            {
              read: (after) => store.batches.page(access, { states, after, limit, order }),
              place: ({ seq }) => seq,
              view: toBatchView
            }
          )
        }
      },
      batch: {
        async resolve(_source, { id }: { id: string }, { access }) {
          const batch = isUuid(id) ? await store.batches.byId(access, id) : null
          return batch && toBatchView(batch)
        }
      },
      batchOutcomes: {
        async resolve(
          _source,
          { id, first, after: token }: { id: string; first?: number | null; after?: string | null },
          { access, head }
        ) {
          const limit = readFirst(first, limits)
          const batch = isUuid(id) ? await store.batches.byId(access, id) : null
          if (batch === null) throw noSuchBatch()
          const page: PageArguments = { order: 'asc', ...(token != null && { after: token }) }
          return readConnection(
            { cursors, head },
            { list: listName('batchOutcomes', 'asc', [id]), page },
            {
              read: (after) => store.batches.outcomes(access, batch, { after, limit }),
              place: ({ n }) => n,
              view: toOutcome
            }
          )
        }
      }
    }),
    Mutation: {
      sendBatch: {
        async resolve(_source, { input }: { input: SendBatchInput }, { access, trace }) {
          const { idempotencyKey = null, ...given } = input
          checkKey(idempotencyKey, limits.idempotencyKeyCharsMax)
          const ask = readBatchAsk(
            given,
            { payload: readPayload(given), contentType: contentTypeOf[given.encoding ?? 'json'] },
            limits
          )
          const { answer, seq } = await batches.send(access, ask, {
            idempotencyKey,
            body: `graphql:sendBatch:${stringify(given)}`,
            trace,
            toAnswer: (batch) => JSON.stringify(toBatchView(batch))
          })
          return { batch: JSON.parse(answer) as BatchView, cursor: await cursorOf(seq) }
        }
      },
      cancelBatch: {
        async resolve(_source, { id }: { id: string }, { access }) {
          if (!isUuid(id)) throw noSuchBatch()
          const batch = await batches.cancel(access, id)
          return { batch: toBatchView(batch), cursor: await cursorOf(0) }
        }
      }
    }
  }
}

/** A Problem is an Error, which GraphQL would take for a field that failed. */
function toOutcome(outcome: BatchOutcome) {
  const { device, command } = toBatchOutcomeView(outcome)
  return { device, command, problem: 'refusal' in outcome ? outcome.refusal : null }
}
