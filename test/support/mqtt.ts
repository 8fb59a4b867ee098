/** Real MQTT clients that remember what they got. */

import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import mqtt from 'mqtt'
import { atEnd } from './cleanup.ts'

export interface TestClient {
  client: MqttClient
  /** What came, oldest first. */
  packets: IPublishPacket[]
}

export async function connectClient(url: string, options: IClientOptions = {}): Promise<TestClient> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, ...options })
  const packets: IPublishPacket[] = []
  client.on('message', (_topic, _payload, packet) => packets.push(packet))
  atEnd(() => client.endAsync(true))
  return { client, packets }
}
