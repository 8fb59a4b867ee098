/** FullTopic (https://tasmota.github.io/docs/MQTT/#fulltopic): `%prefix%/%topic%/` to topic templates, and to command topics. */

import { CommandFault, OptionFault } from '../../normalize/convention.ts'
import type { CommandTarget } from '../../normalize/convention.ts'
import { isTemplateFault, parseTopicTemplate, renderTemplate } from '../../normalize/topic-template.ts'
import type { Captures } from '../../normalize/topic-template.ts'

/** Of which the first that a FullTopic has names the device. */
export const deviceTokens = ['topic', 'hostname', 'id'] as const

export interface FullTopic {
  /** `tele/{topic}` for the prefix `tele`. */
  under(prefix: string): string
  /** Levels of ours, beside the tokens. */
  names: readonly string[]
}

export interface Prefixes {
  cmnd: string
  stat: string
  tele: string
}

const fault = (message: string): never => {
  throw new OptionFault('fullTopic', message, 'Write it as on the device: %prefix%/%topic%/')
}

export function readFullTopic(text: string): FullTopic {
  const levels = text.replace(/\/$/, '').split('/')
  const names: string[] = []
  const parts = levels.map((level) => {
    const token = /^%(\w+)%$/.exec(level)?.[1]
    if (token === 'prefix') return null
    if (token !== undefined && deviceTokens.some((known) => known === token)) return `{${token}}`
    if (level.includes('%')) fault(`${JSON.stringify(level)} is no token; a token takes a whole level`)
    const name = /^\{(\w+)\}$/.exec(level)?.[1]
    if (name === undefined && /[{}#]/.test(level))
      fault(`${JSON.stringify(level)} is no level of a FullTopic`)
    if (name === 'leaf' || deviceTokens.some((known) => known === name))
      fault(`{${name}} has a meaning already`)
    if (name !== undefined) names.push(name)
    return level
  })
  if (parts.filter((part) => part === null).length !== 1)
    fault(`${JSON.stringify(text)} does not have %prefix% once`)
  const tokens = parts.filter((part) => deviceTokens.some((token) => part === `{${token}}`))
  if (tokens.length === 0 || new Set(tokens).size < tokens.length)
    fault(`${JSON.stringify(text)} does not have %topic% once`)
  return { under: (prefix) => parts.map((part) => part ?? prefix).join('/'), names }
}

export function readPrefixes(words: readonly string[]): Prefixes {
  const [cmnd, stat, tele] = words
  if (words.length !== 3 || words.some((word) => !/^[^+#/{}%]+$/.test(word)) || new Set(words).size < 3)
    throw new OptionFault(
      'prefixes',
      'The prefixes are not three different words',
      'Write Prefix1, Prefix2 and Prefix3 of the devices: [cmnd, stat, tele]'
    )
  return { cmnd: cmnd!, stat: stat!, tele: tele! }
}

export const toDevice = (captures: Readonly<Captures>): string =>
  captures.topic ?? captures.hostname ?? captures.id ?? ''

/** Where commands of a device go: as it says itself, as its last message came, or as there is only one way. */
export function toCommandTopic(
  target: CommandTarget,
  fullTopics: readonly FullTopic[],
  { cmnd, stat, tele }: Prefixes,
  levelsMax: number
): string {
  const told = fromDiscovery(target)
  if (told !== null) return told
  for (const fullTopic of fullTopics)
    for (const prefix of [tele, stat]) {
      const template = parseTopicTemplate(`${fullTopic.under(prefix)}/#`, levelsMax)
      const captures = isTemplateFault(template) ? null : template.capture(target.topic)
      if (captures !== null && toDevice(captures) === target.device)
        return renderTemplate(fullTopic.under(cmnd), captures)
    }
  const [only] = fullTopics
  const known = { topic: target.device }
  if (fullTopics.length === 1 && /^[^{+]*\{topic\}[^{+]*$/.test(only!.under(cmnd)))
    return renderTemplate(only!.under(cmnd), known)
  throw new CommandFault(
    null,
    'Nothing that the device said tells its FullTopic yet; wait for a message from it'
  )
}

/** Attributes of `tasmota/discovery/MAC/config`: `ft`, `tp`, `t`, `hn`, `mac`. */
function fromDiscovery({ attributes }: CommandTarget): string | null {
  const { fullTopic, prefixes, topic, hostname, mac } = attributes
  if (typeof fullTopic !== 'string' || !Array.isArray(prefixes)) return null
  const values = new Map<string, unknown>([
    ['prefix', prefixes[0]],
    ['topic', topic],
    ['hostname', hostname],
    ['id', mac]
  ])
  let isKnown = true
  const rendered = fullTopic.replace(/%(\w+)%/g, (_, token: string) => {
    const value = values.get(token)
    isKnown &&= typeof value === 'string'
    return String(value)
  })
  return isKnown ? rendered.replace(/\/$/, '') : null
}
