/** Host applications, which tell nodes whether they are there; they send no Sparkplug payloads. Pure. */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { Facts, readObject, readText } from '../facts.ts'

export const hostName = ({ captures }: DecoderMessage): string => `STATE/${captures['host']}`

/** `{ online, timestamp }`; what is remembered is the newest timestamp. */
export function hostState(state: DecoderState | null, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  const host = hostName(message)
  if (message.kind === 'cleared') return facts.presence(host, 'unknown', 'availability').result(null)
  const told = readObject(message, facts)
  if (told === undefined) return facts.result()
  const online = Object.hasOwn(told, 'online') ? told['online'] : undefined
  if (typeof online !== 'boolean')
    return facts.reject('unknown_presence', 'online is neither true nor false').result()
  const at = readTimestamp(Object.hasOwn(told, 'timestamp') ? told['timestamp'] : undefined, 'ms')
  if (at === null) facts.reject('invalid_timestamp', 'timestamp is no number of milliseconds since 1970')
  // The will of a connection before this one [tck-id-operational-behavior-host-application-death-payload]
  else if (typeof state === 'number' && at < state) return facts.result()
  return facts.presence(host, online ? 'online' : 'offline', 'availability').result(at ?? undefined)
}

/** Before 3.0: a text, on a topic without namespace. */
export function oldHostState(_: DecoderState | null, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  const host = hostName(message)
  if (message.kind === 'cleared') return facts.presence(host, 'unknown', 'availability').result()
  const word = readText(message, facts)?.trim().toUpperCase()
  if (word === undefined) return facts.result()
  if (word !== 'ONLINE' && word !== 'OFFLINE')
    return facts.reject('unknown_presence', 'The payload is neither ONLINE nor OFFLINE').result()
  return facts.presence(host, word === 'ONLINE' ? 'online' : 'offline', 'availability').result()
}
