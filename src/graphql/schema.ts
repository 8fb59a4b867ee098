/** The operations of the schema, in SDL. Objects are in schema-objects.ts; scalars and enums in files of their own. */

export const operations = /* GraphQL */ `
  schema {
    query: Query
    mutation: Mutation
    subscription: Subscription
  }

  type Query {
    "The current state of topics, in the order in which they were first seen."
    topics(
      "Topic filters; a topic is listed if one of them matches. None: all topics."
      filter: [String!]
      "Items of a page: 1 to 1000, by default 100."
      first: Int
      "\`endCursor\` or an edge's \`cursor\` of the page before, with the same other arguments."
      after: String
      order: Order! = ASC
    ): TopicConnection!
    "The current state of one topic, or null if nothing was ever received on it."
    topic(name: String!): TopicState
    "The current state of the topic with this \`topicId\`."
    topicById(id: ID!): TopicState
    "Messages as they were received."
    messages(
      "Topic filters; none: all topics."
      filter: [String!]
      "Items of a page: 1 to 1000, by default 100. A page of large messages may have fewer."
      first: Int
      "\`endCursor\` or an edge's \`cursor\` of the page before, with the same other arguments."
      after: String
      order: Order! = DESC
    ): MessageConnection!
    "Commands that were accepted."
    commands(
      "Only commands in one of these states."
      state: [CommandState!]
      "Only commands to this topic."
      topic: String
      "Items of a page: 1 to 1000, by default 100."
      first: Int
      "\`endCursor\` or an edge's \`cursor\` of the page before, with the same other arguments."
      after: String
      order: Order! = DESC
    ): CommandConnection!
    "One command, or null if there is none with this id."
    command(id: ID!): Command
    "Intervals that may be incomplete."
    gaps(
      "Items of a page: 1 to 1000, by default 100."
      first: Int
      "\`endCursor\` or an edge's \`cursor\` of the page before, with the same other arguments."
      after: String
      order: Order! = DESC
    ): GapConnection!
    "How the service does."
    status: Status!
  }

  type Mutation {
    "Accepts a message to be published."
    sendCommand(input: SendCommandInput!): SendCommandPayload!
    "Accepts several, in one transaction. Each has an outcome of its own: one may be refused while others are accepted."
    sendCommands(
      inputs: [CommandInput!]!
      "The same key with the same inputs is the same commands, however often it is sent."
      idempotencyKey: String
    ): SendCommandsPayload!
    "Cancels a command that is still pending."
    cancelCommand(id: ID!): CancelCommandPayload!
    "Publishes a retained message, and waits for the broker to have it."
    setRetained(
      topic: String!
      "A JSON value to publish. Give exactly one payload."
      payload: JSON
      "Text to publish as it is."
      payloadText: String
      "Bytes to publish."
      payloadBase64: Base64
      qos: Int! = 1
      "\`seq\` that the topic's state must have when the request comes, or \`*\`: it must have a state."
      ifMatch: String
      "Seconds to wait for the broker at most, 0 to 60."
      waitSeconds: Int! = 5
    ): RetainedPayload!
    "Publishes an empty retained message, so that the broker forgets the one it has, and waits for the broker to do so."
    clearRetained(
      topic: String!
      "\`seq\` that the topic's state must have when the request comes, or \`*\`: it must have a state."
      ifMatch: String
      "Seconds to wait for the broker at most, 0 to 60."
      waitSeconds: Int! = 5
    ): RetainedPayload!
  }

  type Subscription {
    "Facts as they are committed."
    events(
      "Topic filters; none: all topics."
      filter: [String!]
      types: [EventType!]! = [MESSAGE, GAP]
      "The \`cursor\` to go on from, or \`earliest\`: all that is kept. Absent: from now."
      after: String
    ): StreamEvent!
    "Messages as they are committed."
    messages(
      "Topic filters; none: all topics."
      filter: [String!]
      "The \`cursor\` to go on from, or \`earliest\`: all that is kept. Absent: from now."
      after: String
    ): MessageEvent!
    """
    The current state of every matching topic, then every change: events of type STATE, SKIPPED and PROGRESS. The first
    PROGRESS tells that the current state is complete.
    """
    topicStates(
      "Topic filters; none: all topics."
      filter: [String!]
      "The \`cursor\` to go on from, also within the current state. Absent: from the beginning."
      after: String
    ): StreamEvent!
    "A command as it is now and whenever it changes; complete when it is final."
    command(id: ID!): Command!
  }

  "A message to publish."
  input CommandInput {
    "Where to publish it: a topic name, without wildcards."
    topic: String!
    "A JSON value to publish. Give exactly one payload; null is none."
    payload: JSON
    "Text to publish as it is."
    payloadText: String
    "Bytes to publish."
    payloadBase64: Base64
    qos: Int! = 1
    "Whether the broker keeps it as the topic's retained message."
    retain: Boolean! = false
    "Seconds after which it is no longer published, and the broker no longer delivers it."
    expiresInSeconds: Int
    properties: PropertiesInput
  }

  "A message to publish, and how to answer."
  input SendCommandInput {
    "Where to publish it: a topic name, without wildcards."
    topic: String!
    "A JSON value to publish. Give exactly one payload; null is none."
    payload: JSON
    "Text to publish as it is."
    payloadText: String
    "Bytes to publish."
    payloadBase64: Base64
    qos: Int! = 1
    "Whether the broker keeps it as the topic's retained message."
    retain: Boolean! = false
    "Seconds after which it is no longer published, and the broker no longer delivers it."
    expiresInSeconds: Int
    properties: PropertiesInput
    "The same key with the same input is the same command, however often it is sent."
    idempotencyKey: String
    "Seconds to wait until the command is final, 0 to 60."
    waitSeconds: Int! = 0
  }

  "MQTT 5 properties to publish with a message."
  input PropertiesInput {
    "The payload's MIME type."
    contentType: String
    "1: the payload is UTF-8 text. 0: it is bytes."
    payloadFormatIndicator: Int
    "Topic on which an answer is expected."
    responseTopic: String
    "What the answer is to repeat."
    correlationData: Base64
    "Pairs of name and value, in order; names may repeat."
    userProperties: [[String!]!]
  }
`
