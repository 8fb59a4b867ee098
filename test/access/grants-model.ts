/** What grants come to, by definition: MQTT 5, section 4.7, level by level, and nothing of src. */

import type { Rights } from '../../src/grant.ts'

export function matches(filter: string, topic: string): boolean {
  // Wildcards at the beginning do not match topics that begin with $ [MQTT-4.7.2-1]
  if ((filter.startsWith('#') || filter.startsWith('+')) && topic.startsWith('$')) return false
  const rest = (levels: string[], names: string[]): boolean => {
    const [level, ...levelsLeft] = levels
    if (level === '#') return true
    if (level === undefined || names.length === 0)
      // `a/#` also matches `a`, which has no level left for it
      return level === undefined && names.length === 0
    if (level !== '+' && level !== names[0]) return false
    return (names.length === 1 && levelsLeft[0] === '#') || rest(levelsLeft, names.slice(1))
  }
  return rest(filter.split('/'), topic.split('/'))
}

/** `sourcesOf`: topics that a device's metrics and datapoints came by. */
export function allowed(
  { grants, tenant }: Rights,
  role: 'read' | 'command',
  topic: string,
  sourcesOf: (device: string) => ReadonlySet<string> = () => new Set()
): boolean {
  if (tenant !== null && topic !== tenant && !topic.startsWith(`${tenant}/`)) return false
  return grants.some((grant) => {
    if (grant.role === 'admin') return true
    if (grant.role !== role) return false
    if ('topic' in grant) return matches(grant.topic, topic)
    return role === 'read' && sourcesOf(grant.device).has(topic)
  })
}

/** Of what is sent to a device by its name. */
export const allowedDevice = (
  { grants, tenant }: Rights,
  role: 'read' | 'command',
  device: string,
  topic: string
): boolean =>
  (tenant === null || topic === tenant || topic.startsWith(`${tenant}/`)) &&
  grants.some((grant) => grant.role === role && 'device' in grant && grant.device === device)
