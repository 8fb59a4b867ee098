/** Mappings, redrives and projections, in SDL: the views of projection/views.ts. */

import { filterArgument, rangeArguments } from './schema-arguments.ts'

const selectionArguments = /* GraphQL */ `
  ${filterArgument}
  "Only those with this reason."
  reason: RejectionReason
  "Only those of this mapping."
  mapping: String
  ${rangeArguments('`receivedAt`')}`

const writeCursor = /* GraphQL */ `
  "Position of the journal when this was answered."
  cursor: Cursor!`

const redriveFields = /* GraphQL */ `
  "A UUID."
  id: ID!
  "How far it is."
  state: RedriveState!
  "How it works."
  mode: RedriveMode!
  "Only messages of topics that these match; none: of every topic."
  filters: [String!]!
  "Only messages with this reason."
  reason: RejectionReason
  "Only messages of this mapping."
  mapping: String
  "Only messages received then or later."
  from: DateTime
  "Only messages received before."
  to: DateTime
  "Who asked for it."
  principal: String!
  "When it was asked for."
  createdAt: DateTime!
  "When it ended."
  finishedAt: DateTime
  "It is done up to this message."
  lastSeq: Seq!
  "Messages until this one are meant."
  untilSeq: Seq!
  "Messages looked at."
  messages: Float!
  "Messages without a rejection now."
  accepted: Float!
  "Why it failed."
  error: String`

export const mappings = /* GraphQL */ `
  extend type Query {
    "The mappings in use, and how far they have come."
    mappings: Mappings!
    "What a message would give. Nothing is stored."
    previewMapping(
      "The message."
      input: PreviewInput!
    ): Preview!
    "Where the messages of a topic are, and why. The first verdict names the culprit."
    explain(
      "Topic name."
      topic: String!
    ): Explanation!
    "The newest redrives, newest first."
    redrives(
      "How many: 1 to 1000, by default 100."
      first: Int
    ): [Redrive!]!
    "One redrive; null if there is none with this id."
    redrive(
      "\`id\` of a redrive."
      id: ID!
    ): Redrive
    "Versions of devices and datapoints: the current one, one that is being built, retired ones."
    projections: [Projection!]!
  }

  extend type Mutation {
    "Runs rejected messages through the mappings again, with their original times and in their order. Follow \`redrive\`."
    redrive(${selectionArguments}): RedrivePayload!
    "Reads rialto.yaml again. Faults are invalid_value with an error for each, and the mappings before stay in use."
    reloadMappings(
      "Whether what is kept is built anew with changed mappings; absent: as rialto.yaml says."
      rebuild: Boolean
    ): ReloadMappingsPayload!
    "Deletes a device with its metrics and datapoints. It cannot be taken back, and stands in the audit."
    forgetDevice(
      "Name of the device."
      id: ID!
    ): ForgetPayload!
    "Deletes a topic with its state, messages, datapoints and rejections. It cannot be taken back, and stands in the audit."
    forgetTopic(
      "Topic name."
      name: String!
    ): ForgetPayload!
  }

  "The mappings in use."
  type Mappings {
    "Path of rialto.yaml; null: none."
    file: String
    "What they mean, as a hash: the same for the same meaning."
    hash: String!
    "When they were read."
    loadedAt: DateTime!
    "In the order in which they are tried: the first that matches a topic has its messages."
    mappings: [Mapping!]!
    "What was wrong when they were read last; those before it stay in use."
    faults: [MappingFault!]!
    "Facts up to here are in devices and datapoints."
    doneSeq: Seq!
    "How many facts wait."
    lag: Float!
  }

  "What messages of some topics mean."
  type Mapping {
    "Its name."
    name: String!
    "Topic template."
    topic: String!
    "The topic filter that the template makes."
    filter: String!
    "What reads the payload."
    decoder: String!
    "What a message does to those before it."
    merge: MergePolicy!
    "What a message means depends on those before it."
    stateful: Boolean!
    "A device that is silent for so many seconds is offline; null: silence says nothing."
    offlineAfterSeconds: Int
    "How commands reach its devices."
    commands: [CommandAddress!]!
    "Its line in rialto.yaml, from 1; null for the automatic one."
    line: Int
  }

  "How a command reaches a device, and how its answer is recognised."
  type CommandAddress {
    "Name of the command."
    name: String!
    "Topic template to publish to."
    topic: String!
    "Topic template of answers."
    responseTopic: String
    "Expression that finds in an answer what correlates it; null: MQTT 5 correlation data."
    correlation: String
  }

  "A fault of rialto.yaml."
  type MappingFault {
    "Line, from 1."
    line: Int!
    "Column, from 1."
    column: Int!
    "JSON pointer into the document."
    pointer: String!
    "What is wrong."
    message: String!
    "What to do."
    fix: String!
  }

  "A version of devices, metrics and datapoints."
  type Projection {
    "Its id."
    id: ID!
    "Which one it is."
    state: ProjectionState!
    "Hash of its mappings."
    mappingHash: String!
    "Its mappings, as they were written."
    mappingText: String!
    "Facts up to here are in it."
    doneSeq: Seq!
    "For one being built: where the journal was when it began."
    targetSeq: Seq!
    "For one being built: how far it is, from 0 to 1."
    progress: Float
    "When it began."
    createdAt: DateTime!
    "When it became the current one."
    switchedAt: DateTime
  }

  "Rejected messages that run through the mappings again."
  type Redrive {
    ${redriveFields}
  }

  "The redrive that was accepted."
  type RedrivePayload {
    "The redrive."
    redrive: Redrive!
    ${writeCursor}
  }

  "What came of reading rialto.yaml again."
  type ReloadMappingsPayload {
    "Whether it means something else than before."
    changed: Boolean!
    "What it means, as a hash."
    hash: String!
    "The version of devices and datapoints that is being built for it."
    building: Projection
    ${writeCursor}
  }

  "What was deleted."
  type ForgetPayload {
    "Messages of the journal."
    messages: Float!
    "Datapoints."
    datapoints: Float!
    "Devices."
    devices: Float!
    "Topics."
    topics: Float!
    ${writeCursor}
  }
`
