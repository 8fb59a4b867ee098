/** A convention's route, run: what it finds is checked as a decoder's is; its code is ours, so it is given no copies. Pure. */

import { describe } from './decoder.ts'
import type { DecoderMessage } from './decoder.ts'
import type { ConventionRoute } from './convention.ts'
import type { Findings } from './findings.ts'
import type { DecoderState } from './mapping-set.ts'
import { takeEffects, takeFacts } from './take-facts.ts'
import { stateBytes } from './state-bytes.ts'
import type { Captures } from './topic-template.ts'

export type ConventionRun = { findings: Findings; state: DecoderState | null | undefined }

/** null: the message is of another convention. Never throws; what fails has no effect but a rejection. */
export function runConvention(
  route: ConventionRoute,
  captures: Captures,
  state: DecoderState | null,
  findings: Findings
): ConventionRun | null {
  const { topic, kind, payload, properties, receivedAt } = findings.message
  const message: DecoderMessage = { topic, captures, kind, payload, properties, receivedAt, device: null }
  try {
    const result = route.decode(state, message)
    if (result === null) return null
    if (result.toDevice === true) findings.isToDevice()
    const next = toState(result.state, findings)
    if (result.decompressedBytes !== undefined) findings.measure(result.decompressedBytes)
    takeFacts(result.facts, null, findings)
    takeEffects(result.effects ?? [], findings)
    return { findings, state: next }
  } catch (error) {
    const failed = findings.beside()
    failed.reject('decoder_failed', describe(error))
    return { findings: failed, state: undefined }
  }
}

function toState(
  state: DecoderState | null | undefined,
  findings: Findings
): DecoderState | null | undefined {
  const { conventionStateBytesMax: max } = findings.limits
  if (state === undefined || state === null || stateBytes(state) <= max) return state
  findings.reject(
    'state_too_large',
    `The state would have more than ${max} bytes; what was remembered stays as it was`
  )
  return undefined
}
