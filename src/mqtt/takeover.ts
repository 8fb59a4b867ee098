/**
 * Notices that another client uses our client id. A broker lets the newer one in and drops the older one
 * [MQTT-3.1.4-3], so two that come back at once drive each other out for ever, and each loses messages to the other.
 * MQTT 5 says so (reason code 0x8E), but most brokers say nothing; then connections that end as soon as they are made tell.
 */

import type { Limits } from '../limits.ts'
import type { Ended } from './connection.ts'

/** Reason code of DISCONNECT: Session taken over [MQTT-3.14.2.1]. */
const sessionTakenOver = 0x8e

export class TakeoverWatch {
  private readonly limits: Limits
  private shortLived = 0
  private said = false

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Another client had our session when the last connection ended. */
  get suspected(): boolean {
    return this.said || this.shortLived >= this.limits.takeoversSuspiciousMin
  }

  /** A connection that was accepted has ended by itself. */
  ended({ reasonCode, closedByBroker }: Ended, livedMs: number): void {
    this.said = reasonCode === sessionTakenOver
    this.shortLived = closedByBroker && livedMs < this.limits.takeoverLivedMsMax ? this.shortLived + 1 : 0
  }

  /** The broker is not there at all: what ended before was its end. */
  brokerIsAway(): void {
    this.shortLived = 0
  }

  /** The least to wait before the next attempt, in milliseconds; with jitter, so that the two do not meet again. */
  delayMs(random: () => number = Math.random): number {
    return this.suspected ? this.limits.takeoverDelayMs * (1 + random() * 0.25) : 0
  }
}
