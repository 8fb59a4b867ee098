/** What keeps a topic from being matched: by a topic filter, by the template of a mapping, or by being another topic. Pure. */

import { likeness } from './edit-distance.ts'

/** A level of a filter or a template: fixed, one of any name, or several. */
type Level = { text: string; kind: 'fixed' | 'one' | 'several' | 'rest' }

export interface Nearest {
  /** The filter, template or topic that comes nearest. */
  pattern: string
  /** What differs, as a sentence. */
  differs: string
  /** The pattern as it would have to be. */
  repaired: string
}

/** One step along both: what of the pattern stands against what of the topic. */
interface Step {
  cost: number
  level: Level | null
  name: string | null
  how: 'match' | 'case' | 'typo' | 'star' | 'other' | 'missing' | 'extra'
}

/** Levels that have nothing in common cost more where they stand first: there they tell what it is all about. */
const costs = {
  case: 1,
  typo: 1.5,
  star: 1,
  other: 4,
  otherFirst: 7,
  missing: 2,
  missingFixed: 3.5,
  missingFirst: 6,
  extra: 3.5,
  extraAtEnd: 1.5,
  slash: 2
}
/** With more, the two are simply different. */
const costMax = 7
/** Deeper topics are not compared; their number of comparisons would grow with the square. */
const levelsMax = 32

export const levelsOf = (pattern: string): Level[] =>
  pattern.split('/').map((text, index, all) => {
    if (text === '#' && index === all.length - 1) return { text, kind: 'rest' }
    if (/^\{[^{}]*\+\}$/.test(text)) return { text, kind: 'several' }
    return { text, kind: text === '+' || /^\{[^{}]*\}$/.test(text) ? 'one' : 'fixed' }
  })

/** True when a template matches a topic; wildcards of a filter are understood, too. */
export function templateMatches(template: string, topic: string): boolean {
  const levels = levelsOf(template)
  // A wildcard at the beginning leaves out topics that begin with $ [MQTT-4.7.2-1]
  if (topic.startsWith('$') && levels[0]!.kind !== 'fixed') return false
  return align(levels, topic.split('/')).cost === 0
}

/** The pattern that the topic would be matched by if one thing or two were otherwise; null: none is near. */
export function nearest(patterns: readonly string[], topic: string): Nearest | null {
  if (topic.split('/').length > levelsMax) return null
  let best: { pattern: string; steps: Step[]; cost: number } | null = null
  for (const pattern of patterns) {
    const { steps, cost } = align(levelsOf(pattern), topic.split('/'))
    if (cost > 0 && cost < costMax && (best === null || cost < best.cost) && hasFixed(steps))
      best = { pattern, steps, cost }
  }
  return (
    best && {
      pattern: best.pattern,
      differs: describe(best.pattern, topic, best.steps),
      repaired: repair(best.steps)
    }
  )
}

/** Something that both are about, not only any level against any other. */
const hasFixed = (steps: readonly Step[]): boolean =>
  steps.some(
    (step) =>
      step.level?.kind === 'fixed' && step.level.text !== '' && step.how !== 'other' && step.how !== 'missing'
  )

/** The cheapest way through both, as an edit distance of levels. */
function align(levels: readonly Level[], names: readonly string[]): { steps: Step[]; cost: number } {
  // best[i][j]: the first i levels against the first j names
  const best: Array<Array<{ cost: number; steps: Step | null; from: [number, number] }>> = []
  for (let i = 0; i <= levels.length; i++) {
    best.push([])
    for (let j = 0; j <= names.length; j++) {
      const ways: Array<{ step: Step | null; from: [number, number] }> = []
      // Of equal ways the first: what is too much stands at the end
      if (j > 0)
        ways.push({ step: beside(levels[i - 1], names[j - 1]!, i === levels.length), from: [i, j - 1] })
      if (i > 0 && j > 0)
        ways.push({ step: compare(levels[i - 1]!, names[j - 1]!, i === 1), from: [i - 1, j - 1] })
      if (i > 0) ways.push({ step: without(levels[i - 1]!, i === 1), from: [i - 1, j] })
      let cell: (typeof best)[number][number] | null =
        i === 0 && j === 0 ? { cost: 0, steps: null, from: [0, 0] } : null
      for (const { step, from } of ways) {
        const cost = best[from[0]]![from[1]]!.cost + step!.cost
        if (cell === null || cost < cell.cost) cell = { cost, steps: step, from }
      }
      best[i]!.push(cell!)
    }
  }
  const steps: Step[] = []
  let [i, j] = [levels.length, names.length]
  while (i > 0 || j > 0) {
    const cell = best[i]![j]!
    steps.unshift(cell.steps!)
    ;[i, j] = cell.from
  }
  return { steps, cost: best[levels.length]![names.length]!.cost }
}

function compare(level: Level, name: string, first: boolean): Step {
  const step = (how: Step['how'], cost: number): Step => ({ cost, level, name, how })
  if (level.kind !== 'fixed' || level.text === name) return step('match', 0)
  if (level.text === '*') return step('star', costs.star)
  const like = level.text === '' || name === '' ? 'other' : likeness(level.text, name)
  if (like === 'case' || like === 'typo') return step(like, costs[like])
  return step('other', first ? costs.otherFirst : costs.other)
}

const without = (level: Level, first: boolean): Step => ({
  cost:
    level.kind === 'rest'
      ? 0
      : level.kind === 'fixed' && level.text !== ''
        ? first
          ? costs.missingFirst
          : costs.missingFixed
        : costs.missing,
  level,
  name: null,
  how: level.kind === 'rest' ? 'match' : 'missing'
})

/** A level of the topic beside those of the pattern; `#` and `{name+}` take more than one. */
const beside = (level: Level | undefined, name: string, atEnd: boolean): Step =>
  level?.kind === 'rest' || level?.kind === 'several'
    ? { cost: 0, level: null, name, how: 'match' }
    : {
        cost: name === '' ? costs.slash : atEnd ? costs.extraAtEnd : costs.extra,
        level: null,
        name,
        how: 'extra'
      }

const levelCount = (count: number): string => (count === 1 ? '1 level' : `${count} levels`)

function describe(pattern: string, topic: string, steps: readonly Step[]): string {
  const wrong = steps.filter((step) => step.how !== 'match')
  const told = wrong.flatMap((step) => {
    const index = steps.indexOf(step)
    const last = index === steps.length - 1
    if (step.how === 'extra' && step.name === '' && (index === 0 || last))
      return [
        `the topic has a slash at the ${index === 0 ? 'beginning' : 'end'}, which is a level of its own`
      ]
    if (step.how === 'missing' && step.level!.text === '' && (index === 0 || last))
      return [`\`${pattern}\` has a slash at the ${index === 0 ? 'beginning' : 'end'}, and the topic has not`]
    if (step.how === 'case')
      return [`\`${step.level!.text}\` and \`${step.name}\` differ in upper and lower case`]
    if (step.how === 'typo') return [`\`${step.level!.text}\` is not \`${step.name}\``]
    if (step.how === 'star') return ['`*` is no wildcard of MQTT, `+` is']
    if (step.how === 'other') return [`\`${step.level!.text}\` stands where the topic has \`${step.name}\``]
    return []
  })
  const counted = wrong.some(
    (step) =>
      (step.how === 'extra' && step.name !== '') || (step.how === 'missing' && step.level!.text !== '')
  )
  if (counted) {
    const [has, is] = [levelsOf(pattern), topic.split('/')]
    const atLeast =
      has.at(-1)!.kind === 'rest' || has.some((level) => level.kind === 'several') ? 'at least ' : ''
    const count = has.at(-1)!.kind === 'rest' ? has.length - 1 : has.length
    const single = has.some((level) => level.text === '+') && is.length > has.length
    const each = single ? '; `+` stands for exactly one level' : ''
    told.push(
      `\`${pattern}\` has ${atLeast}${levelCount(count)}, and the topic has ${levelCount(is.length)}${each}`
    )
  }
  return told.join('; ')
}

/** As the pattern would have to be: what is too much at the end is taken by `#`. */
function repair(steps: readonly Step[]): string {
  const levels: string[] = []
  const lastMatch = steps.findLastIndex((step) => step.how !== 'extra')
  for (const [index, { how, level, name }] of steps.entries()) {
    if (how === 'missing') continue
    if (how === 'extra') levels.push(name === '' ? '' : index > lastMatch ? '#' : '+')
    else if (how === 'star') levels.push('+')
    else if (level !== null) levels.push(how === 'match' ? level.text : name!)
    if (levels.at(-1) === '#') break
  }
  // `a/+/#` for what was `a/+` is the same as `a/#`, but for `a` itself
  return levels.join('/').replace(/(^|\/)\+\/#$/, '$1#')
}
