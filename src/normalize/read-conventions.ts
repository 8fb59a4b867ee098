/** The conventions that rialto.yaml names, with their options, to definitions; or faults. */

import type { Limits } from '../limits.ts'
import type { Convention, ConventionOption, OptionValues } from './convention.ts'
import { OptionFault } from './convention.ts'
import type { MappingDefinition } from './definition.ts'
import type { Entry } from './document-entry.ts'
import { suggest } from './mapping-faults.ts'
import { printable } from './names.ts'
import { hashOf } from './hash.ts'
import { readStore } from './read-store.ts'
import { isTemplateFault, parseTopicTemplate } from './topic-template.ts'
import { filterFault } from '../topic.ts'
import { defaultBooleans } from './values.ts'

export interface ConventionSources {
  limits: Limits
  conventions: ReadonlyMap<string, Convention>
  /** Contents of files by their path as the document has it; an Error says why one cannot be read. */
  files: ReadonlyMap<string, Uint8Array | Error>
}

type OptionValue = string | readonly string[] | boolean | number | Uint8Array | null

/** In the order in which they are asked. */
export function readConventions(
  entries: readonly Entry[],
  names: Set<string>,
  sources: ConventionSources
): MappingDefinition[] {
  const { conventionsMax } = sources.limits
  if (entries.length > conventionsMax)
    entries[conventionsMax]!.fault(`More than ${conventionsMax} conventions`, 'Name fewer')
  const read = entries.slice(0, conventionsMax).map((entry) => readConvention(entry, names, sources))
  const of = (asked: Convention['asked']): ReadConvention[] => read.filter((one) => one.asked === asked)
  const announced = of('announced')
  if (announced.length > 1)
    entries[read.indexOf(announced[1]!)]!.fault(
      `${announced[1]!.definitions[0]!.decoderText} can stand here once`,
      'Give all that it is for in its options'
    )
  // Whoever passes and remembers is followed by those only that do not remember: a message needs one state
  return [...of(undefined), ...announced, ...of('general')].flatMap(({ definitions }) => definitions)
}

interface ReadConvention {
  asked: Convention['asked']
  definitions: MappingDefinition[]
}

const nothing: ReadConvention = { asked: undefined, definitions: [] }

function readConvention(entry: Entry, names: Set<string>, sources: ConventionSources): ReadConvention {
  const { conventions } = sources
  const known = [...conventions.keys()]
  const pair = entry.isMap ? entry.only(known, '- zigbee2mqtt: { base: zigbee }') : null
  const word = entry.isMap ? (pair?.name ?? null) : entry.text('- tasmota')
  if (word === null) return nothing
  const convention = conventions.get(word)
  if (convention === undefined) {
    entry.fault(`There is no convention ${JSON.stringify(word)}`, suggest(word, known))
    return nothing
  }
  const keys = ['name', 'store', ...Object.keys(convention.options)]
  const members =
    pair === null ? new Map<string, Entry>() : pair.value.map(keys, `- ${word}: { name: other }`)
  if (members === null) return nothing
  const name = members.get('name')?.text(word) ?? word
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    members
      .get('name')
      ?.fault(`${JSON.stringify(name.slice(0, 80))} is no name`, 'Use 1 to 64 letters, digits, - and _')
    return nothing
  }
  if (names.has(name)) {
    entry.fault(
      `Another mapping or convention is named ${name}`,
      `Give it a name of its own: - ${word}: { name: ${word}-2 }`
    )
    return nothing
  }
  names.add(name)
  const store = members.has('store') ? (readStore(members.get('store')!, sources.limits) ?? null) : null
  const values = new Map<string, OptionValue>()
  for (const [key, option] of Object.entries(convention.options))
    values.set(key, readOption(option, members.get(key), sources))
  try {
    return {
      asked: convention.asked,
      definitions: toDefinitions(convention, name, entry, values, sources.limits).map((definition) => ({
        ...definition,
        store
      }))
    }
  } catch (error) {
    if (!(error instanceof OptionFault)) throw error
    const place = members.get(error.option) ?? entry
    place.fault(error.message, error.fix)
    return nothing
  }
}

function readOption(
  option: ConventionOption,
  entry: Entry | undefined,
  { limits, files }: ConventionSources
): OptionValue {
  if (entry === undefined)
    return option.kind === 'duration' && option.default !== null ? toSeconds(option.default) : option.default
  switch (option.kind) {
    case 'flag':
      return entry.boolean()
    case 'duration':
      return entry.duration(limits.offlineAfterSecondsMax)
    case 'text':
      return entry.text(option.default ?? 'text')
    case 'topic': {
      const text = entry.text(option.default ?? 'site/lab')
      const fault =
        text === null
          ? null
          : /[+#{}]/.test(text)
            ? 'it has wildcards or braces'
            : filterFault(text, limits.topicLevelsMax)
      return fault === null ? text : entry.fault(`Not a topic: ${fault}`, 'Write levels between slashes')
    }
    case 'texts':
    case 'templates': {
      const words = entry.isList ? entry.words('[a, b]') : toList(entry.text('a'))
      if (words !== null && words.length > limits.conventionOptionItemsMax)
        return entry.fault(`More than ${limits.conventionOptionItemsMax} items`, 'Write fewer')
      if (option.kind === 'templates')
        for (const word of words ?? []) {
          const parsed = parseTopicTemplate(word, limits.topicLevelsMax)
          if (isTemplateFault(parsed)) return entry.fault(parsed.message, parsed.fix)
        }
      return words
    }
    case 'file': {
      const path = entry.text('./file')
      if (path === null) return null
      const content = files.get(path)
      if (content !== undefined && !(content instanceof Error)) return content
      const why = content === undefined ? 'it is not there' : printable(content.message).slice(0, 200)
      return entry.fault(
        `The file ${path} cannot be read: ${why}`,
        'Write a path beside rialto.yaml, such as ./keys.yaml'
      )
    }
  }
}

const toList = (text: string | null): string[] | null => (text === null ? null : [text])

const toSeconds = (text: string): number =>
  Number(text.slice(0, -1)) * { s: 1, m: 60, h: 3_600, d: 86_400 }[text.at(-1) as 's' | 'm' | 'h' | 'd']

function toDefinitions(
  convention: Convention,
  name: string,
  entry: Entry,
  values: ReadonlyMap<string, OptionValue>,
  limits: Limits
): MappingDefinition[] {
  const { routes, commands } = convention.create(toValues(values))
  const meaning = hashOf([
    convention.name,
    [...values].map(([key, value]) => [key, value instanceof Uint8Array ? hashOf([...value]) : value])
  ])
  return routes.flatMap((route) => {
    const topic = parseTopicTemplate(route.topic, limits.topicLevelsMax)
    // An option put something into it that no topic has
    if (isTemplateFault(topic)) {
      entry.fault(
        `With these options a topic would be ${JSON.stringify(route.topic.slice(0, 200))}: ${topic.message}`,
        topic.fix
      )
      return []
    }
    return [
      {
        name,
        line: entry.line,
        topic,
        decoder: 'auto',
        decoderText: convention.name,
        compression: 'auto',
        schema: null,
        device: null,
        metric: null,
        value: null,
        each: null,
        metrics: null,
        timestamp: null,
        unit: null,
        quality: null,
        merge: 'append',
        booleans: defaultBooleans,
        presence: null,
        offlineAfterSeconds: (values.get('offlineAfter') as number | null | undefined) ?? null,
        commands: [],
        store: null,
        convention: { route, commands },
        plain: false,
        meaning
      }
    ]
  })
}

function toValues(values: ReadonlyMap<string, OptionValue>): OptionValues {
  const read = (name: string): OptionValue => {
    const value = values.get(name)
    if (value === undefined) throw new Error(`There is no option ${name}`)
    return value
  }
  return {
    text: (name) => read(name) as string | null,
    texts: (name) => (read(name) as readonly string[] | null) ?? [],
    flag: (name) => read(name) as boolean,
    seconds: (name) => read(name) as number | null,
    file: (name) => read(name) as Uint8Array | null
  }
}
