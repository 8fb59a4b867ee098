/** A mapping as compiled: what is left of its text for the messages. */

import type { BuiltInDecoder } from './decode-payload.ts'
import type { Compression } from './decompress.ts'
import type { StoreRule } from './deadband.ts'
import type { Decoder } from './decoder.ts'
import type { ConventionCommand, ConventionRoute } from './convention.ts'
import type { Expression } from './expression.ts'
import type { MappingCommand } from './mapping-command.ts'
import type { MappingSummary } from './mapping-set.ts'
import type { ProtobufSchema } from './protobuf-schema.ts'
import type { TimestampUnit } from './timestamps.ts'
import type { TextTemplate, TopicTemplate } from './topic-template.ts'
import type { AskedType, BooleanWords } from './values.ts'

/** Text, with captures in it; or selected. */
export type NamePart = TextTemplate | Expression

export const isExpression = (part: NamePart): part is Expression => 'select' in part

/** Text, or selected. */
export type WordPart = string | Expression | null

export interface MetricDefinition {
  name: string
  value: Expression
  unit: WordPart
  type: AskedType | null
  event: boolean
  /** null: each is stored; undefined: as the mapping says. */
  store: StoreRule | null | undefined
}

export type MergePolicy = MappingSummary['merge']

export interface MappingDefinition {
  name: string
  line: number | null
  /** null: the `automatic` mapping. */
  topic: TopicTemplate | null
  decoder: BuiltInDecoder | Decoder
  /** As the document has it. */
  decoderText: string
  compression: Compression
  schema: ProtobufSchema | null
  device: NamePart | null
  metric: NamePart | null
  value: Expression | null
  each: Expression | null
  metrics: readonly MetricDefinition[] | null
  timestamp: { select: Expression; unit: TimestampUnit } | null
  unit: WordPart
  quality: WordPart
  merge: MergePolicy
  booleans: BooleanWords
  presence: { online: ReadonlySet<string>; offline: ReadonlySet<string> } | null
  offlineAfterSeconds: number | null
  commands: readonly MappingCommand[]
  /** null: each of its datapoints is stored. */
  store: StoreRule | null
  /** Of a convention: its route and its commands; then all else but name and topic says nothing. */
  convention: { route: ConventionRoute; commands: readonly ConventionCommand[] } | null
  /** Its expressions name places: what they give is a part of the payload. */
  plain: boolean
  /** SHA-256 of what gives its memory a meaning. */
  meaning: string
}
