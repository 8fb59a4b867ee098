/**
 * `npm run bench answers`: what the search for answers costs each message that answers nothing, with so many commands that
 * wait; and each that answers one. CPU of matching alone, without the database.
 */

import { createAnswerIndex } from '../src/commands/answer-index.ts'
import type { Awaited } from '../src/command.ts'
import { defaultLimits } from '../src/limits.ts'
import type { Message } from '../src/model.ts'
import { createCorrelator } from '../src/normalize/correlate.ts'
import { keyOfValue } from '../src/normalize/value-key.ts'
import { cpuMicroseconds, median } from './cpu.ts'

const messages = 50_000
const rounds = 7

const base64 = (n: number): string => Buffer.from(`command ${n}`).toString('base64')
const none = { correlationData: null, correlation: null, where: null, ok: null }

/** How the commands of one kind wait, and a message for the n-th: on the topic of all where there is one. */
const kinds: Record<string, { awaited: (n: number) => Awaited; topic: (n: number) => string }> = {
  'MQTT 5, a topic each': {
    awaited: (n) => ({
      ...none,
      kind: 'message',
      filter: `rialto/x/responses/${n}`,
      correlationData: base64(n)
    }),
    topic: (n) => `rialto/x/responses/${n}`
  },
  'MQTT 5, one topic': {
    awaited: (n) => ({ ...none, kind: 'message', filter: 'answers', correlationData: base64(n) }),
    topic: () => 'answers'
  },
  'a wildcard each': {
    awaited: (n) => ({ ...none, kind: 'message', filter: `site/${n}/+/answers` }),
    topic: (n) => `site/${n}/a/answers`
  },
  'a field, one topic': {
    awaited: (n) => ({
      ...none,
      kind: 'message',
      filter: 'answers',
      correlation: { expression: 'uid', value: JSON.stringify(`command ${n}`) }
    }),
    topic: () => 'answers'
  },
  'where, a topic each': {
    awaited: (n) => ({
      ...none,
      kind: 'message',
      filter: `dev/${n}/acks`,
      where: `eq(payload/uid,"command ${n}")`
    }),
    topic: (n) => `dev/${n}/acks`
  }
}

function toMessage(topic: string, n: number): Message {
  return {
    seq: 10,
    topicId: 1,
    topic,
    receivedAt: 0,
    qos: 1,
    retain: false,
    dup: false,
    payload: Buffer.from(JSON.stringify({ uid: `command ${n}`, temperature: 21.5, mode: 'auto' })),
    properties: { correlationData: base64(n) }
  }
}

const measure = (run: (index: number) => void): number =>
  median(Array.from({ length: rounds }, () => cpuMicroseconds(messages, run)))

export async function benchAnswers(write: (line: string) => void): Promise<object[]> {
  const results: object[] = []
  for (const [name, kind] of Object.entries(kinds))
    for (const waiting of [0, 100, 10_000]) {
      const result = { name, waiting, ...measureOne(name, kind, waiting) }
      results.push(result)
      const { otherUs, answerUs } = result
      write(
        `${name.padEnd(22)} ${String(waiting).padStart(6)} wait: ${otherUs.toFixed(3)} µs for another message` +
          (answerUs === null ? '' : `, ${answerUs.toFixed(2)} µs for an answer`)
      )
    }
  return results
}

function measureOne(
  name: string,
  { awaited, topic }: (typeof kinds)[string],
  waiting: number
): { otherUs: number; answerUs: number | null } {
  const index = createAnswerIndex(defaultLimits, { correlate: createCorrelator(defaultLimits), keyOfValue })
  for (let n = 0; n < waiting; n++)
    index.add({
      id: String(n),
      topic: 'set',
      createdSeq: 1,
      publishSeq: 1,
      awaited: awaited(n),
      finishedAt: null,
      responseSeq: null
    })
  const others = Array.from({ length: 1_000 }, (_, n) => toMessage(`bench/device/${n}/state`, n))
  const otherUs = measure((n) => index.answeredBy(others[n % others.length]!))
  const answers = Array.from({ length: Math.min(waiting, 1_000) }, (_, n) => toMessage(topic(n), n))
  if (answers.length === 0) return { otherUs, answerUs: null }
  if (index.answeredBy(answers[0]!).length !== 1) throw new Error(`${name} finds nothing`)
  return { otherUs, answerUs: measure((n) => index.answeredBy(answers[n % answers.length]!)) }
}
