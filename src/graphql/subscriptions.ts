/** Resolvers of the subscriptions. Each event of a page is one result; the next page is read when they are taken. */

import { isFinal } from '../commands/lifecycle.ts'
import { Problem } from '../errors.ts'
import type { EventPage } from '../feed/events.ts'
import type { FollowAsk } from '../feed/follow.ts'
import { createFollow } from '../feed/follow.ts'
import type { Command } from '../command.ts'
import type { Access, Seq } from '../model.ts'
import type { EventType, SkippedView, StreamEvent } from '../views.ts'
import { toCommandView } from '../command-views.ts'
import { eventKinds } from '../views.ts'
import { invalid, isUuid, readFilters } from './arguments.ts'
import type { Context } from './context.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'
import { createStreams } from './streams.ts'

interface StreamArguments {
  filter?: string[] | null
  after?: string | null
  where?: string | null
  mode: 'all' | 'latest'
  maxRate?: number | null
}

interface EventsArguments extends StreamArguments {
  types: StreamEvent['type'][]
  snapshot: boolean
}

interface DeviceArguments extends StreamArguments {
  device?: string | null
  metric?: string | null
}

/** Types of events that have a subscription of their own. */
type OwnType = 'message' | 'datapoint' | 'presence'

export function createSubscriptions(parts: GraphqlParts): Resolvers {
  const { store, feed, events, limits } = parts
  const streams = createStreams(parts)
  const { cursors, journal } = store
  const follow = createFollow({ events, cursors, head: () => journal.head(), limits, pointer: '/' })

  async function open<Item>(
    { access, signal: gone }: Context,
    { filter, ...asked }: StreamArguments & Omit<FollowAsk, 'filters'> & { filter?: string[] | null },
    toItems: (pages: AsyncIterable<EventPage>) => AsyncGenerator<Item, void, undefined>
  ): Promise<AsyncGenerator<Item, void, undefined>> {
    const following = await follow(access, { ...asked, filters: readFilters(filter, limits) })
    return streams.open(gone, (signal) => toItems(following(signal)))
  }

  return {
    Subscription: {
      events: {
        subscribe: async (_source, asked: EventsArguments, context) =>
          open(context, { ...asked, types: readTypes(asked.types) }, (pages) => each('events', pages))
      },
      messages: {
        subscribe: async (_source, asked: StreamArguments, context) =>
          open(context, { ...asked, types: ['message'] }, (pages) => only('messages', 'message', pages))
      },
      datapoints: {
        subscribe: async (_source, asked: DeviceArguments, context) =>
          open(context, { ...asked, types: ['datapoint'] }, (pages) => only('datapoints', 'datapoint', pages))
      },
      presence: {
        subscribe: async (_source, asked: DeviceArguments, context) =>
          open(context, { ...asked, types: ['presence'] }, (pages) => only('presence', 'presence', pages))
      },
      topicStates: {
        subscribe: async (_source, asked: StreamArguments, context) =>
          open(context, { ...asked, types: ['state'], snapshot: true }, (pages) => each('topicStates', pages))
      },
      command: {
        async subscribe(_source, { id }: { id: string }, { access, signal: gone }) {
          const after = feed.end() // listen first, then look: what happens in between is seen
          const command = isUuid(id) ? await store.commands.byId(access, id) : null
          if (command === null) throw new Problem('not_found', 'There is no such command')
          return streams.open(gone, (signal) => followCommand(parts, access, command, after, signal))
        }
      }
    }
  }
}

/** `skipped` and `progress` are about the stream itself and always come. */
function readTypes(types: readonly StreamEvent['type'][]): EventType[] {
  const kinds = types.filter((type): type is EventType => Object.hasOwn(eventKinds, type))
  if (kinds.length === 0)
    throw invalid('types', `Ask for at least one of ${Object.keys(eventKinds).join(', ')}`)
  return kinds
}

async function* each(
  field: string,
  pages: AsyncIterable<EventPage>
): AsyncGenerator<Record<string, StreamEvent>, void, undefined> {
  for await (const page of pages) for (const event of page) yield { [field]: event }
}

/** Only events of one type, so that its field is never null; what was skipped is told with the event behind it. */
async function* only(
  field: string,
  type: OwnType,
  pages: AsyncIterable<EventPage>
): AsyncGenerator<Record<string, unknown>, void, undefined> {
  let skipped = null as SkippedView | null
  for await (const page of pages) {
    for (const event of page) {
      if (event.type === 'skipped')
        skipped = skipped === null ? event.skipped : joinSkipped(skipped, event.skipped)
      if (event.type !== type) continue
      yield { [field]: { ...event, skipped } }
      skipped = null
    }
  }
}

function joinSkipped(one: SkippedView, other: SkippedView): SkippedView {
  const [first] = [one.from, other.from].toSorted(bySeq)
  const [last] = [one.to, other.to].toSorted(bySeq).toReversed()
  const retentionClass = one.retentionClass === other.retentionClass ? one.retentionClass : null
  return { from: first!, to: last!, retentionClass }
}

const bySeq = (one: string, other: string): number => Number(one) - Number(other)

async function* followCommand(
  { store, feed }: GraphqlParts,
  access: Access,
  command: Command,
  after: Seq,
  signal: AbortSignal
): AsyncGenerator<{ command: ReturnType<typeof toCommandView> }, void, undefined> {
  yield { command: toCommandView(command) }
  if (isFinal(command)) return
  let { seq } = command
  for await (const page of feed.read(
    access,
    { after, filters: [], kinds: ['command'], commandId: command.id },
    signal
  )) {
    if (page.facts.length === 0) continue
    const current = await store.commands.byId(access, command.id)
    if (current === null) return
    if (current.seq > seq) yield { command: toCommandView(current) }
    if (isFinal(current)) return
    seq = current.seq
  }
}
