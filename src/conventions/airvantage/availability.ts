/** A will of the user's choice: AirVantage allows one, and does not say which. Pure. */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { Facts, readText } from '../facts.ts'

export interface PresenceWords {
  online: readonly string[]
  offline: readonly string[]
}

export function decodeAvailability(
  device: string,
  { online, offline }: PresenceWords,
  message: DecoderMessage
): DecoderResult {
  const facts = new Facts()
  if (message.kind === 'cleared') return facts.presence(device, 'unknown', 'availability').result()
  const word = readText(message, facts)?.trim()
  if (word === undefined) return facts.result()
  if (online.includes(word)) facts.presence(device, 'online', 'availability')
  else if (offline.includes(word)) facts.presence(device, 'offline', 'availability')
  else
    facts.reject(
      'unknown_presence',
      `${quote(word)} is none of the words for online and offline; the options online and offline name them`
    )
  return facts.result()
}
