/** The objects of the schema, in SDL: the views of views.ts, field by field. */

const payloadFields = /* GraphQL */ `
  "What the payload was found to be."
  format: PayloadFormat!
  "The decoded value; null for bytes."
  payload: JSON
  "The exact text; null for bytes."
  payloadText: String
  "The exact bytes."
  payloadBase64: Base64!
  "MQTT 5 properties; null on MQTT 3.1.1."
  properties: Properties
`

const deliveryFields = /* GraphQL */ `
  receivedAt: DateTime!
  "Quality of service with which it was received: 0, 1 or 2."
  qos: Int!
  "Whether it was published to be retained; null where MQTT 3.1.1 does not tell."
  retain: Boolean
  "Whether the broker marked it as sent before."
  dup: Boolean!
`

const connection = (node: string, about: string): string => /* GraphQL */ `
  "${about}, a page at a time."
  type ${node}Connection {
    edges: [${node}Edge!]!
    nodes: [${node === 'Topic' ? 'TopicState' : node}!]!
    pageInfo: PageInfo!
    "Position of the journal when the first page was read: give it to a subscription to go on from there."
    cursor: Cursor!
  }

  "An item of a page."
  type ${node}Edge {
    "The place in the list, for \`after\` of the same list."
    cursor: String!
    node: ${node === 'Topic' ? 'TopicState' : node}!
  }
`

export const objects = /* GraphQL */ `
  "A message as it was received."
  type Message {
    seq: Seq!
    topic: String!
    ${deliveryFields}
    ${payloadFields}
  }

  "MQTT 5 properties of a message."
  type Properties {
    contentType: String
    "1: the publisher says that the payload is UTF-8 text."
    payloadFormatIndicator: Int
    "Seconds that were left when the broker sent the message."
    messageExpiryInterval: Float
    responseTopic: String
    correlationData: Base64
    "Pairs of name and value, in order; names may repeat."
    userProperties: [[String!]!]!
  }

  "What is known of one topic now: the fields of the message received last, and what the broker retains."
  type TopicState {
    topic: String!
    topicId: ID!
    "Version of this state: the newest fact that changed it."
    seq: Seq!
    "\`seq\` of the message received last."
    messageSeq: Seq!
    ${deliveryFields}
    ${payloadFields}
    "The message that the broker retains."
    retained: Message
    retainedStatus: RetainedStatus!
    "What became of the retained message that was there."
    tombstone: Tombstone
    "When the retained message expires."
    expiresAt: DateTime
    "When the broker was last found to retain this very message."
    confirmedAt: DateTime
  }

  "What is left of a retained message."
  type Tombstone {
    at: DateTime!
    seq: Seq!
    cause: TombstoneCause!
    "The retained message that was there."
    previous: Message
  }

  "A request to publish a message, and what became of it."
  type Command {
    id: ID!
    topic: String!
    qos: Int!
    retain: Boolean!
    ${payloadFields}
    state: CommandState!
    "True when the state never changes any more."
    final: Boolean!
    awaits: Awaits!
    "How often it was handed to the broker."
    attempts: Int!
    createdAt: DateTime!
    "When it is no longer published."
    expiresAt: DateTime
    "When the broker acknowledged it."
    publishedAt: DateTime
    finishedAt: DateTime
    "Reason code of the broker's acknowledgement (MQTT 5, section 2.4)."
    brokerReasonCode: Int
    "The same for all commands of one request."
    batchId: ID
    "Who sent it."
    principal: String!
    "What happened to it, oldest first."
    events: [CommandEvent!]!
  }

  "A command went from one state to the next."
  type CommandEvent {
    "Id of the command."
    id: ID!
    seq: Seq!
    at: DateTime!
    topic: String!
    "Null for its acceptance."
    from: CommandState
    to: CommandState!
    attempt: Int!
    brokerReasonCode: Int
  }

  "An interval that may be incomplete."
  type Gap {
    seq: Seq!
    "When it was recorded."
    at: DateTime!
    cause: GapCause!
    "Client id of the MQTT session concerned."
    session: String!
    from: DateTime!
    to: DateTime!
    "Messages known to be concerned; null where nobody can tell."
    messages: Int
  }

  "What a subscription tells: the field that \`type\` names, the others are null."
  type StreamEvent {
    "Give it back as \`after\` to go on behind this event."
    cursor: Cursor!
    type: EventType!
    message: Message
    state: TopicState
    command: CommandEvent
    gap: Gap
    skipped: Skipped
  }

  "A message, and where it stands in the journal."
  type MessageEvent {
    "Give it back as \`after\` to go on behind this message."
    cursor: Cursor!
    message: Message!
    "What retention took between the event before and this one; null: nothing."
    skipped: Skipped
  }

  "Facts that could no longer be read, the first and the last included."
  type Skipped {
    from: Seq!
    to: Seq!
  }

  "Where a page stands in its list."
  type PageInfo {
    "Whether the list goes on. A page may be empty and go on: what was looked at did not match."
    hasNextPage: Boolean!
    "True for every page but the first."
    hasPreviousPage: Boolean!
    startCursor: String
    "Give it as \`after\` to get the next page."
    endCursor: String
  }

  ${connection('Topic', 'Topics')}
  ${connection('Message', 'Messages')}
  ${connection('Command', 'Commands')}
  ${connection('Gap', 'Gaps')}

  "The command that was accepted."
  type SendCommandPayload {
    command: Command!
    "Position of the journal from which on reads show it."
    cursor: Cursor!
  }

  "What became of each input, in their order."
  type SendCommandsPayload {
    results: [SendCommandResult!]!
    "Position of the journal from which on reads show the commands."
    cursor: Cursor!
  }

  "Accepted, or why not: one of the two is null."
  type SendCommandResult {
    command: Command
    problem: Problem
  }

  "Why something was not accepted."
  type Problem {
    "The same codes as in \`extensions.code\` of errors, and in REST."
    code: String!
    "What to do about it."
    detail: String!
    "Where in the input."
    errors: [ProblemDetail!]!
  }

  "What is wrong with one value."
  type ProblemDetail {
    "JSON pointer into the input."
    pointer: String!
    detail: String!
  }

  "The command that was cancelled."
  type CancelCommandPayload {
    command: Command!
    cursor: Cursor!
  }

  "The command that changes the retained message. If it is not final, the broker has not answered in time."
  type RetainedPayload {
    command: Command!
    cursor: Cursor!
  }

  "How the service does."
  type Status {
    version: String!
    startedAt: DateTime!
    instanceId: ID!
    "Whether this instance holds the MQTT session."
    leading: Boolean!
    mqtt: MqttStatus!
  }

  "The connections to the broker."
  type MqttStatus {
    state: String!
    "Since when it is in this state."
    since: DateTime!
    "MQTT version spoken with the broker."
    version: String
    lastError: String
    "Topic filters that the broker refused."
    refusedFilters: [String!]!
    "Whether commands can leave."
    publisherConnected: Boolean!
  }
`
