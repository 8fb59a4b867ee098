/** Bounds what one request reads within what it reads, such as the datapoints of the metrics of devices. */

import type { Limits } from '../limits.ts'
import { tooComplex } from './document-size.ts'

export interface Nesting {
  /** A page of up to so many items. Throws Problem query_too_complex when the request has too many pages or items. */
  page<Page extends { items: readonly unknown[] }>(limit: number, read: () => Promise<Page>): Promise<Page>
  /** Few at a time. */
  read<Result>(read: () => Promise<Result>): Promise<Result>
}

export function createNesting({
  graphqlNestedPagesMax,
  graphqlNestedItemsMax,
  graphqlNestedReadsMax
}: Pick<Limits, 'graphqlNestedPagesMax' | 'graphqlNestedItemsMax' | 'graphqlNestedReadsMax'>): Nesting {
  const waiting: Array<() => void> = []
  let pages = 0
  let items = 0
  let active = 0
  return {
    async page(limit, read) {
      if (++pages > graphqlNestedPagesMax)
        throw tooComplex(
          `A request reads at most ${graphqlNestedPagesMax} pages within pages: ask for fewer items`
        )
      // As many as there may be, until it is known how many there are
      items += limit
      if (items > graphqlNestedItemsMax)
        throw tooComplex(
          `A request reads at most ${graphqlNestedItemsMax} items within items: ask for fewer by \`first\``
        )
      const page = await read()
      items -= limit - page.items.length
      return page
    },
    async read(read) {
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
}
