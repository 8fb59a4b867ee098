/** Topic templates: `site/{site}/{device}/{metric}` compiles to a filter and captures, and renders to a topic. Pure. */

import { filterFault } from '../topic.ts'

export type Captures = Record<string, string>

export interface TopicTemplate {
  text: string
  /** Matches every topic that the template matches; others, too, only where `{name+}` stands before the end. */
  filter: string
  /** Names of what it captures, in order. */
  names: readonly string[]
  /** What a topic's levels are under their names, or null where the template does not match it. */
  capture(topic: string): Captures | null
}

export interface TemplateFault {
  message: string
  fix: string
}

const namePattern = /^[A-Za-z][A-Za-z0-9_]*$/

type Level =
  | { kind: 'literal'; text: string }
  | { kind: 'one'; name: string | null }
  | { kind: 'several'; name: string }

/** A template, or what is wrong with the text. */
export function parseTopicTemplate(text: string, levelsMax: number): TopicTemplate | TemplateFault {
  const parts = text.split('/')
  const rest = parts.at(-1) === '#'
  if (rest) parts.pop()
  const levels: Level[] = []
  for (const part of parts) {
    const level = parseLevel(part)
    if ('fix' in level) return level
    levels.push(level)
  }
  const names = levels.flatMap((level) =>
    level.kind === 'literal' || level.name === null ? [] : [level.name]
  )
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined)
    return { message: `{${twice}} stands twice in the topic`, fix: 'Give each level a name of its own' }
  const several = levels.filter((level) => level.kind === 'several').length
  if (several > 1)
    return { message: 'More than one {name+} in a topic', fix: 'Only one of them can take several levels' }
  if (several === 1 && rest)
    return { message: '{name+} and # in one topic', fix: 'Leave # out: {name+} takes the levels already' }
  const filter = toFilter(levels, rest)
  const fault = filterFault(filter, levelsMax)
  if (fault !== null)
    return { message: `Not a topic: ${fault}`, fix: 'See MQTT 5, section 4.7, for what a topic may be' }
  return { text, filter, names, capture: compileCapture(levels, rest) }
}

export const isTemplateFault = (parsed: TopicTemplate | TemplateFault): parsed is TemplateFault =>
  'fix' in parsed

function parseLevel(part: string): Level | TemplateFault {
  if (part === '+') return { kind: 'one', name: null }
  if (part === '#') return { message: '# stands only at the end', fix: 'Use + or {name} for one level' } // [MQTT-4.7.1-1]
  const braced = /^\{([^{}]*?)(\+?)\}$/.exec(part)
  if (braced !== null) {
    const [, name = '', plus] = braced
    if (!namePattern.test(name))
      return {
        message: `{${name}} is not a name`,
        fix: 'Names begin with a letter and have letters, digits and _'
      }
    return plus === '+' ? { kind: 'several', name } : { kind: 'one', name }
  }
  if (/[{}]/.test(part))
    return {
      message: `${JSON.stringify(part)} mixes a name with other text`,
      fix: 'A {name} takes a whole level between slashes'
    }
  if (/[+#]/.test(part))
    return { message: '+ and # take a whole level', fix: 'Use {name} for a level, and # only at the end' } // [MQTT-4.7.1-1], [MQTT-4.7.1-2]
  return { kind: 'literal', text: part }
}

function toFilter(levels: readonly Level[], rest: boolean): string {
  const parts: string[] = []
  for (const level of levels) {
    parts.push(level.kind === 'literal' ? level.text : '+')
    if (level.kind === 'several') return [...parts, '#'].join('/')
  }
  return [...parts, ...(rest ? ['#'] : [])].join('/')
}

function compileCapture(levels: readonly Level[], rest: boolean): (topic: string) => Captures | null {
  const at = levels.findIndex((level) => level.kind === 'several')
  const wildcardFirst = levels.length === 0 || levels[0]!.kind !== 'literal'
  return (topic) => {
    if (wildcardFirst && topic.startsWith('$')) return null // [MQTT-4.7.2-1]
    const parts = topic.split('/')
    const extra = parts.length - levels.length
    if (extra < 0 || (extra > 0 && at === -1 && !rest)) return null
    const captures: Captures = {}
    let index = 0
    for (const level of levels) {
      if (level.kind === 'several') {
        captures[level.name] = parts.slice(index, index + extra + 1).join('/')
        index += extra
      } else if (level.kind === 'one') {
        if (level.name !== null) captures[level.name] = parts[index]!
      } else if (level.text !== parts[index]) return null
      index++
    }
    return captures
  }
}

/** Text with `{name}` in it: constant pieces, and names between them. */
export interface TextTemplate {
  text: string
  names: readonly string[]
  render(captures: Captures): string
}

/** A text template, or what is wrong with the text; `known` are the names that there will be. */
export function parseTextTemplate(text: string): TextTemplate | TemplateFault {
  const pieces = text.split(/\{([^{}]*)\}/)
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 0 && /[{}]/.test(piece))
      return { message: 'A brace without its other one', fix: 'Write {name} for what the topic captures' }
    if (index % 2 === 1 && !namePattern.test(piece))
      return {
        message: `{${piece}} is not a name`,
        fix: 'Names begin with a letter and have letters, digits and _'
      }
  }
  const names = pieces.filter((_, index) => index % 2 === 1)
  const render = (captures: Captures): string => {
    let rendered = pieces[0]!
    for (let index = 1; index < pieces.length; index += 2)
      rendered += (captures[pieces[index]!] ?? '') + pieces[index + 1]!
    return rendered
  }
  return { text, names, render }
}

/** A template that is known to be right, with captures in the place of names: where a command goes. */
export const renderTemplate = (text: string, captures: Captures): string =>
  text.replace(/\{(\w+)\+?\}/g, (_, name: string) => captures[name] ?? '')
