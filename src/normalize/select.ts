/** What a mapping selects of a decoded payload: values with their devices, metrics, times, units and qualities. Pure. */

import type { SourceMessage } from '../datapoints.ts'
import type { MappingDefinition, MetricDefinition, NamePart, WordPart } from './definition.ts'
import { isExpression } from './definition.ts'
import type { Expression } from './expression.ts'
import { ExpressionError } from './expression.ts'
import type { Findings, Found } from './findings.ts'
import { quote } from './names.ts'
import type { Instant } from './timestamps.ts'
import { readTimestamp, toInstant } from './timestamps.ts'
import type { Captures } from './topic-template.ts'
import { convert } from './values.ts'

/** `timed`: where times are selected, if not in the document. */
export function selectAll(
  mapping: MappingDefinition,
  captures: Captures,
  document: unknown,
  findings: Findings,
  timed: unknown = document
): Found[] {
  const found: Found[] = []
  if (mapping.each === null) selectRecord(mapping, captures, document, timed, findings, found)
  else {
    const items = evaluate(mapping.each, document, findings)
    if (items === undefined || items === null) nothingSelected(findings, mapping.each.text)
    else if (items !== refused && !Array.isArray(items))
      findings.reject(
        'wrong_shape',
        `each: ${mapping.each.text} is no list. Use items(@) for the members of an object`
      )
    else if (Array.isArray(items))
      for (const item of items) {
        if (found.length > findings.limits.datapointsPerMessageMax) break
        selectRecord(mapping, captures, item, item, findings, found)
      }
  }
  return found
}

function selectRecord(
  mapping: MappingDefinition,
  captures: Captures,
  document: unknown,
  timed: unknown,
  findings: Findings,
  found: Found[]
): void {
  const device = toName(mapping.device!, captures, document, findings, 'invalid_device')
  if (device === null) return
  const at = toTime(mapping, timed, findings)
  const quality = toWord(mapping.quality, document, findings)
  const unit = toWord(mapping.unit, document, findings)
  const role = mapping.merge === 'event' ? 'event' : 'state'
  // One more than there may be, so that it is told
  const push = (metric: string, value: unknown): boolean =>
    found.push({ device, metric, value, at, role, unit, quality }) <= findings.limits.datapointsPerMessageMax
  if (mapping.metrics !== null) {
    let selected = false
    for (const metric of mapping.metrics) {
      const value = toMetricValue(mapping, metric, document, findings)
      if (value === undefined) continue
      selected = true
      if (value === refused) continue
      const metricRole = metric.event ? 'event' : role
      const own = toWord(metric.unit, document, findings)
      found.push({ device, metric: metric.name, value, at, role: metricRole, unit: own ?? unit, quality })
    }
    if (!selected) nothingSelected(findings, mapping.metrics.map((metric) => metric.value.text).join(', '))
    return
  }
  const value = mapping.value === null ? document : evaluate(mapping.value, document, findings)
  if (value === undefined && mapping.value !== null) nothingSelected(findings, mapping.value.text)
  if (value === undefined || value === refused) return
  if (mapping.metric !== null) {
    const metric = toName(mapping.metric, captures, document, findings, 'invalid_metric')
    if (metric !== null) push(metric, value)
  } else if (isMembers(value)) flatten(value, findings.limits.flattenDepthMax, '', push)
  else push('value', value)
}

export const isMembers = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** The members of an object, and of objects in it, by names with dots. Lists and what is deeper are values. */
export function flatten(
  members: Record<string, unknown>,
  depth: number,
  prefix: string,
  /** False: no more. */
  push: (metric: string, value: unknown) => boolean
): boolean {
  for (const name of Object.keys(members)) {
    const value = members[name]
    const isParent = depth > 1 && isMembers(value) && Object.keys(value).length > 0
    if (!(isParent ? flatten(value, depth - 1, `${prefix}${name}.`, push) : push(prefix + name, value)))
      return false
  }
  return true
}

/** Instead of a value: why there is none was told. */
export const refused = Symbol('refused')

/** undefined: nothing. */
export function evaluate(expression: Expression, document: unknown, findings: Findings): unknown {
  try {
    return expression.select(document)
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    findings.reject('expression_failed', `${expression.text}: ${error.message}`)
    return refused
  }
}

const nothingSelected = (findings: Findings, text: string): void =>
  findings.reject('nothing_selected', `Nothing in the payload for ${text}`)

function toMetricValue(
  mapping: MappingDefinition,
  metric: MetricDefinition,
  document: unknown,
  findings: Findings
): unknown {
  const value = evaluate(metric.value, document, findings)
  if (value === undefined || value === refused || metric.type === null) return value
  const result = convert(value, metric.type, mapping.booleans)
  if ('converted' in result) return result.converted
  findings.reject(result.reason, `${quote(metric.name)}: ${result.detail}`)
  return refused
}

/** Numbers are names, too, where devices are numbered. */
function toName(
  part: NamePart,
  captures: Captures,
  document: unknown,
  findings: Findings,
  reason: 'invalid_device' | 'invalid_metric'
): string | null {
  if (!isExpression(part)) return part.render(captures)
  const value = evaluate(part, document, findings)
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value === refused) return null
  findings.reject(
    reason,
    value === undefined || value === null
      ? `Nothing in the payload for ${part.text}`
      : `${part.text} is no text but ${quote(value)}`
  )
  return null
}

function toWord(part: WordPart, document: unknown, findings: Findings): string | null {
  if (part === null || typeof part === 'string') return part
  const value = evaluate(part, document, findings)
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value) ? String(value) : null
}

function toTime(mapping: MappingDefinition, document: unknown, findings: Findings): Instant {
  const { message, limits } = findings
  if (mapping.timestamp === null) return received(message)
  const value = evaluate(mapping.timestamp.select, document, findings)
  if (value === undefined || value === null || value === refused) return received(message)
  const millis = readTimestamp(value, mapping.timestamp.unit)
  if (millis === null)
    findings.reject(
      'invalid_timestamp',
      `${quote(value)} is no time in the unit ${mapping.timestamp.unit}; the time of receipt was taken`
    )
  return toInstant(millis, message.receivedAt, limits)
}

export const received = (message: SourceMessage): Instant => ({
  observedAt: message.receivedAt,
  clock: 'received'
})
