/** Writers and connections. */

export const requestLimits = {
  // Writers
  bodyBytesMax: 12 * 1024 * 1024,
  commandPayloadBytesMax: 10 * 1024 * 1024,
  commandsPerRequestMax: 1_000,
  commandsOpenMax: 100_000,
  commandsPublishingMax: 50,
  commandExpirySecondsMax: 30 * 86_400,
  commandDelaySecondsMax: 30 * 86_400,
  commandTimeoutSecondsMax: 30 * 86_400,
  commandTimeoutSecondsDefault: 60,
  commandPollMs: 1_000,
  /** How often a command may be the only one being published when the connection ends, until it is taken as the cause. */
  commandAloneAttemptsMax: 3,
  waitSecondsMax: 60,
  userPropertiesMax: 100,
  idempotencyKeyCharsMax: 255,

  // Connections
  requestMsMax: 70_000,
  headersMsMax: 10_000,
  /** Operations at work on one socket. */
  socketOperationsMax: 100,
  /** How long a client has to answer that its socket ends. */
  socketCloseMsMax: 2_000,
  socketInitMsMax: 3_000,
  socketMessageBytesMax: 256 * 1024,
  closeMsMax: 9_000,
  /** For committing what is held; then it is left to the broker, who sends it again. */
  flushMsMax: 4_500,
  /** For each other part, when the service ends. */
  closeStepMsMax: 1_000
}
