/** Compiled mappings: what a topic's messages mean. Pure: no clock, no I/O; the same input gives the same output. */

import type { Outcome, SourceMessage } from '../datapoints.ts'
import type { ConventionCommand } from './convention.ts'
import type { RuleOf } from './deadband.ts'
import type { Decoder } from './decoder.ts'
import type { MappingCommand } from './mapping-command.ts'

/** What a decoder remembers under one key. JSON, with integers beyond 2^53 as bigint. */
export type DecoderState = string | number | bigint | boolean | object

/** How a command reaches a device, and how its answer is recognised. */
export interface CommandAddress {
  name: string
  /** Topic template. */
  topic: string
  /** Topic template of answers, or null. */
  responseTopic: string | null
  /** Expression that finds in an answer what correlates it; null: MQTT 5 correlation data, or the topic alone. */
  correlation: string | null
}

/** A mapping as clients see it. */
export interface MappingSummary {
  name: string
  /** Topic template, and the topic filter it compiles to. */
  topic: string
  filter: string
  decoder: string
  merge: 'append' | 'replace' | 'merge' | 'event'
  /** What a message means, or what of it is stored, depends on those before it. */
  stateful: boolean
  offlineAfterSeconds: number | null
  commands: CommandAddress[]
  /** Line of the document, from 1; null for the one-line `automatic` mapping. */
  line: number | null
}

export interface MatchedMapping {
  mapping: MappingSummary
  captures: Record<string, string>
  /** Which state a message of this topic needs; null: none. Differs where the memory's meaning differs. */
  stateKey: string | null
  /** What a message of this topic means, or whether it is stored, depends on those before it. */
  inOrder: boolean
}

/** What is needed to send commands to a device: of the mapping that it is from, at the topic of its last message. */
export interface Commandable {
  captures: Record<string, string>
  /** Which state tells what is known of it; null: none. */
  stateKey: string | null
  commands: ReadonlyArray<ConventionCommand | MappingCommand>
  /** A value of a metric as the mapping shows it when the device tells it. */
  shown(metric: string, value: unknown): unknown
}

export interface Normalized {
  outcome: Outcome
  /** undefined: as it was; null: forgotten. */
  state: DecoderState | null | undefined
}

export interface MappingSet {
  /** The document as given. */
  text: string
  /** SHA-256 of what it means, in hex: comments and order of keys do not change it; that of its modules does. */
  hash: string
  /** Whether another version of it rebuilds what is kept. */
  rebuild: boolean
  mappings: readonly MappingSummary[]
  /** Decoders of users that are loaded, by the names that the document gives them. */
  modules: ReadonlyMap<string, Decoder | Error>
  /** Contents of files that the document names. */
  files: ReadonlyMap<string, Uint8Array | Error>
  /** The first mapping whose template matches. Names of captures that are no names are rejections, not here. */
  match(topic: string): MatchedMapping | null
  /** Null: no mapping of this name matches the topic any more. */
  commandsOf(mapping: string, topic: string): Commandable | null
  /** Which datapoints of a mapping, by its name, are stored; null: all of them. */
  storing(mapping: string): RuleOf | null
  /** Never throws. `state` is what the last call under this message's state key gave, or null. */
  normalize(message: SourceMessage, state: DecoderState | null): Normalized
}

/** A fault of rialto.yaml, with its place, and what to do. */
export interface MappingFault {
  line: number
  column: number
  /** JSON Pointer (RFC 6901) into the document. */
  pointer: string
  message: string
  fix: string
}

export class MappingsError extends Error {
  readonly file: string
  readonly faults: readonly MappingFault[]

  constructor(file: string, faults: readonly MappingFault[]) {
    super(
      faults.map((fault) => `${file}:${fault.line}:${fault.column} ${fault.message}. ${fault.fix}`).join('\n')
    )
    this.name = 'MappingsError'
    this.file = file
    this.faults = faults
  }
}
