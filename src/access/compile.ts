/** Compiled rights, once for each rights object, and anew when the topics of its devices change. */

import type { Rights } from '../grant.ts'
import type { DeviceTopics } from './device-topics.ts'
import type { CompiledRights } from './rights.ts'
import { allRights, compileRights, readDevices } from './rights.ts'

interface Compiled {
  rights: CompiledRights
  devices: readonly string[]
  sources: ReadonlySet<string>
  version: number
  usedAt: number
}

/** How often is said that devices are used. */
const useMs = 1_000

/** The same object as long as what may be read is the same. null: everything may be. */
export function rememberCompiled(
  deviceTopics: DeviceTopics | null
): (rights: Rights | null) => CompiledRights {
  const all = new WeakMap<Rights, Compiled>()

  function compileNew(rights: Rights): Compiled {
    const devices = deviceTopics === null ? [] : readDevices(rights)
    const one = {
      rights: compileRights(rights),
      devices,
      sources: new Set<string>(),
      version: -1,
      usedAt: -Infinity
    }
    all.set(rights, one)
    return one
  }

  return (rights) => {
    if (rights === null) return allRights
    const one = all.get(rights) ?? compileNew(rights)
    if (deviceTopics === null || one.devices.length === 0) return one.rights
    if (performance.now() - one.usedAt > useMs) {
      one.usedAt = performance.now()
      deviceTopics.use(one.devices)
    }
    if (one.version === deviceTopics.version()) return one.rights
    one.version = deviceTopics.version()
    const sources = new Set(one.devices.flatMap((device) => [...deviceTopics.topicsOf(device)]))
    if (sources.size === one.sources.size && [...sources].every((topic) => one.sources.has(topic)))
      return one.rights
    one.sources = sources
    one.rights = compileRights(rights, sources)
    return one.rights
  }
}
