/** Commands, and the service killed at each of their transitions: every one ends once, and none of its states lies. */

import { commandPromise } from './command-ledger.ts'
import { sized, story } from './story.ts'
import { buildFor, struck } from './struck.ts'

story(
  'kill -9 at each transition of commands, one instance',
  { id: 'F32', promise: commandPromise },
  async (world) => struck(world, { instances: 1, strikes: sized(250, 9), entry: await buildFor() })
)
