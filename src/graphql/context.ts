/** What resolvers know of the request they serve. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { CommandStore } from '../store/commands.ts'
import type { CommandEventView } from '../views.ts'
import { toCommandEventView } from '../views.ts'

export interface Context {
  access: Access
  /** Aborts when the client goes away. */
  signal: AbortSignal
  /** Transitions of a command; all that are asked for in one tick are read at once. */
  commandEvents(id: string): Promise<CommandEventView[]>
  /** Reads a page within a page: few at a time, and not too many for one request. Throws Problem query_too_complex. */
  nested<Page>(read: () => Promise<Page>): Promise<Page>
}

export function createContext(
  access: Access,
  signal: AbortSignal,
  { commands, limits }: { commands: Pick<CommandStore, 'events'>; limits: Limits }
): Context {
  const commandEvents = createBatch(async (ids) => {
    const events = await commands.events(ids)
    return (id) => (events.get(id) ?? []).map(toCommandEventView)
  })
  return { access, signal, commandEvents, nested: createNesting(limits) }
}

function createNesting({ graphqlNestedPagesMax, graphqlNestedReadsMax }: Limits): Context['nested'] {
  const waiting: Array<() => void> = []
  let pages = 0
  let active = 0
  return async (read) => {
    if (++pages > graphqlNestedPagesMax) {
      const detail = `A request reads at most ${graphqlNestedPagesMax} pages within pages: ask for fewer items`
      throw new Problem('query_too_complex', detail)
    }
    if (active >= graphqlNestedReadsMax) await new Promise<void>((resolve) => waiting.push(resolve))
    else active++
    try {
      return await read()
    } finally {
      const next = waiting.shift()
      if (next === undefined) active--
      else next()
    }
  }
}

/** Collects keys until the present tick is over, reads them at once and hands each its value. Keeps nothing. */
function createBatch<Value>(
  read: (keys: readonly string[]) => Promise<(key: string) => Value>
): (key: string) => Promise<Value> {
  let keys = new Set<string>()
  let reading: Promise<(key: string) => Value> | null = null
  const readCollected = (): Promise<(key: string) => Value> => {
    const collected = [...keys]
    keys = new Set()
    reading = null
    return read(collected)
  }
  return async (key) => {
    keys.add(key)
    // setImmediate comes after every promise of this tick, whatever list it resolved
    reading ??= new Promise<void>((resolve) => setImmediate(resolve)).then(readCollected)
    return (await reading)(key)
  }
}
