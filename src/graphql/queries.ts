/** Resolvers of the queries. */

import { keptFrom } from '../feed/kept-from.ts'
import type { Awaits, CommandState } from '../command.ts'
import type { Fact } from '../model.ts'
import { toCommandView } from '../command-views.ts'
import { mayReadFact } from '../visibility.ts'
import { eventKinds, toGapView, toMessageView, toTopicStateView } from '../views.ts'
import type { PageArguments, RangeArguments, SearchArguments } from './arguments.ts'
import {
  invalid,
  isUuid,
  listName,
  readFilters,
  readFirst,
  readInstant,
  readPatterns,
  readRange,
  readSearch
} from './arguments.ts'
import { sortKeyOf } from '../predicate/sort.ts'
import { behind } from './behind.ts'
import type { Connection, List, ListAsk } from './connections.ts'
import { readConnection, readSearchConnection } from './connections.ts'
import type { Context } from './context.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface FactsPage extends PageArguments, RangeArguments {}

interface MessagesPage extends FactsPage {
  filter?: string[] | null
  device?: string[] | null
}

interface TopicsPage extends SearchArguments {
  filter?: string[] | null
  state?: 'retained' | 'tombstone' | null
}

interface AsOfArgument {
  asOf?: string | null
}

interface CommandsPage extends PageArguments, RangeArguments {
  state?: CommandState[] | null
  topic?: string | null
  device?: string | null
  name?: string | null
  awaits?: Awaits[] | null
  batch?: string | null
  retryOf?: string | null
}

export function createQueries({ store, minCursor, limits, status }: GraphqlParts): Resolvers {
  const { journal, states, asOf, commands, cursors } = store
  const connect = <Item, Node>(
    { head }: Context,
    ask: ListAsk,
    list: List<Item, Node>
  ): Promise<Connection<Node>> => readConnection({ cursors, head }, ask, list)

  /** What was committed in the range of time; and since when that is kept, if it begins before. */
  async function connectFacts<Node>(
    context: Context,
    list: 'messages' | 'gaps',
    page: MessagesPage,
    view: (fact: Fact) => Node
  ): Promise<Connection<Node> & { keptFrom: string | null }> {
    const { order, filter, device = null } = page
    const filters = readFilters(filter, limits)
    const devices = readPatterns('device', null, device, limits)
    const limit = readFirst(page.first, limits)
    const times = readRange(page)
    const kinds = eventKinds[list === 'messages' ? 'message' : 'gap']
    let kept: number | null = null
    const connection = await connect(
      context,
      { list: listName(list, order, [filters, device, times]), page },
      {
        async read(after, end) {
          // When the end of the list is known: what is committed in between is in neither
          const range = await journal.range(times)
          const until = Math.min(end, range.to)
          const ask = { from: range.from, until, filters, devices, kinds, after, limit, order }
          const read = await journal.page(context.access, ask)
          if (times.from !== null || times.to !== null)
            kept = await keptFrom(store, { from: range.from, time: times.from }, ask)
          return read
        },
        place: (fact) => fact.seq,
        view
      }
    )
    return { ...connection, keptFrom: kept && new Date(kept).toISOString() }
  }

  return {
    Query: {
      ...behind(minCursor.journal, {
        topics: {
          async resolve(_source, page: TopicsPage, context, info) {
            const filters = readFilters(page.filter, limits)
            const { state = null } = page
            const { ask, list } = readSearch(page, info, limits)
            const instant = await readInstant(page.asOf, asOf)
            return readSearchConnection(
              { cursors, head: instant === null ? context.head : async () => instant },
              { list: listName('topics', page.order, [filters, state, ...list]), page },
              {
                async read(after) {
                  const found = { ...ask, filters, state, asOf: instant, after }
                  const { items, next } = await states.search(context.access, found)
                  return { items, next: next && { ...next, projection: 0 } }
                },
                view: toTopicStateView,
                place: ({ topicId: id }, view) => ({
                  id,
                  key: ask.sort && sortKeyOf(view, ask.sort),
                  projection: 0
                })
              }
            )
          }
        },
        topic: {
          async resolve(_source, { name, asOf: time }: { name: string } & AsOfArgument, { access }) {
            const instant = await readInstant(time, asOf)
            const state =
              instant === null
                ? await states.byName(access, name)
                : await asOf.topic(access, { name }, instant)
            return state && toTopicStateView(state)
          }
        },
        topicById: {
          async resolve(_source, { id, asOf: time }: { id: string } & AsOfArgument, { access }) {
            const instant = await readInstant(time, asOf)
            if (!/^\d{1,15}$/.test(id)) return null
            const state =
              instant === null
                ? await states.byId(access, Number(id))
                : await asOf.topic(access, { id: Number(id) }, instant)
            return state && toTopicStateView(state)
          }
        },
        messages: {
          resolve: (_source, page: MessagesPage, context) =>
            connectFacts(context, 'messages', page, (fact) => toMessageView(fact.message!))
        },
        commands: {
          resolve(_source, page: CommandsPage, context) {
            const limit = readFirst(page.first, limits)
            const { topic = null, device = null, name = null, batch = null, retryOf = null, order } = page
            const range = readRange(page)
            for (const [argument, id] of Object.entries({ batch, retryOf }))
              if (id !== null && !isUuid(id)) throw invalid(argument, `${argument} is a UUID`)
            const states = page.state ?? []
            const awaits = page.awaits ?? []
            const asked = { states, topic, device, name, awaits, batch, retryOf, ...range }
            return connect(
              context,
              { list: listName('commands', order, [asked]), page },
              {
                read: (after) => commands.page(context.access, { ...asked, after, limit, order }),
                place: (command) => command.createdSeq,
                view: toCommandView
              }
            )
          }
        },
        command: {
          async resolve(_source, { id }: { id: string }, { access }) {
            const command = isUuid(id) ? await commands.byId(access, id) : null
            return command && toCommandView(command)
          }
        },
        gaps: {
          resolve: (_source, page: FactsPage, context) => connectFacts(context, 'gaps', page, toGapView)
        }
      }),
      status: { resolve: status }
    },
    Status: {
      lastGap: {
        async resolve(_source, _arguments, { access }) {
          const gap = await journal.lastGap()
          return gap !== null && mayReadFact(access, gap) ? toGapView(gap) : null
        }
      }
    },
    Command: {
      events: {
        resolve: (command, _arguments, context) => context.commandEvents((command as { id: string }).id)
      }
    }
  }
}
