/** One number for a meaning, whatever the order in which it is written. Pure. */

import { createHash } from 'node:crypto'

/** SHA-256 of JSON with its keys in order. */
export const hashOf = (value: unknown): string =>
  createHash('sha256')
    .update(
      JSON.stringify(value, (_, part: unknown) =>
        typeof part === 'object' && part !== null && !Array.isArray(part)
          ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
          : part
      )
    )
    .digest('hex')
