/** Resolvers of the subscriptions. Each event of a page is one result; the next page is read when they are taken. */

import { isFinal } from '../commands/lifecycle.ts'
import { Problem } from '../errors.ts'
import type { EventPage, EventsAsk } from '../feed/events.ts'
import type { Access, Command, Seq } from '../model.ts'
import type { EventType, StreamEvent } from '../views.ts'
import { eventKinds, toCommandView } from '../views.ts'
import { invalid, isUuid, readFilters } from './arguments.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'
import { createStreams } from './streams.ts'

interface StreamArguments {
  filter?: string[] | null
  after?: string | null
}

interface EventsArguments extends StreamArguments {
  types: StreamEvent['type'][]
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

  async function position(after: string | null | undefined): Promise<EventsAsk['after']> {
    if (after == null) return { seq: feed.end(), part: 0 }
    const head = await store.journal.head()
    return after === 'earliest' ? { seq: head.horizon, part: 0 } : store.cursors.decodePosition(after, head)
  }

  return {
    Subscription: {
      events: {
        async subscribe(_source, { filter, types, after }: EventsArguments, { access, signal: gone }) {
          const ask = {
            filters: readFilters(filter, limits),
            types: readTypes(types),
            after: await position(after)
          }
          const begin: StreamEvent = {
            type: 'progress',
            cursor: store.cursors.encode(ask.after.seq, ask.after.part)
          }
          return streams.open(gone, (signal) =>
            each(following([begin], events.events(access, ask, signal)), (event) => ({ events: event }))
          )
        }
      },
      messages: {
        async subscribe(_source, { filter, after }: StreamArguments, { access, signal: gone }) {
          const filters = readFilters(filter, limits)
          const ask = { filters, types: ['message'] as const, after: await position(after) }
          return streams.open(gone, (signal) =>
            only('messages', 'message', events.events(access, ask, signal))
          )
        }
      },
      datapoints: {
        async subscribe(_source, given: DeviceArguments, { access, signal: gone }) {
          const { device, metric, filter, after } = given
          const ask = {
            filters: readFilters(filter, limits),
            types: ['datapoint'] as const,
            after: await position(after),
            device: device ?? undefined,
            metric: metric ?? undefined
          }
          return streams.open(gone, (signal) =>
            only('datapoints', 'datapoint', events.events(access, ask, signal))
          )
        }
      },
      presence: {
        async subscribe(_source, { device, after }: DeviceArguments, { access, signal: gone }) {
          const types = ['presence'] as const
          const ask = { filters: [], types, after: await position(after), device: device ?? undefined }
          return streams.open(gone, (signal) =>
            only('presence', 'presence', events.events(access, ask, signal))
          )
        }
      },
      topicStates: {
        async subscribe(_source, { filter, after }: StreamArguments, { access, signal: gone }) {
          const filters = readFilters(filter, limits)
          const from = after == null ? null : store.cursors.decodePosition(after, await store.journal.head())
          return streams.open(gone, (signal) =>
            each(events.snapshotAndEvents(access, { filters, types: ['state'], from }, signal), (event) => ({
              topicStates: event
            }))
          )
        }
      },
      command: {
        async subscribe(_source, { id }: { id: string }, { access, signal: gone }) {
          const after = feed.end() // listen first, then look: what happens in between is seen
          const command = isUuid(id) ? await store.commands.byId(access, id) : null
          if (command === null) throw new Problem('not_found', 'There is no such command')
          return streams.open(gone, (signal) => follow(parts, access, command, after, signal))
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

async function* following<Page>(
  first: Page,
  pages: AsyncIterable<Page>
): AsyncGenerator<Page, void, undefined> {
  yield first
  yield* pages
}

async function* each<Result>(
  pages: AsyncIterable<EventPage>,
  toResult: (event: StreamEvent) => Result
): AsyncGenerator<Result, void, undefined> {
  for await (const page of pages) for (const event of page) yield toResult(event)
}

/** Only events of one type, so that its field is never null; what was skipped is told with the event behind it. */
async function* only(
  field: string,
  type: OwnType,
  pages: AsyncIterable<EventPage>
): AsyncGenerator<Record<string, unknown>, void, undefined> {
  let skipped = null as { from: string; to: string } | null
  for await (const page of pages) {
    for (const event of page) {
      if (event.type === 'skipped')
        skipped = { from: skipped?.from ?? event.skipped.from, to: event.skipped.to }
      if (event.type !== type) continue
      yield { [field]: { ...event, skipped } }
      skipped = null
    }
  }
}

async function* follow(
  { store, feed }: GraphqlParts,
  access: Access,
  command: Command,
  after: Seq,
  signal: AbortSignal
): AsyncGenerator<{ command: ReturnType<typeof toCommandView> }, void, undefined> {
  yield { command: toCommandView(command) }
  if (isFinal(command.state)) return
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
    if (isFinal(current.state)) return
    seq = current.seq
  }
}
