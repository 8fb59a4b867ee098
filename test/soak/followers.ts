/**
 * Subscribers that read a stream from its beginning to its end by its cursors: over Server-Sent Events or GraphQL, a while
 * at one instance, then at another, whether they leave or are thrown out. Each notes what it was told, in its order.
 */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:http'
import { WebSocket } from 'ws'
import { pause } from '../faults/provocations.ts'
import type { Rialto } from '../faults/rialto.ts'
import type { Answers, Key } from './asking.ts'
import { answerMsMax, anyOf, bearer, noAnswers, take } from './asking.ts'

export type Told = 'message' | 'datapoint' | 'command'
export type Surface = 'sse' | 'graphql'

export interface FollowerOptions {
  instances: readonly Rialto[]
  key: Key
  surface: Surface
  told: Told
  filter: string
  /** How long it stays at most. */
  staysMsMax: number
}

export interface Follower {
  name: string
  told: Told
  filter: string
  /** Of each event: the seq of a message or command, seq and n of a datapoint. */
  seen: string[]
  /** Events that retention took before they were read. */
  skipped: number
  connections: number
  answers: Answers
  /** It leaves, and comes back when it is false again. */
  resting: boolean
  /** Not connected. */
  isAway(): boolean
  stop(): Promise<void>
}

interface Event {
  cursor: string
  type: string
  message?: { seq: string } | null
  command?: { seq: string } | null
  datapoint?: { seq: string; n: number } | null
}

export function startFollower(options: FollowerOptions): Follower {
  const { instances, surface, told, filter, staysMsMax } = options
  let after = 'earliest'
  let stopping = false
  let connected = false
  let leave = (): void => {}

  function onEvent(event: Event): void {
    after = event.cursor
    if (event.type === 'skipped') follower.skipped++
    if (event.message != null) follower.seen.push(event.message.seq)
    if (event.command != null) follower.seen.push(event.command.seq)
    if (event.datapoint != null) follower.seen.push(`${event.datapoint.seq}/${event.datapoint.n}`)
  }

  async function run(): Promise<void> {
    while (!stopping) {
      if (follower.resting) {
        await pause(50)
        continue
      }
      const leaving = new AbortController()
      leave = () => leaving.abort()
      const timer = setTimeout(leave, staysMsMax * Math.random())
      connected = true
      const connection = { ...options, url: anyOf(instances), after, leaving: leaving.signal }
      const follow = surface === 'sse' ? followSse : followGraphql
      // Cut off somewhere: it goes on from the last cursor
      await follow(connection, follower, onEvent).catch(() => {
        if (!leaving.signal.aborted) follower.answers.unavailable++
      })
      clearTimeout(timer)
      connected = false
      // Who was thrown out gives the service time
      await pause(leaving.signal.aborted ? 50 : 500)
    }
  }

  const follower: Follower = {
    name: `${told} ${filter}, ${surface}`,
    told,
    filter,
    seen: [],
    skipped: 0,
    connections: 0,
    answers: noAnswers(),
    get resting() {
      return resting
    },
    set resting(value) {
      resting = value
      if (value) leave()
    },
    isAway: () => !connected,
    async stop() {
      stopping = true
      leave()
      await running
    }
  }
  let resting = false
  const running = run()
  running.catch(() => {})
  return follower
}

interface Connection extends FollowerOptions {
  url: string
  after: string
  leaving: AbortSignal
}

/** Resolves when it has left, or the service has ended it. */
async function followSse(
  { url, after, told, filter, key, leaving }: Connection,
  follower: Follower,
  onEvent: (event: Event) => void
): Promise<void> {
  const used = key.text
  const request = get(`${url}/v1/stream?types=${told}&filter=${encodeURIComponent(filter)}&after=${after}`, {
    agent: false,
    headers: bearer(key),
    signal: leaving,
    timeout: answerMsMax
  })
  request.on('error', () => {}) // told by `once`, or by the end of the answer
  request.once('timeout', () => request.destroy())
  const [response] = (await once(request, 'response', { signal: leaving })) as [IncomingMessage]
  response.setEncoding('utf8')
  const taken = take(follower.answers, key, used, response.statusCode!, follower.name)
  if (!taken) return void response.destroy()
  follower.connections++
  let rest = ''
  for await (const text of response) {
    const blocks = (rest + (text as string)).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      // A problem says why it ends, and is no event: it has no id
      if (data !== undefined && /^id: /m.test(block)) onEvent(JSON.parse(data) as Event)
    }
    if (leaving.aborted) return
  }
}

const statement = `subscription ($filter: [String!], $after: String, $types: [EventType!]!) {
  events(filter: $filter, after: $after, types: $types) {
    cursor type message { seq } command { seq } datapoint { seq n } } }`

async function followGraphql(
  { url, after, told, filter, key, leaving }: Connection,
  follower: Follower,
  onEvent: (event: Event) => void
): Promise<void> {
  const used = key.text
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    handshakeTimeout: answerMsMax
  })
  const end = (): void => socket.terminate()
  leaving.addEventListener('abort', end, { once: true })
  socket.on('error', () => {}) // 'close' follows
  socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(key) })))
  socket.on('message', (data: Buffer) => {
    // Who has left has read what it has read, and no more
    if (leaving.aborted) return
    const { type, payload } = JSON.parse(String(data)) as {
      type: string
      payload?: { data?: { events: Event } | null; errors?: unknown }
    }
    if (type === 'connection_ack') {
      follower.connections++
      follower.answers.good++
      const variables = { filter: [filter], after, types: [told] }
      socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: statement, variables } }))
    } else if (type === 'next' && payload?.data != null) onEvent(payload.data.events)
    else if (type === 'next' || type === 'error') {
      const words = JSON.stringify(payload)
      if (words.includes('"unauthenticated"')) take(follower.answers, key, used, 401, follower.name)
      else if (words.includes('_unavailable"')) follower.answers.unavailable++
      else follower.answers.wrong.push(`${follower.name}: ${words}`)
      end()
    } else if (type === 'complete') end()
  })
  const [code] = (await once(socket, 'close')) as [number]
  leaving.removeEventListener('abort', end)
  // To whom it did not let in; others were told why, or it is gone
  if (code === 4_403) take(follower.answers, key, used, 401, follower.name)
}
