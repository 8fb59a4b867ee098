/** What streams tell, as docs/streams.md has it. Types only. */

import type { components, operations } from './openapi.ts'

type Schemas = components['schemas']

export type StreamQuery = Omit<NonNullable<operations['stream']['parameters']['query']>, 'ticket'>

export interface PresenceChange {
  seq: string
  device: string
  from: Schemas['Device']['presence']
  to: Schemas['Device']['presence']
  source: string
  at: string
  topic: string
}

/** Of which command, and to which topic, beside what its transitions tell. */
export type CommandTransition = Schemas['CommandEvent'] & { id: string; topic: string }

/** Messages that retention took before they could be read: some of those between two times. */
export interface Skipped {
  from: string
  to: string
  /** null: of several. */
  retentionClass: string | null
}

export type StreamEvent = {
  /** Where to go on, as `after`, also in another run of the program. */
  cursor: string
  /** With `mode: 'latest'`: how many of the same key were left out since the one before. */
  skippedCount?: number
} & (
  | { type: 'message'; message: Schemas['Message'] }
  | { type: 'state'; state: Schemas['TopicState'] }
  | { type: 'datapoint'; datapoint: Schemas['Datapoint'] }
  | { type: 'presence'; presence: PresenceChange }
  | { type: 'command'; command: CommandTransition }
  | { type: 'gap'; gap: Schemas['Gap'] }
  | { type: 'skipped'; skipped: Skipped }
  | { type: 'progress' }
)
