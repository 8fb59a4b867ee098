/** Many who ask for one thing each, answered by one read. */

/** While one read is under way, those who ask wait for the next, together. */
export function createBatch<Key, Value>(
  read: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>
): (key: Key) => Promise<Value | undefined> {
  let next: { keys: Set<Key>; found: Promise<ReadonlyMap<Key, Value>> } | null = null
  let running: Promise<unknown> = Promise.resolve()

  function begin(): NonNullable<typeof next> {
    const keys = new Set<Key>()
    const found = running.then(() => {
      next = null
      return read([...keys])
    })
    running = found.catch(() => {})
    return { keys, found }
  }

  return async (key) => {
    next ??= begin()
    next.keys.add(key)
    return (await next.found).get(key)
  }
}
