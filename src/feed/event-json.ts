/** Events as JSON text, as streams send them. */

import type { StreamEvent } from '../views.ts'

/** Text of events, and of what they are about: as long as these are kept, for all who are told of them. */
const texts = new WeakMap<object, string>()

/** The same as JSON.stringify, made once for an event that several subscribers are told. It must not be changed afterwards. */
export function eventJson(event: StreamEvent): string {
  const known = texts.get(event)
  if (known !== undefined) return known
  const members = Object.entries(event)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${textOf(value)}`)
  const text = `{${members.join(',')}}`
  texts.set(event, text)
  return text
}

function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const known = texts.get(value)
  if (known !== undefined) return known
  const text = JSON.stringify(value)
  texts.set(value, text)
  return text
}
