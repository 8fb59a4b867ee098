/** Between the service and its broker, packet by packet. */

import type { IConnectPacket, Packet } from 'mqtt-packet'
import mqttPacket from 'mqtt-packet'
import type { Direction, Frame, Proxy, Reader } from './proxy.ts'
import { startProxy } from './proxy.ts'

/** Names of the packet types, by their number [MQTT-2.1.2]. */
const types = (
  'reserved connect connack publish puback pubrec pubrel pubcomp ' +
  'subscribe suback unsubscribe unsuback pingreq pingresp disconnect auth'
).split(' ')

export interface MqttFrame extends Frame {
  type: string
  qos: number
  /** Of the CONNECT of this connection. */
  clientId: string
}

export interface MqttProxy extends Proxy<MqttFrame> {
  url: string
  /** CONNECT packets that came, by client id. */
  connects: Map<string, number>
}

export async function startMqttProxy(broker: { port: number }): Promise<MqttProxy> {
  const connects = new Map<string, number>()
  const proxy = await startProxy<MqttFrame>(broker.port, (link) => {
    let clientId = ''
    const reader = (direction: Direction): Reader<MqttFrame> =>
      splitPackets((bytes) => {
        const type = types[bytes[0]! >> 4]!
        if (type === 'connect') {
          clientId = readConnect(bytes).clientId
          connects.set(clientId, (connects.get(clientId) ?? 0) + 1)
        }
        return { direction, bytes, link, type, qos: (bytes[0]! >> 1) & 3, clientId }
      })
    return { toServer: reader('toServer'), toService: reader('toService') }
  })
  return Object.assign(proxy, { url: `mqtt://127.0.0.1:${proxy.port}`, connects })
}

/** A fixed header of one byte, a remaining length of one to four, then so many bytes [MQTT-2.1.4]. */
function splitPackets(toFrame: (bytes: Buffer) => MqttFrame): Reader<MqttFrame> {
  let rest = Buffer.alloc(0)
  return (read) => {
    const bytes = rest.length === 0 ? read : Buffer.concat([rest, read])
    const frames: MqttFrame[] = []
    let at = 0
    for (;;) {
      const end = endOfPacket(bytes, at)
      if (end === null || end > bytes.length) break
      frames.push(toFrame(bytes.subarray(at, end)))
      at = end
    }
    rest = Buffer.from(bytes.subarray(at))
    return frames
  }
}

function endOfPacket(bytes: Buffer, start: number): number | null {
  let length = 0
  for (let digit = 0; digit < 4; digit++) {
    const byte = bytes[start + 1 + digit]
    if (byte === undefined) return null
    length += (byte & 0x7f) * 128 ** digit
    if (byte < 0x80) return start + 2 + digit + length
  }
  throw new Error('a remaining length of more than four bytes')
}

export function readConnect(bytes: Buffer): IConnectPacket {
  const parser = mqttPacket.parser()
  let found: Packet | null = null
  parser.on('packet', (packet: Packet) => (found = packet))
  parser.parse(bytes)
  return found as unknown as IConnectPacket
}

/** Only a broker of 3.1.1: it refuses MQTT 5 in words of 3.1.1, as such a broker does [MQTT-3.1.2-2 of 3.1.1]. */
export function refuseMqtt5({ type, bytes, link }: MqttFrame): boolean {
  if (type !== 'connect' || readConnect(bytes).protocolVersion !== 5) return false
  link.service.end(mqttPacket.generate({ cmd: 'connack', returnCode: 1, sessionPresent: false }))
  return true
}
