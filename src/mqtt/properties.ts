/** Reads the MQTT 5 properties of a PUBLISH [MQTT-3.3.2.3], user properties in their order. */

import type { MessageProperties } from '../model.ts'
import { MalformedPacketError } from './publish-scanner.ts'

/** Identifiers [MQTT-2.2.2.2]. */
const id = {
  payloadFormatIndicator: 0x01,
  messageExpiryInterval: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionIdentifier: 0x0b,
  topicAlias: 0x23,
  userProperty: 0x26
} as const

export function readProperties(buffer: Buffer, start: number, end: number): MessageProperties | null {
  const properties: MessageProperties = {}
  let offset = start

  const take = (bytes: number): number => {
    const at = offset
    offset += bytes
    if (offset > end) throw new MalformedPacketError('properties are shorter than they say')
    return at
  }
  const bytes = (): Buffer => {
    const length = buffer.readUInt16BE(take(2))
    const at = take(length)
    return buffer.subarray(at, at + length)
  }
  const text = (): string => bytes().toString('utf8')

  while (offset < end) {
    const identifier = buffer[take(1)]
    if (identifier === id.payloadFormatIndicator)
      properties.payloadFormatIndicator = buffer[take(1)] === 1 ? 1 : 0
    else if (identifier === id.messageExpiryInterval)
      properties.messageExpiryInterval = buffer.readUInt32BE(take(4))
    else if (identifier === id.contentType) properties.contentType = text()
    else if (identifier === id.responseTopic) properties.responseTopic = text()
    else if (identifier === id.correlationData) properties.correlationData = bytes().toString('base64')
    else if (identifier === id.userProperty) (properties.userProperties ??= []).push([text(), text()])
    else if (identifier === id.subscriptionIdentifier) while (buffer[take(1)]! > 127); // which filter matched: not kept
    else if (identifier === id.topicAlias) {
      throw new MalformedPacketError('a topic alias, although we allow none') // [MQTT-3.3.2-9]
    } else throw new MalformedPacketError(`property ${identifier} in a PUBLISH`)
  }
  return Object.keys(properties).length > 0 ? properties : null
}
