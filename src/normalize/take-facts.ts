/** What a decoder gives, checked to the last byte before it is believed. Pure. */

import { presences, rejectionReasons, roles } from '../datapoints.ts'
import { topicFault } from '../topic.ts'
import type { DecodedEffect, DecodedFacts } from './decoder.ts'
import { writeExact } from './exact-json.ts'
import type { Findings } from './findings.ts'
import { quote } from './names.ts'
import { toInstant } from './timestamps.ts'

/** Throws an error that says what is wrong. */
export function takeFacts(facts: DecodedFacts, device: string | null, findings: Findings): void {
  const { message, limits } = findings
  const max = limits.datapointsPerMessageMax
  for (const datapoint of list(facts.datapoints, 'datapoints', max + 1)) {
    const { metric, value, observedAt, unit, quality, role = 'state' } = datapoint
    if (typeof metric !== 'string') throw new TypeError('a datapoint has no metric')
    if (!Object.hasOwn(roles, role)) throw new TypeError(`${quote(role)} is no role`)
    if (observedAt !== undefined && !Number.isFinite(observedAt))
      throw new TypeError('observedAt is no number')
    const name = text(datapoint.device ?? device, 'device')
    const millis = observedAt === undefined ? null : Math.round(observedAt)
    findings.heard(name)
    findings.datapoint(
      {
        device: name,
        metric,
        value,
        at: toInstant(millis, message.receivedAt, limits),
        role,
        unit: unit === undefined ? null : text(unit, 'unit'),
        quality: quality === undefined ? null : text(quality, 'quality')
      },
      false
    )
  }
  for (const { device: named, presence, source = 'availability' } of list(facts.presence, 'presence', max)) {
    if (!Object.hasOwn(presences, presence)) throw new TypeError(`${quote(presence)} is no presence`)
    if (!['availability', 'birth', 'death'].includes(source))
      throw new TypeError(`${quote(source)} is no source`)
    findings.presence(text(named ?? device, 'device'), presence, source)
  }
  for (const { device: named, attributes } of list(facts.attributes, 'attributes', max))
    takeAttributes(text(named ?? device, 'device'), attributes, findings)
  for (const response of list(facts.responses, 'responses', max)) takeResponse(response, device, findings)
  for (const { reason = 'wrong_shape', detail } of list(facts.rejections, 'rejections', max)) {
    if (!Object.hasOwn(rejectionReasons, reason)) throw new TypeError(`${quote(reason)} is no reason`)
    findings.reject(reason, text(detail, 'detail'))
  }
}

/** What a device says to a command is known to clients as an event. */
function takeResponse(
  { device: named, correlation, ok, detail, value }: NonNullable<DecodedFacts['responses']>[number],
  device: string | null,
  findings: Findings
): void {
  const name = text(named ?? device, 'device')
  findings.heard(name)
  const said = { correlation: text(correlation, 'correlation'), ok, detail, value }
  const at = toInstant(null, findings.message.receivedAt, findings.limits)
  const event = {
    device: name,
    metric: 'response',
    value: said,
    at,
    role: 'event',
    unit: null,
    quality: null
  } as const
  if (findings.datapoint(event, false)) findings.responses.push({ device: name, correlation, ok })
}

function takeAttributes(device: string, attributes: unknown, findings: Findings): void {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
    throw new TypeError('attributes are no object')
  if (!findings.isDevice(device)) return
  const json = writeExact(attributes, findings.limits.datapointBytesMax)
  if (!findings.spend(json.length)) return findings.reject('value_too_large', 'The attributes are too large')
  findings.attributes.push({ device, attributes: JSON.parse(json) as Record<string, unknown> })
}

export function takeEffects(effects: readonly DecodedEffect[], findings: Findings): void {
  const { effectsPerMessageMax, topicLevelsMax, datapointBytesMax, effectDelayMsMax } = findings.limits
  for (const effect of list(effects, 'effects', effectsPerMessageMax)) {
    if ('cancel' in effect) {
      findings.effects.push({ kind: 'cancel', key: text(effect.cancel, 'key') })
      continue
    }
    const { topic, payload, qos = 1, afterMs = 0, key = null } = effect
    const fault = topicFault(text(topic, 'topic'), topicLevelsMax)
    if (fault !== null) throw new TypeError(`an effect's topic is none: ${fault}`)
    if (![0, 1, 2].includes(qos)) throw new TypeError(`${quote(qos)} is no QoS`)
    if (typeof payload !== 'string' && !(payload instanceof Uint8Array))
      throw new TypeError('the payload of an effect is neither text nor bytes')
    if (!(afterMs >= 0 && afterMs <= effectDelayMsMax))
      throw new TypeError(`an effect's afterMs is not from 0 to ${effectDelayMsMax}`)
    if (key !== null && (typeof key !== 'string' || key.length > 4_096))
      throw new TypeError("an effect's key is no text, or too long")
    if (payload.length > datapointBytesMax) throw new TypeError('the payload of an effect is too large')
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : Uint8Array.from(payload)
    if (!findings.spend(bytes.length)) return findings.reject('value_too_large', 'The effects are too large')
    findings.effects.push({ kind: 'publish', topic, payload: bytes, qos, afterMs, key })
  }
}

function list<T>(items: readonly T[] | undefined, what: string, max: number): readonly T[] {
  if (items === undefined) return []
  if (!Array.isArray(items)) throw new TypeError(`${what} are no list`)
  if (what === 'effects' && items.length > max) throw new TypeError(`more than ${max} effects`)
  return items.slice(0, max)
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new TypeError(`a ${what} is no text, and the mapping names none`)
  return value
}
