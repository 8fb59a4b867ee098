/** What clients of the soak are answered, and what of it must not be. */

import type { Rialto } from '../faults/rialto.ts'

/** Longer than an instance is stopped. */
export const answerMsMax = 15_000

export interface Answers {
  /** As they should be. */
  good: number
  /** 503, or no answer: an instance is killed, or stopped, or has no database. */
  unavailable: number
  /** 401, to a key that is good. */
  refused: number
  /** Anything else, in words. */
  wrong: string[]
}

export const noAnswers = (): Answers => ({ good: 0, unavailable: 0, refused: 0, wrong: [] })

/** The key that clients come with. */
export interface Key {
  /** Empty: they come without one. */
  text: string
  /** A change of it was not answered, so nobody knows whether it is good. */
  doubtful: boolean
}

export const bearer = ({ text }: Pick<Key, 'text'>): Record<string, string> =>
  text === '' ? {} : { authorization: `Bearer ${text}` }

export const anyOf = (instances: readonly Rialto[]): string =>
  instances[Math.floor(Math.random() * instances.length)]!.url

/** Counts an answer; of a good one, returns the body. */
export function take(answers: Answers, key: Key, used: string, status: number, what: string): boolean {
  if (status >= 200 && status < 300) answers.good++
  else if (status === 503) answers.unavailable++
  // A text that was replaced meanwhile may be over
  else if (status === 401) answers.refused += key.doubtful || used !== key.text ? 0 : 1
  else answers.wrong.push(`${what}: ${status}`)
  return status >= 200 && status < 300
}
