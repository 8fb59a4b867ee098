/** Topic names and topic filters: what is legal, what matches. Pure. */

const bytes = (text: string): number => Buffer.byteLength(text, 'utf8')

/** MQTT strings have a 16-bit length [MQTT-1.5.4]. */
const stringBytesMax = 65_535

/** Of these, AWS IoT and Azure IoT Hub say what clients publish there. */
const forClients = /^\$(aws|iothub)\//

/**
 * Tells what is wrong with `topic` as a name to publish to, or null when nothing is.
 * Control characters and noncharacters are legal only by SHOULD NOT [MQTT-1.5.4-3], but brokers close the
 * connection on them, for ever if the client retries; so they are refused before they can.
 */
export function topicFault(topic: string, levelsMax: number): string | null {
  if (topic === '') return 'a topic has at least one character' // [MQTT-4.7.3-1]
  if (bytes(topic) > stringBytesMax) return 'a topic has at most 65,535 bytes' // [MQTT-4.7.3-3]
  if (/[+#]/.test(topic)) return 'a topic has no wildcards + and #' // [MQTT-3.3.2-2]
  if (!topic.isWellFormed()) return 'a topic has no lone surrogates' // [MQTT-1.5.4-1]
  if (/[\u0000-\u001f\u007f-\u009f]/.test(topic)) return 'a topic has no control characters' // [MQTT-1.5.4-2]
  if (/[\ufdd0-\ufdef\ufffe\uffff]/.test(topic)) return 'a topic has no Unicode noncharacters'
  if (topic.startsWith('$') && !forClients.test(topic)) return 'topics that begin with $ belong to the broker' // [MQTT-4.7.2]
  if (topic.split('/').length > levelsMax) return `a topic has at most ${levelsMax} levels`
  return null
}

/** Tells what is wrong with `filter` as a topic filter, or null when nothing is. */
export function filterFault(filter: string, levelsMax: number): string | null {
  if (filter === '') return 'a filter has at least one character' // [MQTT-4.7.3-1]
  if (bytes(filter) > stringBytesMax) return 'a filter has at most 65,535 bytes' // [MQTT-4.7.3-3]
  if (filter.includes('\0')) return 'a filter has no NUL character' // [MQTT-4.7.3-2]
  if (!filter.isWellFormed()) return 'a filter has no lone surrogates' // [MQTT-1.5.4-1]
  const levels = filter.split('/')
  if (levels.length > levelsMax) return `a filter has at most ${levelsMax} levels`
  for (const [index, level] of levels.entries()) {
    if (level === '#' && index < levels.length - 1) return '# stands only at the end' // [MQTT-4.7.1-1]
    if (level.length > 1 && /[+#]/.test(level)) return '+ and # occupy a whole level' // [MQTT-4.7.1-1], [MQTT-4.7.1-2]
  }
  return null
}

/**
 * Tells what is wrong with `topic` as the name of a message that was received, or null when nothing is. Others publish what
 * we would not: topics of the broker, control characters, any number of levels.
 */
export function receivedTopicFault(topic: string): string | null {
  if (/[+#]/.test(topic)) return 'a topic has no wildcards + and #' // [MQTT-3.3.2-2]
  return filterFault(topic, Infinity)?.replace('a filter', 'a topic') ?? null
}

/** True when the filter has no wildcard, so that it names one topic. */
export const isExact = (filter: string): boolean => !/[+#]/.test(filter)

/** True when every topic that `inner` matches is matched by `outer`, too. Both are legal filters. */
export function covers(outer: string, inner: string): boolean {
  // A wildcard at the beginning leaves out topics that begin with $ [MQTT-4.7.2-1]
  if (/^[+#]/.test(outer) && inner.startsWith('$')) return false
  const [outerLevels, innerLevels] = [outer.split('/'), inner.split('/')]
  for (const [index, level] of outerLevels.entries()) {
    if (level === '#') return true
    const other = innerLevels[index]
    if (other === undefined || other === '#' || (level !== '+' && level !== other)) return false
  }
  return outerLevels.length === innerLevels.length
}

/** True when there may be a topic that both filters match. Both are legal filters. */
export function overlap(one: string, other: string): boolean {
  // A wildcard at the beginning leaves out topics that begin with $ [MQTT-4.7.2-1]
  if ((/^[+#]/.test(one) && other.startsWith('$')) || (/^[+#]/.test(other) && one.startsWith('$')))
    return false
  const [levels, others] = [one.split('/'), other.split('/')]
  for (let index = 0; ; index++) {
    const [level, opposite] = [levels[index], others[index]]
    // `sport/#` also matches `sport` [MQTT-4.7.1.2]
    if (level === '#' || opposite === '#') return true
    if (level === undefined || opposite === undefined) return level === opposite
    if (level !== opposite && level !== '+' && opposite !== '+') return false
  }
}

/** Without those that another one covers; of equal ones the first stays. */
export const withoutCovered = (filters: readonly string[]): string[] =>
  filters.filter(
    (filter, index) =>
      !filters.some(
        (other, at) => at !== index && covers(other, filter) && (at < index || !covers(filter, other))
      )
  )

/** Compiles a legal filter to a test of topic names. */
export function compileFilter(filter: string): (topic: string) => boolean {
  if (isExact(filter)) return (topic) => topic === filter
  if (filter === '#') return (topic) => !topic.startsWith('$') // [MQTT-4.7.2-1]
  const levels = filter.split('/')
  const open = levels.at(-1) === '#'
  if (open) levels.pop()
  const wildcardFirst = levels[0] === '+'
  return (topic) => {
    if (wildcardFirst && topic.startsWith('$')) return false // [MQTT-4.7.2-1]
    let start = 0
    for (const [index, level] of levels.entries()) {
      if (start > topic.length) return false
      const slash = topic.indexOf('/', start)
      const end = slash === -1 ? topic.length : slash
      if (level !== '+' && (end - start !== level.length || !topic.startsWith(level, start))) return false
      start = end + 1
      if (index < levels.length - 1 && slash === -1) return false
    }
    return open || start > topic.length // `sport/#` also matches `sport` [MQTT-4.7.1.2]
  }
}

/** Compiles several filters; no filter at all matches every topic. */
export function compileFilters(filters: readonly string[]): (topic: string) => boolean {
  if (filters.length === 0) return () => true
  const tests = filters.map(compileFilter)
  return tests.length === 1 ? tests[0]! : (topic) => tests.some((test) => test(topic))
}
