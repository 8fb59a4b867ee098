/** Forgets all data of a topic or a device, on demand, in bounded steps, with an entry in the audit. */

import type { Limits } from '../limits.ts'
import type { Database } from './database.ts'
import { forgetDevice } from './forget-device.ts'
import type { ForgetParts, ForgottenCounts } from './forget-messages.ts'
import { forgetAttributes } from './forget-messages.ts'
import { forgetRest, takeName } from './forget-topic.ts'

export type { ForgottenCounts } from './forget-messages.ts'

/**
 * Null: there is nothing of that name. What is in memory is the caller's affair: facts of the ring, what decoders remember,
 * and datapoints that were read.
 */
export type Forget = (
  subject: { device: string } | { topic: string },
  principal: string
) => Promise<ForgottenCounts | null>

export function createForget({ pool, prisma }: Database, limits: Limits): Forget {
  return async (subject, principal) => {
    const counts: ForgottenCounts = { messages: 0, datapoints: 0, devices: 0, topics: 0 }
    const parts: ForgetParts = { pool, limits, counts }
    await finishInterrupted(parts)
    if (
      !(await ('topic' in subject ? forgetTopic(parts, subject.topic) : forgetDevice(parts, subject.device)))
    )
      return null
    await forgetAttributes(parts)
    await prisma.audit.create({
      data: {
        principal,
        action: 'forget',
        subject: 'topic' in subject ? `topic ${subject.topic}` : `device ${subject.device}`,
        detail: { ...counts }
      }
    })
    return counts
  }
}

async function forgetTopic(parts: ForgetParts, name: string): Promise<boolean> {
  const id = await takeName(parts, name)
  if (id === null) return false
  await forgetRest(parts, id, name)
  return true
}

/** Topics that a crash left without a name, and with messages. */
async function finishInterrupted(parts: ForgetParts): Promise<void> {
  const { rows } = await parts.pool.query<{ id: number }>(`select id from topics where name = '' order by id`)
  const counts = { messages: 0, datapoints: 0, devices: 0, topics: 0 }
  for (const { id } of rows) await forgetRest({ ...parts, counts }, id, null)
}
