/** The same scenario with the honest build, and with one that lacks a safeguard, which must show it. */

import type { Patch } from '../support/patched-build.ts'
import { patchedBuild } from '../support/patched-build.ts'
import type { StoryOptions, World } from './story.ts'
import { story } from './story.ts'

/** A lease that ends sooner, in both builds. */
const hasty: Patch[] = [
  { file: 'limits/storage.js', find: /leaseSeconds: \d+/, replace: 'leaseSeconds: 4' },
  { file: 'limits/storage.js', find: /leaseRenewMs: [\d_]+/, replace: 'leaseRenewMs: 1_000' }
]

/** Tells it twice: with the honest build, and without its safeguard. */
export function control(
  name: string,
  safeguard: string,
  options: StoryOptions & { shows: readonly string[] },
  patches: readonly Patch[],
  scenario: (world: World, entry: string) => Promise<void>
): void {
  const { shows, ...promise } = options
  story(name, promise, async (world) => scenario(world, await patchedBuild(hasty)))
  story(`${name}, without ${safeguard}`, { ...options, shows }, async (world) =>
    scenario(world, await patchedBuild([...hasty, ...patches]))
  )
}
