/** What answers a command, or shows its effect: the device's word, or what it does. Pure. */

import type { Awaited } from '../command.ts'
import type { Message, Seq } from '../model.ts'
import type { AwaitedCommand } from '../store/answers.ts'

export interface Answer {
  id: string
  /** Whether it was done. */
  ok: boolean
  /** Why not. */
  reason: string | null
  /** The fact that says so: the message, or that which the datapoint is from. */
  seq: Seq
  /** The device's word; else its effect. */
  isResponse: boolean
  /** Of a response, where it is at hand. */
  message: Message | null
}

export type AwaitedCommands = Set<AwaitedCommand>

/** Only MQTT 5 carries by what its response is known. */
export const isCorrelated = (awaited: Awaited | null): boolean =>
  awaited?.kind === 'message' && awaited.correlationData !== null
