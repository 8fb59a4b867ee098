/**
 * What belongs to names, the most recently used: what was used since the last turn, and what was before it. A Map as a
 * queue, with the oldest taken out for each that comes, looks for its first entry among thousands that were deleted.
 */

/** About what the objects around a name take. */
const entryBytes = 200
const bytesOf = (name: string): number => entryBytes + 2 * name.length

export class NameCache<Value> {
  private recent = new Map<string, Value>()
  private older = new Map<string, Value>()
  private recentBytes = 0
  private olderBytes = 0
  private readonly entriesMax: number
  private readonly bytesMax: number

  constructor(bounds: { entriesMax: number; bytesMax: number }) {
    this.entriesMax = bounds.entriesMax
    this.bytesMax = bounds.bytesMax
  }

  get size(): number {
    return this.recent.size + this.older.size
  }

  get bytes(): number {
    return this.recentBytes + this.olderBytes
  }

  get(name: string): Value | undefined {
    return this.recent.get(name) ?? this.older.get(name)
  }

  remember(name: string, value: Value): void {
    if (this.recent.has(name)) return
    const bytes = bytesOf(name)
    if (this.recent.size >= Math.floor(this.entriesMax / 2) || this.recentBytes + bytes > this.bytesMax / 2) {
      this.older = this.recent
      this.olderBytes = this.recentBytes
      this.recent = new Map()
      this.recentBytes = 0
    }
    this.recent.set(name, value)
    this.recentBytes += bytes
  }
}
