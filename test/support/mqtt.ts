/** Real MQTT clients that remember what they got. */

import { after } from 'node:test'
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import mqtt from 'mqtt'

export interface TestClient {
  client: MqttClient
  /** What came, oldest first. */
  packets: IPublishPacket[]
}

export async function connectClient(url: string, options: IClientOptions = {}): Promise<TestClient> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, ...options })
  const packets: IPublishPacket[] = []
  client.on('message', (_topic, _payload, packet) => packets.push(packet))
  after(() => client.endAsync(true))
  return { client, packets }
}
