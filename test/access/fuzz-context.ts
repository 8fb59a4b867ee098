/**
 * What a surface answers to somebody with some rights, against the same answer to who may everything, filtered here. The
 * world stands still, so that what an administrator reads is read once.
 */

import assert from 'node:assert/strict'
import type { Rights } from '../../src/grant.ts'
import type { Case } from './fuzz-asks.ts'
import type { Answer } from '../support/bridge.ts'
import { request } from '../support/bridge.ts'
import { allowed } from './grants-model.ts'
import { headersOf } from './self-telling.ts'
import type { World } from './world.ts'

// Answers are looked into freely: what is compared with what holds their shape
/* eslint-disable typescript/no-explicit-any */
export type Item = Record<string, any>

/** What an administrator reads. */
export interface Oracle {
  world: World
  get(path: string): Promise<Answer>
  /** All items of a list, over all its pages. */
  walk(path: string): Promise<Item[]>
  /** What is made once of what there is. */
  once<T>(name: string, make: () => Promise<T>): Promise<T>
}

export interface Asking {
  oracle: Oracle
  world: World
  /** Of the service that is asked. */
  url: string
  rights: Rights
  principal: string
  headers: { authorization: string }
  may(topic: string): boolean
  /** A whole number below it, 0 or more; from the seed. */
  below(count: number): number
  pick<T>(list: readonly T[]): T
  chance(share: number): boolean
  /** Counts an answer that did not come by `get`. */
  note(isTold: boolean): void
  get(path: string, init?: RequestInit): Promise<Answer>
  walk(path: string, limit: number): Promise<Item[]>
  /** Fails, telling what was asked by whom, unless both are the same. */
  same(actual: unknown, expected: unknown, what: string): void
}

const withQuery = (path: string, more: string): string => `${path}${path.includes('?') ? '&' : '?'}${more}`

async function walkPages(
  get: (path: string) => Promise<Answer>,
  path: string,
  limit: number
): Promise<Item[]> {
  const items: Item[] = []
  for (let page: string | null = null; ;) {
    const more = `limit=${limit}${page === null ? '' : `&page=${page}`}`
    const { status, body }: Answer = await get(withQuery(path, more))
    assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`)
    assert.ok(body.items.length <= limit, path)
    items.push(...body.items)
    if (page !== null && page === body.next) throw new Error(`${path} stands still`)
    page = body.next
    if (page === null) return items
    assertNothingInside(page!)
  }
}

/** What is in it at all is for test/cursor.test.ts. */
function assertNothingInside(token: string): void {
  const text = Buffer.from(token, 'base64url').toString('latin1')
  assert.doesNotMatch(text, /plant|raw\/|temperature/, 'a page token tells what is stored')
}

export function createOracle(world: World, url = world.url): Oracle {
  const known = new Map<string, Promise<any>>()
  const once = <T>(name: string, make: () => Promise<T>): Promise<T> => {
    let made = known.get(name) as Promise<T> | undefined
    if (made === undefined) known.set(name, (made = make()))
    return made
  }
  const get = (path: string): Promise<Answer> => once(`get ${path}`, () => request(`${url}/v1/${path}`))
  return {
    world,
    get,
    once,
    walk: (path) => once(`walk ${path}`, () => walkPages((page) => request(`${url}/v1/${page}`), path, 1_000))
  }
}

/** `asked`: the service that is asked; what it should say is asked of the world's. */
export function createAsking(
  oracle: Oracle,
  asked: string,
  { rights, principal, choices }: Case,
  count: { asked: number; told: number }
): Asking {
  const { world } = oracle
  const headers = headersOf({ ...rights, principal })
  let state = choices >>> 0
  const below = (count: number): number => {
    // A linear congruential generator (Numerical Recipes): what matters is that it comes again
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * count)
  }
  const may = (topic: string): boolean => allowed(rights, 'read', topic, world.sourcesOf)
  const note = (isTold: boolean): void => {
    count.asked++
    if (isTold) count.told++
  }
  const get = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const given = { ...init, headers: { ...headers, ...(init.headers as Record<string, string>) } }
    const answer = await request(`${asked}/v1/${path}`, given)
    note(answer.body.items?.length > 0)
    assertNoTopics(JSON.stringify(answer.body, withoutTemplates), may, path)
    return answer
  }
  return {
    oracle,
    world,
    url: asked,
    rights,
    principal,
    headers,
    may,
    below,
    pick: (list) => list[below(list.length)]!,
    chance: (share) => below(1_000) < share * 1_000,
    note,
    get,
    walk: (path, limit) => walkPages(get, path, limit),
    same: (actual, expected, what) =>
      assert.deepEqual(actual, expected, `${what}, asked by ${principal} with ${JSON.stringify(rights)}`)
  }
}

/** What a mapping says of commands is said of its own topic. */
const withoutTemplates = (name: string, value: unknown): unknown => (name === 'commands' ? undefined : value)

/** Whatever is answered, what it tells is of no topic that may not be read. */
export function assertNoTopics(text: string, may: (topic: string) => boolean, what: string): void {
  // Commands of devices may be seen where their topics may not be read; of permissions, what was asked comes back
  if (/^(commands|batches|permissions)/.test(what)) return
  for (const [, name] of text.matchAll(/\\?"topic\\?":\\?("(?:[^"\\]|\\.)*?\\?")/g)) {
    const topic = JSON.parse(name!.replace(/\\"$/, '"')) as string
    if (topic.includes('{')) continue // a template of a mapping
    assert.ok(may(topic), `${what} tells of ${topic}`)
  }
}

export const encoded = (name: string): string => encodeURIComponent(name)
