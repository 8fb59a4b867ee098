/** As commands.test.ts, with a second instance that goes on with what the one that was killed left behind. */

import { commandPromise } from './command-ledger.ts'
import { sized, story } from './story.ts'
import { buildFor, struck } from './struck.ts'

story(
  'kill -9 at each transition of commands, two instances',
  { id: 'F32', promise: commandPromise },
  async (world) => struck(world, { instances: 2, strikes: sized(250, 9), entry: await buildFor() })
)
