/** Tells a message that the broker sends again from a new one: QoS 1 by the window, QoS 2 by its identifier. */

import { createHash } from 'node:crypto'
import type { Limits } from '../limits.ts'
import { RedeliveryWindow } from './redelivery-window.ts'

export class Redeliveries {
  private readonly window: RedeliveryWindow
  /** QoS 2 messages received and not released, committed or not. */
  private readonly inboundPackets = new Map<number, Buffer>()
  /** Those of them that the broker has not named since the connection was made. */
  private unmentioned = new Set<number>()

  constructor(limits: Limits) {
    this.window = new RedeliveryWindow(limits.receiveMaximum, limits.redeliveryWindowBytesMax)
  }

  /** What an earlier process of this session committed. */
  restore(
    inboundPackets: ReadonlyArray<{ packetId: number; hash: Buffer }>,
    received: ReadonlyArray<{ packetId: number; dup: boolean; topic: string; payload: Buffer }>
  ): void {
    for (const { packetId, hash } of inboundPackets) this.inboundPackets.set(packetId, hash)
    for (const { packetId, dup, topic, payload } of received)
      this.window.remember(packetId, dup, topic, payload)
  }

  /** The session is new at the broker: former identifiers mean nothing. */
  clear(): void {
    this.window.clear()
    this.inboundPackets.clear()
  }

  /** A connection of the same session: the broker sends again at once what it still holds [MQTT-4.4.0-1]. */
  resumed(): void {
    this.unmentioned = new Set(this.inboundPackets.keys())
  }

  /** Identifiers that the broker does not hold, now that it had its chance to name them. QoS 1 begins anew. */
  forgetUnmentioned(): number[] {
    this.window.clear()
    for (const packetId of this.unmentioned) this.inboundPackets.delete(packetId)
    return [...this.unmentioned]
  }

  isNewQos1(packetId: number, dup: boolean, topic: string, payload: Buffer): boolean {
    if (dup && this.window.isRedelivery(packetId, topic, payload)) return false
    this.window.remember(packetId, dup, topic, payload)
    return true
  }

  /**
   * Exactly once: the same identifier with DUP and the same content is the same message, until PUBREL; without DUP it
   * is a new one. Returns the hash to store with a new message, null for a repetition.
   */
  hashOfNewQos2(packetId: number, dup: boolean, topic: string, payload: Buffer): Buffer | null {
    this.unmentioned.delete(packetId)
    const hash = createHash('sha256').update(topic).update('\0').update(payload).digest().subarray(0, 16)
    if (dup && this.inboundPackets.get(packetId)?.equals(hash)) return null
    this.window.observe(packetId, dup)
    this.inboundPackets.set(packetId, hash)
    return hash
  }

  /** PUBREL: the broker will not send it again. False when the identifier is not known. */
  release(packetId: number): boolean {
    this.unmentioned.delete(packetId)
    return this.inboundPackets.delete(packetId)
  }
}
