/** Availability topics: online, offline, or nobody says any more. Pure. */

import { decode } from './decode-payload.ts'
import type { MappingDefinition } from './definition.ts'
import type { Findings } from './findings.ts'
import { quote } from './names.ts'
import { evaluate, refused } from './select.ts'

/** `device`: where the topic tells it; else it is selected. */
export function normalizeAvailability(mapping: MappingDefinition, device: string, findings: Findings): void {
  const { message, limits } = findings
  const { online, offline } = mapping.presence!
  // An emptied availability topic [MQTT-3.3.1-6]; MQTT 3.1.1 does not tell whether it was retained
  if (message.payload.length === 0) return findings.presence(device, 'unknown', 'cleared')
  const decoder = typeof mapping.decoder === 'string' ? mapping.decoder : 'auto'
  const decoded = decode({ ...mapping, decoder }, message, limits, findings.reject)
  if (decoded === null) return
  const value = mapping.value === null ? decoded.value : evaluate(mapping.value, decoded.value, findings)
  if (value === refused) return
  const word = typeof value === 'object' || value === undefined ? null : String(value).trim()
  if (word !== null && online.has(word)) {
    findings.heard(device)
    findings.presence(device, 'online', 'availability')
    // Offline is not heard from the device: a broker says it in its place
  } else if (word !== null && offline.has(word)) findings.presence(device, 'offline', 'availability')
  else
    findings.reject(
      'unknown_presence',
      `None of the words for online and offline: ${quote(value)}${mapping.value === null && word === null ? '. Use value to select the word' : ''}`
    )
}
