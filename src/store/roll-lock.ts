/**
 * Who rolls up, and who changes datapoints that are rolled up already.
 *
 * Datapoints are rolled up up to `rolled_seq`. Those behind it are only added, by the projector, and nobody here waits for
 * it. Those up to it are changed by redrives, by forgetting, and by what a new projection begins with: each takes this
 * lock, first of all, so that none changes what is being rolled up, and says which hours it touched (`rollup_marks`) in the
 * same transaction. Rolling up takes it for one bounded step. The lock ends with the transaction.
 *
 * Order of locks: this one; rows of projections; the head of the journal. Rolling up takes the row of its projection last,
 * for no longer than the COMMIT.
 */

import type { PoolClient } from './database.ts'

/** Any number that no other lock of ours has. */
const lockKey = 0x726f6c6c

export async function lockRollups(client: PoolClient): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [lockKey])
}
