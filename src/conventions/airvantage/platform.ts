/**
 * What AirVantage itself says: trace lines on its errors topic, and what its connectors hand on to applications
 * (amqp2mqtt publishes it on MonitoringData and OperationStateChange). Pure.
 */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { Facts, readText } from '../facts.ts'
import { isTimestampKey, takeTimed } from './data.ts'
import { hasRepetitive, memberOf, membersOf, readMembers, toPlain } from './members.ts'
import { Samples, isCleared, rejectRepetition } from './samples.ts'

export function decodeErrors(platform: string, message: DecoderMessage): DecoderResult {
  const device = message.captures.device ?? platform
  const facts = new Facts()
  if (isCleared(message)) return facts.result()
  if (message.payload.length === 0)
    return facts.reject('empty_payload', 'The payload is empty, and should be a trace line').result()
  const line = readText(message, facts)
  if (line !== undefined) facts.datapoint({ device, metric: 'errors', value: line, role: 'event' })
  return { ...facts.result(), toDevice: device !== platform }
}

/** `{ name, date, content }`; `platform` is the device of what names no system. */
export function decodeEnvelope(platform: string, unquote: boolean, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  if (isCleared(message)) return facts.result()
  const envelope = readMembers(message, facts)
  if (envelope === undefined) return facts.result()
  const name = memberOf(envelope, 'name')
  const content = memberOf(envelope, 'content')
  const system = memberOf(content, 'system.id')
  if (typeof name !== 'string' || !name.startsWith('event.') || membersOf(content) === null)
    return facts
      .reject(
        'wrong_shape',
        'An event of AirVantage is an object { name, date, content } with a name such as event.operation.state.change'
      )
      .result()
  if (name === 'event.system.incoming.communication') {
    if (typeof system === 'string' && system !== '')
      takeCommunication(content, new Samples(facts, system, unquote))
    else facts.reject('wrong_shape', 'The content has no system.id, so that its device is not known')
    return facts.result()
  }
  const device = typeof system === 'string' && system !== '' ? system : platform
  if (hasRepetitive(content)) rejectRepetition(name, facts)
  const at = new Samples(facts, device, false).time(memberOf(envelope, 'date'), name)
  facts.datapoint({
    device,
    metric: name.slice('event.'.length),
    value: toPlain(content),
    role: 'event',
    ...(at !== null && { observedAt: at })
  })
  // AirVantage says it of the system, which need not be there
  return { ...facts.result(), toDevice: device !== platform }
}

/** Ids of the system and of the communication stand between timestamps. */
function takeCommunication(content: unknown, samples: Samples): void {
  for (const [name, value] of membersOf(content)!) {
    if (isTimestampKey(name, value)) takeTimed(name, value, samples)
    else if (membersOf(value) !== null)
      samples.facts.reject('wrong_shape', `${quote(name)} is neither an id nor a timestamp`)
  }
  if (samples.none) samples.facts.reject('wrong_shape', 'The communication has no value')
}
