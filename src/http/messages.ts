/** GET messages and gaps: the journal, a page at a time. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import { keptFrom } from '../feed/kept-from.ts'
import { mayMiss } from '../feed/missing.ts'
import type { Fact, FactKind, Millis, Seq } from '../model.ts'
import type { JournalAsk } from '../store/journal.ts'
import { eventKinds, toGapView, toMessageView, toTime } from '../views.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { checkFilters, createPaging, filterQuery, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { listAnswerHeaders, listRefusals, minCursorQuery, notModified, readHeaders } from './reads.ts'
import { ref, strict } from './schemas.ts'
import { messagesOfQuery, readPatterns } from './series-query.ts'
import type { TimeRange } from './time-range.ts'
import { readTimeRange, timeRange } from './time-range.ts'
import { watchFacts } from './watch-facts.ts'

interface FactsQuery {
  filter?: string[]
  device?: string[]
  from?: string
  to?: string
  limit?: number
  page?: string
  order?: 'asc' | 'desc'
  after?: string
}

const afterQuery = {
  after: Type.Optional(
    Type.String({
      description:
        'A cursor from anywhere, or `earliest`: oldest first, only what came behind it. `cursor` of the answer is then ' +
        'where to go on, so that reading is repeated with it as `after`',
      examples: ['earliest']
    })
  )
}
/** Facts are asked for by the time that `asOf` goes by, too. */
const committed = timeRange('the time of commit, a moment after receipt,')
const order =
  'Newest first unless `order` says otherwise, or `after` is given. What comes after the first page was read is not in ' +
  'later pages of it. `from` and `to` go by the time of commit, as `asOf` does; a `to` in the future is the first page. ' +
  'A range that begins before what is kept has `keptFrom`: everything committed from then on is there.'

export async function messageRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  const paging = createPaging(store)
  const schema = { tags: ['Messages'], headers: readHeaders(limits) }
  const queries = { ...committed, ...pageQuery(limits, 'desc'), ...afterQuery, ...minCursorQuery }

  /** `keptFrom` of the page, where the range begins before what is kept. */
  async function reachOf(
    time: Millis | null,
    ask: JournalAsk & { from: Seq }
  ): Promise<{ keptFrom?: string }> {
    const at = await keptFrom(store, { from: ask.from, time }, ask)
    return at === null ? {} : { keptFrom: toTime(at) }
  }

  /** The fact behind which `after` begins; null: it is not given. */
  async function startOf(after: string | undefined): Promise<Seq | null> {
    if (after === undefined) return null
    const head = await store.journal.head()
    if (after === 'earliest') return head.horizon
    const { seq, part } = store.cursors.decodePosition(after, head)
    // A reader who has seen some events of a fact has seen the fact, which is the first of them
    return part > 0 ? seq + 1 : seq
  }

  /** Behind a cursor, what may be asked for is there whole or not at all; who asks for what is kept gets that. */
  async function isGone(after: Seq, token: string | undefined, ask: JournalAsk): Promise<boolean> {
    if (after < (await store.journal.head()).horizon) return true
    if (token === undefined || token === 'earliest') return false
    return (await store.retention.dropped()).some((one) => one.horizon > after && mayMiss(one, ask))
  }

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    kinds: readonly FactKind[],
    toView: (fact: Fact) => unknown
  ): Promise<unknown> {
    const { access } = request
    const query = request.query as FactsQuery
    const { limit = limits.pageItemsDefault, page, after: token } = query
    const order = orderOf(query)
    const filters = checkFilters(query.filter, limits)
    const devices = readPatterns(query.device, limits, 'device')
    const times = readTimeRange(query)
    const list = [kinds, filters, query.device ?? [], times, order, ...(token === undefined ? [] : [token])]
    const isOver = times.to !== null && times.to <= Date.now()
    return reads(request, reply, {
      behind: 'journal',
      watched: watchFacts(access, kinds, filters),
      fixedBy: [...(page === undefined ? [] : ['page']), ...(isOver ? ['to'] : [])],
      async look() {
        const place = await paging.open(list, page)
        const after = place.after ?? (await startOf(token))
        const range = await store.journal.range(times)
        const until = Math.min(place.until, range.to)
        const ask = { from: range.from, until, after, filters, devices, kinds, limit, order }
        const { items, next } = await store.journal.page(access, ask)
        // Looked at afterwards, so that nothing can have been taken meanwhile
        if (order === 'asc' && after !== null && (await isGone(after, token, ask)))
          throw new Problem(
            'cursor_expired',
            'Retention took some of what follows, or did so while it was being read: begin again, with `earliest` for what is kept'
          )
        return paging.close({
          list,
          until: place.until,
          items,
          next,
          limit,
          toView,
          versionOf: ({ seq }) => seq,
          ...(isRange(times) && { more: await reachOf(times.from, ask) }),
          ...(token !== undefined && { cursor: next ?? place.until })
        })
      }
    })
  }

  app.get(
    '/messages',
    {
      schema: {
        ...schema,
        operationId: 'listMessages',
        summary: 'Messages as they were received',
        description: order,
        querystring: strict({ ...filterQuery, ...messagesOfQuery, ...queries }),
        response: {
          200: json('A page of messages', ref('MessagePage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('invalid_filter', 'query_too_complex', 'cursor_expired', ...listRefusals)
        }
      }
    },
    async (request, reply) =>
      answer(request, reply, eventKinds.message, ({ message }) => toMessageView(message!))
  )

  app.get(
    '/gaps',
    {
      schema: {
        ...schema,
        operationId: 'listGaps',
        summary: 'Intervals in which messages may be missing',
        description: order,
        querystring: strict(queries),
        response: {
          200: json('A page of gaps', ref('GapPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('cursor_expired', ...listRefusals)
        }
      }
    },
    async (request, reply) => answer(request, reply, eventKinds.gap, toGapView)
  )
}

const isRange = ({ from, to }: TimeRange): boolean => from !== null || to !== null

/** Behind a cursor there is one direction. */
function orderOf({ after, order }: FactsQuery): 'asc' | 'desc' {
  if (after === undefined) return order ?? 'desc'
  if (order !== 'desc') return 'asc'
  const detail = 'desc does not go with after: what came behind a cursor is read oldest first'
  throw new Problem('invalid_value', `order ${detail}`, [{ pointer: 'order', detail }])
}
