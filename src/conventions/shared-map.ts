/**
 * A map from names to values as JSON, for what conventions remember: never changed, a new one shares what is the same with
 * the one before. Thousands of entries, each added or replaced in a few small copies. Pure.
 */

/** A leaf has the entries themselves; a list is a branch, by four bits of the name's hash. */
export type SharedMap<T> = Leaf<T> | Branch<T>
type Leaf<T> = { readonly [name: string]: T }
type Branch<T> = ReadonlyArray<SharedMap<T> | null>

/** A leaf with more entries becomes a branch. */
const leafEntriesMax = 16
const bitsPerLevel = 4
const levelsMax = 8

export const emptyMap: SharedMap<never> = Object.freeze({})

export function get<T>(map: SharedMap<T> | undefined, name: string): T | undefined {
  let node: SharedMap<T> | null | undefined = map
  const hash = isBranch(node) ? hashOf(name) : 0
  for (let level = 0; isBranch(node); level++) node = node[slotOf(hash, level)]
  // Names are foreign: `constructor` is a member of every object, and own of few
  return node !== undefined && node !== null && Object.hasOwn(node, name) ? node[name] : undefined
}

export const set = <T>(map: SharedMap<T>, name: string, value: T): SharedMap<T> =>
  setAt(map, name, value, hashOf(name), 0)

function setAt<T>(node: SharedMap<T>, name: string, value: T, hash: number, level: number): SharedMap<T> {
  if (isBranch(node)) {
    const slot = slotOf(hash, level)
    return node.with(slot, setAt(node[slot] ?? emptyMap, name, value, hash, level + 1))
  }
  // A computed name is an own member, even __proto__
  const leaf = { ...node, [name]: value }
  const entries = Object.entries(leaf)
  if (entries.length <= leafEntriesMax || level === levelsMax) return leaf
  const branch = Array.from({ length: 1 << bitsPerLevel }, (): Leaf<T> | null => null)
  for (const [key, item] of entries) {
    const slot = slotOf(hashOf(key), level)
    branch[slot] = { ...branch[slot], [key]: item }
  }
  return branch
}

/** The same map where there was no such name. */
export const without = <T>(map: SharedMap<T>, name: string): SharedMap<T> =>
  get(map, name) === undefined ? map : (withoutAt(map, name, hashOf(name), 0) ?? emptyMap)

/** Null: nothing is left. */
function withoutAt<T>(node: SharedMap<T>, name: string, hash: number, level: number): SharedMap<T> | null {
  if (isBranch(node)) {
    const slot = slotOf(hash, level)
    const branch = node.with(slot, withoutAt(node[slot]!, name, hash, level + 1))
    return branch.every((part) => part === null) ? null : branch
  }
  const entries = Object.entries(node).filter(([key]) => key !== name)
  return entries.length === 0 ? null : Object.fromEntries(entries)
}

/** In no order that means anything, but always the same. */
export function* entriesOf<T>(map: SharedMap<T> | undefined): Generator<[string, T]> {
  if (map === undefined) return
  if (!isBranch(map)) yield* Object.entries(map)
  else for (const part of map) if (part !== null) yield* entriesOf(part)
}

export const isEmpty = (map: SharedMap<unknown>): boolean => !isBranch(map) && Object.keys(map).length === 0

const isBranch = <T>(node: SharedMap<T> | null | undefined): node is Branch<T> => Array.isArray(node)

const slotOf = (hash: number, level: number): number =>
  (hash >>> (level * bitsPerLevel)) & ((1 << bitsPerLevel) - 1)

/** FNV-1a, mixed at the end so that all its bits depend on all of the name. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index++)
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
