/** What mappings make of messages, in SDL: previews and explanations. */

import { datapointFields } from './schema-devices.ts'

export const previews = /* GraphQL */ `
  "A message of the journal (seq), or one that is made up (topic and one payload)."
  input PreviewInput {
    "Position of a message of the journal."
    seq: Seq
    "Topic name of a message that is made up."
    topic: String
    "A JSON value as its payload. Give exactly one payload; null is none."
    payload: JSON
    "Text as its payload."
    payloadText: String
    "Bytes as its payload."
    payloadBase64: Base64
    "MQTT 5 properties of a message that is made up."
    properties: PropertiesInput
    "Text of another rialto.yaml to try; absent: the mappings in use."
    mappings: String
  }

  "What a message would give."
  type Preview {
    "Topic name."
    topic: String!
    "The mapping that has its messages; null: none."
    mapping: Mapping
    "What the topic template took from the topic: an object."
    captures: JSON!
    "Datapoints that would be stored."
    datapoints: [PreviewDatapoint!]!
    "Datapoints that would not be stored, since the mapping stores changes alone."
    unchanged: [UnchangedDatapoint!]!
    "What it says of the presence of devices."
    presence: [PreviewPresence!]!
    "Why it, or a part of it, would be rejected."
    rejections: [PreviewRejection!]!
    "What it says of devices beside metrics."
    attributes: [DeviceAttributes!]!
    "Where commands to the device go."
    commands: [CommandRoute!]!
    "What the mapping would remember; it is forgotten again."
    state: JSON
  }

  "A datapoint that would be stored."
  type PreviewDatapoint {
    ${datapointFields}
  }

  "A datapoint that would not be stored."
  type UnchangedDatapoint {
    ${datapointFields}
    "What it is compared with, and what was found."
    why: String!
  }

  "What a message says of the presence of a device."
  type PreviewPresence {
    "Name of the device."
    device: String!
    "What it is said to be."
    presence: Presence!
    "What says so."
    source: PresenceSource!
    "When."
    at: DateTime!
  }

  "Why a message, or a part of it, would be rejected."
  type PreviewRejection {
    "Why."
    reason: RejectionReason!
    "What exactly, and what to do."
    detail: String!
  }

  "What is known of a device beside metrics."
  type DeviceAttributes {
    "Name of the device."
    device: String!
    "An object."
    attributes: JSON
  }

  "Where a command to a device goes."
  type CommandRoute {
    "Name of the command."
    name: String!
    "Topic name to publish to."
    topic: String!
    "Topic name of its answer."
    responseTopic: String
  }

  "Where the messages of a topic are, and why."
  type Explanation {
    "Topic name."
    topic: String!
    "The first is the culprit."
    verdicts: [Verdict!]!
    "Filters of RIALTO_TOPICS that match the topic."
    filters: [ExplainedFilter!]!
    "The mapping that has its messages; null: none."
    mapping: Mapping
    "What the topic template took from the topic: an object."
    captures: JSON!
    "Names of later mappings that match, too, and are never asked."
    shadowed: [String!]!
    "Its newest messages, newest first."
    messages: [ExplainedMessage!]!
    "Its newest rejections."
    rejections: [Rejection!]!
    "How many rejections it has, by reason."
    rejectionCounts: [ReasonCount!]!
    "Names of the devices that its messages are from."
    devices: [String!]!
  }

  "Why a topic's messages are, or are not, where they are looked for."
  type Verdict {
    "A stable code."
    code: String!
    "What was found."
    detail: String!
    "What to do."
    fix: String
  }

  "A topic filter, and what the broker said to it."
  type ExplainedFilter {
    "The filter."
    filter: String!
    "Whether the broker took it."
    subscribed: Boolean!
    "Reason code with which the broker refused it."
    refusedWith: Int
  }

  "A message of the topic, and what the mappings in use make of it."
  type ExplainedMessage {
    "Its position in the journal."
    seq: Seq!
    "message, snapshot (found retained) or cleared."
    kind: String!
    "When it was committed."
    at: DateTime!
    "The message; null: a retained message was found gone."
    message: Message
    "What the mappings in use make of it."
    preview: Preview!
  }

  "Rejections with one reason."
  type ReasonCount {
    "The reason."
    reason: RejectionReason!
    "How many there are."
    count: Float!
  }
`
