/** An append that waits for its turn. */

import type { Guard } from './guard.ts'

/** Nobody waits for this append any more. */
export class GivenUpError extends Error {
  constructor() {
    super('The append was given up')
    this.name = 'GivenUpError'
  }
}

export interface Statement {
  /** Prepared once per connection under this name. */
  name: string
  text: string
  /** Without those of the guard, which come first. */
  values: unknown[]
}

/** Rows of the statement; null where the COMMIT happened and its answer was lost. */
export type Outcome<Row> = Row[] | null

export interface Entry {
  guard: Guard
  prepare: () => Promise<Statement>
  /** Set once `prepare` has begun, and cleared when it fails, so that it is tried again. */
  prepared: Promise<Statement> | null
  /** Ingest waits as long as it takes; a client's request is told when the database is away. */
  patient: boolean
  /** Small: it may be stored with others, before those that are not. */
  ahead: boolean
  signal: AbortSignal | undefined
  resolve: (rows: Outcome<never>) => void
  reject: (error: unknown) => void
}

/** Throws GivenUpError as soon as `signal` aborts, whatever the work comes to. */
export async function unlessGivenUp<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return work()
  if (signal.aborted) throw new GivenUpError()
  let giveUp = (): void => {}
  const given = new Promise<never>((_, reject) => {
    giveUp = () => reject(new GivenUpError())
    signal.addEventListener('abort', giveUp)
  })
  try {
    const working = work()
    working.catch(() => {}) // may fail later, when nobody waits any more
    return await Promise.race([working, given])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Once it has begun it is not begun again, unless it failed. */
export function prepareOnce(entry: Entry): Promise<Statement> {
  entry.prepared ??= entry.prepare().catch((error: unknown) => {
    entry.prepared = null
    throw error
  })
  return entry.prepared
}
