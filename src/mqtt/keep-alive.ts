/** Keeps a busy connection from being taken for a dead one. */

import type { Duplex } from 'node:stream'
import type { MqttClient } from 'mqtt'

/**
 * While the socket is paused, or a backlog comes in, PINGRESP waits behind other bytes, and MQTT.js would take the
 * connection for dead. So any byte received, and a pause of our own, count as life; PINGREQ is still sent, since the
 * broker must hear from us [MQTT-3.1.2-22].
 */
export function watchKeepAlive(
  client: MqttClient,
  transport: () => Duplex,
  keepAliveSeconds: number
): () => void {
  let seen = 0
  let looks = 0
  const timer = setInterval(
    () => {
      const socket = transport() as Duplex & { bytesRead?: number }
      const bytes = socket.bytesRead ?? 0
      looks++
      if (bytes === seen && !socket.isPaused()) return
      seen = bytes
      if (looks >= looksPerKeepAlive / 2) {
        client.sendPing()
        looks = 0
      }
      // From here on MQTT.js waits for one and a half keep alives, so the less often we look, the later it knows
      client.reschedulePing(true)
    },
    (keepAliveSeconds * 1_000) / looksPerKeepAlive
  )
  return () => clearInterval(timer)
}

const looksPerKeepAlive = 10
