/**
 * Accepts commands. What several clients ask for while an acceptance is under way is stored together, in the next one: each
 * append waits for a disk, and ingest waits in the same queue.
 */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { Acceptance, AcceptedRow, Beside } from './accept-commands.ts'
import { acceptStatement } from './accept-commands.ts'
import type { AppendQueue } from './append.ts'
import type { Database } from './database.ts'
import { toTrouble } from './database.ts'
import type { Guard } from './guard.ts'

export interface Accepted {
  /** False: the claim is taken, or a condition does not hold. */
  accepted: boolean
  /** Of the last command; 0 where none is accepted. */
  seq: Seq
}

/** With something beside it, an acceptance is stored alone. */
export type Accept = (acceptance: Acceptance, beside: Beside | null) => Promise<Accepted>

interface Waiting {
  acceptance: Acceptance
  resolve: (accepted: Accepted) => void
  reject: (error: unknown) => void
}

export function createAccept(parts: {
  prisma: Database['prisma']
  queue: AppendQueue
  guard: Guard
  limits: Pick<Limits, 'commandsPerRequestMax' | 'acceptedTogetherBytesMax' | 'appendQueueMax'>
}): Accept {
  const { prisma, queue, guard, limits } = parts
  const waiting: Waiting[] = []
  let writing = false

  async function store(acceptances: readonly Acceptance[], beside: Beside | null): Promise<Accepted[]> {
    const prepare = async () => acceptStatement(acceptances, guard.sql, beside)
    const rows = await queue.push<AcceptedRow>(guard, prepare, { patient: false })
    const seqs = rows === null ? await storedSeqs(acceptances) : seqsOf(rows)
    return acceptances.map(({ commands }) => {
      const seq = seqs.get(commands.at(-1)!.id)
      return { accepted: seq !== undefined, seq: seq ?? 0 }
    })
  }

  /** Committed, but the answer was lost: the rows tell. */
  async function storedSeqs(acceptances: readonly Acceptance[]): Promise<Map<string, Seq>> {
    const stored = await prisma.command.findMany({
      where: { id: { in: acceptances.map(({ commands }) => commands.at(-1)!.id) } },
      select: { id: true, createdSeq: true }
    })
    return new Map(stored.map(({ id, createdSeq }) => [id, Number(createdSeq)]))
  }

  /** The next ones, in order: as many as one append may have, and none that claims what another one claims. */
  function next(): Waiting[] {
    const claimed = new Set<string>()
    let [commands, bytes] = [0, 0]
    const end = waiting.findIndex(({ acceptance }, index) => {
      const { claim } = acceptance
      const key = claim && JSON.stringify([claim.principal, claim.key])
      commands += acceptance.commands.length
      bytes += acceptance.commands.reduce((sum, { payload }) => sum + payload.length, 0)
      const tooMuch = commands > limits.commandsPerRequestMax || bytes > limits.acceptedTogetherBytesMax
      if (index > 0 && (tooMuch || (key !== null && claimed.has(key)))) return true
      if (key !== null) claimed.add(key)
      return false
    })
    return waiting.splice(0, end === -1 ? waiting.length : end)
  }

  async function storeAll(group: readonly Waiting[]): Promise<void> {
    try {
      const all = await store(
        group.map(({ acceptance }) => acceptance),
        null
      )
      for (const [index, { resolve }] of group.entries()) resolve(all[index]!)
    } catch (error) {
      // One that cannot be stored harms no other
      if (group.length > 1 && toTrouble(error) === 'data') for (const one of group) await storeAll([one])
      else for (const { reject } of group) reject(error)
    }
  }

  async function drain(): Promise<void> {
    writing = true
    while (waiting.length > 0) await storeAll(next())
    writing = false
  }

  // As those that are in the queue: they are certainly not committed
  queue.onAway((problem) => {
    for (const { reject } of waiting.splice(0)) reject(problem)
  })

  return async (acceptance, beside) => {
    // The queue says at once that the database is away
    if (beside !== null || !queue.healthy()) return (await store([acceptance], beside))[0]!
    if (waiting.length >= limits.appendQueueMax)
      throw new Problem('too_many_requests', 'Too much is being written; try again in a moment')
    return new Promise((resolve, reject) => {
      waiting.push({ acceptance, resolve, reject })
      if (!writing) void drain()
    })
  }
}

const seqsOf = (rows: readonly AcceptedRow[]): Map<string, Seq> =>
  new Map(rows.flatMap(({ id, seq }) => (id === null ? [] : [[id, seq!]])))
