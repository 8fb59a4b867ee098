/** Publishes numbered messages at a rate, and remembers which the broker has taken: only those are owed. */

import mqtt from 'mqtt'
import type { MqttClient } from 'mqtt'
import { atEnd } from '../support/cleanup.ts'

export interface PublisherOptions {
  url: string
  /** Mixed: 1 of those with an even number, 2 of others; a topic has one of them, where there is an even number of topics. */
  qos: 0 | 1 | 2 | 'mixed'
  /** Until `stop`, where it is not given. */
  messages?: number
  perSecond: number
  topics?: number
  /** What the names of its topics begin with, where several publish; below `ledger`. */
  root?: string
  payloadBytes?: number
  retain?: boolean
  /** The first number, where an earlier publisher had those before. */
  from?: number
}

export interface Publisher {
  topics: number
  root: string
  /** Nothing new while it is true. */
  resting: boolean
  /** Numbers whose PUBACK or PUBCOMP has come. */
  owed: Set<number>
  /** The number that comes next. */
  next(): number
  /** Published, and not answered yet. */
  unanswered(): number
  /** Resolves when all messages are published, and the broker has answered for those it will answer for. */
  finished: Promise<void>
  /** Publishes nothing new. */
  stop(): Promise<void>
}

/** Published and not yet answered. */
const windowMax = 1_000

export const topicOf = (number: number, topics: number, root = 'ledger'): string =>
  `${root}/${number % topics}`

/** The number, in front; the rest makes it as long as it is to be. */
export const payloadOf = (number: number, bytes: number): string =>
  String(number).padStart(10, '0').padEnd(bytes, ' .')

export function startPublisher(options: PublisherOptions): Publisher {
  const { url, qos, perSecond, topics = 50, payloadBytes = 24, retain = false, from = 0 } = options
  const { root = 'ledger' } = options
  const owed = new Set<number>()
  const last = from + (options.messages ?? Infinity)
  let next = from
  let stopping = false
  let client: MqttClient | null = null
  let unanswered = 0
  atEnd(() => client?.end(true))

  /** A broker that dies takes what it had not acknowledged with it: a new client sends none of that again. */
  async function connection(): Promise<MqttClient> {
    while (client === null || !client.connected) {
      client?.end(true)
      unanswered = 0
      client = await mqtt
        .connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 5_000, keepalive: 5 })
        .catch(() => null)
      client?.on('error', () => {})
      if (client === null) await tick()
    }
    return client
  }

  function publish(on: MqttClient): void {
    const number = next++
    unanswered++
    const of = qos === 'mixed' ? (number % 2 === 0 ? 1 : 2) : qos
    const payload = payloadOf(number, payloadBytes)
    on.publish(topicOf(number, topics, root), payload, { qos: of, retain }, (error) => {
      if (on !== client) return
      unanswered--
      if (!error) owed.add(number)
    })
  }

  async function run(): Promise<void> {
    let credit = 0
    let before = performance.now()
    while (next < last && !stopping) {
      const on = await connection()
      const now = performance.now()
      // What could not be sent in time is not made up for all at once
      credit = Math.min(credit + ((now - before) / 1_000) * perSecond, perSecond)
      before = now
      for (; credit >= 1 && next < last && unanswered < windowMax && !publisher.resting; credit--) publish(on)
      await tick()
    }
    while (unanswered > 0 && client?.connected === true) await tick()
    await client?.endAsync(true)
  }

  const publisher: Publisher = {
    topics,
    root,
    resting: false,
    owed,
    next: () => next,
    unanswered: () => unanswered,
    finished: Promise.resolve(),
    async stop() {
      stopping = true
      await publisher.finished
    }
  }
  publisher.finished = run()
  publisher.finished.catch(() => {})
  return publisher
}

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
