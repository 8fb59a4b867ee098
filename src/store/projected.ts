/** What the store keeps of projections: written by the projector alone, read by every surface. */

import type {
  NormalizedDatapoint,
  NormalizedPresence,
  NormalizedRejection,
  Projection,
  Redrive,
  RedriveAsk
} from '../datapoints.ts'
import type { Fact, Millis, Seq } from '../model.ts'
import type { Actor } from './audit.ts'

/** One message's share of a chunk. */
export interface ProjectedMessage {
  seq: Seq
  topicId: number
  topic: string
  receivedAt: Millis
  mapping: string
  devices: readonly string[]
  /** With their own times of receipt, where they were imported. */
  datapoints: ReadonlyArray<NormalizedDatapoint & { receivedAt?: Millis }>
  /** The number of each of `datapoints` in its message; absent: from 0, one by one. */
  numbers?: readonly number[]
  presence: readonly NormalizedPresence[]
  rejections: readonly NormalizedRejection[]
  attributes: ReadonlyArray<{ device: string; attributes: Record<string, unknown> }>
  offlineAfterSeconds: number | null
}

/** The latest of a metric, as change-only storage compares with it (see normalize/deadband.ts). */
export interface StoredLast extends Pick<
  NormalizedDatapoint,
  'type' | 'number' | 'unit' | 'quality' | 'observedAt' | 'role'
> {
  seq: Seq
  topic: string
  /** The SHA-256 of one that is longer than comparedExactBytesMax. */
  exact: Uint8Array | null
  exactBytes: number
}

export interface StateChange {
  key: string
  seq: Seq
  /** null: forgotten. */
  state: Uint8Array | null
}

/** Facts (from, to], normalized; those that no mapping matches are not in `messages`. */
export interface ProjectedChunk {
  from: Seq
  to: Seq
  messages: readonly ProjectedMessage[]
  states: readonly StateChange[]
}

/** Another projector wrote, or the projection is no longer what it was: begin again from the row. */
export class OutrunError extends Error {
  constructor() {
    super('The projection was written by another')
    this.name = 'OutrunError'
  }
}

/** Facts that a write appended to the journal, for the feed. Empty: none; null: committed somewhere unknown. */
export type AppendedFacts = Fact[] | null

export interface ProjectionStore {
  /** The current one; made, empty and at the horizon, where there is none yet. */
  current(initial: { hash: string; text: string }): Promise<Projection>
  building(): Promise<Projection | null>
  list(): Promise<Projection[]>
  /** Live messages are normalized by another mapping from now on, in the same projection. */
  setMapping(id: number, mapping: { hash: string; text: string }): Promise<void>
  /**
   * The current one begins again where the journal does, if there is nothing in it; else null. What it had passed over says
   * something now.
   */
  restart(id: number): Promise<Projection | null>
  /** Whether anything was ever imported. */
  anyImported(): Promise<boolean>
  /** Begins a new one behind the horizon. One that is being built already is dropped. */
  begin(mapping: { hash: string; text: string }): Promise<Projection>
  /** Ids of retired ones of which not all that the switch changed was told. */
  untold(): Promise<number[]>
  /** Notes that it was. */
  told(id: number): Promise<void>
  /** Drops one that is not current, with all that is of it. */
  drop(id: number): Promise<void>
  /** What metrics have stored as their latest, by lastKey; one that has nothing but historical ones is missing. */
  lastStored(
    id: number,
    metrics: ReadonlyArray<{ device: string; metric: string }>
  ): Promise<Map<string, StoredLast>>
  /** What decoders remember, by key; absent: nothing. */
  states(id: number, keys: readonly string[]): Promise<Map<string, Uint8Array>>
  /**
   * Facts that a new projection begins with, since the journal no longer has them: per topic the latest and the retained
   * message of what was dropped, in the order of their seq, after `after` and up to `until`; at most `limit`.
   */
  carried(after: Seq, limit: number, until?: Seq): Promise<Fact[]>
  /**
   * One chunk in one transaction, if the projection is done exactly up to `from`; else OutrunError. `live`: changes of
   * presence become facts. Carried facts are written with from = to = where the projection is.
   */
  write(id: number, chunk: ProjectedChunk, options: { live: boolean }): Promise<AppendedFacts>
  /**
   * The messages again, as the mapping has them now: their datapoints and rejections are replaced, latest is found anew, a
   * `datapoints` fact tells subscribers, and the redrive goes on behind `to`. OutrunError if it was not at `from`.
   */
  rewrite(id: number, redrive: string, chunk: ProjectedChunk, accepted: number): Promise<AppendedFacts>
  /** Devices silent too long are offline. `since`: no silence counts before. Without facts where not `live`. */
  expire(
    id: number,
    ask: { now: Millis; since: Millis; limit: number; live: boolean }
  ): Promise<{ expired: number; facts: AppendedFacts }>
  /**
   * `next` becomes current, if both are done up to the same fact; else OutrunError. One `projection` fact. The presence of
   * a device that is another one now is told by `announce`.
   */
  switchTo(current: number, next: number): Promise<AppendedFacts>
  /** Facts for devices whose presence differs from what the retired projection told; at most `limit` at a time. */
  announce(
    retired: number,
    current: number,
    limit: number
  ): Promise<{ announced: number; facts: AppendedFacts }>
  /** Facts `datapoints` for messages that were rejected in the retired projection and are not in the current one. */
  announceRedriven(
    redrive: string,
    retired: number,
    current: number,
    ask: { after: Seq; limit: number }
  ): Promise<{ last: Seq | null; accepted: number; facts: AppendedFacts }>
  redrives: {
    create(ask: RedriveAsk & Actor & { id: string; untilSeq: Seq }): Promise<Redrive>
    byId(id: string): Promise<Redrive | null>
    list(ask: { after: string | null; limit: number }): Promise<Redrive[]>
    /** The oldest that is not done. */
    next(): Promise<Redrive | null>
    /** How many are not done. */
    open(): Promise<number>
    update(
      id: string,
      change: Partial<Pick<Redrive, 'state' | 'mode' | 'error' | 'lastSeq' | 'messages' | 'accepted'>>
    ): Promise<void>
    /** Rejected messages behind `after`, up to `untilSeq`, each once, oldest first, with what was received. */
    messages(projection: number, redrive: Redrive, limit: number): Promise<Fact[]>
  }
}
