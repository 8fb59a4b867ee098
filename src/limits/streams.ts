/** Streams: what is conflated for one, how long one may stand still, and tickets for those that cannot send headers. */

export const streamLimits = {
  /** Of a stream that sends the newest events only: what waits until its reader is ready. */
  conflatedKeysMax: 10_000,
  conflatedBytesMax: 1024 * 1024,
  /** Of those, handed over at once; an event larger than this is handed over alone. */
  conflatedBatchEventsMax: 100,
  conflatedBatchBytesMax: 64 * 1024,
  /** Events per second of one topic, metric, device or command. */
  streamRateMin: 0.01,
  streamRateMax: 100,
  /** What is written at once; a larger event is written in parts, so that a slow reader is seen to take some of it. */
  streamWriteBytesMax: 64 * 1024,
  /** A reader that takes nothing for so long is let go; its cursor is good for as long as the journal is. */
  streamStalledMsMax: 600_000,
  /** What browsers are told to wait before they connect again. */
  streamRetryMs: 2_000,
  streamTicketSecondsDefault: 300,
  streamTicketSecondsMax: 3_600
}
