/**
 * The newest facts in memory: contiguous in seq, bounded in number and bytes. What is ahead of others that are still missing
 * is kept beside them, within the same bounds, so that only those have to be read.
 */

import type { Fact, MessageProperties, Seq } from '../model.ts'

export class Ring {
  private readonly factsMax: number
  private readonly bytesMax: number
  private facts: Fact[] = []
  /** Position of the oldest fact in `facts`; those before it have been dropped, and are cut off in one go. */
  private first = 0
  private bytes = 0
  /** Behind a hole, ordered by where they begin; each is contiguous. */
  private early: Array<readonly Fact[]> = []
  private earlyCount = 0
  private earlyBytes = 0
  /** Newest seq that has been seen; the next fact must be the one after it. */
  end: Seq

  constructor(end: Seq, factsMax: number, bytesMax: number) {
    this.end = end
    this.factsMax = factsMax
    this.bytesMax = bytesMax
  }

  /** A reader that has seen everything up to `start` or later is served from here. */
  get start(): Seq {
    return this.end - (this.facts.length - this.first)
  }

  /** How many are missing before those that are kept ahead of them; null: none is kept. */
  get hole(): number | null {
    return this.early.length === 0 ? null : Math.max(0, this.early[0]![0]!.seq - this.end - 1)
  }

  /** Takes those that follow what is here; false when some are missing in between. */
  append(facts: readonly Fact[]): boolean {
    for (const fact of facts) {
      if (fact.seq <= this.end) continue
      if (fact.seq !== this.end + 1) return false
      this.facts.push(fact)
      this.bytes += bytesOf(fact)
      this.end = fact.seq
    }
    this.trim()
    return true
  }

  /** Keeps some, contiguous and at least one, until what is missing before them is here. */
  keep(facts: readonly Fact[]): void {
    const at = this.early.findIndex(([first]) => first!.seq > facts[0]!.seq)
    this.early.splice(at === -1 ? this.early.length : at, 0, facts)
    this.earlyCount += facts.length
    for (const fact of facts) this.earlyBytes += bytesOf(fact)
    this.trim()
    if (this.isOver()) this.forgetEarly() // they are read, too
  }

  /** The next of those kept, once they follow what is here; null: there are none, or some are missing still. */
  appendKept(): readonly Fact[] | null {
    if (this.hole !== 0) return null
    const facts = this.early.shift()!
    this.earlyCount -= facts.length
    for (const fact of facts) this.earlyBytes -= bytesOf(fact)
    this.append(facts)
    return facts
  }

  /** Begins anew behind a hole. Nothing is kept of what was here. */
  restart(end: Seq): void {
    this.forgetEarly()
    this.facts = []
    this.first = 0
    this.bytes = 0
    this.end = end
  }

  /** At most `limit` facts after `after`, which must not be before `start`. */
  after(after: Seq, limit: number): Fact[] {
    const from = this.first + (after - this.start)
    return this.facts.slice(from, from + limit)
  }

  private forgetEarly(): void {
    this.early = []
    this.earlyCount = 0
    this.earlyBytes = 0
  }

  private isOver(): boolean {
    const count = this.facts.length - this.first + this.earlyCount
    return count > this.factsMax || this.bytes + this.earlyBytes > this.bytesMax
  }

  private trim(): void {
    while (this.facts.length > this.first && this.isOver()) {
      this.bytes -= bytesOf(this.facts[this.first]!)
      this.first++
    }
    if (this.first > this.factsMax / 2) {
      this.facts = this.facts.slice(this.first)
      this.first = 0
    }
  }
}

/** Payload, topic, properties, and about what the objects around them take. */
export function bytesOf({ message, topic, detail }: Fact): number {
  return (
    300 +
    (message?.payload.length ?? 0) +
    (topic?.length ?? 0) +
    (message?.properties == null ? 0 : propertiesBytes(message.properties)) +
    (detail === null ? 0 : JSON.stringify(detail).length)
  )
}

/** Not by their JSON: this is asked for each fact and each reader. */
function propertiesBytes({
  contentType,
  responseTopic,
  correlationData,
  userProperties
}: MessageProperties): number {
  let bytes = (contentType?.length ?? 0) + (responseTopic?.length ?? 0) + (correlationData?.length ?? 0)
  for (const [name, value] of userProperties ?? []) bytes += 50 + name.length + value.length
  return bytes
}
