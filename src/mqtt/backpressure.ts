/** Stops reading from the broker while too much is received and not committed: its window, and TCP, hold back the rest. */

import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'

export class Backpressure {
  private readonly limits: Limits
  private readonly stats: Stats
  private connection: { pauseReading(): void; resumeReading(): void } | null = null
  private paused = false
  /** Of this inbox; those of another one would not be told to it when they are settled. */
  private held = 0
  private heldBytes = 0
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

  /** One more message, until its batch is settled. */
  hold(bytes: number): void {
    this.held++
    this.heldBytes += bytes
  }

  /** Something was received. Said again for each that still comes: a connection that is being made does not hear it. */
  received(): void {
    if (this.fullness() < 1) return
    if (!this.paused) this.stats.pauses++
    this.paused = true
    this.connection?.pauseReading()
  }

  /** So many acknowledgements are owed no more, and messages held. */
  settled(acknowledgements: number, messages = 0, bytes = 0): void {
    this.owed -= acknowledgements
    this.held -= messages
    this.heldBytes -= bytes
    if (!this.paused || this.fullness() > 0.5) return
    this.paused = false
    this.connection?.resumeReading()
  }

  /** 1: as much as may be held. */
  private fullness(): number {
    const { limits, owed, held, heldBytes } = this
    return Math.max(Math.max(held, owed) / limits.heldMessagesMax, heldBytes / limits.heldBytesMax)
  }
}
