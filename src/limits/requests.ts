/** Writers and connections. */

export const requestLimits = {
  // Writers
  bodyBytesMax: 12 * 1024 * 1024,
  commandPayloadBytesMax: 10 * 1024 * 1024,
  commandsPerRequestMax: 1_000,
  /** Payloads of what several clients ask for at once, in one append. */
  acceptedTogetherBytesMax: 4 * 1024 * 1024,
  commandsOpenMax: 100_000,
  /** How long a count of those that are open is gone by. */
  commandsCountedMs: 1_000,
  commandsPublishingMax: 250,
  /** Of their payloads, together; a larger one is published alone. */
  commandsPublishingBytesMax: 32 * 1024 * 1024,
  /** How many that wait, how many keys, and how many of each key are looked at for those that may be published. */
  commandsLookedAtMax: 200,
  commandKeysLookedAtMax: 500,
  commandsOfKeyLookedAtMax: 10,
  /** What was passed over, since none waits there, is looked at again after so long. */
  commandsLookAnewMs: 60_000,
  /** How often in one look others are looked for, where those whose turn it is wait for what they ask of their topic. */
  commandLooksPerTurnMax: 20,
  /** Between two looks, where others wrote to the journal, and before keys are looked through further. */
  commandHintMs: 20,
  commandExpirySecondsMax: 30 * 86_400,
  commandDelaySecondsMax: 30 * 86_400,
  commandTimeoutSecondsMax: 30 * 86_400,
  commandTimeoutSecondsDefault: 60,
  commandPollMs: 1_000,
  /** How often a command may be the only one being published when the connection ends, until it is taken as the cause. */
  commandAloneAttemptsMax: 3,
  /** Devices of one batch, and batches that are not finished. */
  batchDevicesMax: 1_000,
  batchesOpenMax: 100,
  /** Commands of a batch that become due in a second. */
  batchRatePerSecondMin: 0.01,
  batchRatePerSecondMax: 1_000,
  /** Final commands from which on the share of failures is judged. */
  batchStopAfterDefault: 10,
  /** Commands of a batch that ends, cancelled in one transaction. */
  batchCancelCommandsMax: 200,
  /** Of what is kept of each device that no command was accepted for. */
  batchRefusalCharsMax: 300,
  batchRefusalErrorsMax: 3,
  /** From one look at the open batches to the next, and as a multiple of what a look takes. */
  batchCheckMsMin: 100,
  batchCheckRestTimes: 9,
  /** How long a command with a condition keeps others from its topic, from its acceptance, and again from its publishing. */
  reservationSeconds: 30,
  waitSecondsMax: 60,
  userPropertiesMax: 100,
  idempotencyKeyCharsMax: 255,

  // Connections
  /** How long a browser may go by what it was told of an origin. */
  preflightSeconds: 600,
  /** Open at once; and of one address, or IPv6 /64. A proxy that is trusted comes for many. */
  connectionsMax: 10_000,
  connectionsPerAddressMax: 5_000,
  /** Between two requests on one connection. */
  keepAliveMsMax: 72_000,
  /** For a first request on a connection, once the service ends. */
  unusedAtCloseMsMax: 250,
  requestMsMax: 70_000,
  /** For taking an answer, from its first byte on. Streams and exports may take longer. */
  answerMsMax: 120_000,
  headersMsMax: 10_000,
  tlsHandshakeMsMax: 10_000,
  /** Between two looks at the files of the certificate. */
  tlsReadMs: 5_000,
  /** Of each: a chain has some thousands. */
  tlsFileBytesMax: 1024 * 1024,
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
