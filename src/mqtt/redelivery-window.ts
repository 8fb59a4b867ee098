/**
 * Recognises a QoS 1 message that the broker sends again because our acknowledgement did not reach it: DUP set, and
 * identifier, topic and payload equal to one of the last `receiveMaximum` messages of this session. DUP alone proves
 * nothing [MQTT-3.3.1.1]; within the window the identifier does, where the broker hands identifiers out in sequence,
 * since it then comes back to one only after all the others. That is observed, not assumed: trusted is who has counted,
 * without a jump, beyond what may be unacknowledged at once. Up to there a broker that hands out the lowest free
 * identifier (NATS) looks the same; and one that begins at 1 on each connection (RabbitMQ) is not trusted again.
 */

interface Received {
  ordinal: number
  topic: string
  payload: Buffer
}

const bytesOf = ({ topic, payload }: Received): number => topic.length + payload.length

const identifiers = 65_535

export class RedeliveryWindow {
  private readonly messagesMax: number
  private readonly bytesMax: number
  private readonly byPacketId = new Map<number, Received>()
  private bytes = 0
  private ordinal = 0
  private lastPacketId = 0
  /** Messages still to come in sequence before identifiers are trusted again. */
  private untrusted = 0
  /** An identifier of this run is larger than any that is free would be, if the lowest free one were taken. */
  private counted = false

  constructor(messagesMax: number, bytesMax: number) {
    this.messagesMax = messagesMax
    this.bytesMax = bytesMax
  }

  isRedelivery(packetId: number, topic: string, payload: Buffer): boolean {
    if (packetId === 1 && this.lastPacketId !== identifiers) this.distrust()
    if (this.untrusted > 0 || !this.counted) return false
    const known = this.byPacketId.get(packetId)
    return (
      known !== undefined &&
      this.ordinal - known.ordinal < this.messagesMax &&
      known.topic === topic &&
      known.payload.equals(payload)
    )
  }

  /** Every QoS 1 message that is not a redelivery, as far as is known, in the order received. */
  remember(packetId: number, dup: boolean, topic: string, payload: Buffer): void {
    this.observe(packetId, dup)
    this.ordinal++
    this.forget(packetId)
    // A copy: the payload is a slice of a read, which would be kept whole for it
    const received = { ordinal: this.ordinal, topic, payload: Buffer.from(payload) }
    this.byPacketId.set(packetId, received)
    this.bytes += bytesOf(received)
    this.trim()
  }

  /**
   * Every identifier of a new QoS 1 or 2 message: both are of one sequence. One that comes again keeps its old identifier,
   * which says nothing of how the broker counts, unless its first delivery did not reach us.
   */
  observe(packetId: number, dup: boolean): void {
    const inSequence = this.lastPacketId === 0 || packetId === (this.lastPacketId % identifiers) + 1
    if (dup && !inSequence) return
    if (!inSequence) this.distrust()
    else if (this.untrusted > 0) this.untrusted--
    if (packetId > this.messagesMax) this.counted = true
    this.lastPacketId = packetId
  }

  /** The session is new: former identifiers mean nothing. */
  clear(): void {
    this.byPacketId.clear()
    this.bytes = 0
    this.lastPacketId = 0
    this.untrusted = 0
    this.counted = false
  }

  private distrust(): void {
    this.untrusted = this.messagesMax
    this.counted = false
  }

  /** A forgotten message is stored twice if it is redelivered, which is allowed; an unbounded window is not. */
  private trim(): void {
    for (const [packetId, received] of this.byPacketId) {
      const old = this.ordinal - received.ordinal >= this.messagesMax
      if (!old && this.bytes <= this.bytesMax) return
      this.forget(packetId)
    }
  }

  private forget(packetId: number): void {
    const received = this.byPacketId.get(packetId)
    if (received === undefined) return
    this.bytes -= bytesOf(received)
    this.byPacketId.delete(packetId)
  }
}
