/** Clients that send commands of every kind, as long as they are let, and repeat each request until it is answered. */

import { randomInt } from 'node:crypto'
import { eventually } from '../support/eventually.ts'
import type { Deed, Task } from './commanded-device.ts'
import { pause } from './provocations.ts'

/** What of a command differs from one that the device does, and that awaits nothing. */
interface Kind {
  does: Deed
  unit: (number: number) => string
  terms: (number: number) => object
  /** It is cancelled as soon as it is accepted. */
  cancelled?: true
  /** It must not be published twice. */
  once?: true
  /** Bytes that are sent along. */
  ballast?: number
}

const units = 40
const timeoutSeconds = 1

/** Of an effect nobody can tell which command it is of, so that one whose effect fails holds up those behind it. */
const own = (number: number): string => `unit-${number % units}`
const shared = (number: number): string => `shared-${Math.floor(number / 8) % 4}`
const soon = (): string => new Date(Date.now() + randomInt(300, 1_500)).toISOString()

const response = { awaits: 'response', timeoutSeconds: 30 }
const effect = (unit: string, number: number): object => ({
  awaits: 'effect',
  timeoutSeconds: 30,
  expect: { filter: `plant/${unit}/state`, where: `eq(payload/done,${number})` }
})

const kinds: Record<string, Kind> = {
  plain: { does: 'nothing', unit: own, terms: () => ({}) },
  once: { does: 'nothing', unit: own, terms: () => ({}), once: true },
  answered: { does: 'answer', unit: own, terms: () => response },
  answeredOnce: { does: 'answer', unit: own, terms: () => response, once: true },
  answeredTwice: { does: 'answerTwice', unit: own, terms: () => response },
  refusedByDevice: {
    does: 'answerNo',
    unit: own,
    terms: () => ({ ...response, response: { ok: 'eq(payload/ok,true)' } })
  },
  silent: { does: 'nothing', unit: own, terms: () => ({ awaits: 'response', timeoutSeconds }) },
  answeredLate: { does: 'answerLate', unit: own, terms: () => ({ awaits: 'response', timeoutSeconds }) },
  effective: { does: 'effect', unit: own, terms: (number) => effect(own(number), number) },
  scheduled: { does: 'answer', unit: own, terms: () => ({ ...response, notBefore: soon() }) },
  cancelled: {
    does: 'nothing',
    unit: own,
    terms: () => ({ notBefore: new Date(Date.now() + 20_000).toISOString() }),
    cancelled: true
  },
  /** Holds up what is behind it for so long that this expires. */
  blocking: {
    does: 'nothing',
    unit: shared,
    terms: (number) => ({ ...effect(shared(number), number), timeoutSeconds: 2, expiresInSeconds: 5 })
  },
  expiring: { does: 'nothing', unit: shared, terms: () => ({ expiresInSeconds: 1 }) },
  toNobody: { does: 'nothing', unit: () => 'nobody/hears', terms: () => ({}) },
  tooLarge: { does: 'nothing', unit: own, terms: () => ({}), ballast: 60_000 }
}
const names = Object.keys(kinds)

/** In payloads of commands that must not be published twice. */
export const onceMark = '"once":true'

/** Larger packets the broker must not take. */
export const packetBytesMax = 50_000

/** A command that was asked for. */
export interface Asked {
  number: number
  kind: string
  /** Status, Location and body of every answer. */
  answers: Set<string>
}

export interface Commanders {
  asked: Asked[]
  /** Nothing new while it is true. */
  resting: boolean
  /** Nothing new; resolves when all have their answers. */
  stop(): Promise<void>
}

const commandersMax = 8

export function startCommanders(
  urls: () => string[],
  perSecond: number,
  onStatus: (status: number) => void = () => {}
): Commanders {
  const asked: Asked[] = []
  let stopping = false

  const send = (path: string, body: string | null, key: string | null): Promise<[Response, string]> =>
    eventually(
      async () => {
        const all = urls()
        const response = await fetch(`${all[randomInt(all.length)]}/v1/commands${path}`, {
          method: 'POST',
          headers: {
            ...(body && { 'content-type': 'application/json' }),
            ...(key && { 'idempotency-key': key })
          },
          body,
          signal: AbortSignal.timeout(10_000)
        })
        const text = await response.text()
        onStatus(response.status)
        return response.status < 500 && ([response, text] satisfies [Response, string])
      },
      { withinMs: 180_000, everyMs: 50, what: 'an answer' }
    )

  async function ask(number: number): Promise<void> {
    const kind = names[number % names.length]!
    const { does, unit, terms, cancelled, once, ballast = 0 } = kinds[kind]!
    const payload: Task & { once?: boolean; ballast?: string } = {
      number,
      does,
      ...(once && { once }),
      ...(ballast > 0 && { ballast: 'x'.repeat(ballast) })
    }
    const delivery = once && 'atMostOnce'
    const body = JSON.stringify({ topic: `plant/${unit(number)}/do`, payload, delivery, ...terms(number) })
    const one: Asked = { number, kind, answers: new Set() }
    asked.push(one)
    // Some repeat it although they have the answer, as one does that does not trust it
    for (let times = number % 5 === 0 ? 2 : 1; times > 0; times--) {
      const [answer, text] = await send('', body, `command ${number}`)
      one.answers.add(`${answer.status} ${answer.headers.get('location')} ${text}`)
      if (answer.status !== 202) throw new Error(`${kind} was answered with ${answer.status}: ${text}`)
      const { id } = JSON.parse(text) as { id: string }
      if (cancelled) await send(`/${id}/cancel`, null, null)
    }
  }

  async function run(): Promise<void> {
    while (!stopping) {
      const begun = performance.now()
      if (!commanders.resting) await ask(asked.length)
      await pause(Math.max(0, (commandersMax / perSecond) * 1_000 - (performance.now() - begun)))
    }
  }

  const commanders: Commanders = {
    asked,
    resting: false,
    async stop() {
      stopping = true
      await running
    }
  }
  const running = Promise.all(Array.from({ length: commandersMax }, run))
  running.catch(() => {})
  return commanders
}
