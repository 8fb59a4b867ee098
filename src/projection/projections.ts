/** What clients can ask of normalization: its mappings, what they do with a message, and to do it again. */

import type { NormalizedRejection, Projection, Redrive, RedriveAsk } from '../datapoints.ts'
import type { Addressed, AddressAsk } from '../command-ask.ts'
import type { Access, Fact, MessageProperties, Millis, Seq } from '../model.ts'
import type { Actor } from '../store/audit.ts'
import type { MappingSummary } from '../normalize/mapping-set.ts'
import type { Datapoint, NormalizedPresence, Rejection } from '../datapoints.ts'

export interface MappingsState {
  /** Path of rialto.yaml as configured; null: none. */
  file: string | null
  hash: string
  loadedAt: Millis
  mappings: readonly MappingSummary[]
  /** What was wrong with the last reload; the mappings before it go on. */
  faults: ReadonlyArray<{ line: number; column: number; pointer: string; message: string; fix: string }>
  /** Newest fact that is in the current projection, and how many wait. */
  doneSeq: Seq
  lag: number
}

export interface PreviewAsk {
  /** A message of the journal, or one that is made up. */
  message: { seq: Seq } | { topic: string; payload: Uint8Array; properties: MessageProperties | null }
  /** Another rialto.yaml to try; null: the one in use. */
  mappingText: string | null
}

/** What would be stored. */
export interface Preview {
  topic: string
  /** null: no mapping matches. */
  mapping: MappingSummary | null
  captures: Record<string, string>
  datapoints: Array<Omit<Datapoint, 'seq'>>
  /** Datapoints that would not be stored: the mapping stores changes alone. */
  unchanged: Array<Omit<Datapoint, 'seq'> & { why: string }>
  presence: NormalizedPresence[]
  rejections: NormalizedRejection[]
  attributes: Array<{ device: string; attributes: Record<string, unknown> }>
  /** Where commands to the device go. */
  commands: Array<{ name: string; topic: string; responseTopic: string | null }>
  /** What the mapping would remember; it is forgotten again. */
  state: unknown
}

/** Why a topic's messages are, or are not, where they are looked for. Stable codes. */
export interface Verdict {
  code: string
  detail: string
  fix: string | null
}

export interface Explanation {
  topic: string
  /** The first is the culprit. */
  verdicts: Verdict[]
  /** Filters of RIALTO_TOPICS that match, and what the broker said to them. */
  filters: Array<{ filter: string; subscribed: boolean; refusedWith: number | null }>
  mapping: MappingSummary | null
  captures: Record<string, string>
  /** Later mappings that match, too, and are never asked. */
  shadowed: string[]
  /** Newest messages of the topic, newest first, each with what the mapping makes of it now. */
  messages: Array<{ fact: Fact; preview: Preview }>
  /** Of the current projection. */
  rejections: Rejection[]
  rejectionCounts: Array<{ reason: string; count: number }>
  devices: string[]
}

export interface Reloaded {
  changed: boolean
  hash: string
  /** The projection that is being built for it. */
  building: Projection | null
}

export interface Forgotten {
  messages: number
  datapoints: number
  devices: number
  topics: number
}

export interface Projections {
  mappings(): Promise<MappingsState>
  preview(access: Access, ask: PreviewAsk): Promise<Preview>
  explain(access: Access, topic: string): Promise<Explanation>
  /** Throws Problem not_found for the device, and invalid_value for the rest. */
  address(access: Access, ask: AddressAsk): Promise<Addressed>
  /** Reads rialto.yaml again; `rebuild` null: as the file says. Throws Problem invalid_value with an error for each fault; the mappings before go on. `by`: who stands in the audit. */
  reload(ask: { rebuild: boolean | null; by?: Actor }): Promise<Reloaded>
  redrive(access: Access, ask: RedriveAsk): Promise<Redrive>
  redriveById(access: Access, id: string): Promise<Redrive | null>
  redrives(access: Access, limit: number): Promise<Redrive[]>
  list(): Promise<Projection[]>
  /** All data of a device, or of a topic, with an entry in the audit. Throws Problem not_found. */
  forget(access: Access, subject: { device: string } | { topic: string }): Promise<Forgotten>
}

/** What streams need to know of the current projection. */
export interface ProjectedFeed {
  /** All facts up to here are projected; -1: nobody can tell yet. */
  done(): Promise<Seq>
  /** Resolves when all facts up to `seq` are projected, or `signal` aborts. */
  reached(seq: Seq, signal: AbortSignal): Promise<void>
  /** What these facts say, as the current projection has them. */
  datapointsOf(seqs: readonly Seq[]): Promise<Map<Seq, Datapoint[]>>
}
