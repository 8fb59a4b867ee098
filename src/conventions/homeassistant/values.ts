/** What a message says of an entity. Pure. */

import type { RejectionReason } from '../../datapoints.ts'
import { defaultLimits } from '../../limits.ts'
import type { DecodedDatapoint, DecoderMessage } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { readNumber } from '../../normalize/values.ts'
import type { Facts } from '../facts.ts'
import { flatten, isObject, readJson } from '../facts.ts'
import type { ReadUse } from './memory.ts'
import { asPython, render } from './template.ts'

export const metricOf = (entity: string, part = ''): string => (part === '' ? entity : `${entity}.${part}`)

/** A message, for all that look into it: its JSON is read once, and what is wrong with it said once. */
export interface Heard {
  message: DecoderMessage
  text: string
  json: () => unknown
  /** Datapoints that there is still room for: a large object may be of many entities. */
  room: { left: number }
}

export function hearMessage(message: DecoderMessage, text: string, facts: Facts): Heard {
  let read: { json: unknown } | null = null
  return {
    message,
    text,
    json: () => (read ??= { json: readJson(message, facts) }).json,
    // One more than there may be, so that it is said that there were
    room: { left: defaultLimits.datapointsPerMessageMax + 1 }
  }
}

type Value = DecodedDatapoint['value']

export function readUse(use: ReadUse, device: string, heard: Heard, facts: Facts): void {
  // Page Event: what is found retained does not happen now
  if (use.event && heard.message.kind !== 'message') return
  const metric = metricOf(use.entity, use.part)
  const rendered = render(use, heard.text, heard.json)
  if ('fault' in rendered) {
    // Where it is no JSON, that was said
    if (use.path === undefined || heard.json() !== undefined)
      facts.reject('expression_failed', `${metric}: ${rendered.fault}`)
    return
  }
  let { value } = rendered
  if (use.only !== undefined && asPython(value) !== use.only) return
  const tell = (name: string, told: unknown, more: Partial<DecodedDatapoint> = {}): void => {
    if (heard.room.left-- > 0)
      facts.datapoint({
        device,
        metric: name,
        value: told as Value,
        ...(use.event && { role: 'event' as const }),
        ...more
      })
  }
  if (use.part === 'attributes' || (use.main !== undefined && looksLikeObject(value))) {
    if (typeof value === 'string') value = use.path === undefined ? heard.json() : undefined
    if (use.part === 'attributes') {
      if (isObject(value)) tell(metric, value)
      else if (value !== undefined) facts.reject('wrong_shape', `${metric}: The attributes are no object`)
      return
    }
  }
  if (use.main !== undefined && isObject(value)) {
    const { [use.main]: own, ...others } = value
    if (own !== undefined) tellOwn(use, metric, own, tell, facts)
    flatten(others, (part, told) => tell(metricOf(use.entity, part), told))
  } else tellOwn(use, metric, value, tell, facts)
}

const looksLikeObject = (value: unknown): boolean =>
  isObject(value) || (typeof value === 'string' && /^\s*\{/.test(value))

/** As the configuration says that it is: true or false, a number, or what it is. */
function tellOwn(
  { words, number, unit }: ReadUse,
  metric: string,
  value: unknown,
  tell: (name: string, told: unknown, more?: Partial<DecodedDatapoint>) => void,
  facts: Facts
): void {
  // No such member, or an empty result: page MQTT, they say nothing
  if (value === undefined || (typeof value === 'string' && value.trim() === '')) return
  const more = unit === undefined ? {} : { unit }
  const reject = (reason: RejectionReason, detail: string): Facts =>
    facts.reject(reason, `${metric}: ${detail}`)
  const word = asPython(value)
  if (word === 'None') tell(metric, null, more)
  else if (words !== undefined) {
    if (word === words[0] || word === words[1]) tell(metric, word === words[0])
    else reject('not_a_boolean', `${quote(value)} is neither ${quote(words[0])} nor ${quote(words[1])}`)
  } else if (number) {
    const read = typeof value === 'string' ? readNumber(value) : value
    if (typeof read === 'number' || typeof read === 'bigint') tell(metric, read, more)
    else reject('not_a_number', `${quote(value)} is no number`)
  } else tell(metric, value, more)
}
