/** `messages/json`: every shape that AirVantage takes, and that its samples send. Pure. */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { Facts } from '../facts.ts'
import { isRepetitive, memberOf, membersOf, readMembers } from './members.ts'
import { Samples, isCleared, rejectRepetition } from './samples.ts'

export function decodeData(device: string, unquote: boolean, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  if (isCleared(message)) return facts.result()
  const data = readMembers(message, facts)
  if (data === undefined) return facts.result()
  const samples = new Samples(facts, device, unquote)
  for (const item of Array.isArray(data) ? data : [data]) {
    const members = membersOf(item)
    if (members === null)
      facts.reject(
        'wrong_shape',
        `Data is an object of paths, or a list of such objects; this is ${quote(item)}`
      )
    else takeMembers(members, samples)
  }
  if (samples.none) facts.reject('wrong_shape', 'The data has no value')
  return facts.result()
}

/** Of 14 digits are those in AirVantage's own documentation; 10 are seconds, 19 nanoseconds. */
const timestampPattern = /^\d{10,19}$/

export const isTimestampKey = (name: string, value: unknown): boolean =>
  timestampPattern.test(name) && membersOf(value) !== null

function takeMembers(members: Array<[string, unknown]>, samples: Samples): void {
  for (const [name, value] of members) {
    if (isTimestampKey(name, value)) takeTimed(name, value, samples)
    else if (isSample(value, true)) takeSample(name, value, samples)
    else if (Array.isArray(value) && value.some((item) => isSample(item, false)))
      takeList(name, value, samples)
    else samples.add(name, value, null)
  }
}

/** `"1349907137000": { path: value }`. */
export function takeTimed(timestamp: string, values: unknown, samples: Samples): void {
  const at = samples.time(timestamp, timestamp)
  for (const [path, value] of membersOf(values)!) samples.add(path, value, at)
}

/** In a list, `value` alone is enough; elsewhere it may be the last level of a path. */
const isSample = (item: unknown, timed: boolean): boolean =>
  memberOf(item, 'value') !== undefined && (!timed || memberOf(item, 'timestamp') !== undefined)

function takeList(path: string, items: readonly unknown[], samples: Samples): void {
  for (const item of items) {
    if (isSample(item, false)) takeSample(path, item, samples)
    else
      samples.facts.reject('wrong_shape', `${quote(path)} has a sample without a value among those with one`)
  }
}

function takeSample(path: string, sample: unknown, samples: Samples): void {
  if (isRepetitive(sample)) rejectRepetition(path, samples.facts)
  samples.add(path, memberOf(sample, 'value'), samples.time(memberOf(sample, 'timestamp'), path))
}
