/** Forgets all data of a topic or a device, on demand, in bounded steps, with an entry in the audit. */

import type { Limits } from '../limits.ts'
import type { Database } from './database.ts'
import { forgetDevice } from './forget-device.ts'
import type { ForgetParts, ForgottenCounts } from './forget-messages.ts'
import { forgetRest, interrupted, takeName } from './forget-topic.ts'

export type { ForgottenCounts } from './forget-messages.ts'

/**
 * Null: there is nothing of that name. What is in memory is the caller's affair: facts of the ring, what decoders remember,
 * and datapoints that were read.
 */
export type Forget = (
  subject: { device: string } | { topic: string },
  principal: string,
  /** Of the client, for the audit; not given: not known. */
  address?: string
) => Promise<ForgottenCounts | null>

export function createForget({ pool }: Pick<Database, 'pool'>, limits: Limits): Forget {
  return async (subject, principal, address) => {
    const counts: ForgottenCounts = { messages: 0, datapoints: 0, devices: 0, topics: 0 }
    const parts: ForgetParts = { pool, limits, counts, principal, address: address ?? null }
    for (const { id, name } of await interrupted(parts))
      await forgetRest({ ...parts, counts: { ...counts } }, id, name)
    if ('topic' in subject) return (await forgetTopic(parts, subject.topic)) ? counts : null
    return (await forgetDevice(parts, subject.device)) ? counts : null
  }
}

async function forgetTopic(parts: ForgetParts, name: string): Promise<boolean> {
  const id = await takeName(parts, name)
  if (id === null) return false
  await forgetRest(parts, id, name)
  return true
}
