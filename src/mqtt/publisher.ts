/** The connection that publishes: apart from the receiving one, so that neither holds up the other. */

import type { Logger } from 'pino'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Broker } from '../model.ts'
import { nextDelay } from './backoff.ts'
import type { Connection, OutgoingMessage, ProtocolVersion, PublishResult } from './connection.ts'
import { ConnectError } from './connect-error.ts'
import { connect } from './connection.ts'
import { nextVersion } from './protocol-version.ts'

export interface Publisher {
  connected(): boolean
  /**
   * Publishes, and resolves with the broker's word. Never waits for a connection and never queues: what is not
   * published is the caller's to keep. Throws Problem broker_unavailable when not connected, and any other error
   * when nobody can tell whether the broker has it.
   */
  publish(message: OutgoingMessage): Promise<PublishResult>
  /** How many messages may wait for the broker's word at once [MQTT-3.3.4-7]. */
  inFlightMax(): number
  /**
   * Why this broker would never take the message, or null: sending it would end the connection, again and again. With
   * `correlated`, its answer is known by its correlation data alone, which MQTT 3.1.1 does not carry.
   */
  fault(message: OutgoingMessage, correlated?: boolean): string | null
  run(): Promise<void>
  close(): Promise<void>
}

/** A connection that lived shorter does not make the next attempt quicker. */
const stableMsMin = 10_000

export function createPublisher(parts: {
  broker: Broker
  clientId: string
  limits: Limits
  log: Logger
  /** What the receiving session speaks with the broker, or null while nobody knows. */
  knownVersion: () => ProtocolVersion | null
  onConnected: () => void
}): Publisher {
  const { broker, clientId, limits, log } = parts
  let connection: Connection | null = null
  let version: ProtocolVersion = 5
  let accepted: ProtocolVersion | null = null
  const closing = new AbortController()
  let closed = false
  let stopWaiting: (() => void) | null = null

  return {
    connected: () => connection !== null,
    async publish(message) {
      const using = connection
      if (using === null)
        throw new Problem('broker_unavailable', 'Not connected to the broker; try again later')
      try {
        return await using.publish(message)
      } catch (error) {
        using.destroy() // it may be sent again, but only on another connection [MQTT-4.4.0-1]
        throw error
      }
    },
    inFlightMax: () => connection?.server.receiveMaximum ?? 0,
    fault(message, correlated = false) {
      if (connection === null) return null
      if (correlated && connection.version !== 5)
        // Only MQTT 5 has it [MQTT-3.3.2.3.6]
        return 'The broker speaks MQTT 3.1.1, which carries no correlation data: no response could be told from others'
      const { maximumPacketSize, maximumQos, retainAvailable } = connection.server
      const bytes = packetBytes(message)
      if (maximumPacketSize !== null && bytes > maximumPacketSize) {
        return `The broker takes packets of ${maximumPacketSize} bytes; this one has ${bytes}` // [MQTT-3.2.2-15]
      }
      if (message.qos > maximumQos) return `The broker takes QoS up to ${maximumQos}` // [MQTT-3.2.2-11]
      if (message.retain && !retainAvailable) return 'The broker keeps no retained messages' // [MQTT-3.2.2-14]
      return null
    },
    async run() {
      let delay = 0
      while (!closed) {
        try {
          const opened = await connect({
            broker,
            version,
            clientId,
            clean: true,
            sessionExpirySeconds: 0,
            limits,
            signal: closing.signal
          })
          accepted = version
          connection = opened
          const since = Date.now()
          if (closed) opened.destroy()
          parts.onConnected()
          await opened.ended
          // Accepted, so it is there: no long wait, but no storm either if it goes on ending connections
          delay =
            Date.now() - since > stableMsMin ? 0 : Math.min(delay, limits.acceptedReconnectDelayMsMax / 2)
        } catch (error) {
          version = nextVersion(version, error, accepted ?? parts.knownVersion())
          const refused =
            error instanceof ConnectError &&
            (error.tlsFault !== null || (error.reasonCode !== null && !error.versionRefused))
          if (refused)
            log.warn(
              { reason: error.message, clientId },
              'There is no connection that publishes; commands wait'
            )
          else log.debug({ err: error }, 'The publishing connection is not there yet')
        }
        connection = null
        if (closed) break
        delay = nextDelay(delay, limits)
        await new Promise<void>((resolve) => {
          stopWaiting = resolve
          setTimeout(resolve, delay)
        })
      }
    },
    async close() {
      closed = true
      stopWaiting?.()
      if (connection === null) closing.abort()
      else await connection.end()
    }
  }
}

/** An upper bound of the packet's bytes: fixed header, topic, identifier, properties, payload. */
function packetBytes(message: OutgoingMessage): number {
  const properties = message.properties === null ? 0 : Buffer.byteLength(JSON.stringify(message.properties))
  return 16 + Buffer.byteLength(message.topic) + properties + Buffer.byteLength(message.payload)
}
