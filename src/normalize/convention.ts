/**
 * Conventions of the field, on by naming them in rialto.yaml: topics, what becomes of their messages, commands and how
 * their answers are known. Pure, all of it: no clock, no I/O.
 */

import type { Responds } from '../command-ask.ts'
import type { Millis } from '../model.ts'
import type { DecoderMessage, DecoderResult } from './decoder.ts'
import type { DecoderState } from './mapping-set.ts'
import type { Captures } from './topic-template.ts'

export interface Convention {
  /** As in rialto.yaml: lower case, digits and `-`. */
  name: string
  title: string
  /** One or two sentences, in Markdown: what it is, and what one needs to know. */
  about: string
  /** Where its rules are written. */
  sources: readonly string[]
  options: Readonly<Record<string, ConventionOption>>
  /** How it is known whether a device is there; in Markdown. */
  presence: string
  /**
   * Asked after all that have topics of their own. `announced`: only what it remembers tells whether a message is its own;
   * one of them at most. `general`: any topic may be its own; it has no memory, and is asked after `announced`.
   */
  asked?: 'announced' | 'general'
  /** Throws OptionFault. */
  create(options: OptionValues): ConventionParts
}

export interface ConventionParts {
  routes: readonly ConventionRoute[]
  commands: readonly ConventionCommand[]
}

/** `topic` is a topic or its beginning, without wildcards; `file` is a path beside rialto.yaml. */
export type ConventionOption = { about: string } & (
  | { kind: 'text' | 'topic'; default: string | null }
  | { kind: 'texts' | 'templates'; default: readonly string[] }
  | { kind: 'flag'; default: boolean }
  | { kind: 'duration'; default: string | null }
  | { kind: 'file'; default: null }
)

/** What rialto.yaml gives, or the defaults; an option that is not of this kind is a mistake of the convention. */
export interface OptionValues {
  text(name: string): string | null
  texts(name: string): readonly string[]
  flag(name: string): boolean
  seconds(name: string): number | null
  file(name: string): Uint8Array | null
}

/** An option has a value that cannot be meant. */
export class OptionFault extends Error {
  readonly option: string
  readonly fix: string

  constructor(option: string, message: string, fix: string) {
    super(message)
    this.name = 'OptionFault'
    this.option = option
    this.fix = fix
  }
}

export interface ConventionRoute {
  /** Topic template, see topic-template.ts. */
  topic: string
  /** What becomes of its messages; in Markdown, a cell of a table. */
  about: string
  /** Messages with the same key share what is remembered, over all routes of the convention. Absent: no memory. */
  stateKey?(captures: Readonly<Captures>): string
  /**
   * `state` is what was given last under the same key, or null; never change it, give a new one, and only where it is
   * another. Null: the message is of another convention after all; the next one is asked.
   */
  decode(state: DecoderState | null, message: DecoderMessage): ConventionResult | null
  /** Decode may give null. */
  passes?: boolean
}

/** `decompressedBytes`: what the payload had then, by which is measured what it may say. */
export type ConventionResult = DecoderResult & { decompressedBytes?: number }

export interface ConventionCommand {
  name: string
  /** In Markdown, a cell of a table. */
  about: string
  /** Topic template, as it is shown. */
  topic: string
  parameters: Readonly<Record<string, CommandParameter>>
  /** How its response, or its effect, is recognised, and what each proves; in Markdown, a cell of a table. */
  answer: string
  /** `parameters` are checked against the above by then. Throws CommandFault. */
  render(target: CommandTarget, parameters: Readonly<Record<string, unknown>>): RenderedCommand
}

export interface CommandParameter {
  type: 'text' | 'texts' | 'number' | 'integer' | 'boolean' | 'object' | 'any'
  required: boolean
  about: string
}

export interface CommandTarget {
  device: string
  /** Topic of the last message from it, and what its route captures there. */
  topic: string
  captures: Readonly<Captures>
  /** What the route remembers of it. */
  state: DecoderState | null
  /** Known of the device beside metrics. */
  attributes: Readonly<Record<string, unknown>>
  /** Of this command, a UUID: what its response will carry, where the convention lets us choose. */
  id: string
  now: Millis
}

export interface RenderedCommand {
  topic: string
  payload: Uint8Array | string
  qos: 0 | 1 | 2
  contentType?: string
  /** Topic to answer to, and MQTT 5 correlation data. */
  responseTopic?: string
  /** What `responses` of the convention's routes will carry; null: there will be none. */
  correlation: string | null
  /** A datapoint of the device that shows that it was done; null: none does. */
  effect: { metric: string; value: unknown } | null
  /** A response to another command to the device may carry the same, so that only one may wait for it. */
  shared?: boolean
  /** What a response that says yes proves; absent: that the device did it. */
  responds?: Responds
  /** Without responses: a datapoint by which the device says that it took it on, before it is done. */
  accepted?: { metric: string; value: unknown }
  /** Published twice, it is something else than once, such as a toggle: it is never published again in doubt. */
  once?: boolean
  /** How long an answer is waited for unless asked otherwise; absent: as for all commands. */
  timeoutSeconds?: number
}

/** What is asked of the device is not what the convention can say. */
export class CommandFault extends Error {
  /** Name of the parameter; null: it is the device, or the command as a whole. */
  readonly parameter: string | null

  constructor(parameter: string | null, message: string) {
    super(message)
    this.name = 'CommandFault'
    this.parameter = parameter
  }
}
