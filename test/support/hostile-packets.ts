/** Packets that no library writes, byte by byte. */

/** A length as MQTT writes it [MQTT-1.5.5]. */
function toLength(bytes: number): Buffer {
  const digits: number[] = []
  let rest = bytes
  do {
    digits.push((rest % 128) + (rest >= 128 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.from(digits)
}

const toUint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])

export interface RawPublish {
  version: 4 | 5
  topic: string | Buffer
  payload?: string | Buffer
  qos?: 0 | 1 | 2 | 3
  packetId?: number
  dup?: boolean
}

export function rawPublish({
  version,
  topic,
  payload = '',
  qos = 1,
  packetId = 1,
  dup = false
}: RawPublish): Buffer {
  const name = Buffer.from(topic as string)
  const body = Buffer.concat([
    toUint16(name.length),
    name,
    qos > 0 ? toUint16(packetId) : Buffer.alloc(0),
    Buffer.alloc(version === 5 ? 1 : 0), // no properties
    Buffer.from(payload as string)
  ])
  return Buffer.concat([Buffer.from([0x30 | (qos << 1) | (dup ? 8 : 0)]), toLength(body.length), body])
}

/** The beginning of a PUBLISH that says it has `bytes`, and nothing more of it. */
export const claimedPublish = (bytes: number): Buffer =>
  Buffer.concat([Buffer.from([0x30]), toLength(bytes), Buffer.from([0, 1, 0x61])])

/** A packet of two bytes and an identifier, as acknowledgements are. */
export const rawAcknowledgement = (head: number, packetId: number): Buffer =>
  Buffer.concat([Buffer.from([head, 2]), toUint16(packetId)])
