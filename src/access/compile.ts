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
  ticks: number
  /** Up to when it is said and known. */
  readyTicks: number
}

export interface RememberedRights {
  /** The same object as long as what may be read is the same. null: everything may be. */
  compiled(rights: Rights | null): CompiledRights
  /** Resolves when topics of their devices are known, or do not come in time. */
  ready(rights: Rights | null): Promise<void>
}

export function rememberCompiled(deviceTopics: DeviceTopics | null): RememberedRights {
  const all = new WeakMap<Rights, Compiled>()

  function compileNew(rights: Rights): Compiled {
    const devices = deviceTopics === null ? [] : readDevices(rights)
    const one = {
      rights: compileRights(rights),
      devices,
      sources: new Set<string>(),
      version: -1,
      ticks: -1,
      readyTicks: -1
    }
    all.set(rights, one)
    return one
  }

  function compiled(rights: Rights | null): CompiledRights {
    if (rights === null) return allRights
    const one = all.get(rights) ?? compileNew(rights)
    if (deviceTopics === null || one.devices.length === 0) return one.rights
    // A question must not cost a look at the clock
    if (one.ticks !== deviceTopics.ticks()) {
      one.ticks = deviceTopics.ticks()
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

  return {
    compiled,
    async ready(rights) {
      if (rights === null || deviceTopics === null) return
      const one = all.get(rights) ?? compileNew(rights)
      if (one.devices.length === 0) return
      const ticks = deviceTopics.ticks()
      // Whoever came a moment ago has waited for them
      if (one.readyTicks === ticks) return
      await deviceTopics.ready(one.devices)
      one.readyTicks = ticks
    }
  }
}
