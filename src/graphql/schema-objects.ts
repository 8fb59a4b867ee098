/** Messages, states and events, in SDL: the views of views.ts, field by field. */

export const payloadFields = /* GraphQL */ `
  "What the payload was found to be."
  format: PayloadFormat!
  "The decoded value; null for bytes and for a number out of range."
  payload: JSON
  "The exact text; null for bytes."
  payloadText: String
  "The exact bytes."
  payloadBase64: Base64!
  "Why \`payload\` does not say all that the bytes say; null: it does."
  payloadFault: PayloadFault
  "MQTT 5 properties; null where there are none, as on MQTT 3.1.1."
  properties: Properties`

const deliveryFields = /* GraphQL */ `
  "When it was received."
  receivedAt: DateTime!
  "Quality of service with which it was received: 0, 1 or 2."
  qos: Int!
  "Whether it was published to be retained; null where MQTT 3.1.1 does not tell."
  retain: Boolean
  "Whether the broker said that it may have sent it before."
  dup: Boolean!`

export const objects = /* GraphQL */ `
  "A message as it was received."
  type Message {
    "Its position in the journal."
    seq: Seq!
    "Topic name."
    topic: String!
    ${deliveryFields}
    ${payloadFields}
  }

  "MQTT 5 properties of a message."
  type Properties {
    "The payload's MIME type."
    contentType: String
    "1: the publisher says that the payload is UTF-8 text."
    payloadFormatIndicator: Int
    "Seconds that were left when the broker sent the message; beyond what an Int holds."
    messageExpiryInterval: Float
    "Topic name for an answer."
    responseTopic: String
    "What an answer is to repeat."
    correlationData: Base64
    "Pairs of name and value, in order; names may repeat."
    userProperties: [[String!]!]!
  }

  "What is known of one topic now: the fields of the message received last, and what the broker retains."
  type TopicState {
    "Topic name."
    topic: String!
    "Short for the topic name."
    topicId: ID!
    "Version of this state: the newest fact that changed it."
    seq: Seq!
    "Position of the message received last."
    messageSeq: Seq!
    ${deliveryFields}
    ${payloadFields}
    "The message that the broker retains."
    retained: Message
    "Whether \`retained\` can be relied on."
    retainedStatus: RetainedStatus!
    "What is left of a retained message that is gone."
    tombstone: Tombstone
    "When the retained message expires."
    expiresAt: DateTime
    "When the broker was last found to retain this very message."
    confirmedAt: DateTime
  }

  "What is left of a retained message."
  type Tombstone {
    "When it was found to be gone."
    at: DateTime!
    "Position of the fact that tells so."
    seq: Seq!
    "Why it is gone."
    cause: TombstoneCause!
    "The retained message that was there."
    previous: Message
  }

  "An interval that may be incomplete."
  type Gap {
    "Its position in the journal."
    seq: Seq!
    "When it was recorded."
    at: DateTime!
    "Why."
    cause: GapCause!
    "The MQTT session concerned."
    session: String!
    "Where the interval begins."
    from: DateTime!
    "Where it ends."
    to: DateTime!
    "Messages known to be concerned; null where nobody can tell."
    messages: Int
  }

  "How the service does."
  type Status {
    "Version of the service."
    version: String!
    "Newest migration of the database that this version has."
    schemaVersion: String!
    "When this instance was started."
    startedAt: DateTime!
    "Which instance answers."
    instanceId: ID!
    "Whether this instance holds the MQTT session."
    leading: Boolean!
    "The connections to the broker."
    mqtt: MqttStatus!
    "The second session, of a Sparkplug host application; null: RIALTO_SPARKPLUG_HOST is not set."
    sparkplugHost: SparkplugHostStatus
    "The certificate that HTTPS shows; null: HTTP without TLS."
    certificate: CertificateStatus
    "The newest interval in which messages may be missing."
    lastGap: Gap
  }

  "The connections to the broker."
  type MqttStatus {
    "connecting, connected or stopped."
    state: String!
    "Since when."
    since: DateTime!
    "MQTT version spoken with the broker: 5 or 3.1.1."
    version: String
    "Why the last connection failed."
    lastError: String
    "Where no TLS could be agreed on: such as certificate_expired."
    lastErrorCode: String
    "Topic filters that the broker refused."
    refusedFilters: [String!]!
    "How long the broker keeps our session while we are away, in seconds; null: not known (MQTT 3.1.1)."
    sessionExpirySeconds: Float
    "Another client seems to use our client id."
    takenOver: Boolean!
    "How far it is known what the broker retains."
    snapshot: SnapshotStatus!
    "Whether commands can leave."
    publisherConnected: Boolean!
  }

  "The certificate that HTTPS shows."
  type CertificateStatus {
    "It is not valid before."
    validFrom: DateTime!
    "It is not valid after."
    validTo: DateTime!
    "When it was read from its files."
    readAt: DateTime!
    "Why what is in the files now is not used; null: it is."
    fault: String
  }

  "The session of a Sparkplug host application."
  type SparkplugHostStatus {
    "By which edge nodes know it: RIALTO_SPARKPLUG_HOST."
    hostId: String!
    "connecting, connected (STATE says online) or stopped."
    state: String!
    "Since when."
    since: DateTime!
    "MQTT version spoken with the broker: 5 or 3.1.1."
    version: String
    "Why the last connection failed."
    lastError: String
    "Where no TLS could be agreed on: such as certificate_expired."
    lastErrorCode: String
    "Topic filters that the broker refused."
    refusedFilters: [String!]!
  }

  "How far it is known what the broker retains."
  type SnapshotStatus {
    "unread, reading, known, or incomplete: then what the broker did not send may still be there."
    state: String!
    "When the broker was asked last."
    at: DateTime
    "Why it is incomplete."
    reason: String
  }
`
