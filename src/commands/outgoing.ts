/** Commands as messages. Pure. */

import type { Command } from '../command.ts'
import type { MessageProperties, Millis } from '../model.ts'
import type { OutgoingMessage } from '../mqtt/connection.ts'

type Sendable = Pick<Command, 'id' | 'topic' | 'qos' | 'retain' | 'properties' | 'expiresAt' | 'payload'>

/** With the command's id as a user property, so that a device can tell a repetition. */
export function toMessage(command: Sendable, now: Millis): OutgoingMessage {
  const { topic, payload, qos, retain } = command
  const properties: MessageProperties = {
    ...command.properties,
    userProperties: [...(command.properties?.userProperties ?? []), ['rialto-command-id', command.id]],
    // The broker drops it for subscribers that come too late [MQTT-3.3.2-5]
    ...(command.expiresAt !== null && {
      messageExpiryInterval: Math.max(1, Math.ceil((command.expiresAt - now) / 1_000))
    })
  }
  return { topic, payload, qos, retain, properties }
}
