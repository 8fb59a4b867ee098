/**
 * Accepts commands. What several clients ask for while an acceptance is under way is stored together, in the next one: each
 * append waits for a disk, and ingest waits in the same queue.
 */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { Acceptance, AcceptedRow, Beside } from './accept-commands.ts'
import { acceptStatement } from './accept-commands.ts'
import type { AppendQueue, Statement } from './append.ts'
import { FencedError } from './append.ts'
import type { Database } from './database.ts'
import { toTrouble } from './database.ts'
import type { Guard } from './guard.ts'
import type { Lease } from './sessions.ts'

export interface Accepted {
  /** False: the claim is taken, or a condition does not hold. */
  accepted: boolean
  /** Of the last command; 0 where none is accepted. */
  seq: Seq
  /** By the ids of those that are being published now, the hashes of their keys. */
  going: ReadonlyMap<string, string>
}

/** Who leads may publish these as soon as they are stored, and stores them as being published. */
export interface AtOnce {
  lease: Lease
  ids: ReadonlySet<string>
}

/** With something beside it, an acceptance is stored alone. */
export type Accept = (
  acceptance: Acceptance,
  beside: Beside | null,
  atOnce: AtOnce | null
) => Promise<Accepted>

interface Asked {
  acceptance: Acceptance
  atOnce: AtOnce | null
}

interface Waiting extends Asked {
  resolve: (accepted: Accepted) => void
  reject: (error: unknown) => void
}

export function createAccept(parts: {
  pool: Database['pool']
  queue: AppendQueue
  guard: Guard
  limits: Pick<Limits, 'commandsPerRequestMax' | 'acceptedTogetherBytesMax' | 'appendQueueMax'>
}): Accept {
  const { pool, queue, guard, limits } = parts
  const waiting: Waiting[] = []
  let writing = false

  async function store(group: readonly Asked[], beside: Beside | null): Promise<Accepted[]> {
    const acceptances = group.map(({ acceptance }) => acceptance)
    const lease = group.find(({ atOnce }) => atOnce !== null)?.atOnce?.lease ?? null
    const rows = lease === null ? null : await storeAtOnce(group, lease)
    const stored = rows ?? (await push(guard, () => acceptStatement(acceptances, guard, { beside })))
    const found = toStored(stored ?? (await storedRows(acceptances)))
    return acceptances.map(({ commands }) => {
      const last = found.get(commands.at(-1)!.id)
      const going = commands.flatMap(({ id }): Array<[string, string]> => {
        const key = found.get(id)?.going ?? null
        return key === null ? [] : [[id, key]]
      })
      return { accepted: last !== undefined, seq: last?.seq ?? 0, going: new Map(going) }
    })
  }

  const push = (used: Guard, prepare: () => Statement): Promise<AcceptedRow[] | null> =>
    queue.push<AcceptedRow>(used, async () => prepare(), { patient: false, ahead: true })

  /** null: another instance leads by now, and nothing is stored. */
  async function storeAtOnce(group: readonly Asked[], lease: Lease): Promise<AcceptedRow[] | null> {
    const ids = new Set(group.flatMap(({ atOnce }) => (atOnce?.lease === lease ? [...atOnce.ids] : [])))
    const acceptances = group.map(({ acceptance }) => acceptance)
    try {
      const rows = await push(lease.guard, () => acceptStatement(acceptances, lease.guard, { atOnce: ids }))
      return rows ?? (await storedRows(acceptances))
    } catch (error) {
      if (error instanceof FencedError) return null
      throw error
    }
  }

  /** Committed, but the answer was lost: the rows tell. Only who leads publishes, so what is being published is its own. */
  async function storedRows(acceptances: readonly Acceptance[]): Promise<AcceptedRow[]> {
    const ids = acceptances.flatMap(({ commands }) => commands.map(({ id }) => id))
    const { rows } = await pool.query<AcceptedRow>(
      `select id, created_seq as seq, null as at, case when state = 'publishing'
         then hashtextextended(coalesce(order_key, topic), 0)::text end as going
       from commands where id = any ($1::uuid[])`,
      [ids]
    )
    return rows
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
      const all = await store(group, null)
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

  return async (acceptance, beside, atOnce) => {
    // The queue says at once that the database is away
    if (beside !== null || !queue.healthy()) return (await store([{ acceptance, atOnce: null }], beside))[0]!
    if (waiting.length >= limits.appendQueueMax)
      throw new Problem('too_many_requests', 'Too much is being written; try again in a moment')
    return new Promise((resolve, reject) => {
      waiting.push({ acceptance, atOnce, resolve, reject })
      if (!writing) void drain()
    })
  }
}

const toStored = (rows: readonly AcceptedRow[]): Map<string, { seq: Seq; going: string | null }> =>
  new Map(rows.flatMap(({ id, seq, going }) => (id === null ? [] : [[id, { seq: seq!, going }]])))
