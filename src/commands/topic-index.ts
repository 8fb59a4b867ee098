/**
 * Things by topic filters: of many, those whose filter matches a topic are found by the topic's levels, without a look at the
 * others. Pure.
 */

import { isExact } from '../topic.ts'

interface Level<Item> {
  /** By the next level's name, or `+`. */
  next: Map<string, Level<Item>>
  /** Of filters that end here, and of those that go on with `#`. */
  here: Item | undefined
  below: Item | undefined
}

export interface TopicIndex<Item> {
  /** What is there for this very filter; made if there is none. */
  at(filter: string): Item
  delete(filter: string): void
  /** Of all filters that match the topic [MQTT-4.7]. */
  matching(topic: string): Item[]
}

/** `make`: what is at a filter at first. */
export function createTopicIndex<Item>(make: () => Item): TopicIndex<Item> {
  const exact = new Map<string, Item>()
  const root: Level<Item> = newLevel()
  let wildcards = 0

  function walk(filter: string): { level: Level<Item>; place: 'here' | 'below' } {
    const names = filter.split('/')
    const below = names.at(-1) === '#'
    if (below) names.pop()
    let level = root
    for (const name of names) {
      let next = level.next.get(name)
      if (next === undefined) level.next.set(name, (next = newLevel()))
      level = next
    }
    return { level, place: below ? 'below' : 'here' }
  }

  function collect(level: Level<Item>, names: readonly string[], depth: number, found: Item[]): void {
    const hidden = depth === 0 && names[0]!.startsWith('$') // [MQTT-4.7.2-1]
    if (level.below !== undefined && !hidden) found.push(level.below)
    if (depth === names.length) {
      if (level.here !== undefined) found.push(level.here)
      return
    }
    const next = level.next.get(names[depth]!)
    if (next !== undefined) collect(next, names, depth + 1, found)
    const any = hidden ? undefined : level.next.get('+')
    if (any !== undefined) collect(any, names, depth + 1, found)
  }

  return {
    at(filter) {
      if (isExact(filter)) {
        let item = exact.get(filter)
        if (item === undefined) exact.set(filter, (item = make()))
        return item
      }
      const { level, place } = walk(filter)
      if (level[place] === undefined) {
        level[place] = make()
        wildcards++
      }
      return level[place]
    },
    delete(filter) {
      if (isExact(filter)) return void exact.delete(filter)
      if (remove(root, filter.split('/'), 0)) wildcards--
    },
    matching(topic) {
      const found: Item[] = []
      const same = exact.get(topic)
      if (same !== undefined) found.push(same)
      if (wildcards > 0) collect(root, topic.split('/'), 0, found)
      return found
    }
  }
}

const newLevel = <Item>(): Level<Item> => ({ next: new Map(), here: undefined, below: undefined })

/** Takes levels away that nothing ends at any more. Tells whether there was one. */
function remove<Item>(level: Level<Item>, names: readonly string[], depth: number): boolean {
  const name = names[depth]
  if (name === undefined || name === '#') {
    const place = name === '#' ? 'below' : 'here'
    const was = level[place] !== undefined
    level[place] = undefined
    return was
  }
  const next = level.next.get(name)
  if (next === undefined) return false
  const was = remove(next, names, depth + 1)
  if (next.next.size === 0 && next.here === undefined && next.below === undefined) level.next.delete(name)
  return was
}
