/** What a broker says with the reason code of a PUBACK, PUBREC or PUBCOMP, in words (MQTT 5, section 2.4). */

/** Reason codes from here on are failures [MQTT-2.4]. */
export const failure = 0x80

/** PUBACK and PUBREC: accepted, but nobody is subscribed [MQTT-3.4.2.1]. */
export const noMatchingSubscribers = 0x10

const words: Record<number, string> = {
  0x80: 'it does not say why',
  0x83: 'for a reason of its own',
  0x87: 'not authorized',
  0x90: 'it takes no messages on this topic',
  0x91: 'the packet identifier is in use',
  0x92: 'the packet identifier is not found',
  0x97: 'a quota is exceeded',
  0x99: 'the payload is not in the format that it is said to have'
}

export function toReason(reasonCode: number): string {
  const said = words[reasonCode] ?? 'it does not say why in a way that MQTT knows'
  return `The broker refuses it: ${said} (reason code 0x${reasonCode.toString(16)})`
}
