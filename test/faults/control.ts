/** The same scenario with the honest build, and with one that lacks a safeguard, which must show it. */

import type { Patch } from '../support/patched-build.ts'
import { patchedBuild } from '../support/patched-build.ts'
import type { StoryOptions, World } from './story.ts'
import { story } from './story.ts'

/** A lease that ends sooner, in both builds. */
export const hasty: Patch[] = [
  { file: 'limits.js', find: /leaseSeconds: \d+/, replace: 'leaseSeconds: 4' },
  { file: 'limits.js', find: /leaseRenewMs: [\d_]+/, replace: 'leaseRenewMs: 1_000' }
]

/** Tells it twice. */
export function control(
  name: string,
  options: StoryOptions & { shows: readonly string[] },
  patches: readonly Patch[],
  scenario: (world: World, entry: string) => Promise<void>
): void {
  const { shows, ...promise } = options
  story(`honest: ${name}`, promise, async (world) => scenario(world, await patchedBuild(hasty)))
  story(`control: ${name}`, { ...options, shows }, async (world) =>
    scenario(world, await patchedBuild([...hasty, ...patches]))
  )
}
