/** Answers to commands, and how long they are waited for. */

export const answerLimits = {
  /** So long after a command is final, a response that comes late is still kept beside it. */
  commandLateSeconds: 3_600,
  /** Of commands that are final, so many of the newest are remembered for that. */
  commandsLateMax: 20_000,
  /**
   * A command times out only while the session has been connected for so long: after a reconnect, brokers first send what
   * they kept, and the answer may be among it.
   */
  commandGraceMs: 5_000,
  /** Commands that are read at once: those that await something, and those that are overdue. */
  awaitedPageCommandsMax: 1_000,
  /** Texts of predicates of commands that are kept as read. */
  answerPredicatesMax: 1_000,
  /** Facts whose datapoints are looked through at once, and datapoints among them; more than one message has. */
  answersFactsMax: 5_000,
  answersDatapointsMax: 20_000,
  /** Commands moved in one append, and bytes of their responses; a larger response is moved alone. */
  answersMovedMax: 500,
  answersMovedBytesMax: 1024 * 1024
}
