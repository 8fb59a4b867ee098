/** Takes back what is not published yet. */

import type { Command } from '../command.ts'
import { Problem } from '../errors.ts'
import type { Feed } from '../feed/feed.ts'
import type { Access } from '../model.ts'
import type { Store } from '../store/store.ts'
import { mayCommand } from '../visibility.ts'
import { moves } from './lifecycle.ts'

/** Each is lost only to another attempt to publish it, which takes its time. */
const triesMax = 5

export const createCancel =
  (store: Pick<Store, 'commands'>, feed: Pick<Feed, 'hint'>) =>
  async (access: Access, id: string): Promise<Command> => {
    const { from } = moves('cancel')
    for (let tries = 1; ; tries++) {
      const command = await store.commands.byId(access, id)
      if (command === null || !mayCommand(access, command)) throw notFound()
      const { state, attempts } = command
      if (!from.includes(state) || tries > triesMax)
        throw new Problem(
          'not_cancellable',
          `The command is ${state}: only one that is scheduled or pending can be cancelled`
        )
      // What was lost on its way to the broker may be there: nobody can say that it was cancelled
      const event = attempts === 0 ? 'cancel' : 'abandon'
      const reason = attempts === 0 ? null : 'cancelled; it may have been published before'
      const { to } = moves(event)
      const moved = await store.commands.move([
        {
          id,
          event,
          from,
          to,
          ofAttempt: attempts,
          attempt: false,
          brokerReasonCode: null,
          reason,
          by: access
        }
      ])
      if (!moved.has(id)) continue // it is another one by now
      feed.hint(null)
      return (await store.commands.byId(access, id))!
    }
  }

export const notFound = (): Problem => new Problem('not_found', 'There is no such command')
