/**
 * Several appends in one transaction: what waits for the disk at the same time waits for it once. All of them are committed or
 * none; where that fails, each is to be tried by itself.
 */

import type { Stats } from '../stats.ts'
import type { Entry, Outcome, Statement } from './append-entry.ts'
import { GivenUpError, prepareOnce, unlessGivenUp } from './append-entry.ts'
import type { PoolClient } from './database.ts'
import { toTrouble } from './database.ts'
import type { Guard } from './guard.ts'

/** Settles all of them; false: none of them is stored, and each is to be tried by itself. */
export type RunTogether = (group: readonly Entry[]) => Promise<boolean>

export function createTogether(parts: {
  connection: () => Promise<PoolClient>
  /** The connection is good for nothing more. */
  drop: (error: unknown) => void
  pauseAfter: (error: unknown) => Promise<void>
  isClosed: () => boolean
  stats: Stats
}): RunTogether {
  const { connection, drop, stats } = parts

  /** Asks until the database answers; false once this is closed. */
  async function find(appends: readonly Numbered[]): Promise<boolean> {
    while (!parts.isClosed()) {
      try {
        return await wereCommitted(await connection(), appends)
      } catch (error) {
        await parts.pauseAfter(error)
      }
    }
    return false
  }

  return async (group) => {
    const numbers = numbersOf(group.map(({ guard }) => guard))
    const signals = new Set(group.flatMap(({ signal }) => signal ?? []))
    let over = false
    let appends: Numbered[] = []
    let mayBeCommitted = false
    const issue = async (): Promise<never[][] | null> => {
      const statements = await Promise.all(group.map(prepareOnce))
      appends = group.map(({ guard }, at) => ({ guard, number: numbers[at]!, statement: statements[at]! }))
      const client = await connection()
      if (over) throw new GivenUpError() // each is tried by itself by now
      const begun = performance.now()
      const rows = await appendTogether(client, appends, () => (mayBeCommitted = true))
      if (rows !== null) stats.commitTook((performance.now() - begun) / 1_000)
      return rows
    }
    // One in another: AbortSignal.any would leave something behind at a lease for each append
    let work = issue
    for (const signal of signals) {
      const inner = work
      work = () => unlessGivenUp(signal, inner)
    }
    let all: Outcome<never>[] | null = null
    try {
      all = await work()
    } catch (error) {
      over = true
      if (error instanceof GivenUpError || !isOfStatement(error)) drop(error)
      if (mayBeCommitted && (await find(appends))) all = group.map(() => null)
    }
    if (all === null) return false
    for (const [at, entry] of group.entries()) {
      entry.guard.batch = numbers[at]!
      stats.appends++
      entry.resolve(all[at]!)
    }
    return true
  }
}

/** It is rolled back, and the connection goes on. */
const isOfStatement = (error: unknown): boolean => ['data', 'topics', 'partition'].includes(toTrouble(error))

/** One that is to be appended, with its number under its guard. */
interface Numbered {
  guard: Guard
  number: number
  statement: Statement
}

/** Each append's number: those of one guard follow one another. */
function numbersOf(guards: readonly Guard[]): number[] {
  const last = new Map<Guard, number>()
  return guards.map((guard) => {
    const number = (last.get(guard) ?? guard.batch) + 1
    last.set(guard, number)
    return number
  })
}

/**
 * The rows of each; null: nothing is stored, since one of them is not as its guard says. Calls `committing` before that may
 * have happened. Rejects with what went wrong; before `committing`, nothing is stored then either.
 */
async function appendTogether(
  client: PoolClient,
  appends: readonly Numbered[],
  committing: () => void
): Promise<never[][] | null> {
  await client.query('begin')
  const all: never[][] = []
  try {
    for (const { guard, number, statement } of appends) {
      const values = [number, ...guard.key, ...statement.values]
      const { rows } = await client.query<never>({ ...statement, values })
      if (rows.length === 0) break
      all.push(rows)
    }
  } catch (error) {
    await client.query('rollback').catch(() => {}) // where the connection is gone, so is the transaction
    throw error
  }
  if (all.length < appends.length) {
    await client.query('rollback')
    return null
  }
  committing()
  await client.query('commit')
  return all
}

/**
 * Whether appends were committed of whose COMMIT nobody heard: they are if those of one guard are. Waits until a transaction
 * that may still be at work has ended.
 */
async function wereCommitted(client: PoolClient, appends: readonly Numbered[]): Promise<boolean> {
  const last = new Map(appends.map(({ guard, number }) => [guard, number]))
  for (const [guard, number] of last) {
    const { rows } = await client.query<{ batch: number }>(`${guard.readSql} for update`, [...guard.key])
    if (rows[0]?.batch === number) return true
  }
  return false
}
