/** The one place that knows MQTT.js' names for the properties of a message. */

import type { IPublishPacket } from 'mqtt'
import type { MessageProperties } from '../model.ts'

/** To MQTT.js' names; names that repeat become an array there, in the order of their first. */
export function toPacketProperties(properties: MessageProperties): NonNullable<IPublishPacket['properties']> {
  const { payloadFormatIndicator, correlationData, userProperties, ...same } = properties
  const user: Record<string, string | string[]> = {}
  for (const [name, value] of userProperties ?? []) {
    const before = Object.hasOwn(user, name) ? user[name] : undefined
    const values = before === undefined ? value : [before, value].flat()
    Object.defineProperty(user, name, { value: values, enumerable: true, configurable: true, writable: true })
  }
  return {
    ...same,
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator: payloadFormatIndicator === 1 }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData, 'base64') }),
    // An empty list makes MQTT.js write no packet at all
    ...(userProperties !== undefined && userProperties.length > 0 && { userProperties: user })
  }
}

/** From MQTT.js' names. What was left of the expiry interval changes by itself, so it is kept as it is. */
export function toProperties(given: IPublishPacket['properties']): MessageProperties | null {
  if (given === undefined) return null
  const properties: MessageProperties = {
    ...(given.contentType !== undefined && { contentType: given.contentType }),
    ...(given.payloadFormatIndicator !== undefined && {
      payloadFormatIndicator: given.payloadFormatIndicator ? (1 as const) : (0 as const)
    }),
    ...(given.messageExpiryInterval !== undefined && { messageExpiryInterval: given.messageExpiryInterval }),
    ...(given.responseTopic !== undefined && { responseTopic: given.responseTopic }),
    ...(given.correlationData !== undefined && { correlationData: given.correlationData.toString('base64') }),
    ...(given.userProperties !== undefined && {
      userProperties: Object.entries({ ...given.userProperties }).flatMap(([name, values]) =>
        [values].flat().map((value): [string, string] => [name, value])
      )
    })
  }
  return Object.keys(properties).length > 0 ? properties : null
}
