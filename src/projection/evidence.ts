/** What is known of a topic, gathered before anything is concluded. Pure. */

import type { Datapoint, Rejection } from '../datapoints.ts'
import { defaultLimits } from '../limits.ts'
import type { Limits } from '../limits.ts'
import type { Fact, GapDetail, Message, Millis, Seq, TopicState } from '../model.ts'
import { automaticEncoding, decode } from '../normalize/decode-payload.ts'
import { decompress } from '../normalize/decompress.ts'
import type { MappingSummary } from '../normalize/mapping-set.ts'
import type { DecodedPayload } from '../payload.ts'
import { decodePayload } from '../payload.ts'
import type { ServiceStatus } from '../service-status.ts'
import type { MappingFields } from './mapping-fields.ts'
import type { Preview } from './projections.ts'

export interface Seen {
  fact: Fact
  message: Message
  /** What the mapping of now makes of it. */
  preview: Preview
  /** What the current projection has of it. */
  stored: readonly Datapoint[]
}

export interface Evidence {
  topic: string
  /** Whether this instance receives; another one knows its own connection. */
  leading: boolean
  mqtt: Pick<ServiceStatus['mqtt'], 'state' | 'version' | 'lastError' | 'takenOver' | 'refusedFilters'>
  /** RIALTO_TOPICS. */
  filters: readonly string[]
  mappings: readonly MappingSummary[]
  /** Mappings by name, as rialto.yaml has them. */
  fields: ReadonlyMap<string, MappingFields>
  matched: { mapping: MappingSummary; captures: Record<string, string> } | null
  /** Later ones that match, too. */
  shadowed: readonly MappingSummary[]
  state: TopicState | null
  /** Topics that came, for one that did not. */
  others: readonly string[]
  /** Newest first. */
  seen: readonly Seen[]
  rejections: readonly Rejection[]
  /** Newest first, those of this topic and those that may concern any. */
  gaps: ReadonlyArray<{ seq: Seq; detail: GapDetail }>
  /** Newest datapoints of the metrics that the newest message gives, by time observed. */
  latest: readonly Datapoint[]
  /** Done up to here; whether another projection is being built. */
  doneSeq: Seq
  building: boolean
  limits: Pick<Limits, 'packetBytesMax' | 'clockAheadSecondsMax' | 'clockBehindSecondsMax'>
}

/** As mappings read it: decompressed, and CBOR and MessagePack where the content type or the mapping says so. */
export function decoded(message: Message, fields: MappingFields | null = null): DecodedPayload {
  const inflated = decompress(message.payload, 'auto', defaultLimits.decompressedBytesMax)
  const shown = decodePayload('payload' in inflated ? inflated.payload : message.payload, message.properties)
  const said = fields?.decoder
  const decoder = said === 'cbor' || said === 'msgpack' ? said : 'auto'
  if (shown.format !== 'binary' && decoder === 'auto') return shown
  const value = decode({ ...automaticEncoding, decoder }, message, defaultLimits, () => {})?.value
  const isDocument = typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
  return isDocument ? { format: 'json', value, text: null, fault: null } : shown
}

export const toTime = (at: Millis): string => new Date(at).toISOString()

/** A value for people, as short as it must be. */
export function valueText({ type, number, exact }: Pick<Datapoint, 'type' | 'number' | 'exact'>): string {
  if (type === 'null') return 'null'
  if (type === 'boolean') return number === 1 ? 'true' : 'false'
  if (type === 'bytes') return `${exact?.length ?? 0} bytes`
  if (exact === null) return String(number)
  const text = Buffer.from(exact).toString('utf8')
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}
