/** The entries of rialto.yaml to definitions of mappings, or faults. */

import type { Limits } from '../limits.ts'
import type { BuiltInDecoder } from './decode-payload.ts'
import { builtInDecoders } from './decode-payload.ts'
import type { Decoder } from './decoder.ts'
import type { MappingDefinition, MergePolicy } from './definition.ts'
import { compressions } from './decompress.ts'
import type { Entry } from './document-entry.ts'
import { hashOf } from './hash.ts'
import { suggest } from './mapping-faults.ts'
import { checkTogether } from './mapping-rules.ts'
import { printable } from './names.ts'
import type { Convention } from './convention.ts'
import { readConventions } from './read-conventions.ts'
import type { ProtobufSchema } from './protobuf-schema.ts'
import { readSchema } from './read-schema.ts'
import { readStore } from './read-store.ts'
import type { PartReader } from './read-parts.ts'
import { createPartReader } from './read-parts.ts'
import { timestampUnits } from './timestamps.ts'
import type { TopicTemplate } from './topic-template.ts'
import { isTemplateFault, parseTopicTemplate } from './topic-template.ts'
import { defaultBooleans } from './values.ts'

export interface ReadOptions {
  limits: Limits
  /** Decoders by their path as the document has it; an Error says why one cannot be loaded. */
  modules: ReadonlyMap<string, Decoder | Error>
  conventions?: ReadonlyMap<string, Convention>
  /** Contents of files that the document names, by their path as it has it. */
  files?: ReadonlyMap<string, Uint8Array | Error>
}

export interface ReadMappings {
  automatic: boolean
  rebuild: boolean
  mappings: MappingDefinition[]
}

const mappingKeys = [
  'name',
  'topic',
  'decoder',
  'compression',
  'schema',
  'device',
  'metric',
  'value',
  'each',
  'metrics',
  'timestamp',
  'unit',
  'quality',
  'merge',
  'booleans',
  'presence',
  'offlineAfter',
  'commands',
  'store'
]

const mergePolicies: readonly MergePolicy[] = ['append', 'replace', 'merge', 'event']

const example = { name: 'a-name', topic: '"site/{device}/{metric}"' }

export const isModule = (decoder: string): boolean =>
  /^\.{0,2}\//.test(decoder) || /\.[mc]?[jt]s$/.test(decoder)

export function readMappings(root: Entry, options: ReadOptions): ReadMappings {
  const members = root.map(['automatic', 'rebuild', 'mappings', 'conventions'], 'automatic: true')
  const mappings: MappingDefinition[] = []
  const names = new Set<string>(['automatic'])
  const entries = members?.get('mappings')?.list('mappings: [{ name: a, topic: "a/{device}" }]') ?? []
  if (entries.length > options.limits.mappingsMax)
    members!
      .get('mappings')!
      .fault(`More than ${options.limits.mappingsMax} mappings`, 'Write topics that match more')
  for (const entry of entries.slice(0, options.limits.mappingsMax)) {
    const mapping = readMapping(entry, names, options)
    if (mapping !== null) mappings.push(mapping)
  }
  const { limits, conventions = new Map(), files = new Map() } = options
  const named = members?.get('conventions')?.list('conventions: [tasmota]') ?? []
  mappings.push(...readConventions(named, names, { limits, conventions, files }))
  return {
    automatic: members?.get('automatic')?.boolean() ?? false,
    rebuild: members?.get('rebuild')?.boolean() ?? true,
    mappings
  }
}

/** null: there are faults. */
function readMapping(entry: Entry, names: Set<string>, options: ReadOptions): MappingDefinition | null {
  const members = entry.map(mappingKeys, '- name: a')
  if (members === null) return null
  const { limits } = options
  const name = readName(entry, members.get('name'), names)
  const topic = readTopic(entry, members.get('topic'), limits)
  const decoder = readDecoder(members.get('decoder'), options)
  // Where the topic is wrong, no capture is known to be missing
  const parts = createPartReader(topic?.names ?? null, limits)
  const read = <T>(key: string, reader: (value: Entry) => T | null): T | null => {
    const value = members.get(key)
    return value === undefined ? null : reader(value)
  }
  const definition = {
    compression: read('compression', (value) => value.oneOf(compressions)) ?? 'auto',
    schema: read('schema', (value) => readSchema(value, options.files ?? new Map())),
    device: read('device', parts.name),
    metric: read('metric', parts.name),
    value: read('value', parts.expression),
    each: read('each', parts.expression),
    metrics: read('metrics', parts.metrics),
    timestamp: read('timestamp', (value) => readTimestampPart(value, parts)),
    unit: read('unit', parts.word),
    quality: read('quality', parts.word),
    merge: read('merge', (value) => value.oneOf(mergePolicies)) ?? 'append',
    booleans: read('booleans', parts.booleans) ?? defaultBooleans,
    presence: read('presence', parts.presence),
    offlineAfterSeconds: read('offlineAfter', (value) => value.duration(limits.offlineAfterSecondsMax)),
    commands: read('commands', parts.commands) ?? [],
    store: read('store', (value) => readStore(value, limits) ?? null),
    convention: null
  }
  checkTogether(entry, members, topic, decoder, definition.merge)
  if (name === null || topic === null || decoder === null) return null
  const captured = (capture: string): MappingDefinition['metric'] =>
    topic.names.includes(capture) ? parts.template(`{${capture}}`) : null
  return {
    ...definition,
    name,
    line: entry.line,
    topic,
    decoder,
    decoderText: members.get('decoder')?.text('auto') ?? 'auto',
    device: definition.device ?? captured('device'),
    metric: definition.metric ?? (definition.metrics === null ? captured('metric') : null),
    plain: isPlain(definition),
    meaning: toMeaning(members, decoder, definition.schema)
  }
}

function readName(entry: Entry, value: Entry | undefined, names: Set<string>): string | null {
  if (value === undefined) return entry.fault('The mapping has no name', `Add name: ${example.name}`)
  const name = value.text(example.name)
  if (name === null) return null
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
    return value.fault(
      `${JSON.stringify(name.slice(0, 80))} is no name`,
      'Use 1 to 64 letters, digits, - and _'
    )
  if (names.has(name))
    return value.fault(
      name === 'automatic'
        ? 'automatic is the name of the mapping that needs no text'
        : `Another mapping is named ${name}`,
      'Give it a name of its own'
    )
  names.add(name)
  return name
}

function readTopic(entry: Entry, value: Entry | undefined, limits: Limits): TopicTemplate | null {
  if (value === undefined) return entry.fault('The mapping has no topic', `Add topic: ${example.topic}`)
  const text = value.text(example.topic)
  if (text === null) return null
  const parsed = parseTopicTemplate(text, limits.topicLevelsMax)
  return isTemplateFault(parsed) ? value.fault(parsed.message, parsed.fix) : parsed
}

function readDecoder(value: Entry | undefined, options: ReadOptions): BuiltInDecoder | Decoder | null {
  if (value === undefined) return 'auto'
  const text = value.text('auto')
  if (text === null) return null
  if (!isModule(text)) {
    if ((builtInDecoders as readonly string[]).includes(text)) return text as BuiltInDecoder
    return value.fault(
      `There is no decoder ${JSON.stringify(text)}`,
      `${suggest(text, builtInDecoders)}. A module of your own begins with ./`
    )
  }
  const module = options.modules.get(text)
  if (module !== undefined && !(module instanceof Error)) return module
  const why = module === undefined ? 'it is not there' : printable(module.message).slice(0, 200)
  return value.fault(
    `The decoder ${text} cannot be used: ${why}`,
    'See docs/decoders.md for what a decoder is'
  )
}

function readTimestampPart(entry: Entry, parts: PartReader): MappingDefinition['timestamp'] {
  const members = entry.map(['select', 'unit'], '{ select: ts, unit: auto }')
  if (members === null) return null
  const unit = members.get('unit')?.oneOf(timestampUnits) ?? 'auto'
  const select = members.get('select')
  if (select === undefined)
    return entry.fault('timestamp selects nothing', 'Write for instance { select: ts, unit: auto }')
  const expression = parts.expression(select)
  return expression === null ? null : { select: expression, unit }
}

function isPlain({ value, each, metrics }: Pick<MappingDefinition, 'value' | 'each' | 'metrics'>): boolean {
  const expressions = [value, each, ...(metrics ?? []).map((metric) => metric.value)]
  return expressions.every((expression) => expression === null || expression.plain)
}

/** Comments, order of keys, name, commands, timeouts and what of it is stored do not change what is remembered. */
function toMeaning(
  members: Map<string, Entry>,
  decoder: BuiltInDecoder | Decoder,
  schema: ProtobufSchema | null
): string {
  const meant = Object.fromEntries(
    [...members]
      .filter(([key]) => !['name', 'commands', 'offlineAfter', 'store'].includes(key))
      .map(([key, value]) => [key, value.node?.toJSON() as unknown])
  )
  const own = typeof decoder === 'string' ? null : decoder.hash
  return hashOf(schema === null ? [meant, own] : [meant, own, schema.hash])
}
