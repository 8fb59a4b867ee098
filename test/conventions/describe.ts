/** docs/conventions.md, from the code: topics, options, commands; and what becomes of examples, by running them. */

import { conventions } from '../../src/conventions/conventions.ts'
import type { Convention, ConventionOption, ConventionParts } from '../../src/normalize/convention.ts'
import type { Example } from './examples/example.ts'
import { documentOf, examples, payloadOf } from './everything.ts'
import { normalizer } from './say.ts'
import type { Said } from './say.ts'

const payloadCharsMax = 220
const resultLinesMax = 12

const intro = `# Conventions

Names in \`rialto.yaml\` switch them on:

\`\`\`yaml
conventions:
  - tasmota
  - zigbee2mqtt: { base: zigbee }
\`\`\`

[Mappings](mappings.md) are asked first, then conventions in this order, then \`automatic\`. Two kinds are asked after the others
wherever they stand: Home Assistant discovery, since only what was announced tells what is its own; and then \`json\` and \`values\`,
whose topics may be any. Each has its options, and two more: \`name\`, so that one can be there twice; it is what is written beside its results (\`mapping\` of a device);
and \`store\`, as a mapping has it ([storing changes alone](mappings.md#storing-changes-alone)). What a convention
remembers is its own: births, descriptions, units. Another value of an option means that its memory begins anew.

Rialto sees what it subscribes to: \`RIALTO_TOPICS\` is \`#\`, which has no topics that begin with \`$\`; those are to be named.

A command goes to a device by its name; its parameters are the members of \`payload\`. It is never retained:

\`\`\`http
POST /v1/commands
{ "device": "cellar", "name": "power", "payload": { "state": "ON" } }
\`\`\`

What a device answers is an event of its metric \`response\`: \`{ correlation, ok, detail, value }\`. Unless \`awaits\` says otherwise,
a command waits for the device's word that it did it, where its convention has one; else for its effect, a datapoint with the value; else
for nothing, and \`published\` is all that is known. What each of them proves stands beside the command. An effect proves that it is
so, and not whose doing it is: a lamp that is on already, and says so again, is on. Numbers are equal by value, text letter by letter. A metric
of which \`store\` leaves datapoints out shows no effect, since the one that would show it might be among them.

Everything below is made from the code, and the examples by running it: a topic and its payload, and what becomes of them (device, metric,
value, \`[unit]\`, \`(time by the device's clock)\`). All are received at 2026-11-24T12:00:00Z, one after the other.
`

export function describeConventions(): string {
  const sections = [...conventions.values()].map(describe)
  const list = [...conventions.values()]
    .map(({ name, title }) => `[${title}](#${anchor(title, name)})`)
    .join(', ')
  return `${intro}\n${list}.\n\n${sections.join('\n')}`
}

/** As GitHub makes it of the heading. */
const anchor = (title: string, name: string): string =>
  heading(title, name)
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const heading = (title: string, name: string): string => `${title}: \`${name}\``

function describe(convention: Convention): string {
  const { name, title, about, presence, options, sources } = convention
  const { routes, commands } = partsOf(convention)
  return [
    `## ${heading(title, name)}\n`,
    `${about}\n`,
    optionTable(options),
    '| topic | becomes |\n|---|---|',
    `${routes.map((route) => `| \`${route.topic}\` | ${cell(route.about)} |`).join('\n')}\n`,
    commandTable(commands),
    `**Presence.** ${presence}\n`,
    exampleBlock(name),
    `Rules: ${sources.map((url) => `<${url}>`).join(', ')}\n`
  ]
    .filter((part) => part !== '')
    .join('\n')
}

const cell = (text: string): string => text.replace(/(?<!\\)\|/g, '\\|').replaceAll('\n', ' ')

/** With the options of its examples, so that topics are shown that have no default. */
export function partsOf(convention: Convention): ConventionParts {
  const { options: given = {}, files = {} } = examples.get(convention.name)!
  const value = (name: string): unknown => given[name] ?? convention.options[name]!.default
  const list = (found: unknown): readonly string[] =>
    found === null ? [] : ((Array.isArray(found) ? found : [found]) as string[])
  return convention.create({
    text: (name) => value(name) as string | null,
    texts: (name) => list(value(name)),
    flag: (name) => value(name) as boolean,
    seconds: (name) => toSeconds(value(name) as string | null),
    file: (name) => (given[name] === undefined ? null : files[given[name] as string]!)
  })
}

const toSeconds = (text: string | null): number | null =>
  text === null
    ? null
    : Number(text.slice(0, -1)) * { s: 1, m: 60, h: 3_600, d: 86_400 }[text.at(-1) as 's' | 'm' | 'h' | 'd']

function optionTable(options: Convention['options']): string {
  const rows = Object.entries(options).map(
    ([name, option]) => `| \`${name}\` | ${cell(option.about)} | ${defaultOf(option)} |`
  )
  return rows.length === 0 ? '' : `${['| option | is | default |', '|---|---|---|', ...rows].join('\n')}\n`
}

function defaultOf({ default: value }: ConventionOption): string {
  if (value === null || (Array.isArray(value) && value.length === 0)) return 'none'
  return `\`${Array.isArray(value) ? value.join(', ') : String(value)}\``
}

function commandTable(commands: ConventionParts['commands']): string {
  if (commands.length === 0) return 'No commands.\n'
  const rows = commands.map(({ name, about, topic, parameters, answer }) => {
    const given = Object.entries(parameters).map(
      ([key, { type, required, about: what }]) =>
        `\`${key}\` (${type}${required ? '' : ', optional'}): ${what}`
    )
    return `| \`${name}\` | ${cell(about)} | ${cell(given.join('; ') || 'none')} | \`${topic}\` | ${cell(answer)} |`
  })
  return `${['| command | does | parameters | topic | answer |', '|---|---|---|---|---|', ...rows].join('\n')}\n`
}

function exampleBlock(convention: string): string {
  const { options, files = {}, messages } = examples.get(convention)!
  const say = normalizer(documentOf([{ convention, ...(options !== undefined && { options }) }]), { files })
  const lines: string[] = []
  for (const example of messages) {
    const { contentType } = example
    const said = say(example.topic, payloadOf(example), {
      properties: contentType === undefined ? null : { contentType }
    })
    if (example.quiet !== true) lines.push(shown(example), ...results(said))
  }
  const given = options === undefined ? '' : `With \`${JSON.stringify(options)}\`:\n\n`
  return `${given}\`\`\`text\n${lines.join('\n')}\n\`\`\`\n`
}

function shown(example: Example): string {
  const text = 'hex' in example ? `0x${example.hex}` : example.text.replace(/\s*\n\s*/g, ' ')
  const short = text.length > payloadCharsMax ? `${text.slice(0, payloadCharsMax)}…` : text
  const printable = short.replace(/[\u0000-\u001f]/g, '\ufffd')
  return `${example.topic}  ${printable}${example.contentType === undefined ? '' : `  (${example.contentType})`}`
}

function results(said: Said): string[] {
  const lines = [
    ...said.datapoints,
    ...said.presence,
    ...said.attributes.map(({ device, attributes }) => `${device} has ${JSON.stringify(attributes)}`),
    ...said.effects.map((effect) => `publishes ${effect}`),
    ...said.outcome.rejections.map(({ reason, detail }) => `rejected ${reason}: ${detail}`)
  ].map((line) => `  ${line.length > payloadCharsMax ? `${line.slice(0, payloadCharsMax)}…` : line}`)
  if (lines.length === 0) return ['  nothing']
  return lines.length <= resultLinesMax
    ? lines
    : [...lines.slice(0, resultLinesMax), `  and ${lines.length - resultLinesMax} more`]
}
