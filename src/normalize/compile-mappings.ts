/** rialto.yaml to what its mappings do with a message. */

import { isMap, isSeq } from 'yaml'
import type { Outcome } from '../datapoints.ts'
import { defaultLimits } from '../limits.ts'
import type { MappingSet } from './mapping-set.ts'
import { MappingsError } from './mapping-set.ts'
import { createMatcher } from './match.ts'
import { normalizeMessage } from './normalize-message.ts'
import { readDocument } from './read-document.ts'
import type { ReadOptions } from './read-mappings.ts'
import { hashOf, isModule, readMappings } from './read-mappings.ts'

export { decodeState, encodeState } from './exact-json.ts'
export { toDecoder } from './decoder.ts'

/** Throws MappingsError with all faults. */
export function compileMappings(
  { text, file }: { text: string; file: string },
  options: ReadOptions
): MappingSet {
  const { root, faults } = readDocument(text, options.limits)
  const read = root === null ? { automatic: false, rebuild: true, mappings: [] } : readMappings(root, options)
  if (faults.faults.length > 0)
    throw new MappingsError(
      file,
      faults.faults.toSorted((a, b) => a.line - b.line || a.column - b.column)
    )
  const matcher = createMatcher(read, options.limits)
  return {
    text,
    hash: hashOf([
      root?.node?.toJSON() ?? null,
      read.mappings.map(({ decoder }) => (typeof decoder === 'string' ? null : decoder.hash))
    ]),
    rebuild: read.rebuild,
    mappings: matcher.summaries,
    modules: options.modules,
    match: (topic) => matcher.match(topic),
    normalize(message, state) {
      const match = matcher.match(message.topic)
      if (match === null) return { outcome: silence(), state: undefined }
      return normalizeMessage(match, message, state, options.limits)
    }
  }
}

/** No mapping matches. */
const silence = (): Outcome => ({
  mapping: null,
  devices: [],
  datapoints: [],
  presence: [],
  rejections: [],
  attributes: [],
  offlineAfterSeconds: null,
  effects: []
})

/** Paths of decoders of users that the document names, so that they can be loaded before it is compiled. */
export function modulesOf(text: string): string[] {
  const { root } = readDocument(text, defaultLimits)
  const mappings = isMap(root?.node) ? root.node.get('mappings', true) : null
  if (!isSeq(mappings)) return []
  const decoders = mappings.items.map((item) => (isMap(item) ? item.get('decoder') : null))
  return [
    ...new Set(
      decoders.filter((decoder): decoder is string => typeof decoder === 'string' && isModule(decoder))
    )
  ]
}
