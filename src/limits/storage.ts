/** Topics, the database and the journal. */

export const storageLimits = {
  // Topics and filters
  topicLevelsMax: 128,
  filterBytesMax: 1_024,
  filtersMax: 100,

  // The database
  poolConnectionsMax: 10,
  statementMsMax: 15_000,
  databaseRetryMs: 250,
  topicCacheEntriesMax: 50_000,
  /** A paused leader is overtaken after this: with the time to notice it, within 10 seconds. */
  leaseSeconds: 7,
  /** A topic may have 65,535 bytes. */
  topicCacheBytesMax: 32 * 1024 * 1024,
  leaseRenewMs: 2_000,
  appendQueueMax: 10_000,
  /** Appends in one transaction: one of ingest, and those of commands that wait with it. */
  appendsTogetherMax: 8,

  // The journal
  partitionRowsMax: 1_000_000,
  partitionsAheadMin: 2,
  retentionCheckMs: 60_000,
  /** Who drops a partition waits so long for each of its locks, since readers and writers wait behind it; and then again. */
  ddlLockMsMax: 700,
  /** With all of its locks, and its work. */
  ddlStatementMsMax: 900,
  ddlAttemptsMax: 10,
  /** Between two attempts, times their number. */
  ddlPauseMs: 50,
  /** A migration in use of others is done within this, or undone and tried again: from its first lock to its last statement. */
  migrationMsMax: 800,
  /** Of that, for each lock: those who come after wait as well. */
  migrationLockMsMax: 300,
  /** Until it is tried again: those who waited behind it go on first. */
  migrationPauseMs: 1_000,
  /** Between two looks at whether another instance has done with its migrations. */
  migrationTurnMs: 200,
  /** What keeps a migration waiting is told this often. */
  migrationTellMs: 10_000,
  /** Then the start fails, and says why. Also of one index. */
  migrationWaitMsMax: 3_600_000,
  idempotencyKeyHours: 24
}
