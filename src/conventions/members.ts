/**
 * Documents that are told in parts (RFC 7396: null removes, lists are replaced): which members they have, so that all that
 * goes with one is null, too. Twins and shadows are such. Pure.
 */

import { isObject } from './facts.ts'

/** The names that a document has; `0` stands for a value, which is not remembered. JSON, never changed. */
export type KnownMembers = { readonly [name: string]: KnownMembers } | 0

/** A value of the document, at this path; null: it is there no more. The path is the caller's only during the call. */
export type Push = (path: readonly string[], value: unknown) => void

/** Shadows have at most 8 levels, twins 10; what is deeper is a value. */
const depthMax = 10

/** What the document has after the patch; null: nothing. */
export const mergeMembers = (known: KnownMembers | null, patch: unknown, push: Push): KnownMembers | null =>
  merge(known, patch, [], push)

/** The same where the whole document is told: what it has not, is gone. */
export function replaceMembers(known: KnownMembers | null, whole: unknown, push: Push): KnownMembers | null {
  if (known !== null) forgetMissing(known, whole, [], push)
  return merge(null, whole, [], push)
}

function merge(known: KnownMembers | null, patch: unknown, path: string[], push: Push): KnownMembers | null {
  if (patch === null) {
    if (known === null || known === 0) pushMember(path, null, push)
    else forget(known, path, push)
    return null
  }
  if (!isObject(patch) || path.length >= depthMax) {
    if (known !== null && known !== 0) forget(known, path, push)
    pushMember(path, patch, push)
    return 0
  }
  const before = known === null || known === 0 ? {} : known
  if (known === 0) pushMember(path, null, push)
  let after: Map<string, KnownMembers> | null = null
  for (const [name, value] of Object.entries(patch)) {
    const had = Object.hasOwn(before, name) ? before[name]! : null
    path.push(name)
    const has = merge(had, value, path, push)
    path.pop()
    if (has === had) continue
    after ??= new Map(Object.entries(before))
    if (has === null) after.delete(name)
    else after.set(name, has)
  }
  if (after === null) return known === 0 || Object.keys(before).length === 0 ? null : before
  return after.size === 0 ? null : (Object.fromEntries(after) as KnownMembers)
}

function forget(known: KnownMembers, path: string[], push: Push): void {
  if (known === 0) return pushMember(path, null, push)
  for (const [name, member] of Object.entries(known)) {
    path.push(name)
    forget(member, path, push)
    path.pop()
  }
}

function forgetMissing(known: KnownMembers, whole: unknown, path: string[], push: Push): void {
  if (known === 0) {
    if (whole === undefined || whole === null || (isObject(whole) && path.length < depthMax))
      pushMember(path, null, push)
    return
  }
  if (!isObject(whole)) return forget(known, path, push)
  for (const [name, member] of Object.entries(known)) {
    path.push(name)
    forgetMissing(member, Object.hasOwn(whole, name) ? whole[name] : undefined, path, push)
    path.pop()
  }
}

/** The document itself is no member of it. */
function pushMember(path: readonly string[], value: unknown, push: Push): void {
  if (path.length > 0) push(path, value)
}

/** What a document beside has at this path: its metadata, or another version of it. */
export function atPath(document: unknown, path: readonly string[]): unknown {
  let found = document
  for (const name of path) {
    if (!isObject(found) || !Object.hasOwn(found, name)) return undefined
    found = found[name]
  }
  return found
}
