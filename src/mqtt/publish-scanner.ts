/**
 * Finds PUBLISH and PUBREL in the byte stream of a broker and hands them over in place; every other packet is passed
 * on whole. A general parser builds an object per packet, and is several times slower (decision 0002).
 */

/** The broker broke the protocol: the connection cannot be trusted any further. */
export class MalformedPacketError extends Error {
  constructor(what: string) {
    super(`Malformed packet: ${what}`)
    this.name = 'MalformedPacketError'
  }
}

/** Where the parts of a PUBLISH lie in `buffer`. */
export interface PublishFrame {
  buffer: Buffer
  /** First byte: type, DUP, QoS, RETAIN [MQTT-3.3.1]. */
  flags: number
  topicStart: number
  topicEnd: number
  /** 0 for QoS 0. */
  packetId: number
  /** Of the MQTT 5 properties, without their length. Equal on 3.1.1, or when there are none. */
  propertiesStart: number
  propertiesEnd: number
  payloadStart: number
  payloadEnd: number
  /** Bytes of payload that were discarded because the packet is larger than the limit; else 0. */
  discardedBytes: number
}

export interface ScannerHandlers {
  publish(frame: PublishFrame): void
  pubrel(packetId: number): void
  /** Any other packet, whole; the bytes are valid only during the call. */
  other(type: number, packet: Buffer): void
}

const publishType = 3
const pubrelHead = 0x62 // with the flags that it must have [MQTT-3.6.1-1]

export class PublishScanner {
  private readonly handlers: ScannerHandlers
  private readonly properties: boolean
  private readonly packetBytesMax: number
  private readonly controlPacketBytesMax: number
  /** Whole packets seen. */
  packets = 0
  /** Reads that together are shorter than the packet they begin. */
  private parts: Buffer[] = []
  private partsBytes = 0
  private neededBytes = 0
  /** An oversized PUBLISH whose head is known: what is still to be thrown away of it. */
  private skipBytes = 0
  private skipped: PublishFrame | null = null

  constructor(
    version: 4 | 5,
    packetBytesMax: number,
    handlers: ScannerHandlers,
    controlPacketBytesMax = packetBytesMax
  ) {
    this.properties = version === 5
    this.packetBytesMax = packetBytesMax
    this.controlPacketBytesMax = controlPacketBytesMax
    this.handlers = handlers
  }

  /** Takes what the socket read. Throws MalformedPacketError. */
  push(read: Buffer): void {
    let chunk = this.skipBytes > 0 ? this.skip(read) : read
    if (chunk.length === 0) return
    if (this.partsBytes > 0) {
      this.parts.push(chunk)
      this.partsBytes += chunk.length
      if (this.partsBytes < this.neededBytes) return
      chunk = Buffer.concat(this.parts, this.partsBytes)
      this.parts = []
      this.partsBytes = 0
    }
    this.scan(chunk)
  }

  private scan(chunk: Buffer): void {
    let start = 0
    while (start < chunk.length) {
      const head = readLength(chunk, start + 1)
      if (head === null) return this.keep(chunk, start, 2)
      const bodyStart = start + 1 + head.bytes
      const end = bodyStart + head.length
      if (head.length > this.controlPacketBytesMax && chunk[start]! >> 4 !== publishType)
        throw new MalformedPacketError(`${head.length} bytes in a packet that is not PUBLISH`)
      if (head.length > this.packetBytesMax) return this.begin(chunk, start, bodyStart, end)
      if (end > chunk.length) return this.keep(chunk, start, end - start)
      this.packet(chunk, start, bodyStart, end)
      start = end
    }
  }

  private packet(chunk: Buffer, start: number, bodyStart: number, end: number): void {
    const flags = chunk[start]!
    this.packets++
    if (flags >> 4 === publishType)
      this.handlers.publish(readPublish(chunk, flags, bodyStart, end, this.properties))
    else if (flags === pubrelHead) {
      const packetId = end - bodyStart < 2 ? 0 : chunk.readUInt16BE(bodyStart)
      if (packetId === 0) throw new MalformedPacketError('PUBREL without a packet identifier') // [MQTT-2.2.1-3]
      this.handlers.pubrel(packetId)
    } else this.handlers.other(flags >> 4, chunk.subarray(start, end))
  }

  /** A packet has begun and has not come whole. */
  get isWithinPacket(): boolean {
    return this.partsBytes > 0 || this.skipBytes > 0
  }

  /** Waits until `bytes` from `start` are there. */
  private keep(chunk: Buffer, start: number, bytes: number): void {
    const rest = start === 0 ? chunk : chunk.subarray(start)
    this.parts = [rest]
    this.partsBytes = rest.length
    this.neededBytes = Math.max(bytes, rest.length + 1)
  }

  /** An oversized packet: reads its head, then throws the rest away as it comes. */
  private begin(chunk: Buffer, start: number, bodyStart: number, end: number): void {
    const flags = chunk[start]!
    const headEnd = oversizedHeadEnd(chunk, flags, bodyStart)
    if (headEnd === null) return this.keep(chunk, start, chunk.length - start + 1)
    const frame = readPublish(chunk, flags, bodyStart, headEnd, false)
    this.skipped = { ...frame, payloadStart: headEnd, payloadEnd: headEnd, discardedBytes: end - headEnd }
    this.skipBytes = end - headEnd
    const rest = this.skip(chunk.subarray(headEnd))
    if (rest.length > 0) this.scan(rest)
  }

  private skip(chunk: Buffer): Buffer {
    const bytes = Math.min(this.skipBytes, chunk.length)
    this.skipBytes -= bytes
    if (this.skipBytes === 0 && this.skipped !== null) {
      this.packets++
      this.handlers.publish(this.skipped)
      this.skipped = null
    }
    return chunk.subarray(bytes)
  }
}

/** Reads a Variable Byte Integer [MQTT-1.5.5]; null when it has not come whole. */
function readLength(buffer: Buffer, start: number): { length: number; bytes: number } | null {
  let length = 0
  for (let bytes = 1; bytes <= 4; bytes++) {
    const byte = buffer[start + bytes - 1]
    if (byte === undefined) return null
    length += (byte & 127) * 128 ** (bytes - 1)
    if (byte < 128) return { length, bytes }
  }
  throw new MalformedPacketError('a length of more than four bytes') // [MQTT-1.5.5-1]
}

function readPublish(
  buffer: Buffer,
  flags: number,
  start: number,
  end: number,
  properties: boolean
): PublishFrame {
  const qos = (flags >> 1) & 3
  if (qos === 3) throw new MalformedPacketError('QoS 3') // [MQTT-3.3.1-4]
  if (end - start < 2) throw new MalformedPacketError('PUBLISH without a topic')
  const topicStart = start + 2
  const topicEnd = topicStart + ((buffer[start]! << 8) | buffer[start + 1]!)
  let offset = topicEnd
  let packetId = 0
  if (qos > 0 && offset + 2 <= end) {
    packetId = (buffer[offset]! << 8) | buffer[offset + 1]!
    offset += 2
    if (packetId === 0) throw new MalformedPacketError('packet identifier 0') // [MQTT-2.2.1-3]
  } else if (qos > 0) throw new MalformedPacketError('PUBLISH without a packet identifier') // [MQTT-2.2.1-2]
  let propertiesStart = offset
  let propertiesEnd = offset
  if (properties) {
    const head = readLength(buffer.subarray(0, end), offset)
    if (head === null) throw new MalformedPacketError('PUBLISH without properties')
    propertiesStart = offset + head.bytes
    propertiesEnd = propertiesStart + head.length
  }
  if (propertiesEnd > end) throw new MalformedPacketError('PUBLISH is shorter than it says')
  return {
    buffer,
    flags,
    topicStart,
    topicEnd,
    packetId,
    propertiesStart,
    propertiesEnd,
    payloadStart: propertiesEnd,
    payloadEnd: end,
    discardedBytes: 0
  }
}

/** Where topic and packet identifier of an oversized PUBLISH end; null when they have not come whole. */
function oversizedHeadEnd(buffer: Buffer, flags: number, start: number): number | null {
  if (start + 2 > buffer.length) return null
  const end = start + 2 + buffer.readUInt16BE(start) + (flags & 6 ? 2 : 0)
  return end > buffer.length ? null : end
}
