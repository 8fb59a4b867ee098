/** What the broker said at CONNACK that it takes, and messages within that. */

import type { IConnackPacket } from 'mqtt'
import type { QoS } from '../model.ts'
import type { ConnectionOptions, OutgoingMessage } from './connection.ts'

/** What CONNACK said of the broker's limits [MQTT-3.2.2.3]. */
export interface ServerLimits {
  maximumPacketSize: number | null
  maximumQos: QoS
  retainAvailable: boolean
  /** QoS 1 and 2 messages that it takes before it has acknowledged them. */
  receiveMaximum: number
  /** How long it keeps the session, where that is not what was asked [MQTT-3.2.2.3.2]. */
  sessionExpirySeconds: number
}

export function serverLimits(options: ConnectionOptions, connack: IConnackPacket): ServerLimits {
  const said = connack.properties ?? {}
  return {
    maximumPacketSize: said.maximumPacketSize ?? null,
    maximumQos: (said.maximumQoS ?? 2) as QoS,
    retainAvailable: said.retainAvailable ?? true,
    receiveMaximum: said.receiveMaximum ?? 65_535,
    sessionExpirySeconds: said.sessionExpiryInterval ?? options.sessionExpirySeconds
  }
}

/** Our own status must come through; commands are refused before they come here. [MQTT-3.2.2-11], [MQTT-3.2.2-14] */
export const withinLimits = (message: OutgoingMessage, server: ServerLimits): OutgoingMessage => ({
  ...message,
  qos: Math.min(message.qos, server.maximumQos) as QoS,
  retain: message.retain && server.retainAvailable
})
