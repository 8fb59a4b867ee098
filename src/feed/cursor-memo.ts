/** Cursors of the newest positions. They are authenticated, and asked for by every subscriber. */

import type { Cursors } from '../cursor.ts'
import { BoundedMap } from './bounded-map.ts'

export function rememberCursors(encode: Cursors['encode'], max: number): Cursors['encode'] {
  const known = new BoundedMap<number | string, string>(max)
  return (seq, part = 0) => {
    const key = part === 0 ? seq : `${seq}.${part}`
    const there = known.get(key)
    if (there !== undefined) return there
    const cursor = encode(seq, part)
    known.set(key, cursor)
    return cursor
  }
}
