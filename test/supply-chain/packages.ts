/** What package-lock.json says of the packages that come with the service: without those of development alone. */

import { readFileSync } from 'node:fs'

export interface LockedPackage {
  name: string
  version: string
  /** SPDX expression; null: the package names none. */
  license: string | null
}

interface LockEntry {
  version: string
  license?: string
  dev?: boolean
  /** Of development, or of something optional that nobody asked for. */
  devOptional?: boolean
  integrity?: string
  resolved?: string
}

const root = new URL('../../', import.meta.url)

export const lockEntries = (): Array<[path: string, entry: LockEntry]> => {
  const { packages } = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as {
    packages: Record<string, LockEntry>
  }
  return Object.entries(packages).filter(([path]) => path !== '')
}

/** Each name and version once, by name. */
export function packagesOfService(): LockedPackage[] {
  const found = new Map<string, LockedPackage>()
  for (const [path, { version, license = null, dev, devOptional }] of lockEntries())
    if (dev !== true && devOptional !== true) {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      found.set(`${name}@${version}`, { name, version, license })
    }
  return [...found.values()].toSorted((a, b) => compare(a.name, b.name) || compare(a.version, b.version))
}

/** Not by a locale, which differs from machine to machine. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
