/** `tasks/json`, what others ask of a device, and `acks/json`, what it says to that. Pure. */

import { defaultLimits } from '../../limits.ts'
import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { Facts } from '../facts.ts'
import { hasRepetitive, memberOf, membersOf, readMembers, toPlain } from './members.ts'
import { Samples, isCleared, rejectRepetition } from './samples.ts'

/** A task never changes a state: what comes of it, the device says. */
export function decodeTasks(device: string, message: DecoderMessage): DecoderResult {
  const found = eachItem(message, 'A task', (task, facts) => {
    const samples = new Samples(facts, device, false)
    const at = samples.time(memberOf(task, 'timestamp'), 'task')
    facts.datapoint({
      device,
      metric: 'task',
      value: toPlain(task),
      role: 'event',
      ...(at !== null && { observedAt: at })
    })
  })
  return { ...found, toDevice: true }
}

/** One ack for each task, whatever came with it in one message. */
export function decodeAcks(device: string, message: DecoderMessage): DecoderResult {
  return eachItem(message, 'An ack', (ack, facts) => {
    const uid = memberOf(ack, 'uid')
    const status = memberOf(ack, 'status')
    const text = memberOf(ack, 'message')
    if (typeof uid !== 'string' || uid === '')
      return facts.reject('wrong_shape', 'An ack has no uid, so that it is not known what it answers')
    const ok = status === 'OK' ? true : status === 'ERROR' ? false : null
    if (ok === null)
      facts.reject('wrong_shape', `The status of an ack is OK or ERROR; this is ${quote(status)}`)
    facts.response({
      device,
      correlation: uid,
      ok,
      ...(typeof text === 'string' && text !== '' && { detail: text })
    })
  })
}

const { datapointsPerMessageMax: itemsMax } = defaultLimits

/** The objects of a list, or the only one; others are rejected. */
function eachItem(
  message: DecoderMessage,
  what: string,
  take: (item: unknown, facts: Facts) => void
): DecoderResult {
  const facts = new Facts()
  if (isCleared(message)) return facts.result()
  const items = readMembers(message, facts)
  if (items === undefined) return facts.result()
  const list = Array.isArray(items) ? items : [items]
  if (list.length > itemsMax)
    facts.reject('too_many_datapoints', `More than ${itemsMax} in one message; those behind are left out`)
  for (const item of list)
    if (membersOf(item) === null) facts.reject('wrong_shape', `${what} is an object; this is ${quote(item)}`)
    else {
      if (hasRepetitive(item)) rejectRepetition(what, facts)
      take(item, facts)
    }
  return facts.result()
}
