/** Merge policies with a memory: what a topic said before, and what it says now. Pure. */

import type { DecoderState } from './mapping-set.ts'
import type { MappingDefinition } from './definition.ts'
import { toBase64 } from './binary-document.ts'
import { UnwritableError, writeExact } from './exact-json.ts'
import type { Findings, Found } from './findings.ts'
import { received, selectAll, isMembers } from './select.ts'
import type { Captures } from './topic-template.ts'

interface Merged {
  found: Found[]
  /** undefined: as it was. */
  state: DecoderState | undefined
}

const key = (found: Found): string => `${found.device}\0${found.metric}`

/** Metrics of the last message that are not in this one are null now. The state is the names of the last message. */
export function replace(
  mapping: MappingDefinition,
  captures: Captures,
  document: unknown,
  findings: Findings,
  state: DecoderState | null
): Merged {
  const found = selectAll(mapping, captures, document, findings)
  const before = (state ?? []) as Array<[device: string, metric: string]>
  const names = found.map(({ device, metric }) => [device, metric])
  if (
    before.length === names.length &&
    before.every(([device, metric], index) => names[index]![0] === device && names[index]![1] === metric)
  )
    return { found, state: undefined }
  if (!fits(names, findings)) return { found, state: undefined }
  const now = new Set(found.map(key))
  const at = found[0]?.at ?? received(findings.message)
  for (const [device, metric] of before)
    if (!now.has(`${device}\0${metric}`))
      found.push({ device, metric, value: null, at, role: 'state', unit: null, quality: null })
  return { found, state: names }
}

/**
 * RFC 7396: the message changes the document that the topic has, and is told for what it touches: what it names, and what is
 * another value after it than before. Times are the message's own.
 */
export function overlay(
  mapping: MappingDefinition,
  captures: Captures,
  patch: unknown,
  findings: Findings,
  state: DecoderState | null
): Merged {
  if (patch instanceof Uint8Array) {
    findings.reject('wrong_shape', 'The payload is bytes, and only JSON can be merged')
    return { found: [], state: undefined }
  }
  const before = state === null ? undefined : (state as { document: unknown }).document
  patch = toJsonValue(patch)
  const document = mergePatch(before, patch)
  const next = { document }
  const known = fits(next, findings)
  const silent = findings.beside()
  const named = new Set(selectAll(mapping, captures, patch, silent).map(key))
  const old = before === undefined ? [] : selectAll(mapping, captures, before, silent)
  const oldValues = new Map(old.map((found) => [key(found), found]))
  const after = selectAll(mapping, captures, document, findings, patch)
  const found = after.filter((one) => {
    const previous = oldValues.get(key(one))
    oldValues.delete(key(one))
    return named.has(key(one)) || previous === undefined || !isSame(previous.value, one.value)
  })
  const at = after[0]?.at ?? received(findings.message)
  // What this message took away is not missing
  if (oldValues.size > 0) findings.withdraw('nothing_selected')
  for (const gone of oldValues.values()) found.push({ ...gone, value: null, at })
  return { found, state: known ? next : undefined }
}

/** What is remembered is JSON: bytes are their base64 in it, and a number that it has not is null. */
function toJsonValue(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'bigint') return Number.isFinite(Number(value)) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return toBase64(value)
  if (Array.isArray(value)) return value.map(toJsonValue)
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toJsonValue(member)]))
}

function fits(state: unknown, findings: Findings): boolean {
  const { decoderStateBytesMax } = findings.limits
  try {
    writeExact(state, decoderStateBytesMax)
    return true
  } catch (error) {
    if (!(error instanceof UnwritableError)) throw error
    findings.reject(
      'state_too_large',
      `What this topic has would take more than ${decoderStateBytesMax} bytes; what was remembered stays as it was`
    )
    return false
  }
}

/** A new document; neither of the two is changed, and `__proto__` is a name as any other. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMembers(patch)) return patch
  const members = new Map(isMembers(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name)
    else members.set(name, mergePatch(members.get(name), value))
  }
  return Object.fromEntries(members)
}

/** Of values that come from JSON; what the overlay left alone is the same object. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every(
      (name) =>
        Object.hasOwn(other, name) &&
        isSame((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name])
    )
  )
}
