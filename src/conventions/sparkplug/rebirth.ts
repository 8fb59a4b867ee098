/** Asking a node for its births again, and not too often: they are large, and every host application may ask. Pure. */

import { defaultLimits } from '../../limits.ts'
import type { Millis } from '../../model.ts'
import { datatypes } from './datatypes.ts'
import { encodePayload } from './payload.ts'

export interface Asked {
  at: Millis
  /** In a row; each time it is waited twice as long. */
  times: number
  /** A birth came since. */
  answered: boolean
}

export const rebirthMetric = 'Node Control/Rebirth'

const waitMs = (times: number): Millis =>
  Math.min(defaultLimits.rebirthAgainMsMin * 2 ** (times - 1), defaultLimits.rebirthAgainMsMax)

/** `settled`: whatever it was asked for before, a birth has answered that. */
export const mayAsk = (asked: Asked | null, at: Millis, settled: boolean): boolean =>
  asked === null || at >= asked.at + waitMs(asked.times) || (settled && asked.answered)

export const ask = (asked: Asked | null, at: Millis): Asked => ({
  at,
  times: asked !== null && at < asked.at + 2 * waitMs(asked.times) ? Math.min(asked.times + 1, 20) : 1,
  answered: false
})

export const rebirthKey = (node: string): string => `rebirth ${node}`

/** By name, never by alias [tck-id-operational-behavior-data-commands-ncmd-rebirth-name], and without seq. */
export const rebirthPayload = (now: Millis): Uint8Array =>
  encodePayload({
    timestamp: now,
    metrics: [{ name: rebirthMetric, timestamp: now, datatype: datatypes.Boolean, booleanValue: true }]
  })
