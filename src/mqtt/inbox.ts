/**
 * What came from the broker and is not yet committed, as batches. It answers nothing by itself: a batch is
 * acknowledged when whoever took it says that it is committed, in the order received [MQTT-4.6.0-2], and only on the
 * connection it came on, since identifiers mean nothing on another.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import type { Stats } from '../stats.ts'
import { Backpressure } from './backpressure.ts'
import type { Draft, InboxBatch, InboxConnection, ReceivedMessage } from './draft.ts'
import { acknowledgement, newDraft, puback, pubcomp, pubrec, toPackets, toReceivedMessage } from './draft.ts'
import type { PublishFrame } from './publish-scanner.ts'
import { Redeliveries } from './redeliveries.ts'

export class Inbox {
  private readonly limits: Limits
  private readonly stats: Stats
  private readonly now: () => Millis
  private readonly redeliveries: Redeliveries
  private readonly backpressure: Backpressure
  private connection: InboxConnection | null = null
  private stopped = false
  private closed = false
  private draft: Draft = newDraft(null)
  private full: Draft[] = []
  /** Taken and not yet settled, oldest first. */
  private readonly taken = new Set<Draft>()
  /** Messages held since the start, and those of them that are settled: batches settle in order. */
  private heldCount = 0
  private settledCount = 0
  private wake: (() => void) | null = null
  /** When the first QoS 0 message came that was given up. */
  lostSince: Millis | null = null
  private settled: Array<() => void> = []

  constructor(parts: { limits: Limits; stats: Stats; now?: () => Millis }) {
    this.limits = parts.limits
    this.stats = parts.stats
    this.now = parts.now ?? Date.now
    this.redeliveries = new Redeliveries(parts.limits)
    this.backpressure = new Backpressure(parts.limits, parts.stats)
  }

  /** What an earlier process of this session committed. */
  restore(...remembered: Parameters<Redeliveries['restore']>): void {
    this.redeliveries.restore(...remembered)
  }

  /** CONNACK: what is held stays, its acknowledgements are forgotten. On a new session identifiers are, too. */
  connected(connection: InboxConnection, sessionPresent: boolean): void {
    this.disconnected()
    this.connection = connection
    this.draft.connection = connection
    this.backpressure.connected(connection)
    if (sessionPresent) return this.redeliveries.resumed()
    this.redeliveries.clear()
    for (const draft of [...this.full, this.draft]) {
      draft.packets.clear()
      for (const message of draft.messages) message.packetId = null
    }
  }

  /** The session may have been begun anew: what the broker has not named until now, it does not know. */
  forgetUnmentioned(): void {
    for (const packetId of this.redeliveries.forgetUnmentioned()) this.draft.packets.set(packetId, null)
    this.arm()
  }

  disconnected(): void {
    this.connection = null
    this.backpressure.disconnected()
    for (const draft of [...this.full, this.draft]) {
      this.stats.acknowledgementsDropped += draft.acknowledgements.length
      this.backpressure.settled(draft.acknowledgements.length)
      draft.acknowledgements = []
    }
    if (this.draft.messages.length > 0) this.rotate()
    this.draft.connection = null
  }

  publish(frame: PublishFrame): void {
    if (this.stopped) return
    const message = toReceivedMessage(frame, this.connection?.version ?? 5, this.now())
    this.stats.received++
    this.stats.receivedBytes += message.bytes
    if (this.isNew(message, frame.packetId)) this.hold(message)
    else this.stats.duplicates++
    this.backpressure.received()
    this.arm()
  }

  /** PUBREL: the broker will not send the message again. PUBCOMP waits for the commit, too. */
  pubrel(packetId: number): void {
    if (this.stopped) return
    if (this.redeliveries.release(packetId)) this.draft.packets.set(packetId, null)
    this.owe(acknowledgement(pubcomp, packetId))
    this.backpressure.received()
    this.arm()
  }

  /**
   * The next batch, or null when the inbox is closed and empty. While nothing is being committed, what comes within a
   * short delay goes together; while something is, a batch waits until it is worth one or its turn comes, so that
   * batches grow with the load.
   */
  async next(): Promise<InboxBatch | null> {
    for (;;) {
      const full = this.full.shift()
      if (full !== undefined) return this.toBatch(full)
      if (!this.isEmpty()) {
        if (this.taken.size === 0 && !this.closed) await delay(this.limits.batchDelayMs)
        const worthIt = this.closed || this.draft.messages.length >= this.limits.batchMessagesMax / 4
        if (this.taken.size === 0 || worthIt) return this.toBatch(this.full.shift() ?? this.cut())
      } else if (this.closed) return null
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
  }

  /** Takes nothing more: the broker sends again what is not acknowledged. */
  stopTaking(): void {
    this.stopped = true
  }

  /** Nothing more is expected; what is held can still be taken. */
  close(): void {
    this.closed = true
    this.arm()
  }

  /** Resolves when every message received before is committed or abandoned. */
  async idle(): Promise<void> {
    const { heldCount } = this
    while (this.settledCount < heldCount) await new Promise<void>((resolve) => this.settled.push(resolve))
  }

  /** When the message came that is held longest; null: none is. */
  oldestHeldAt(): Millis | null {
    const drafts = [...this.taken, ...this.full, this.draft]
    return drafts.find(({ messages }) => messages.length > 0)?.messages[0]!.receivedAt ?? null
  }

  /** Gives up what nobody has taken. */
  abandonRest(): void {
    for (const draft of [...this.full.splice(0), this.cut()]) this.giveUp(draft)
    this.settle()
  }

  /** Whatever it is, it is acknowledged with the batch it came in. */
  private isNew({ qos, dup, topic, payload }: ReceivedMessage, packetId: number): boolean {
    if (qos === 0) return true
    const { draft, redeliveries } = this
    this.owe(acknowledgement(qos === 1 ? puback : pubrec, packetId))
    if (qos === 1) return redeliveries.isNewQos1(packetId, dup, topic, payload)
    const hash = redeliveries.hashOfNewQos2(packetId, dup, topic, payload)
    if (hash === null) return false
    draft.packets.set(packetId, hash)
    return true
  }

  private owe(packet: number): void {
    this.draft.acknowledgements.push(packet)
    this.backpressure.owe()
  }

  private hold(message: ReceivedMessage): void {
    const { draft, limits, stats } = this
    draft.messages.push(message)
    this.heldCount++
    draft.bytes += message.bytes
    this.backpressure.hold(message.bytes)
    stats.held++
    stats.heldBytes += message.bytes
    if (draft.messages.length >= limits.batchMessagesMax || draft.bytes >= limits.batchBytesMax) this.rotate()
  }

  private rotate(): void {
    this.full.push(this.cut())
  }

  private cut(): Draft {
    const { draft } = this
    this.draft = newDraft(this.connection)
    return draft
  }

  private arm(): void {
    this.wake?.()
    this.wake = null
  }

  private isEmpty(): boolean {
    const { messages, acknowledgements, packets } = this.draft
    return messages.length === 0 && acknowledgements.length === 0 && packets.size === 0
  }

  private toBatch(draft: Draft): InboxBatch {
    this.taken.add(draft)
    const packets = [...draft.packets]
    return {
      messages: draft.messages,
      packets: {
        added: packets.flatMap(([packetId, hash]) => (hash === null ? [] : [{ packetId, hash }])),
        released: packets.flatMap(([packetId, hash]) => (hash === null ? [packetId] : []))
      },
      acknowledge: () => {
        this.acknowledge(draft)
        this.release(draft)
        this.settle()
      },
      abandon: () => {
        this.giveUp(draft)
        this.settle()
      }
    }
  }

  private acknowledge(draft: Draft): void {
    const { acknowledgements, connection } = draft
    if (acknowledgements.length === 0) return
    if (connection === null || connection !== this.connection) {
      this.stats.acknowledgementsDropped += acknowledgements.length
      return
    }
    connection.acknowledge(toPackets(acknowledgements))
    this.stats.acknowledged += acknowledgements.length
  }

  private giveUp(draft: Draft): void {
    this.stats.abandoned += draft.messages.length
    const lost = draft.messages.filter((message) => message.qos === 0)
    this.stats.abandonedQos0 += lost.length
    this.lostSince ??= lost[0]?.receivedAt ?? null
    this.release(draft)
  }

  private release(draft: Draft): void {
    this.taken.delete(draft)
    this.settledCount += draft.messages.length
    this.stats.held -= draft.messages.length
    this.stats.heldBytes -= draft.bytes
    this.backpressure.settled(draft.acknowledgements.length, draft.messages.length, draft.bytes)
  }

  private settle(): void {
    this.arm()
    for (const resolve of this.settled.splice(0)) resolve()
  }
}
