/** Of commands whose turn it is: which are published now, which never will be, and which have to wait. */

import type { Command } from '../command.ts'
import type { CheckCondition, ConditionVerdict } from './condition.ts'

/** `waits`: keys of those that have to wait. */
export type Admit = (
  chosen: ReadonlyArray<{ id: string; key: string }>,
  commands: readonly Command[]
) => Promise<{ admitted: Command[]; waits: Set<string> }>

export function createAdmission(parts: {
  /** Why the broker would never take it, or null. */
  fault: (command: Command) => string | null
  /** Whether what a command asks of its topic holds now. */
  checkCondition: CheckCondition
  /** It is not published, or not again. */
  settle: (id: string, verdict: ConditionVerdict) => Promise<void>
  /** One that had to wait, or waited behind one that is settled, may go after these. */
  lookAgain: () => void
}): Admit {
  async function verdictOf(command: Command): ReturnType<CheckCondition> {
    const reason = parts.fault(command)
    if (reason !== null) return command.attempts === 0 ? { event: 'refuse', reason } : notAgain(reason)
    return command.condition === null ? 'publish' : parts.checkCondition(command)
  }

  return async (chosen, commands) => {
    const keys = new Map(chosen.map(({ id, key }) => [id, key]))
    const waits = new Set<string>()
    /** Topics to which one is published now, and whether on a condition. */
    const topics = new Map<string, boolean>()
    const admitted: Command[] = []
    for (const command of commands) {
      const { id, topic, condition } = command
      const key = keys.get(id)!
      if (waits.has(key)) continue
      const neighbor = topics.get(topic)
      if (neighbor !== undefined && (neighbor || condition !== null)) {
        waits.add(key) // what is checked of a topic must not be changed by a neighbor
        parts.lookAgain()
        continue
      }
      const verdict = await verdictOf(command)
      if (verdict === 'wait') waits.add(key)
      else if (verdict === 'publish') {
        admitted.push(command)
        topics.set(topic, condition !== null)
      } else {
        await parts.settle(id, verdict)
        parts.lookAgain()
      }
    }
    return { admitted, waits }
  }
}

/** An earlier attempt may have been the broker's last word, unheard. */
const notAgain = (reason: string): ConditionVerdict => ({
  event: 'abandon',
  reason: `${reason}; nobody knows whether an earlier attempt reached the broker`
})
