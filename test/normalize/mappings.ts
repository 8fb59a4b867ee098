/** Compiles mappings and lets messages through, for tests. */

import { conventions } from '../../src/conventions/conventions.ts'
import type { NormalizedDatapoint, Outcome, SourceMessage } from '../../src/datapoints.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import { compileMappings, decodeState, encodeState } from '../../src/normalize/compile-mappings.ts'
import type { LastByMetric } from '../../src/normalize/deadband.ts'
import { findUnchanged, lastKey } from '../../src/normalize/deadband.ts'
import type { Decoder } from '../../src/normalize/decoder.ts'
import type { DecoderState, MappingSet } from '../../src/normalize/mapping-set.ts'

export const receivedAt = Date.UTC(2026, 10, 24, 12)

export interface CompileTextOptions {
  limits?: Partial<Limits>
  modules?: Record<string, Decoder | Error>
  files?: Record<string, Uint8Array | Error>
}

export const compileText = (
  text: string,
  { limits = {}, modules = {}, files = {} }: CompileTextOptions = {}
): MappingSet =>
  compileMappings(
    { text, file: 'rialto.yaml' },
    {
      limits: { ...defaultLimits, ...limits },
      modules: new Map(Object.entries(modules)),
      conventions,
      files: new Map(Object.entries(files))
    }
  )

/** One mapping, from the lines of its keys. */
export const mapping = (...lines: string[]): string =>
  `mappings:\n  - name: one\n${lines.map((line) => `    ${line}\n`).join('')}`

export const message = (
  topic: string,
  payload: unknown,
  more: Partial<SourceMessage> = {}
): SourceMessage => ({
  seq: 1,
  kind: 'message',
  topic,
  payload:
    payload instanceof Uint8Array
      ? payload
      : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
  properties: null,
  receivedAt,
  ...more
})

/** What is read again: exact texts instead of bytes. */
export function valueOf({
  type,
  number,
  exact
}: Pick<NormalizedDatapoint, 'type' | 'number' | 'exact'>): unknown {
  const text = exact === null ? '' : Buffer.from(exact).toString('utf8')
  if (type === 'null') return null
  if (type === 'number') return number
  if (type === 'integer') return BigInt(text)
  if (type === 'boolean') return number === 1
  if (type === 'text') return text
  return type === 'json' ? { json: text } : { bytes: Buffer.from(exact!).toString('hex') }
}

/** `device metric` to value. */
export const values = (outcome: Outcome): Record<string, unknown> =>
  Object.fromEntries(outcome.datapoints.map((one) => [`${one.device} ${one.metric}`, valueOf(one)]))

export const reasons = (outcome: Outcome): string[] => outcome.rejections.map(({ reason }) => reason)

/** Runs messages one after the other; states travel as bytes, as in the database. What is not stored is not in the outcome. */
export function createRunner(set: MappingSet): (given: SourceMessage) => Outcome {
  const states = new Map<string, Uint8Array>()
  const last: LastByMetric = new Map()
  return (given) => {
    const key = set.match(given.topic)?.stateKey ?? null
    const bytes = key === null ? undefined : states.get(key)
    const { outcome, state } = set.normalize(given, bytes === undefined ? null : decodeState(bytes))
    if (key !== null && state === null) states.delete(key)
    else if (key !== null && state !== undefined) states.set(key, encodeState(state as DecoderState))
    for (const one of outcome.datapoints) if (!last.has(lastKey(one))) last.set(lastKey(one), null)
    const ruleOf = set.storing(outcome.mapping ?? '')
    const unchanged = findUnchanged(outcome.datapoints, ruleOf, last, defaultLimits).map(({ n }) => n)
    return { ...outcome, datapoints: outcome.datapoints.filter((_, n) => !unchanged.includes(n)) }
  }
}
