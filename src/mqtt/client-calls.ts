/** Calls of the MQTT.js client as promises, with what we need of their answers. */

import type { IClientOptions, MqttClient } from 'mqtt'
import type { QoS } from '../model.ts'
import type { ConnectionOptions, OutgoingMessage, ProtocolVersion, PublishResult } from './connection.ts'
import { toPacketProperties } from './packet-properties.ts'

export function clientOptions(options: ConnectionOptions): IClientOptions {
  const { broker, version, limits, will } = options
  return {
    manualConnect: true,
    reconnectPeriod: 0,
    resubscribe: false,
    protocolVersion: version,
    protocolId: 'MQTT',
    clientId: options.clientId,
    clean: options.clean,
    keepalive: limits.keepAliveSeconds,
    connectTimeout: limits.connectTimeoutMs,
    timerVariant: 'native',
    ...(broker.username !== undefined && { username: broker.username }),
    ...(broker.password !== undefined && { password: broker.password }),
    ...(will && {
      will: {
        topic: will.topic,
        payload: Buffer.from(will.payload),
        qos: will.plain ? (0 as const) : (1 as const),
        retain: !will.plain
      }
    }),
    ...(version === 5 && {
      properties: {
        // Without it the session ends with the connection, Clean Start or not [MQTT-3.1.2.11.2]
        sessionExpiryInterval: options.clean ? 0 : options.sessionExpirySeconds,
        receiveMaximum: limits.receiveMaximum,
        maximumPacketSize: limits.packetBytesMax
      }
    })
  }
}

/** MQTT.js rejects when a filter is refused; the granted list is what we want either way. */
export function subscribeSome(
  client: MqttClient,
  filters: readonly string[],
  options: { qos: QoS; rap?: boolean; rh?: number }
): Promise<number[]> {
  return new Promise((resolve, reject) => {
    client.subscribe([...filters], options, (error, _granted, packet) => {
      if (packet !== undefined) resolve(packet.granted as number[])
      else reject(error ?? new Error('SUBSCRIBE was not answered'))
    })
  })
}

/**
 * Reason codes of PUBACK and PUBREC that are no failures, by packet identifier: MQTT.js tells of failures only, and 0x10
 * says that nobody is subscribed [MQTT-3.4.2.1].
 */
export function watchReasons(client: MqttClient): Map<number, number> {
  const reasons = new Map<number, number>()
  client.on('packetreceive', (packet) => {
    if ((packet.cmd === 'puback' || packet.cmd === 'pubrec') && packet.reasonCode)
      reasons.set(packet.messageId!, packet.reasonCode)
  })
  return reasons
}

export function publishOne(
  client: MqttClient,
  version: ProtocolVersion,
  message: OutgoingMessage,
  reasons: Map<number, number>
): Promise<PublishResult> {
  const { topic, qos, retain, properties } = message
  const payload = typeof message.payload === 'string' ? message.payload : Buffer.from(message.payload)
  return new Promise((resolve, reject) => {
    client.publish(
      topic,
      payload,
      {
        qos,
        retain,
        ...(version === 5 && properties !== null && { properties: toPacketProperties(properties) })
      },
      (error, packet) => {
        const packetId = packet?.messageId ?? 0
        const reason = reasons.get(packetId)
        reasons.delete(packetId)
        const code = (error as { code?: unknown } | null)?.code
        if (error == null) resolve({ reasonCode: reason ?? 0 })
        else if (typeof code === 'number') resolve({ reasonCode: code })
        else reject(error)
      }
    )
  })
}
