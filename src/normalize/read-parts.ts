/** The parts of a mapping: expressions, names, words, metrics, presence, commands. Each a value, or null and a fault. */

import type { Limits } from '../limits.ts'
import type { MappingDefinition, MetricDefinition, NamePart, WordPart } from './definition.ts'
import type { Entry } from './document-entry.ts'
import type { Expression } from './expression.ts'
import { UnknownFunction, compileExpression, expressionFunctions } from './expression.ts'
import { suggest } from './mapping-faults.ts'
import type { MappingCommand } from './mapping-command.ts'
import { nameFault } from './names.ts'
import { readCommand } from './read-command.ts'
import { readStore } from './read-store.ts'
import { refuseStore } from './mapping-rules.ts'
import type { TemplateFault, TextTemplate } from './topic-template.ts'
import { parseTextTemplate } from './topic-template.ts'
import { askedTypes } from './values.ts'

export interface PartReader {
  expression(entry: Entry): Expression | null
  name(entry: Entry): NamePart | null
  template(text: string): TextTemplate
  word(entry: Entry): WordPart
  metrics(entry: Entry): MetricDefinition[] | null
  booleans(entry: Entry): MappingDefinition['booleans'] | null
  presence(entry: Entry): MappingDefinition['presence']
  commands(entry: Entry): MappingCommand[] | null
}

const online = ['online', 'Online', 'true', '1']
const offline = ['offline', 'Offline', 'false', '0']

/** `captures`: what the topic captures; null where that is not known. */
export function createPartReader(captures: readonly string[] | null, limits: Limits): PartReader {
  function expression(entry: Entry): Expression | null {
    const text = entry.text('data.temperature')
    if (text === null) return null
    if (text.length > limits.expressionCharsMax)
      return entry.fault(
        `The expression is longer than ${limits.expressionCharsMax} characters`,
        'Write a shorter one'
      )
    try {
      return compileExpression(text, limits.expressionStepsMax)
    } catch (error) {
      if (error instanceof UnknownFunction)
        return entry.fault(error.message, suggest(error.functionName, expressionFunctions))
      return entry.fault(
        `Not an expression: ${(error as Error).message}`,
        'Write JMESPath (jmespath.org); a name with other characters than letters, digits and _ stands in double quotes'
      )
    }
  }

  /** { select: … }, or null and a fault. */
  function selection(entry: Entry): Expression | null {
    const select = entry.map(['select'], '{ select: a.b }')?.get('select')
    if (select !== undefined) return expression(select)
    if (entry.isMap)
      entry.fault('Nothing is selected', 'Write { select: a.b }; put text that begins with { in quotes')
    return null
  }

  /** `more`: names that there are beside the captures. */
  function text(entry: Entry, example: string, more: readonly string[] = []): TextTemplate | null {
    const given = entry.text(example)
    if (given === null) return null
    const parsed = parseTextTemplate(given)
    return isText(parsed) ? known(entry, parsed, parsed.names, more) : entry.fault(parsed.message, parsed.fix)
  }

  function known<T>(
    entry: Entry,
    parsed: T,
    names: readonly string[],
    more: readonly string[] = []
  ): T | null {
    if (captures === null) return parsed
    const there = [...captures, ...more]
    const missing = names.find((name) => !there.includes(name))
    if (missing === undefined) return parsed
    return entry.fault(`The topic of the mapping captures no {${missing}}`, suggest(missing, there))
  }

  function word(entry: Entry): WordPart {
    if (entry.isMap) return selection(entry)
    const given = entry.text('"°C"')
    if (given === null) return null
    const fault = nameFault(given, limits.nameBytesMax)
    return fault === null ? given : entry.fault(`It cannot be used: ${fault}`, 'Write a short text')
  }

  function metric(entry: Entry, names: Set<string>): MetricDefinition | null {
    const members = entry.map(
      ['name', 'value', 'unit', 'type', 'event', 'store'],
      '{ name: temperature, value: data.temp }'
    )
    if (members === null) return null
    const [named, valued] = [members.get('name'), members.get('value')]
    const name = named?.text('temperature') ?? null
    const value = valued === undefined ? null : expression(valued)
    const unit = members.has('unit') ? word(members.get('unit')!) : null
    const type = members.get('type')?.oneOf(askedTypes) ?? null
    const event = members.get('event')?.boolean() ?? false
    const store = members.has('store') ? readStore(members.get('store')!, limits) : undefined
    if (event) refuseStore(members.get('store'))
    if (named === undefined) entry.fault('The metric has no name', 'Add name: temperature')
    if (valued === undefined) entry.fault('The metric has no value', 'Add value: data.temp, an expression')
    if (name === null || value === null) return null
    const fault = nameFault(name, limits.nameBytesMax)
    if (fault !== null) return named!.fault(`No name of a metric: ${fault}`, 'Write a short text')
    if (names.has(name)) return named!.fault(`Another metric is named ${name}`, 'Give it a name of its own')
    names.add(name)
    return { name, value, unit, type, event, store }
  }

  function booleans(entry: Entry): MappingDefinition['booleans'] | null {
    const members = entry.map(['true', 'false'], '{ true: ["ON"], false: ["OFF"] }')
    if (members === null) return null
    const words = new Map<string, boolean>()
    for (const side of ['true', 'false']) {
      const given = members.get(side)
      if (given === undefined) entry.fault(`booleans has no words for ${side}`, `Add ${side}: ["ON"]`)
      for (const one of given?.words('["ON"]') ?? []) {
        if (words.has(one)) given!.fault(`${JSON.stringify(one)} stands twice`, 'Write each word once')
        words.set(one, side === 'true')
      }
    }
    return words
  }

  function presence(entry: Entry): MappingDefinition['presence'] {
    const members = entry.map(['online', 'offline'], '{ online: ["online"], offline: ["offline"] }')
    if (members === null) return null
    const on = members.get('online')?.words('["online"]') ?? online
    const off = members.get('offline')?.words('["offline"]') ?? offline
    const both = on.find((one) => off.includes(one))
    if (both !== undefined)
      entry.fault(`${JSON.stringify(both)} is online and offline`, 'Write each word once')
    return { online: new Set(on), offline: new Set(off) }
  }

  return {
    expression,
    name: (entry) => (entry.isMap ? selection(entry) : text(entry, '"{device}"')),
    template: (given) => parseTextTemplate(given) as TextTemplate,
    word,
    metrics: (entry) => listOf(entry, '[{ name: temperature, value: data.temp }]', metric),
    booleans,
    presence,
    commands: (entry) =>
      listOf(entry, '[{ name: set, topic: "site/{device}/set" }]', (item, names) =>
        readCommand(item, names, {
          limits,
          expression,
          text: (value, example) => text(value, example, ['id']),
          known: (value, parsed, named) => known(value, parsed, named, ['id'])
        })
      )
  }
}

const isText = (parsed: TextTemplate | TemplateFault): parsed is TextTemplate => 'render' in parsed

/** Null where an item is wrong, so that nothing is said of what is missing. */
function listOf<T>(
  entry: Entry,
  example: string,
  read: (item: Entry, names: Set<string>) => T | null
): T[] | null {
  const names = new Set<string>()
  const items = entry.list(example)?.map((item) => read(item, names)) ?? null
  if (items === null || items.includes(null)) return null
  return items.length > 0 ? (items as T[]) : entry.fault('The list is empty', `Write for instance ${example}`)
}
