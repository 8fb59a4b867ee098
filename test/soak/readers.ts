/** Clients that read by REST, at one instance and another: lists, pages by cursor, one topic, status, and history. */

import { pause } from '../faults/provocations.ts'
import type { Rialto } from '../faults/rialto.ts'
import type { Answers, Key } from './asking.ts'
import { fleetTopic } from './fleet.ts'
import { answerMsMax, anyOf, bearer, noAnswers, take } from './asking.ts'

export interface Readers {
  /** By what is asked for. */
  answers: Record<string, Answers>
  /** They ask nothing while it is true. */
  resting: boolean
  stop(): Promise<void>
}

const readersMax = 4
const minutesOfHistory = 10

const asks: Record<string, (cursor: string) => string> = {
  topics: () => '/v1/topics?filter=fleet/%23&limit=50',
  topic: () => `/v1/topic?name=${fleetTopic}`,
  messages: (cursor) => `/v1/messages?filter=ledger/%23&limit=100&after=${cursor}`,
  datapoints: () => '/v1/datapoints?device=car-2&limit=100',
  devices: () => '/v1/devices?limit=50',
  commands: () => '/v1/commands?limit=50',
  status: () => '/v1/status',
  history: () => {
    const [from, to] = [Date.now() - minutesOfHistory * 60_000, Date.now()].map((at) =>
      new Date(at).toISOString()
    )
    return `/v1/history?metric=temperature&bucket=PT1M&fn=mean,max&from=${from}&to=${to}`
  }
}
const names = Object.keys(asks)

export function startReaders(instances: readonly Rialto[], key: Key, perSecond: number): Readers {
  let stopping = false
  const readers: Readers = {
    answers: Object.fromEntries(names.map((name) => [name, noAnswers()])),
    resting: false,
    async stop() {
      stopping = true
      await running
    }
  }

  /** Returns where to go on, if it is told. */
  async function ask(name: string, cursor: string): Promise<string> {
    const used = key.text
    const response = await fetch(`${anyOf(instances)}${asks[name]!(cursor)}`, {
      headers: bearer(key),
      signal: AbortSignal.timeout(answerMsMax)
    })
    const text = await response.text()
    if (!take(readers.answers[name]!, key, used, response.status, `${name}: ${text.slice(0, 200)}`))
      return cursor
    const body = JSON.parse(text) as { cursor?: string }
    return name === 'messages' ? body.cursor! : cursor
  }

  async function run(begin: number): Promise<void> {
    let cursor = 'earliest'
    for (let times = begin; !stopping; times++) {
      const begun = performance.now()
      const name = names[times % names.length]!
      if (!readers.resting)
        cursor = await ask(name, cursor).catch(() => {
          readers.answers[name]!.unavailable++
          return cursor
        })
      await pause(Math.max(0, (readersMax / perSecond) * 1_000 - (performance.now() - begun)))
    }
  }
  const running = Promise.all(Array.from({ length: readersMax }, (_, index) => run(index * 2)))
  running.catch(() => {})
  return readers
}
