/** One message, by the mapping that it belongs to. Pure, and never throws. */

import type { SourceMessage } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import { normalizeAutomatically } from './automatic.ts'
import { normalizeAvailability } from './availability.ts'
import type { Encoding } from './decode-payload.ts'
import { decode } from './decode-payload.ts'
import { runDecoder } from './decoder.ts'
import type { MappingDefinition } from './definition.ts'
import { Findings } from './findings.ts'
import type { DecoderState, Normalized } from './mapping-set.ts'
import type { Match } from './match.ts'
import { overlay, replace } from './merge.ts'
import { selectAll } from './select.ts'
import { runConvention } from './run-convention.ts'
import type { Captures } from './topic-template.ts'

export function normalizeMessage(
  match: Match,
  message: SourceMessage,
  state: DecoderState | null,
  limits: Limits
): Normalized {
  let findings = new Findings(limits, message)
  let next: DecoderState | null | undefined
  const { mapping, definition, captures, device } = match
  if (definition !== null && definition.convention !== null) {
    const remembered = match.stateKey === null ? null : state
    const run = runConvention(definition.convention.route, captures, remembered, findings)
    if (run !== null)
      return { outcome: run.findings.finish(mapping.name, mapping.offlineAfterSeconds), state: run.state }
    if (match.next !== null) return normalizeMessage(match.next, message, state, limits)
    return { outcome: findings.finish(mapping.name, null), state: undefined }
  }
  try {
    if (definition === null) normalizeAutomatically(findings)
    else if (definition.presence !== null) normalizeAvailability(definition, device!, findings)
    else {
      if (device !== null) findings.heard(device)
      if (typeof definition.decoder === 'string')
        next = normalizeValues(definition, captures, findings, state)
      else ({ findings, state: next } = runDecoder(definition.decoder, device, captures, state, findings))
    }
  } catch (error) {
    // Nothing here should throw; if it does, the message is kept, and said to be
    findings = findings.beside()
    findings.reject('decoder_failed', error instanceof Error ? error.message : 'An unknown error')
  }
  return { outcome: findings.finish(mapping.name, mapping.offlineAfterSeconds), state: next }
}

function normalizeValues(
  mapping: MappingDefinition,
  captures: Captures,
  findings: Findings,
  state: DecoderState | null
): DecoderState | null | undefined {
  const { message, limits } = findings
  // That a retained message is gone says nothing of what it said
  if (message.kind === 'cleared') return undefined
  const decoded = decode(mapping as Encoding, message, limits, findings.reject)
  if (decoded === null || decoded.value === undefined) return undefined
  findings.measure(decoded.bytes)
  const { found, state: next } =
    mapping.merge === 'replace'
      ? replace(mapping, captures, decoded.value, findings, state)
      : mapping.merge === 'merge'
        ? overlay(mapping, captures, decoded.value, findings, state)
        : { found: selectAll(mapping, captures, decoded.value, findings), state: undefined }
  const plain = decoded.plain && mapping.plain && mapping.merge !== 'merge'
  for (const one of found) {
    findings.heard(one.device)
    if (!findings.datapoint(one, plain)) break
  }
  return next
}
