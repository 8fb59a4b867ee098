/** What decoders remember, of one projection: in the database, with the most recently used here. */

import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { DecoderState } from '../normalize/mapping-set.ts'
import type { StateChange } from '../store/projected.ts'
import type { Store } from '../store/store.ts'
import { fromStored, partKey, partsOf, toStored } from './state-parts.ts'

interface Kept {
  state: DecoderState | null
  bytes: number
  /** Hashes of the rows beside its own. */
  parts: ReadonlySet<string>
}

const none: Kept = { state: null, bytes: 0, parts: new Set() }

/** What is to be stored, and what is known of it once it is. */
export interface StateChanges {
  changes: StateChange[]
  kept: ReadonlyMap<string, Kept>
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
  /** What is stored of the keys at hand, whatever else had to go for it. */
  private loaded = new Map<string, Kept>()

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
    const found = unknown.length === 0 ? new Map<string, Kept>() : await this.read(unknown)
    this.loaded = new Map()
    for (const key of keys)
      this.loaded.set(key, found.get(key) ?? this.recent.get(key) ?? this.older.get(key) ?? none)
    const states = new Map<string, DecoderState>()
    // Only now: to keep one may be to let go of another
    for (const [key, kept] of this.loaded) {
      this.keep(key, kept)
      if (kept.state !== null) states.set(key, kept.state)
    }
    return states
  }

  private async read(keys: readonly string[]): Promise<Map<string, Kept>> {
    const { projections } = this.store
    const rows = await projections.states(this.projectionId, keys)
    const wanted = [...rows].flatMap(([key, main]) => partsOf(main).map((hash) => partKey(key, hash)))
    const parts =
      wanted.length === 0
        ? new Map<string, Uint8Array>()
        : await projections.states(this.projectionId, wanted)
    const found = new Map<string, Kept>()
    for (const [key, main] of rows) {
      const hashes = partsOf(main)
      const state = fromStored(main, (hash) => parts.get(partKey(key, hash)))
      const bytes = hashes.reduce(
        (sum, hash) => sum + (parts.get(partKey(key, hash))?.length ?? 0),
        main.length
      )
      found.set(key, { state, bytes, parts: new Set(hashes) })
    }
    return found
  }

  /** Of the keys that were loaded last: rows that are new, and rows that nothing refers to any more. */
  changes(states: ReadonlyMap<string, { seq: Seq; state: DecoderState | null }>): StateChanges {
    const changes: StateChange[] = []
    const kept = new Map<string, Kept>()
    for (const [key, { seq, state }] of states) {
      const before = (this.loaded.get(key) ?? none).parts
      const stored = state === null ? null : toStored(state)
      const parts = stored?.parts ?? new Map<string, Uint8Array>()
      changes.push({ key, seq, state: stored?.main ?? null })
      for (const [hash, bytes] of parts)
        if (!before.has(hash)) changes.push({ key: partKey(key, hash), seq, state: bytes })
      for (const hash of before)
        if (!parts.has(hash)) changes.push({ key: partKey(key, hash), seq, state: null })
      let bytes = stored?.main.length ?? 0
      for (const part of parts.values()) bytes += part.length
      kept.set(key, { state, bytes, parts: new Set(parts.keys()) })
    }
    return { changes, kept }
  }

  /** What has been committed. */
  remember({ kept }: StateChanges): void {
    for (const [key, one] of kept) this.keep(key, one)
  }

  clear(): void {
    this.recent = new Map()
    this.older = new Map()
    this.recentBytes = 0
    this.loaded = new Map()
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
