/** What decoders remember, of one projection: in the database, with the most recently used here. */

import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { DecoderState } from '../normalize/mapping-set.ts'
import { decodeState, encodeState } from '../normalize/exact-json.ts'
import type { StateChange } from '../store/projected.ts'
import type { Store } from '../store/store.ts'

interface Kept {
  state: DecoderState | null
  bytes: number
}

/** What a map's entry takes beside the state. */
const entryBytes = 200

export class DecoderStates {
  private readonly store: Pick<Store, 'projections'>
  private readonly projectionId: number
  private readonly bytesMax: number
  private recent = new Map<string, Kept>()
  private older = new Map<string, Kept>()
  private recentBytes = 0

  constructor(
    store: Pick<Store, 'projections'>,
    projectionId: number,
    limits: Pick<Limits, 'decoderStateCacheBytesMax'>
  ) {
    this.store = store
    this.projectionId = projectionId
    this.bytesMax = limits.decoderStateCacheBytesMax
  }

  /** The states under these keys; a key without one is missing. */
  async load(keys: ReadonlySet<string>): Promise<Map<string, DecoderState>> {
    const unknown = [...keys].filter((key) => !this.recent.has(key) && !this.older.has(key))
    const found = new Map<string, Kept>()
    for (const key of unknown) found.set(key, { state: null, bytes: 0 })
    if (unknown.length > 0) {
      for (const [key, bytes] of await this.store.projections.states(this.projectionId, unknown))
        found.set(key, { state: decodeState(bytes), bytes: bytes.length })
    }
    const states = new Map<string, DecoderState>()
    for (const key of keys) {
      const kept = found.get(key) ?? this.recent.get(key) ?? this.older.get(key)!
      this.keep(key, kept)
      if (kept.state !== null) states.set(key, kept.state)
    }
    return states
  }

  /** What has been committed. */
  remember(changes: readonly StateChange[], states: ReadonlyMap<string, DecoderState | null>): void {
    for (const { key, state } of changes)
      this.keep(key, { state: states.get(key) ?? null, bytes: state?.length ?? 0 })
  }

  clear(): void {
    this.recent = new Map()
    this.older = new Map()
    this.recentBytes = 0
  }

  private keep(key: string, kept: Kept): void {
    const bytes = kept.bytes + key.length * 2 + entryBytes
    if (this.recentBytes + bytes > this.bytesMax / 2) {
      this.older = this.recent
      this.recent = new Map()
      this.recentBytes = 0
    }
    if (!this.recent.has(key)) this.recentBytes += bytes
    this.recent.set(key, kept)
  }
}

export const toChange = (key: string, seq: Seq, state: DecoderState | null): StateChange => ({
  key,
  seq,
  state: state === null ? null : encodeState(state)
})
