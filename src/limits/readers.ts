/** Pages, streams and those who follow them. */

export const readerLimits = {
  ringFactsMax: 20_000,
  ringBytesMax: 32 * 1024 * 1024,
  pageItemsMax: 1_000,
  pageItemsDefault: 100,
  /** Rows of one page scanned at most before an empty page with a `next` is given. */
  pageRowsScannedMax: 100_000,
  /** Topics that begin as the filters do: if no more do, a page looks at these alone, and else at all topics in order. */
  pageTopicsByPrefixMax: 5_000,
  pageBytesMax: 32 * 1024 * 1024,
  /** Of `where`, and of each text of `sort` and `fields`. */
  whereCharsMax: 2_000,
  /** Comparisons, and the and, or and not that join them. */
  whereTermsMax: 50,
  whereDepthMax: 10,
  /** Of one in(...). */
  whereListItemsMax: 100,
  pathSegmentsMax: 20,
  fieldsMax: 50,
  /** As much of a text as its place in a list takes, and as much as a page token therefore carries. */
  sortKeyCharsMax: 100,
  /** Topics or devices that one page with `where` looks at, and bytes of what it reads of them. */
  searchRowsMax: 10_000,
  /** Read at once, since all of them are decoded before anybody else's turn. */
  searchStepRowsMax: 1_000,
  searchBytesMax: 32 * 1024 * 1024,
  /** Latest datapoints of an instant that are read at once, each of which may be large. */
  searchLatestMax: 64,
  /** Topics or devices that may be sorted. */
  sortTopicsMax: 20_000,
  /** Facts of the table read at once, and bytes of their payloads. */
  feedPageFactsMax: 500,
  feedPageBytesMax: 1024 * 1024,
  feedScanFactsMax: 10_000,
  /** What is made ready for one stream at once: events, and bytes of the facts they are from; a larger fact is alone. */
  feedPageEventsMax: 500,
  feedSliceBytesMax: 64 * 1024,
  /** When its reader takes nothing for so long, what a stream holds is let go, and read again when the reader is back. */
  streamStallMs: 5_000,
  /** What subscribers are told, kept for all who are told the same: events, their cursors, and states after facts. */
  eventsCachedMax: 20_000,
  eventsCachedBytesMax: 32 * 1024 * 1024,
  cursorsCachedMax: 20_000,
  statesCachedMax: 10_000,
  statesCachedBytesMax: 16 * 1024 * 1024,
  /** States read at once, for all subscribers. */
  statesReadTopicsMax: 100,
  /** States of a snapshot read at once for one stream. */
  snapshotPageStatesMax: 250,
  /** Facts whose datapoints are read at once, and bytes of their payloads; a larger one is read alone. */
  datapointsReadFactsMax: 100,
  datapointsReadBytesMax: 64 * 1024,
  /** Of messages that were normalized again. */
  redrivenReadMessagesMax: 10,
  /** Reads of the table at once, for all subscribers that have fallen behind. */
  catchUpReadsMax: 3,
  /** What they read last is kept for those who come a little later. */
  catchUpCachedBytesMax: 16 * 1024 * 1024,
  /** A sweep over the table waits so long for readers that it has served, before it goes on to others. */
  catchUpComeBackMsMax: 20,
  /** For what is read to come as far as a min-cursor; and how many wait for that at once. */
  minCursorMsMax: 5_000,
  minCursorWaitsMax: 1_000,
  /** Requests that wait until what they read has changed; how often each looks, and how many of them at once. */
  longPollsMax: 1_000,
  longPollLookMsMin: 100,
  longPollLooksMax: 3,
  /** Messages of one topic looked at to tell whether it was known what is retained; if there are more, it was not. */
  asOfDoubtsMax: 200,
  /** Of one device, looked at to tell when it was heard from last. */
  asOfMetricsMax: 50,
  heartbeatMs: 15_000,
  streamsMax: 2_000
}
