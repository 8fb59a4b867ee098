/** Many topic filters as one test: as long as a topic has levels, however many filters there are. Pure. */

interface Node {
  /** Levels that go on, by what they say. */
  next: Map<string, Node>
  /** The level `+`. */
  any: Node | null
  /** A filter ends here. */
  ends: boolean
  /** `#` follows. */
  open: boolean
}

const newNode = (): Node => ({ next: new Map(), any: null, ends: false, open: false })

/** Whether one of the legal filters matches a topic; none of them matches nothing. */
export function compileTrie(filters: readonly string[]): (topic: string) => boolean {
  if (filters.length === 0) return () => false
  const root = newNode()
  for (const filter of filters) add(root, filter)
  return (topic) => {
    if (!topic.startsWith('$')) return isMatched(root, topic, 0)
    // A wildcard at the beginning leaves out topics that begin with $ [MQTT-4.7.2-1]
    const end = endOf(topic, 0)
    const node = root.next.get(topic.slice(0, end))
    return node !== undefined && isMatched(node, topic, end + 1)
  }
}

function add(root: Node, filter: string): void {
  let node = root
  for (const level of filter.split('/')) {
    if (level === '#') {
      node.open = true
      return
    }
    let next = level === '+' ? node.any : node.next.get(level)
    if (next == null) {
      next = newNode()
      if (level === '+') node.any = next
      else node.next.set(level, next)
    }
    node = next
  }
  node.ends = true
}

/** From where a level begins; behind the topic's end, it has no more of them. */
function isMatched(node: Node, topic: string, start: number): boolean {
  if (node.open) return true // `sport/#` also matches `sport` [MQTT-4.7.1.2]
  if (start > topic.length) return node.ends
  const { any, next } = node
  if (any === null && next.size === 0) return false
  const end = endOf(topic, start)
  const exact = next.get(topic.slice(start, end))
  if (exact !== undefined && isMatched(exact, topic, end + 1)) return true
  return any !== null && isMatched(any, topic, end + 1)
}

function endOf(topic: string, start: number): number {
  const slash = topic.indexOf('/', start)
  return slash === -1 ? topic.length : slash
}
