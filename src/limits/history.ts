/** History: series, buckets, exports, imports, retention. */

export const historyLimits = {
  /** Patterns of devices, and of metrics, in one request. */
  seriesPatternsMax: 100,
  /** Series of one page of buckets. */
  historySeriesMax: 1_000,
  historySeriesDefault: 100,
  bucketsMax: 10_000,
  /** Buckets of all series of one page, for each function that is asked for. */
  historyCellsMax: 1_000_000,
  historyFunctionsMax: 20,
  bucketSecondsMin: 1,
  /** Of one bucket of days, weeks, months or years. */
  bucketYearsMax: 100,
  /** Datapoints that one step rolls up, in one transaction; a message that has more is a step by itself. */
  rollupChunkDatapointsMax: 50_000,
  /** A step that takes longer is followed by one of half as many, down to this. */
  rollupChunkDatapointsMin: 500,
  rollupStepMs: 500,
  rollupEveryMs: 2_000,
  /** Facts that are not rolled up yet: of so many, readers find datapoints by seq; of more, by series. */
  freshFactsMax: 50_000,
  /** Series whose datapoints one page of a list may be of. */
  datapointSeriesMax: 5_000,
  /** Messages behind those that are rolled up, whose datapoints are looked through for series by their topics. */
  seriesNotRolledFactsMax: 20_000,
  /** Topics whose messages are looked for one topic after the other; of more, the journal is looked through. */
  messageTopicsMax: 1_000,
  exportPageRowsMax: 2_000,
  exportPageBytesMax: 4 * 1024 * 1024,
  exportsMax: 10,
  /** Of an export whose reader takes nothing: it is cut off, and can be gone on with. */
  exportStalledMsMax: 60_000,
  importsMax: 4,
  importBatchDatapointsMax: 2_000,
  importBatchBytesMax: 1024 * 1024,
  importLineBytesMax: 2 * 1024 * 1024,
  /** An import is its request's so long after the last word of that, which comes a few times as often. */
  importLeaseMs: 10_000,
  /** When nothing comes of a file for so long, the request ends; and whatever comes, it ends after this. */
  importStallMsMax: 60_000,
  importMsMax: 7 * 86_400_000,
  /** A client that goes on sending a file that was refused is listened to so long, to read the answer. */
  importRefusedMsMax: 10_000,
  retentionClassesMax: 20,
  retentionKeepSecondsMin: 60,
  /** A hundred years: Postgres knows the times. */
  retentionKeepSecondsMax: 100 * 366 * 86_400,
  /** Topics that come to another class while appends wait. */
  assignTopicsPerStepMax: 1_000
}
