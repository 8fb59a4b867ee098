/** Reads at once what many fields of an answer ask for, one by one. */

/** Values are in the order of the keys. */
export type ReadBatch<Ask, Key, Value> = (ask: Ask, keys: readonly Key[]) => Promise<readonly Value[]>

/** What is asked alike until the present tick is over is one read. Nothing is kept beyond it. */
export function createBatch<Ask, Key, Value>(
  read: ReadBatch<Ask, Key, Value>
): (ask: Ask, key: Key) => Promise<Value> {
  const collecting = new Map<string, { keys: Key[]; values: Promise<readonly Value[]> }>()
  function begin(ask: Ask, name: string) {
    const keys: Key[] = []
    // setImmediate comes after every promise of this tick, whatever list it resolved
    const values = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      collecting.delete(name)
      return read(ask, keys)
    })
    const group = { keys, values }
    collecting.set(name, group)
    return group
  }
  return async (ask, key) => {
    const name = JSON.stringify(ask)
    const { keys, values } = collecting.get(name) ?? begin(ask, name)
    const at = keys.push(key) - 1
    return (await values)[at]!
  }
}
