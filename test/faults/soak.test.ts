/** The soak (test/soak): two minutes of it, or with FULL=1 thirty. */

import { soak, soakPromise } from '../soak/soak.ts'
import { full, sized, story } from './story.ts'

story(
  'a mixed load on two instances, and faults at random',
  { id: 'F42', promise: soakPromise({ memory: full }), quietWithinMs: 300_000 },
  async (world) => {
    await soak(world, {
      minutes: sized(30, 1.5),
      warmUpMinutes: sized(8, 0.5),
      everySeconds: sized(20, 10),
      rests: sized(5, 2),
      rotateEverySeconds: sized(30, 15),
      seed: 1 + Math.floor(Math.random() * 1e6)
    })
  }
)
