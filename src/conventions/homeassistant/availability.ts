/** Whether entities are available, and so whether their device is there: the page MQTT, section Availability. Pure. */

import type { Presence } from '../../datapoints.ts'
import { isObject } from '../facts.ts'
import { asPython, parseTemplate, render } from './template.ts'
import type { Template } from './template.ts'
import { isTopic } from './topics.ts'

export interface Availability {
  /** Absent: latest. */
  mode?: 'all' | 'any'
  of: Watched[]
}

export interface Watched extends Template {
  topic: string
  /** Payloads, where they are not online and offline. */
  on?: string
  off?: string
}

/** An availability that entities share. */
export interface Group extends Availability {
  /** How many entities. */
  entities: number
  /** What was told last on each topic; where only the latest counts, what was told last. Null: nothing. */
  told: Array<boolean | null>
}

/** `unsupported` has the templates that are not understood, by the names of their variables. */
export function readAvailability(
  config: Readonly<Record<string, unknown>>,
  unsupported: Map<string, string>
): Availability | null {
  const listed = config['availability']
  const items = Array.isArray(listed) ? listed : listed === undefined ? [] : [listed]
  const of = items.flatMap((item) =>
    isObject(item) ? watch(item, item['topic'], item['value_template'], 'availability', unsupported) : []
  )
  of.push(
    ...watch(
      config,
      config['availability_topic'],
      config['availability_template'],
      'availability_template',
      unsupported
    )
  )
  if (of.length === 0) return null
  const mode = config['availability_mode']
  return { ...((mode === 'all' || mode === 'any') && { mode }), of }
}

function watch(
  words: Readonly<Record<string, unknown>>,
  topic: unknown,
  template: unknown,
  variable: string,
  unsupported: Map<string, string>
): Watched[] {
  if (!isTopic(topic)) return []
  const parsed = typeof template === 'string' ? parseTemplate(template) : {}
  if (parsed === null) {
    unsupported.set(variable, template as string)
    return []
  }
  const on = asPython(words['payload_available'] ?? 'online')
  const off = asPython(words['payload_not_available'] ?? 'offline')
  return [
    {
      topic,
      ...parsed,
      ...(on !== null && on !== 'online' && { on }),
      ...(off !== null && off !== 'offline' && { off })
    }
  ]
}

type Groups = ReadonlyArray<Group | null> | undefined

const same = (group: Availability, other: Availability): boolean =>
  group.mode === other.mode && JSON.stringify(group.of) === JSON.stringify(other.of)

export function addGroup(
  groups: Groups,
  availability: Availability | null
): { groups?: Array<Group | null>; group: number | null } {
  if (availability === null) return { ...(groups !== undefined && { groups: [...groups] }), group: null }
  const all = groups ?? []
  const known = all.findIndex((group) => group !== null && same(group, availability))
  if (known !== -1) {
    const group = all[known]!
    return { groups: all.with(known, { ...group, entities: group.entities + 1 }), group: known }
  }
  const group: Group = {
    ...availability,
    entities: 1,
    told: availability.mode === undefined ? [null] : availability.of.map(() => null)
  }
  const free = all.indexOf(null)
  return free === -1
    ? { groups: [...all, group], group: all.length }
    : { groups: all.with(free, group), group: free }
}

export function dropGroup(groups: Groups, place: number | undefined): Array<Group | null> | undefined {
  if (groups === undefined) return undefined
  if (place === undefined) return [...groups]
  const group = groups[place]!
  const left = groups.with(place, group.entities === 1 ? null : { ...group, entities: group.entities - 1 })
  return left.every((one) => one === null) ? undefined : left
}

export const isWatched = (groups: Groups, topic: string): boolean =>
  groups?.some((group) => group?.of.some((watched) => watched.topic === topic)) ?? false

/** `groups` is the same where nothing changed. Faults are why a payload says nothing to one. */
export function hear(
  groups: ReadonlyArray<Group | null>,
  topic: string,
  text: string,
  json: () => unknown,
  fault: (detail: string) => void
): ReadonlyArray<Group | null> {
  let heard = groups
  for (const [place, group] of groups.entries())
    for (const [index, watched] of (group?.of ?? []).entries()) {
      if (watched.topic !== topic) continue
      const available = toAvailable(watched, text, json, fault)
      const before = heard[place]!
      const at = before.mode === undefined ? 0 : index
      if (available === null || before.told[at] === available) continue
      heard = heard.with(place, { ...before, told: before.told.with(at, available) })
    }
  return heard
}

/** The topic was deleted: it tells nothing any more. */
export const forget = (groups: ReadonlyArray<Group | null>, topic: string): ReadonlyArray<Group | null> =>
  groups.map((group) =>
    group === null || !group.of.some((watched) => watched.topic === topic)
      ? group
      : {
          ...group,
          told: group.told.map((told, index) =>
            group.mode === undefined || group.of[index]!.topic === topic ? null : told
          )
        }
  )

/** What was told to a group before its entities were configured anew; undefined: nothing that is not known. */
export function keepTold(before: Groups, after: Groups): Array<Group | null> | undefined {
  if (before === undefined || after === undefined || before === after) return undefined
  return after.map((group) => {
    const former = before.find((one) => one !== null && group !== null && same(one, group))
    return group === null || former === undefined || former === null ? group : { ...group, told: former.told }
  })
}

function toAvailable(
  watched: Watched,
  text: string,
  json: () => unknown,
  fault: (detail: string) => void
): boolean | null {
  const { on = 'online', off = 'offline' } = watched
  const rendered = render(watched, text, json)
  if ('fault' in rendered) {
    fault(rendered.fault)
    return null
  }
  if (rendered.value === undefined) return null
  const word = asPython(rendered.value)
  if (word === on || word === off) return word === on
  fault(`The payload is neither ${JSON.stringify(on)} nor ${JSON.stringify(off)}`)
  return null
}

/** The device is there while any of its entities is. */
export function presenceOf(groups: Groups): Presence {
  const all = (groups ?? []).map((group) => (group === null ? null : isAvailable(group)))
  if (all.includes(true)) return 'online'
  return all.includes(false) ? 'offline' : 'unknown'
}

/** Null: not known yet. */
function isAvailable({ mode, told }: Group): boolean | null {
  if (mode === undefined) return told[0]!
  if (mode === 'any') return told.includes(true) ? true : told.includes(false) ? false : null
  return told.includes(false) ? false : told.includes(null) ? null : true
}
