/** A command as it is accepted: to a topic, awaiting nothing, unless a test says otherwise. */

import { randomUUID } from 'node:crypto'
import type { CommandState } from '../../src/command.ts'
import type { NewCommand, NewTransition } from '../../src/store/commands.ts'

export const newCommand = (topic: string, more: Partial<NewCommand> = {}): NewCommand => ({
  id: randomUUID(),
  topic,
  device: null,
  name: null,
  parameters: null,
  payload: Buffer.from('1'),
  qos: 1,
  retain: false,
  properties: null,
  delivery: 'atLeastOnce',
  orderKey: null,
  oneInFlight: false,
  state: 'pending',
  awaits: 'none',
  awaited: null,
  condition: null,
  createdAt: Date.now(),
  notBefore: null,
  expiresAt: null,
  timeoutSeconds: null,
  retryOf: null,
  principal: 'test',
  batchId: null,
  ...more
})

/** What of a command is known only once it is stored. */
export const notYet = {
  publishSeq: null,
  timeoutAt: null,
  publishedAt: null,
  finishedAt: null,
  brokerReasonCode: null,
  response: null,
  lateResponse: null,
  effectSeq: null,
  reason: null,
  attempts: 0
}

export const transition = (
  id: string,
  from: readonly CommandState[],
  to: CommandState,
  more: Partial<NewTransition> = {}
): NewTransition => ({
  id,
  event: to === 'publishing' ? 'publish' : 'accept',
  from,
  to,
  attempt: to === 'publishing',
  brokerReasonCode: null,
  ...more
})
