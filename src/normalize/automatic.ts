/** What a topic says without a mapping: objects have their members as metrics, all else is the value of a metric. Pure. */

import { automaticEncoding, decode } from './decode-payload.ts'
import type { Findings } from './findings.ts'
import { flatten, isMembers, received } from './select.ts'

/**
 * An object on a/b/c: device a/b/c, metrics its members. Anything else there: device a/b, metric c. On one level x: device x,
 * metric `value`.
 */
export function normalizeAutomatically(findings: Findings): void {
  const { message, limits } = findings
  if (message.kind === 'cleared') return
  const decoded = decode(automaticEncoding, message, limits, findings.reject)
  if (decoded === null || decoded.value === undefined) return
  findings.measure(decoded.bytes)
  const { value, plain } = decoded
  const at = received(message)
  const say = (device: string, metric: string, said: unknown): boolean =>
    findings.datapoint({ device, metric, value: said, at, role: 'state', unit: null, quality: null }, plain)
  const slash = isMembers(value) ? -1 : message.topic.lastIndexOf('/')
  const device = slash === -1 ? message.topic : message.topic.slice(0, slash)
  findings.heard(device)
  if (isMembers(value))
    flatten(value, limits.flattenDepthMax, '', (metric, said) => say(device, metric, said))
  else say(device, slash === -1 ? 'value' : message.topic.slice(slash + 1), value)
}
