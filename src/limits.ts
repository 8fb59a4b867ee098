/**
 * Every bound of the service, in one place: what is counted, its unit, `Max` last.
 * Tests start the service with smaller ones to see what happens at the limit.
 */
export const defaultLimits = {
  // From the broker
  /** Larger packets are not asked for (MQTT 5), or discarded, acknowledged and recorded as a gap (3.1.1). */
  packetBytesMax: 16 * 1024 * 1024,
  /** Every other packet is small: CONNACK, SUBACK, DISCONNECT and their properties. */
  controlPacketBytesMax: 64 * 1024,
  /** A packet that has begun goes on at least this fast, after a while to begin with; else the connection ends. */
  packetBytesPerSecondMin: 4_096,
  packetStallMsMax: 30_000,
  /** QoS 1 and 2 messages that the broker may send before an acknowledgement [MQTT-3.1.2.11.3]. */
  receiveMaximum: 5_000,
  /** Received and not yet committed; above it the socket is paused, below half of it resumed. Acknowledgements count alike. */
  heldMessagesMax: 20_000,
  /** Payloads, topics and properties. */
  heldBytesMax: 64 * 1024 * 1024,
  batchMessagesMax: 5_000,
  batchBytesMax: 16 * 1024 * 1024,
  batchDelayMs: 2,
  /** Batches handed to the store: one in Postgres, one encoded behind it. */
  batchesInFlightMax: 2,
  redeliveryWindowBytesMax: 16 * 1024 * 1024,
  keepAliveSeconds: 30,
  connectTimeoutMs: 10_000,
  subscribeFiltersMax: 8,
  reconnectDelayMsMin: 250,
  reconnectDelayMsMax: 30_000,
  /** After connections that the broker accepted and soon ended. */
  acceptedReconnectDelayMsMax: 2_000,
  /** The broker's answer to SUBSCRIBE, UNSUBSCRIBE or PUBLISH. */
  brokerAnswerMsMax: 10_000,
  /** After our own status came, so long without another retained message: the snapshot is read. */
  snapshotQuietMs: 500,
  /** And so long after that, for brokers that replay in batches. */
  snapshotLingerMs: 2_000,
  /** For an answer to SUBSCRIBE that stands behind all that is replayed. */
  snapshotMsMax: 120_000,
  snapshotBatchMessagesMax: 1_000,
  snapshotBatchBytesMax: 16 * 1024 * 1024,
  /** After so many on one connection that the broker did not replay whole, no other is tried. */
  snapshotsIncompleteMax: 3,
  snapshotRetryMsMin: 1_000,
  snapshotRetryMsMax: 60_000,
  /** Topics asked for by name at once, since a snapshot did not find them; and expired ones in one append. */
  sweepTopicsMax: 1_000,
  expiryCheckMs: 1_000,
  /** A connection that ends sooner, several times in a row: another client may use our client id. */
  takeoverLivedMsMax: 2_000,
  takeoversSuspiciousMin: 3,
  /** STATE of a Sparkplug host has about 45; what is much longer is none. */
  certificateBytesMax: 1_024,
  /** How long the session is left to the other one then, so that the two do not drive each other out for ever. */
  takeoverDelayMs: 30_000,

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

  // The journal
  partitionRowsMax: 1_000_000,
  partitionsAheadMin: 2,
  retentionCheckMs: 60_000,
  idempotencyKeyHours: 24,

  // Normalization
  mappingsMax: 1_000,
  mappingsBytesMax: 1024 * 1024,
  /** Of a message that is made up to see what a mapping does with it. */
  previewPayloadBytesMax: 1024 * 1024,
  /** Matches of topics to mappings that are kept. */
  mappingMatchesCachedMax: 50_000,
  /** Longer topics are matched anew each time. */
  mappingMatchTopicCharsMax: 1_024,
  expressionCharsMax: 1_000,
  /** Nodes that one evaluation may visit, and items and characters that they may give. */
  expressionStepsMax: 5_000_000,
  /** Of one rialto.yaml; more are not told. */
  mappingFaultsMax: 200,
  nameBytesMax: 1_024,
  datapointsPerMessageMax: 10_000,
  datapointBytesMax: 1024 * 1024,
  /** Of all datapoints of a message, for each byte of its payload, beside a fixed allowance. */
  outputBytesPerByteMax: 64,
  outputBytesMin: 64 * 1024,
  rejectionsPerMessageMax: 10,
  rejectionDetailCharsMax: 500,
  /** Deeper members of a JSON value are one metric of type json. */
  flattenDepthMax: 5,
  /** A device's clock may be so far ahead of receipt, and behind it. */
  clockAheadSecondsMax: 3_600,
  clockBehindSecondsMax: 10 * 366 * 86_400,
  offlineAfterSecondsMax: 366 * 86_400,
  decoderStateBytesMax: 256 * 1024,
  decoderStateCacheBytesMax: 64 * 1024 * 1024,
  decoderMsMax: 250,
  effectsPerMessageMax: 10,
  effectDelayMsMax: 60_000,
  /** Effects that wait for their time; more are not begun. */
  effectsWaitingMax: 10_000,
  /** One that is due while nothing can be published waits so much longer, and looks so often. */
  effectConnectionMsMax: 60_000,
  effectConnectionCheckMs: 250,
  /** What a convention remembers under one key: births and descriptions of many devices. */
  conventionStateBytesMax: 4 * 1024 * 1024,
  /** What a compressed payload may become. */
  decompressedBytesMax: 16 * 1024 * 1024,
  /** Metrics, members, properties, rows and cells of one Sparkplug payload. */
  sparkplugPartsMax: 250_000,
  /** Properties and metadata of metrics that one Sparkplug message may bring. */
  sparkplugPropertiesBytesMax: 64 * 1024,
  /** Messages of a Sparkplug node that came before those that they follow. */
  sparkplugEarlyMax: 100,
  /** Until a birth that was lost or is late is asked for; and until it is asked for again, twice as long each time. */
  rebirthDelayMs: 250,
  rebirthAgainMsMin: 30_000,
  rebirthAgainMsMax: 3_600_000,
  /** Values of a Homie domain that wait for the description of their device, and properties of one device. */
  homieWaitingValuesMax: 2_000,
  homieWaitingCharsMax: 500,
  homiePropertiesMax: 5_000,
  /** Of one discovery message of Home Assistant: entities, topics, variables and availability topics of one; of a template. */
  discoveryEntitiesMax: 1_000,
  discoveryTopicsMax: 5_000,
  discoveryVariablesMax: 200,
  discoveryAvailabilitiesMax: 20,
  discoveryTemplateCharsMax: 500,
  /** Values of one CBOR or MessagePack payload, each of which can be a single byte there. */
  binaryItemsMax: 1_000_000,
  protobufBytesMax: 4 * 1024 * 1024,
  conventionsMax: 50,
  conventionOptionItemsMax: 100,
  conventionFileBytesMax: 1024 * 1024,
  /** Devices that a convention knows by discovery messages, where their topics do not name them. */
  discoveredDevicesMax: 5_000,
  /** Of facts that are projected in one transaction. */
  projectionChunkFactsMax: 2_000,
  projectionChunkBytesMax: 8 * 1024 * 1024,
  projectionChunkDatapointsMax: 20_000,
  projectionRetryMs: 500,
  /** Between two chunks of a rebuild, for those that are live. */
  rebuildPauseMs: 5,
  presenceCheckMs: 5_000,
  presenceChangesPerCheckMax: 1_000,
  redriveChunkMessagesMax: 200,
  redrivesOpenMax: 100,
  projectedCacheDatapointsMax: 50_000,
  forgetRowsPerStepMax: 5_000,
  rejectionsCountedMax: 1_000_000,
  /** Names of devices and metrics whose ids are remembered. */
  projectedNamesCachedMax: 200_000,
  projectedNamesCachedBytesMax: 64 * 1024 * 1024,
  /** What an explanation reads of one topic. */
  explainMessagesMax: 10,
  explainPayloadBytesMax: 1024 * 1024,
  explainRejectionsMax: 20,
  explainRejectionsCountedMax: 100,
  explainGapsMax: 100,
  explainLatestMax: 5,
  /** Topics that are looked at when the one that is asked for never came. */
  explainOtherTopicsMax: 500,

  // Readers
  ringFactsMax: 20_000,
  ringBytesMax: 32 * 1024 * 1024,
  pageItemsMax: 1_000,
  pageItemsDefault: 100,
  /** Rows of one page scanned at most before an empty page with a `next` is given. */
  pageRowsScannedMax: 100_000,
  /** Topics that begin as the filters do: if no more do, a page looks at these alone, and else at all topics in order. */
  pageTopicsByPrefixMax: 5_000,
  pageBytesMax: 32 * 1024 * 1024,
  feedPageFactsMax: 500,
  feedPageBytesMax: 4 * 1024 * 1024,
  feedScanFactsMax: 10_000,
  /** Handed to a stream at once. */
  feedPageEventsMax: 500,
  /** Facts whose datapoints are read at once, and bytes of their payloads; a larger one is read alone. */
  datapointsReadFactsMax: 100,
  datapointsReadBytesMax: 64 * 1024,
  /** Of messages that were normalized again. */
  redrivenReadMessagesMax: 10,
  /** Reads of the table at once, for all subscribers that have fallen behind. */
  catchUpReadsMax: 3,
  heartbeatMs: 15_000,
  streamsMax: 2_000,

  // Writers
  bodyBytesMax: 12 * 1024 * 1024,
  commandPayloadBytesMax: 10 * 1024 * 1024,
  commandsPerRequestMax: 1_000,
  commandsOpenMax: 100_000,
  commandsPublishingMax: 50,
  commandExpirySecondsMax: 30 * 86_400,
  commandPollMs: 1_000,
  /** How often a command may be the only one being published when the connection ends, until it is taken as the cause. */
  commandAloneAttemptsMax: 3,
  waitSecondsMax: 60,
  userPropertiesMax: 100,
  idempotencyKeyCharsMax: 255,

  // Connections
  requestMsMax: 70_000,
  headersMsMax: 10_000,
  graphqlDepthMax: 12,
  /** Payloads belong into variables, which are not kept with the document. */
  graphqlDocumentCharsMax: 50_000,
  /** The standard introspection query has 400 of them. */
  graphqlTokensMax: 2_000,
  graphqlSelectionsMax: 1_000,
  /** Each of them may be a page of the database. */
  graphqlRootFieldsMax: 20,
  /** Pages within pages of one request, such as the metrics of each device, and how many are read at once. */
  graphqlNestedPagesMax: 200,
  graphqlNestedReadsMax: 4,
  graphqlDocumentsKeptMax: 100,
  graphqlErrorsMax: 20,
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

export type Limits = typeof defaultLimits
