/**
 * What came from the broker and is not yet committed, as batches. It answers nothing by itself: a batch is
 * acknowledged when whoever took it says that it is committed, in the order received [MQTT-4.6.0-2], and only on the
 * connection it came on, since identifiers mean nothing on another.
 */

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Limits } from '../limits.ts'
import type { MessageProperties, Millis, QoS } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { ProtocolVersion } from './connection.ts'
import { readProperties } from './properties.ts'
import type { PublishFrame } from './publish-scanner.ts'
import { RedeliveryWindow } from './redelivery-window.ts'

export interface ReceivedMessage {
  topic: string
  payload: Buffer
  qos: QoS
  /** null: not knowable on 3.1.1, where the flag of a live message is always 0 [MQTT-3.3.1-9]. */
  retain: boolean | null
  dup: boolean
  packetId: number | null
  properties: MessageProperties | null
  receivedAt: Millis
  /** On 3.1.1, RETAIN means that the message was found at SUBSCRIBE, not seen live [MQTT-3.3.1-8]. */
  found: boolean
  /** Bytes of payload discarded for their number; 0 for all others. */
  discardedBytes: number
  /** The topic's bytes are not UTF-8: they became U+FFFD, and different topics would look the same. */
  malformedTopic: boolean
}

export interface InboxBatch {
  messages: ReceivedMessage[]
  packets: { added: Array<{ packetId: number; hash: Buffer }>; released: number[] }
  /** Says that the batch is committed: sends its acknowledgements if its connection is still there. */
  acknowledge(): void
  /** Says that it never will be. */
  abandon(): void
}

/** Where acknowledgements go, and what is paused when too much is held. */
export interface InboxConnection {
  version: ProtocolVersion
  acknowledge(packets: Buffer): void
  pauseReading(): void
  resumeReading(): void
}

const puback = 0x40
const pubrec = 0x50
const pubcomp = 0x70

/** A packet of 4 bytes: its type and a packet identifier; reason code 0 is left out [MQTT-3.4.2.1]. */
const acknowledgement = (type: number, packetId: number): number => type * 0x1_0000 + packetId

function toPackets(acknowledgements: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(acknowledgements.length * 4)
  for (const [index, one] of acknowledgements.entries()) {
    buffer[index * 4] = one >>> 16
    buffer[index * 4 + 1] = 2
    buffer.writeUInt16BE(one & 0xffff, index * 4 + 2)
  }
  return buffer
}

interface Draft {
  messages: ReceivedMessage[]
  bytes: number
  /** QoS 2 identifiers: set to a hash, or released. The last word on each is what the batch stores. */
  packets: Map<number, Buffer | null>
  acknowledgements: number[]
  connection: InboxConnection | null
}

export class Inbox {
  private readonly limits: Limits
  private readonly stats: Stats
  private readonly now: () => Millis
  private readonly window: RedeliveryWindow
  /** QoS 2 messages received and not released, committed or not. */
  private readonly inboundPackets = new Map<number, Buffer>()
  private connection: InboxConnection | null = null
  private paused = false
  private stopped = false
  private closed = false
  private draft: Draft = newDraft(null)
  private full: Draft[] = []
  /** Batches taken and not yet settled. */
  private taken = 0
  /** Messages held since the start, and those of them that are settled: batches settle in order. */
  private heldCount = 0
  private settledCount = 0
  private wake: (() => void) | null = null
  private settled: Array<() => void> = []

  constructor(parts: { limits: Limits; stats: Stats; now?: () => Millis }) {
    this.limits = parts.limits
    this.stats = parts.stats
    this.now = parts.now ?? Date.now
    this.window = new RedeliveryWindow(parts.limits.receiveMaximum, parts.limits.redeliveryWindowBytesMax)
  }

  /** What an earlier process of this session committed. */
  restore(
    inboundPackets: ReadonlyArray<{ packetId: number; hash: Buffer }>,
    received: ReadonlyArray<{ packetId: number; topic: string; payload: Buffer }>
  ): void {
    for (const { packetId, hash } of inboundPackets) this.inboundPackets.set(packetId, hash)
    for (const { packetId, topic, payload } of received) this.window.remember(packetId, topic, payload)
  }

  /** CONNACK: what is held stays, its acknowledgements are forgotten. On a new session identifiers are, too. */
  connected(connection: InboxConnection, sessionPresent: boolean): void {
    this.disconnected()
    this.connection = connection
    this.draft.connection = connection
    if (this.paused) connection.pauseReading()
    if (sessionPresent) return
    this.window.clear()
    this.inboundPackets.clear()
    for (const draft of [...this.full, this.draft]) {
      draft.packets.clear()
      for (const message of draft.messages) message.packetId = null
    }
  }

  disconnected(): void {
    this.connection = null
    for (const draft of [...this.full, this.draft]) {
      this.stats.acknowledgementsDropped += draft.acknowledgements.length
      draft.acknowledgements = []
    }
    if (this.draft.messages.length > 0) this.rotate()
    this.draft.connection = null
  }

  publish(frame: PublishFrame): void {
    if (this.stopped) return
    const { buffer, flags } = frame
    const topic = buffer.toString('utf8', frame.topicStart, frame.topicEnd)
    const payload = buffer.subarray(frame.payloadStart, frame.payloadEnd)
    const qos = ((flags >> 1) & 3) as QoS
    const dup = (flags & 8) !== 0
    this.stats.received++
    this.stats.receivedBytes += payload.length
    if (qos === 1 && !this.isNewQos1(frame.packetId, dup, topic, payload)) return this.arm()
    if (qos === 2 && !this.isNewQos2(frame.packetId, dup, topic, payload)) return this.arm()

    const retained = (flags & 1) !== 0
    const live311 = this.connection?.version === 4
    this.hold({
      topic,
      payload,
      qos,
      retain: live311 && !retained ? null : retained,
      dup,
      packetId: qos === 0 ? null : frame.packetId,
      properties:
        frame.propertiesEnd > frame.propertiesStart
          ? readProperties(buffer, frame.propertiesStart, frame.propertiesEnd)
          : null,
      receivedAt: this.now(),
      found: live311 && retained,
      discardedBytes: frame.discardedBytes,
      malformedTopic: topic.includes('\ufffd') && !isUtf8(buffer.subarray(frame.topicStart, frame.topicEnd))
    })
  }

  /** PUBREL: the broker will not send the message again. PUBCOMP waits for the commit, too. */
  pubrel(packetId: number): void {
    if (this.stopped) return
    if (this.inboundPackets.delete(packetId)) this.draft.packets.set(packetId, null)
    this.draft.acknowledgements.push(acknowledgement(pubcomp, packetId))
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
        if (this.taken === 0 && !this.closed) await delay(this.limits.batchDelayMs)
        const worthIt = this.draft.messages.length >= this.limits.batchMessagesMax / 4
        if (this.taken === 0 || this.closed || worthIt) return this.toBatch(this.full.shift() ?? this.cut())
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

  /** Gives up what nobody has taken. */
  abandonRest(): void {
    for (const draft of [...this.full.splice(0), this.cut()]) {
      this.stats.abandoned += draft.messages.length
      this.stats.abandonedQos0 += draft.messages.filter((message) => message.qos === 0).length
      this.release(draft)
    }
    this.settle()
  }

  private isNewQos1(packetId: number, dup: boolean, topic: string, payload: Buffer): boolean {
    this.draft.acknowledgements.push(acknowledgement(puback, packetId))
    if (dup && this.window.isRedelivery(packetId, topic, payload)) {
      this.stats.duplicates++
      return false
    }
    this.window.remember(packetId, topic, payload)
    return true
  }

  /** Exactly once: the same identifier with DUP and the same content is the same message, until PUBREL. */
  private isNewQos2(packetId: number, dup: boolean, topic: string, payload: Buffer): boolean {
    this.draft.acknowledgements.push(acknowledgement(pubrec, packetId))
    const hash = createHash('sha256').update(topic).update('\0').update(payload).digest().subarray(0, 16)
    const known = this.inboundPackets.get(packetId)
    if (dup && known !== undefined && known.equals(hash)) {
      this.stats.duplicates++
      return false
    }
    this.window.observe(packetId)
    this.inboundPackets.set(packetId, hash)
    this.draft.packets.set(packetId, hash)
    return true
  }

  private hold(message: ReceivedMessage): void {
    const { draft, limits, stats } = this
    const bytes = message.payload.length
    draft.messages.push(message)
    this.heldCount++
    draft.bytes += bytes
    stats.held++
    stats.heldBytes += bytes
    if (!this.paused && (stats.held >= limits.heldMessagesMax || stats.heldBytes >= limits.heldBytesMax)) this.pause()
    if (draft.messages.length >= limits.batchMessagesMax || draft.bytes >= limits.batchBytesMax) this.rotate()
    this.arm()
  }

  private pause(): void {
    this.paused = true
    this.stats.pauses++
    this.connection?.pauseReading()
  }

  private resume(): void {
    const { limits, stats } = this
    if (!this.paused || stats.held > limits.heldMessagesMax / 2 || stats.heldBytes > limits.heldBytesMax / 2) return
    this.paused = false
    this.connection?.resumeReading()
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
    this.taken++
    const packets = [...draft.packets]
    return {
      messages: draft.messages,
      packets: {
        added: packets.flatMap(([packetId, hash]) => (hash === null ? [] : [{ packetId, hash }])),
        released: packets.flatMap(([packetId, hash]) => (hash === null ? [packetId] : []))
      },
      acknowledge: () => {
        this.acknowledge(draft)
        this.taken--
        this.release(draft)
        this.settle()
      },
      abandon: () => {
        this.taken--
        this.stats.abandoned += draft.messages.length
        this.stats.abandonedQos0 += draft.messages.filter((message) => message.qos === 0).length
        this.release(draft)
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

  private release(draft: Draft): void {
    this.settledCount += draft.messages.length
    this.stats.held -= draft.messages.length
    this.stats.heldBytes -= draft.bytes
    this.resume()
  }

  private settle(): void {
    this.arm()
    for (const resolve of this.settled.splice(0)) resolve()
  }
}

const newDraft = (connection: InboxConnection | null): Draft => ({
  messages: [],
  bytes: 0,
  packets: new Map(),
  acknowledgements: [],
  connection
})

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
