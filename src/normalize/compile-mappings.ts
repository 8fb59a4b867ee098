/** rialto.yaml to what its mappings do with a message. */

import { isMap, isScalar, isSeq } from 'yaml'
import type { Outcome } from '../datapoints.ts'
import { defaultLimits } from '../limits.ts'
import type { Convention } from './convention.ts'
import { shownValue } from './mapping-command.ts'
import type { MappingSet } from './mapping-set.ts'
import { MappingsError } from './mapping-set.ts'
import { createMatcher } from './match.ts'
import { normalizeMessage } from './normalize-message.ts'
import { readDocument } from './read-document.ts'
import { toRules } from './store-rules.ts'
import type { ReadOptions } from './read-mappings.ts'
import { hashOf } from './hash.ts'
import { isModule, readMappings } from './read-mappings.ts'

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
  const rules = toRules(read.mappings)
  return {
    text,
    hash: hashOf([
      root?.node?.toJSON() ?? null,
      read.mappings.map(({ decoder, meaning, convention, schema }) =>
        convention !== null ? meaning : typeof decoder === 'string' ? (schema?.hash ?? null) : decoder.hash
      )
    ]),
    rebuild: read.rebuild,
    mappings: matcher.summaries,
    modules: options.modules,
    files: options.files ?? new Map(),
    match: (topic) => matcher.match(topic)?.shown ?? null,
    commandsOf(mapping, topic) {
      let match = matcher.match(topic)
      while (match !== null && match.mapping.name !== mapping) match = match.next
      if (match === null) return null
      const { captures, stateKey, definition } = match
      const commands = definition?.convention?.commands ?? definition?.commands ?? []
      return {
        captures,
        stateKey,
        commands,
        shown: (metric, value) => (definition === null ? value : shownValue(definition, metric, value))
      }
    },
    storing: (mapping) => rules.get(mapping) ?? null,
    normalize(message, state) {
      const match = matcher.match(message.topic)
      return match === null
        ? { outcome: silence(), state: undefined }
        : normalizeMessage(match, message, state, options.limits)
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
  responses: [],
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

/** Paths of files that the options of its conventions name, and its mappings' schemas. */
export function filesOf(text: string, conventions: ReadonlyMap<string, Convention>): string[] {
  const { root } = readDocument(text, defaultLimits)
  const named = isMap(root?.node) ? root.node.get('conventions', true) : null
  const mappings = isMap(root?.node) ? root.node.get('mappings', true) : null
  const paths = new Set<string>()
  for (const item of isSeq(mappings) ? mappings.items : []) {
    const path: unknown = isMap(item) ? item.getIn(['schema', 'file']) : null
    if (typeof path === 'string') paths.add(path)
  }
  for (const item of isSeq(named) ? named.items : []) {
    const pair = isMap(item) ? item.items[0] : undefined
    const options = conventions.get(isScalar(pair?.key) ? String(pair.key.value) : '')?.options ?? {}
    for (const [key, { kind }] of Object.entries(options)) {
      const path: unknown = kind === 'file' && isMap(pair?.value) ? pair.value.get(key) : null
      if (typeof path === 'string') paths.add(path)
    }
  }
  return [...paths]
}
