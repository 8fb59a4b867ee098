/** Mappings, conventions, the projector, and what explains them. */

export const normalizationLimits = {
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
  /** Of `store.atLeastEvery`. */
  storeEverySecondsMax: 366 * 86_400,
  /** Texts, JSON and bytes that are longer are compared with what is stored by their SHA-256; any integer is shorter. */
  comparedExactBytesMax: 512,
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
  explainOtherTopicsMax: 500
}
