/** What a batch is made of: messages, QoS 2 identifiers, and the acknowledgements that wait for its commit. */

import { isUtf8 } from 'node:buffer'
import type { MessageProperties, Millis, QoS } from '../model.ts'
import type { ProtocolVersion } from './connection.ts'
import { readProperties } from './properties.ts'
import type { PublishFrame } from './publish-scanner.ts'

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
  /** The topic's bytes in base64 where they are not UTF-8: in `topic` they became U+FFFD, as those of other topics do. */
  malformedTopic: string | null
  /** What it takes in memory, about: topic, properties and payload. */
  bytes: number
}

/** Where acknowledgements go, and what is paused when too much is held. */
export interface InboxConnection {
  version: ProtocolVersion
  acknowledge(packets: Buffer): void
  pauseReading(): void
  resumeReading(): void
}

/** A pair of empty strings is 5 bytes on the wire, and an array of two in memory. */
const userPropertyBytes = 64

export const puback = 0x40
export const pubrec = 0x50
export const pubcomp = 0x70

/** A packet of 4 bytes: its type and a packet identifier; reason code 0 is left out [MQTT-3.4.2.1]. */
export const acknowledgement = (type: number, packetId: number): number => type * 0x1_0000 + packetId

export function toPackets(acknowledgements: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(acknowledgements.length * 4)
  for (const [index, one] of acknowledgements.entries()) {
    buffer[index * 4] = one >>> 16
    buffer[index * 4 + 1] = 2
    buffer.writeUInt16BE(one & 0xffff, index * 4 + 2)
  }
  return buffer
}

export interface InboxBatch {
  messages: ReceivedMessage[]
  packets: { added: Array<{ packetId: number; hash: Buffer }>; released: number[] }
  /** Says that the batch is committed: sends its acknowledgements if its connection is still there. */
  acknowledge(): void
  /** Says that it never will be. */
  abandon(): void
}

export interface Draft {
  messages: ReceivedMessage[]
  bytes: number
  /** QoS 2 identifiers: set to a hash, or released. The last word on each is what the batch stores. */
  packets: Map<number, Buffer | null>
  acknowledgements: number[]
  connection: InboxConnection | null
}

export const newDraft = (connection: InboxConnection | null): Draft => ({
  messages: [],
  bytes: 0,
  packets: new Map(),
  acknowledgements: [],
  connection
})

export function toReceivedMessage(
  frame: PublishFrame,
  version: ProtocolVersion,
  receivedAt: Millis
): ReceivedMessage {
  const { buffer, flags, topicStart, topicEnd, propertiesStart, propertiesEnd } = frame
  const topic = buffer.toString('utf8', topicStart, topicEnd)
  const qos = ((flags >> 1) & 3) as QoS
  const retained = (flags & 1) !== 0
  const properties =
    propertiesEnd > propertiesStart ? readProperties(buffer, propertiesStart, propertiesEnd) : null
  return {
    topic,
    payload: buffer.subarray(frame.payloadStart, frame.payloadEnd),
    qos,
    retain: version === 4 && !retained ? null : retained,
    dup: (flags & 8) !== 0,
    packetId: qos === 0 ? null : frame.packetId,
    properties,
    receivedAt,
    found: version === 4 && retained,
    discardedBytes: frame.discardedBytes,
    malformedTopic:
      topic.includes('\ufffd') && !isUtf8(buffer.subarray(topicStart, topicEnd))
        ? buffer.toString('base64', topicStart, topicEnd)
        : null,
    bytes: frame.payloadEnd - topicStart + (properties?.userProperties?.length ?? 0) * userPropertyBytes
  }
}
