/** What may come from a broker, and how long it is waited for. */

export const brokerLimits = {
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
  takeoverDelayMs: 30_000
}
