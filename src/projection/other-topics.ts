/** Topics that came, for an operator who asks for one that did not: a letter, a case or a level may be wrong. */

import type { Access } from '../model.ts'
import type { Store } from '../store/store.ts'

/** Those that differ in one level, or have one more or less; and of all those with as many levels, the first ones. */
export async function gatherOthers(
  states: Pick<Store['states'], 'page'>,
  access: Access,
  topic: string,
  limit: number
): Promise<string[]> {
  const levels = topic.split('/')
  // A topic has no wildcards, and one that is all levels needs no looking at
  if (/[+#\0]/.test(topic) || levels.length > 20) return []
  const read = async (filters: readonly string[]): Promise<string[]> => {
    const { items } = await states.page(access, { filters, after: null, limit, order: 'asc' })
    return items.map((state) => state.topic)
  }
  const oneLevel = levels.map((_, index) => levels.with(index, '+').join('/'))
  const slashes = [`/${topic}`, `${topic}/`, topic.replace(/^\//, ''), topic.replace(/\/$/, '')]
  const near = [...oneLevel, ...slashes, `${topic}/+`].filter((filter) => filter !== '' && filter !== topic)
  const asLong = levels.map(() => '+').join('/')
  return [...new Set([...(await read(near)), ...(await read([asLong]))])]
}
