/** Negative controls of the commands' ledger: builds that lack one safeguard, killed where it is needed. */

import type { Patch } from '../support/patched-build.ts'
import { story } from './story.ts'
import { points } from './strikes.ts'
import { buildFor, struck } from './struck.ts'

/** `shows` are the figures that must not be 0, where the service is killed at just these points. */
const controls: Array<[safeguard: string, shows: string[], names: string[], patches: Patch[]]> = [
  [
    'recording that they are published, before',
    ['stranded', 'sentTwice'],
    ['when PUBACK is on its way'],
    [
      {
        file: 'commands/dispatcher.js',
        find: /const moved = await write\([^;]*'publish'\)\), lease\)[\s\S]*?throw error;\s+\}\);/,
        replace: 'const moved = new Set([...reserved.keys()].map(({ id }) => id));'
      },
      // These are recorded with their acceptance
      { file: 'commands/at-once.js', find: /const lease = parts\.lease\(\);/, replace: 'const lease = null;' }
    ]
  ],
  [
    'giving up those that must not be repeated',
    ['sentTwice'],
    ['when PUBACK is on its way', 'before the commit of accept'],
    [{ file: 'commands/dispatcher.js', find: /delivery === 'atMostOnce'/, replace: 'false' }]
  ],
  [
    'searching again what was not searched to its end',
    ['untrue'],
    ['after the commit of a response', 'before the commit of succeed'],
    [
      {
        file: 'commands/answers.js',
        find: /journalAt = Math\.min\(journalAt, Math\.max\(saved, first\)\);/,
        replace: ';'
      }
    ]
  ]
]

for (const [safeguard, shows, names, patches] of controls) {
  story(`kill -9 of commands, without ${safeguard}`, { id: 'C7', shows }, async (world) =>
    struck(world, {
      instances: 1,
      strikes: 6,
      points: points.filter(({ name }) => names.includes(name)),
      entry: await buildFor(patches),
      finalWithinMs: 15_000
    })
  )
}
