/** What can be published, and what becomes of it, in SDL. */

import { commandInputs, payloadInput, retainedArguments } from './schema-command-inputs.ts'
import { payloadFields } from './schema-objects.ts'

const writeFields = /* GraphQL */ `
  "The command, as it was when this was answered."
  command: Command!
  "Position of the journal from which on reads show it."
  cursor: Cursor!`

export const commands = /* GraphQL */ `
  "What can be done: everything is a message to be published, stored before it is."
  type Mutation {
    "Accepts a message to publish."
    sendCommand(
      "The message."
      input: SendCommandInput!
    ): SendCommandPayload!
    "Accepts several, in one transaction. Each is accepted or refused by itself."
    sendCommands(
      "The messages, 1 to 1000."
      inputs: [CommandInput!]!
      "The same key with the same inputs is the same commands, however often it is sent."
      idempotencyKey: String
    ): SendCommandsPayload!
    "Sends a final command once more, as a new one: with the terms and the condition of the first, at once."
    retryCommand(
      "\`id\` of a command."
      id: ID!
      "The same key with the same command is one retry, however often it is sent."
      idempotencyKey: String
      "Seconds to wait at most until it is final, 0 to 60."
      waitSeconds: Int! = 0
    ): SendCommandPayload!
    "Cancels a command that is not yet being published."
    cancelCommand(
      "\`id\` of a command."
      id: ID!
    ): CancelCommandPayload!
    "Publishes a retained message, and waits until the broker has it."
    setRetained(
      "Topic name."
      topic: String!
      ${payloadInput}
      ${retainedArguments}
    ): RetainedPayload!
    "Publishes an empty retained message, so that the broker forgets the one it has, and waits until it does."
    clearRetained(
      "Topic name."
      topic: String!
      ${retainedArguments}
    ): RetainedPayload!
  }

  ${commandInputs}

  "The command that was accepted."
  type SendCommandPayload {
    ${writeFields}
  }

  "What became of each input, in their order."
  type SendCommandsPayload {
    "One for each input."
    results: [SendCommandResult!]!
    "Position of the journal from which on reads show the commands."
    cursor: Cursor!
  }

  "Accepted, or why not: one of the two is null."
  type SendCommandResult {
    "The command, if it was accepted."
    command: Command
    "Why it was not accepted."
    problem: Problem
  }

  "Why something was not accepted."
  type Problem {
    "As in \`extensions.code\` of errors, and in REST."
    code: String!
    "What to do about it."
    detail: String!
    "What is wrong where in the input."
    errors: [ProblemDetail!]!
  }

  "What is wrong with one value."
  type ProblemDetail {
    "JSON pointer into the input."
    pointer: String!
    "What is wrong with it."
    detail: String!
  }

  "The command that was cancelled."
  type CancelCommandPayload {
    ${writeFields}
  }

  "The command that changes the retained message. If it is not final, the broker has not answered yet."
  type RetainedPayload {
    ${writeFields}
  }

  "A request to publish a message, and what became of it."
  type Command {
    "A UUID."
    id: ID!
    "Topic name to publish to."
    topic: String!
    "Of a command to a device: its name."
    device: String
    "Of a command to a device: name of the command."
    name: String
    "Quality of service to publish with."
    qos: Int!
    "Whether the broker keeps it as the topic's retained message."
    retain: Boolean!
    "What is done where nobody knows whether the broker has it."
    delivery: Delivery!
    ${payloadFields}
    "What became of it."
    state: CommandState!
    "True when \`state\` never changes any more."
    final: Boolean!
    "What it waits for after the broker has it."
    awaits: Awaits!
    "How often it was handed to the broker."
    attempts: Int!
    "When it was accepted."
    createdAt: DateTime!
    "It is not published before this."
    notBefore: DateTime
    "When it is no longer published."
    expiresAt: DateTime
    "When the broker acknowledged it."
    publishedAt: DateTime
    "How long it waits for what it awaits, from \`publishedAt\` on."
    timeoutSeconds: Int
    "When it stops waiting."
    timeoutAt: DateTime
    "When it became final."
    finishedAt: DateTime
    "Reason code of the broker's acknowledgement (MQTT 5, section 2.4)."
    brokerReasonCode: Int
    "What the device said."
    response: Message
    "What it said when the command was final by other means: the first of these."
    lateResponse: Message
    "Position of the fact that showed its effect."
    effectSeq: Seq
    "Why it was refused, or failed."
    reason: String
    "The command that this one repeats."
    retryOf: ID
    "The same for all commands of one request."
    batchId: ID
    "W3C trace context of its message: the trace that it belongs to, and the span that it came from."
    traceparent: String
    "Who sent it."
    principal: String!
    "What happened to it, oldest first."
    events: [CommandEvent!]!
  }

  "A command went from one state to the next."
  type CommandEvent {
    "\`id\` of the command."
    id: ID!
    "Its position in the journal."
    seq: Seq!
    "When it was committed."
    at: DateTime!
    "Topic name of the command."
    topic: String!
    "The state before; null for its acceptance."
    from: CommandState
    "The state from then on."
    to: CommandState!
    "What happened; null if it was committed before this was recorded."
    event: CommandEventKind
    "True once nothing more will happen."
    final: Boolean!
    "How often it had been handed to the broker."
    attempt: Int!
    "Reason code of the broker's acknowledgement (MQTT 5, section 2.4)."
    brokerReasonCode: Int
    "Why it was refused, or failed."
    reason: String
    "Position of the message that was the response."
    responseSeq: Seq
    "Position of the fact that showed the effect."
    effectSeq: Seq
    "As of the command."
    traceparent: String
  }
`
