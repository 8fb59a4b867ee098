/**
 * A broker that does what a test says: for vendors that cannot run here, and for what no honest broker does. What the
 * script does not handle is answered as the standard demands, with a session that is remembered by client id.
 */

import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { IConnectPacket, IConnackPacket, Packet } from 'mqtt-packet'
import mqttPacket from 'mqtt-packet'
import { atEnd } from './cleanup.ts'

export interface ScriptedConnection {
  /** Of all connections, from 1. */
  number: number
  /** null until CONNECT has come. */
  connect: IConnectPacket | null
  clientId: string
  version: 4 | 5
  socket: Socket
  /** Everything that came on it, in order. */
  received: Packet[]
  send(packet: Packet | Buffer): void
}

export interface ScriptedBroker {
  url: string
  port: number
  connections: ScriptedConnection[]
  /** The newest connection of a client id that is still open. */
  open(clientId: string): ScriptedConnection | undefined
  /** Client ids whose session the broker still has. */
  sessions: Set<string>
  stop(): Promise<void>
}

export interface Script {
  /** Returns true when it has dealt with the packet; otherwise it is answered as usual. */
  onPacket?: (packet: Packet, connection: ScriptedConnection, broker: ScriptedBroker) => boolean | void
  /** Properties of CONNACK for MQTT 5. */
  connackProperties?: IConnackPacket['properties']
}

export async function startScriptedBroker(script: Script = {}): Promise<ScriptedBroker> {
  const connections: ScriptedConnection[] = []
  const server = createServer((socket) => {
    const parser = mqttPacket.parser()
    const connection: ScriptedConnection = {
      number: connections.length + 1,
      connect: null,
      clientId: '',
      version: 4,
      socket,
      received: [],
      send(packet) {
        if (!socket.writable) return
        socket.write(
          Buffer.isBuffer(packet)
            ? packet
            : mqttPacket.generate(packet, { protocolVersion: connection.version })
        )
      }
    }
    connections.push(connection)
    socket.on('error', () => {})
    parser.on('error', () => socket.destroy())
    parser.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') {
        connection.connect = packet
        connection.clientId = packet.clientId
        connection.version = packet.protocolVersion === 5 ? 5 : 4
      }
      connection.received.push(packet)
      if (script.onPacket?.(packet, connection, broker) !== true) answer(packet, connection, broker, script)
    })
    socket.on('data', (data: Buffer) => parser.parse(data))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const broker: ScriptedBroker = {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    connections,
    sessions: new Set(),
    open: (clientId) =>
      connections.findLast((connection) => connection.clientId === clientId && !connection.socket.destroyed),
    async stop() {
      for (const { socket } of connections) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    }
  }
  atEnd(() => broker.stop())
  return broker
}

/** As the standard demands. Exported, so that a script can answer a packet that it has changed. */
export function answer(
  packet: Packet,
  connection: ScriptedConnection,
  broker: ScriptedBroker,
  { connackProperties }: Script = {}
): void {
  const { send } = connection
  switch (packet.cmd) {
    case 'connect': {
      const sessionPresent = packet.clean !== true && broker.sessions.has(packet.clientId)
      if (packet.clean === true) broker.sessions.delete(packet.clientId)
      else broker.sessions.add(packet.clientId)
      const properties = connection.version === 5 &&
        connackProperties !== undefined && { properties: connackProperties }
      return send({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent, ...properties })
    }
    case 'subscribe':
      return send({
        cmd: 'suback',
        messageId: packet.messageId!,
        granted: packet.subscriptions.map(({ qos }) => qos)
      })
    case 'unsubscribe':
      return send({
        cmd: 'unsuback',
        messageId: packet.messageId!,
        granted: packet.unsubscriptions.map(() => 0)
      })
    case 'publish':
      if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: 0 })
      if (packet.qos === 2) send({ cmd: 'pubrec', messageId: packet.messageId!, reasonCode: 0 })
      return
    case 'pubrel':
      return send({ cmd: 'pubcomp', messageId: packet.messageId!, reasonCode: 0 })
    case 'pingreq':
      return send({ cmd: 'pingresp' })
    case 'disconnect':
      connection.socket.end()
      return
    default:
  }
}
