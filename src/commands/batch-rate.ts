/** When each command of a batch is due: its rate is made by times that are stored, so no restart loses it. Pure. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import type { BatchAsk } from './batches.ts'
import type { CommandRequest } from './commands.ts'

type RateAsk = Pick<BatchAsk, 'ratePerSecond'> & {
  command: Pick<BatchAsk['command'], 'notBefore' | 'expiresInSeconds'>
}

/** From the first command to the n-th, from 0. */
const delayMs = (n: number, ratePerSecond: number | null): number =>
  ratePerSecond === null ? 0 : Math.floor((n * 1_000) / ratePerSecond)

/** Throws Problem invalid_value where the last of so many would be due later than a command may be. */
export function checkDelay(ask: RateAsk, count: number, limits: Limits, now: Millis): void {
  const { ratePerSecond, command } = ask
  const first = Math.max(0, (command.notBefore ?? now) - now)
  const secondsMax = limits.commandDelaySecondsMax
  if (first > secondsMax * 1_000) throw refuse('/notBefore', `is more than ${secondsMax} seconds away`)
  if (first + delayMs(count - 1, ratePerSecond) > secondsMax * 1_000)
    throw refuse(
      '/ratePerSecond',
      `is so low that the last of ${count} is more than ${secondsMax} seconds away`
    )
}

/** Those that are refused take no time. Expiry is counted from when a command is due. */
export function spread(
  requests: ReadonlyArray<CommandRequest | Problem>,
  { ratePerSecond, command }: RateAsk,
  now: Millis
): Array<CommandRequest | Problem> {
  const { notBefore, expiresInSeconds } = command
  const start = Math.max(now, notBefore ?? now)
  let n = 0
  return requests.map((request) => {
    if (request instanceof Problem) return request
    const due = start + delayMs(n++, ratePerSecond)
    return {
      ...request,
      notBefore: due > now ? due : null,
      expiresInSeconds: expiresInSeconds === null ? null : expiresInSeconds + (due - now) / 1_000
    }
  })
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
