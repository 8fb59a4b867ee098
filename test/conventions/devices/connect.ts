/** A simulated device's connection to the broker. */

import type { IClientOptions, IClientPublishOptions, MqttClient } from 'mqtt'
import mqtt from 'mqtt'

/** Tests break it: then what was not acknowledged yet is lost, as with a real device, and it does not come back. */
export async function connectDevice(brokerUrl: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(brokerUrl, { ...options, reconnectPeriod: 0 })
  const publish = client.publishAsync.bind(client)
  client.publishAsync = (topic: string, message: string | Buffer, given: IClientPublishOptions = {}) =>
    publish(topic, message, given).catch((error: unknown) => {
      if (client.connected) throw error
      return undefined
    })
  client.on('error', () => {})
  return client
}
