/** Streams: what was told an administrator, without what may not be read, in the same order and by the same cursors. */

import { eventually } from '../support/eventually.ts'
import type { SseEvent } from '../support/sse.ts'
import { openSse } from '../support/sse.ts'
import { assertNoTopics } from './fuzz-context.ts'
import type { Asking, Item } from './fuzz-context.ts'
import { joined, oneOf, someFilters } from './fuzz-asks.ts'
import { maySee } from './fuzz-topics.ts'

const types = ['message', 'datapoint', 'presence', 'command', 'gap']

/** All events up to where the journal is; the world stands still, so its last `progress` tells that. */
async function readAll(url: string, headers: Record<string, string>, end: string): Promise<SseEvent[]> {
  const stream = await openSse(url, headers)
  if (stream.status !== 200) throw new Error(`${url}: ${stream.status}`)
  await eventually(() => stream.events.at(-1)?.id === end, { what: `${url} comes to its end` })
  stream.close()
  return stream.events.filter(({ event }) => event !== 'progress')
}

const toldOf = ({ event, data }: SseEvent): Item => data[event]

export function isSeen(asking: Asking, told: SseEvent, sent: ReadonlyMap<string, Item>): boolean {
  if (told.event === 'gap') return true
  const { topic, id } = toldOf(told)
  if (told.event === 'command') return maySee(asking, { topic, device: null, ...sent.get(id) })
  return asking.may(topic)
}

/** Which states are told on the way depends on what is read at once; in the end they are what is so. */
export async function states(asking: Asking): Promise<void> {
  const { oracle, world } = asking
  const end = (await oracle.get('status')).body.journal.cursor as string
  const path = joined('stream', ['types=state', 'after=earliest', ...someFilters(asking)])
  const lastOf = (events: readonly SseEvent[]): Map<string, Item> =>
    new Map(events.map(({ data }) => [data.state.topic as string, data.state as Item]))
  const whole = await oracle.once(`states ${path}`, () => readAll(`${world.url}/v1/${path}`, {}, end))
  const events = await readAll(`${asking.url}/v1/${path}`, asking.headers, end)
  asking.same(lastOf(events), new Map([...lastOf(whole)].filter(([topic]) => asking.may(topic))), path)
}

export async function streams(asking: Asking): Promise<void> {
  const { oracle, world } = asking
  const end = (await oracle.get('status')).body.journal.cursor as string
  const snapshot = asking.chance(0.3)
  const parts = [
    ...someFilters(asking),
    ...(snapshot ? ['types=state', 'snapshot=true'] : types.map((type) => `types=${type}`)),
    ...oneOf(asking, 'where', ['gt(payload/temperature,2)', 'exists(topic)'], 0.3),
    ...(snapshot ? [] : oneOf(asking, 'device', ['a-1', 'lone'], 0.2))
  ]
  const path = joined('stream', [...parts, ...(snapshot ? [] : ['after=earliest'])])
  const whole = await oracle.once(`stream ${path}`, () => readAll(`${world.url}/v1/${path}`, {}, end))
  const sent = await oracle.once('commands by id', async () => {
    const all = await oracle.walk('commands')
    return new Map(all.map((command) => [command['id'] as string, command]))
  })
  const expected = whole.filter((told) => isSeen(asking, told, sent))
  const { headers } = asking
  const events = await readAll(`${asking.url}/v1/${path}`, headers, end)
  for (const { event, data } of events)
    if (event !== 'command') assertNoTopics(JSON.stringify(data), asking.may, path)
  asking.note(events.length > 0)
  asking.same(events, expected, path)
  if (whole.length === 0) return
  // From an event on that may be one that is not seen
  const from = asking.below(whole.length)
  const behind = { ...headers, 'last-event-id': whole[from]!.id }
  asking.same(
    await readAll(`${asking.url}/v1/${path}`, behind, end),
    whole.slice(from + 1).filter((told) => isSeen(asking, told, sent)),
    `${path} behind event ${from}`
  )
}
