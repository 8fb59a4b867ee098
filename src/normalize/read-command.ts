/** A command of a mapping, as rialto.yaml has it; or a fault that says what to do. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { readPredicate } from '../predicate/predicate.ts'
import { topicFault } from '../topic.ts'
import type { Entry } from './document-entry.ts'
import type { Expression } from './expression.ts'
import type { MappingCommand } from './mapping-command.ts'
import { nameFault } from './names.ts'
import { readParameterSchema } from './parameter-schema.ts'
import type { TextTemplate, TopicTemplate } from './topic-template.ts'
import { isTemplateFault, parseTopicTemplate } from './topic-template.ts'

/** How the parts of a mapping are read; of names in braces, the command's `{id}` is known, too. */
export interface CommandParts {
  limits: Limits
  expression(entry: Entry): Expression | null
  text(entry: Entry, example: string): TextTemplate | null
  known<T>(entry: Entry, parsed: T, names: readonly string[]): T | null
}

const keys = [
  'name',
  'topic',
  'qos',
  'parameters',
  'payload',
  'responseTopic',
  'correlation',
  'id',
  'ok',
  'effect',
  'timeout',
  'delivery',
  'oneInFlight'
]

export function readCommand(entry: Entry, names: Set<string>, parts: CommandParts): MappingCommand | null {
  const members = entry.map(keys, '{ name: set, topic: "site/{device}/set" }')
  if (members === null) return null
  const read = <T>(key: string, reader: (value: Entry) => T | null): T | null => {
    const value = members.get(key)
    return value === undefined ? null : reader(value)
  }
  const name = readName(entry, members.get('name'), names, parts.limits)
  const topic = readTopic(entry, members.get('topic'), parts)
  const responseTopic = read('responseTopic', (value) => readResponseTopic(value, parts))
  const isAlone = members.get('correlation')?.json() === false
  const correlated = isAlone ? null : read('correlation', parts.expression)
  const rest = {
    qos: read('qos', (value) => value.oneOf(['0', '1', '2'])),
    parameters: read('parameters', readParameterSchema),
    payload: read('payload', parts.expression),
    id: read('id', readId),
    ok: read('ok', (value) => readOk(value, parts.limits)),
    effect: read('effect', (value) => readEffect(value, parts)),
    timeoutSeconds: read('timeout', (value) => value.duration(parts.limits.commandTimeoutSecondsMax)),
    once: read('delivery', (value) => value.oneOf(['atLeastOnce', 'atMostOnce'])) === 'atMostOnce',
    oneInFlight: read('oneInFlight', (value) => value.boolean()) ?? false
  }
  checkTogether(members, responseTopic, correlated !== null || isAlone)
  if (name === null || topic === null) return null
  return {
    ...rest,
    name,
    topic,
    qos: Number(rest.qos ?? 1) as MappingCommand['qos'],
    responseTopic: responseTopic?.text ?? null,
    correlation: correlated?.text ?? null,
    correlated,
    byTopic: isAlone || (correlated === null && /\{id\}/.test(responseTopic?.text ?? ''))
  }
}

/** `isKnown`: an answer is known by other means than MQTT 5. */
function checkTogether(
  members: ReadonlyMap<string, Entry>,
  responseTopic: TopicTemplate | null,
  isKnown: boolean
): void {
  const given = members.get('responseTopic')
  // [MQTT-3.3.2-14]
  if (responseTopic !== null && !isKnown && /(^|\/)[+#]/.test(responseTopic.text))
    given!.fault(
      'A topic that a device answers to has no + and #',
      'Name its levels, or add correlation: an expression, or false where the topic alone tells'
    )
  if (given !== undefined) return
  for (const key of ['correlation', 'ok'])
    members
      .get(key)
      ?.fault(`${key} is of answers, and there is no responseTopic`, `Add responseTopic, or remove ${key}`)
  if (!members.has('effect'))
    members
      .get('timeout')
      ?.fault('timeout is how long something is awaited, and nothing is', 'Add responseTopic or effect')
}

function readName(entry: Entry, named: Entry | undefined, names: Set<string>, limits: Limits): string | null {
  if (named === undefined) return entry.fault('The command has no name', 'Add name: set')
  const name = named.text('set')
  if (name === null) return null
  const fault = nameFault(name, limits.nameBytesMax)
  if (fault !== null) return named.fault(`No name of a command: ${fault}`, 'Write a short text')
  if (names.has(name)) return named.fault(`Another command is named ${name}`, 'Give it a name of its own')
  names.add(name)
  return name
}

function readTopic(entry: Entry, given: Entry | undefined, { text, limits }: CommandParts): string | null {
  if (given === undefined) return entry.fault('The command has no topic', 'Add topic: "site/{device}/set"')
  const template = text(given, '"site/{device}/set"')
  if (template === null) return null
  const fault = topicFault(
    template.render(Object.fromEntries(template.names.map((name) => [name, 'x']))),
    limits.topicLevelsMax
  )
  return fault === null
    ? template.text
    : given.fault(`Not a topic to publish to: ${fault}`, 'Write names in braces, and no + and #')
}

function readResponseTopic(entry: Entry, { known, limits }: CommandParts): TopicTemplate | null {
  const given = entry.text('"site/{device}/ack"')
  if (given === null) return null
  const parsed = parseTopicTemplate(given, limits.topicLevelsMax)
  return isTemplateFault(parsed)
    ? entry.fault(parsed.message, parsed.fix)
    : known(entry, parsed, parsed.names)
}

/** `uid`, `meta.uid`, or `{ member: id, type: integer }`. */
function readId(entry: Entry): MappingCommand['id'] {
  const example = '{ member: id, type: integer }'
  const members = entry.isMap ? entry.map(['member', 'type'], example) : null
  const named = entry.isMap ? members?.get('member') : entry
  if (named === undefined) return entry.fault('id names no member', `Write id: uid, or ${example}`)
  const text = named.text('uid')
  if (text === null) return null
  const path = text.split('.')
  if (path.length > 10 || path.some((name) => !/^[A-Za-z_][A-Za-z0-9_-]{0,99}$/.test(name)))
    return named.fault(
      `${JSON.stringify(text.slice(0, 80))} is no member`,
      'Write names with dots between them, such as meta.uid'
    )
  return { path, type: members?.get('type')?.oneOf(['text', 'integer']) ?? 'text' }
}

function readOk(entry: Entry, limits: Limits): string | null {
  const text = entry.text('eq(payload/status,"ok")')
  if (text === null) return null
  try {
    return readPredicate(text, limits, 'ok').text
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return entry.fault(
      `Not a predicate: ${error.message.replace(/^ok /, '')}`,
      'Write for instance eq(payload/status,"ok"), see docs/reading.md'
    )
  }
}

function readEffect(entry: Entry, { text, expression }: CommandParts): MappingCommand['effect'] {
  const members = entry.map(['metric', 'value'], '{ metric: target, value: target }')
  if (members === null) return null
  const [metric, value] = [members.get('metric'), members.get('value')]
  if (metric === undefined) return entry.fault('The effect has no metric', 'Add metric: target')
  const template = text(metric, 'target')
  const selected = value === undefined ? null : expression(value)
  return template === null ? null : { metric: template.text, value: selected }
}
