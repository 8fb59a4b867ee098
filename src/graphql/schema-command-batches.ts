/** Batches of commands, in SDL: the views of command-batch-views.ts, field by field. */

import { commandStates } from '../command.ts'
import { connection, minCursorArgument, pageArguments } from './schema-arguments.ts'
import { payloadsInput } from './schema-command-inputs.ts'

export const commandBatches = /* GraphQL */ `
  extend type Query {
    "One command to many devices each: your own, or all where you may read everything."
    batches(
      "Only those in one of these states."
      state: [BatchState!]
      ${pageArguments('desc')}
      ${minCursorArgument}
    ): BatchConnection!
    "One batch; null if there is none with this id."
    batch(
      "\`id\` of a batch."
      id: ID!
      ${minCursorArgument}
    ): Batch
    "What became of a batch for each device: those with a command in the order in which they become due, then the others."
    batchOutcomes(
      "\`id\` of a batch."
      id: ID!
      "Items of a page: 1 to 1000, by default 100."
      first: Int
      "\`endCursor\`, or the \`cursor\` of an edge, of a page before."
      after: String
      ${minCursorArgument}
    ): BatchOutcomeConnection!
  }

  extend type Mutation {
    "Sends a command to many devices: accepted for each that has it and takes its parameters. docs/batches.md has all of it."
    sendBatch(
      "The command, and the devices."
      input: SendBatchInput!
    ): BatchPayload!
    "Cancels what is not yet being published of a batch. \`counts\` tell how many."
    cancelBatch(
      "\`id\` of a batch."
      id: ID!
    ): BatchPayload!
  }

  "A command to many devices: those that are named, or that where holds of, or both."
  input SendBatchInput {
    "Names of devices: \`*\` is any run of characters, and \`\\\\\` makes the next one itself. Those of the first become due first, and then by name. None: all that where holds of."
    devices: [String!]
    "Only devices that this holds of when the batch is accepted, such as \`eq(presence,\\"online\\")\`."
    where: String
    "Name of the command, which each device must have. The parameters are the members of the payload."
    name: String!
    ${payloadsInput}
    "Each is not published after so many seconds, counted from when it is due."
    expiresInSeconds: Int
    "None is published before."
    notBefore: DateTime
    "How long what each awaits is waited for after it is published."
    timeoutSeconds: Int
    "What is done where nobody knows whether the broker has a command."
    delivery: Delivery! = atLeastOnce
    "What each waits for after it is published; absent: what can be known of it."
    awaits: Awaits
    "So many commands become due in a second, 0.01 to 1000; absent: all at once."
    ratePerSecond: Float
    "Nothing more is published once this share, 0 to 1, of the commands that are final has failed; 0: once any has."
    stopAtFailureShare: Float
    "The share is judged once so many commands are final; by default 10."
    stopAfter: Int
    "The same key with the same input is the same batch, however often it is sent."
    idempotencyKey: String
  }

  "A batch as it is now."
  type BatchPayload {
    "The batch."
    batch: Batch!
    "Position of the journal from which on reads show it."
    cursor: Cursor!
  }

  "One command to many devices, and how far it is."
  type Batch {
    "A UUID."
    id: ID!
    "How it does."
    state: BatchState!
    "Name of the command."
    name: String!
    "Names of devices as asked for, with \`*\`."
    devices: [String!]!
    "What had to hold of them."
    where: String
    "Commands that become due in a second; null: all at once."
    ratePerSecond: Float
    "Share of failures that it stops at; null: none."
    stopAtFailureShare: Float
    "The share is judged once so many commands are final."
    stopAfter: Int
    "Devices that it is for: accepted and notAccepted."
    total: Int!
    "Devices with a command."
    accepted: Int!
    "Devices without: they do not have it, or refuse its parameters. The outcomes tell why."
    notAccepted: Int!
    "Commands in each state."
    counts: BatchCounts!
    "Commands that nothing more will happen to."
    final: Int!
    "Of these: failed, timedOut, undeliverable, refused, expired and unknown."
    failures: Int!
    "failures of all that are final and not cancelled; null: there are none."
    failureShare: Float
    "Why it was stopped or cancelled."
    reason: String
    "When it was accepted."
    createdAt: DateTime!
    "When its last command became final."
    finishedAt: DateTime
    "Who asked."
    principal: String!
  }

  "Commands of a batch in each state."
  type BatchCounts {
    ${commandStates.map((state) => `"Commands that are ${state}."\n    ${state}: Int!`).join('\n    ')}
  }

  "Of one device of a batch: its command, or why there is none. One of the two is null."
  type BatchOutcome {
    "Name of the device."
    device: String!
    "Its command."
    command: Command
    "Why there is none."
    problem: Problem
  }

  ${connection('Batch', 'Batch', 'Batches')}
  ${connection('BatchOutcome', 'BatchOutcome', 'Outcomes of a batch')}
`
