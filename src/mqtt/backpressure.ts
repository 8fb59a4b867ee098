/** Stops reading from the broker while too much is received and not committed: its window, and TCP, hold back the rest. */

import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'

export class Backpressure {
  private readonly limits: Limits
  private readonly stats: Stats
  private connection: { pauseReading(): void; resumeReading(): void } | null = null
  private paused = false
  /** Acknowledgements not settled; some have no message that is held: of one that came again, of PUBREL. */
  private owed = 0

  constructor(limits: Limits, stats: Stats) {
    this.limits = limits
    this.stats = stats
  }

  connected(connection: { pauseReading(): void; resumeReading(): void }): void {
    this.connection = connection
    if (this.paused) connection.pauseReading()
  }

  disconnected(): void {
    this.connection = null
  }

  /** One more acknowledgement, which leaves with its batch. */
  owe(): void {
    this.owed++
  }

  /** Something was received. Said again for each that still comes: a connection that is being made does not hear it. */
  received(): void {
    if (this.fullness() < 1) return
    if (!this.paused) this.stats.pauses++
    this.paused = true
    this.connection?.pauseReading()
  }

  /** `acknowledgements` are owed no more. */
  settled(acknowledgements: number): void {
    this.owed -= acknowledgements
    if (!this.paused || this.fullness() > 0.5) return
    this.paused = false
    this.connection?.resumeReading()
  }

  /** 1: as much as may be held. */
  private fullness(): number {
    const { limits, stats, owed } = this
    return Math.max(
      Math.max(stats.held, owed) / limits.heldMessagesMax,
      stats.heldBytes / limits.heldBytesMax
    )
  }
}
