/** What can be followed over WebSocket, in SDL. The command's own subscription is here as well. */

import { afterArgument, filterArgument } from './schema-arguments.ts'

const whereArgument = /* GraphQL */ `
  """
  Only events whose message, state, datapoint, change of presence or command satisfies it, such as
  \`gt(payload/temperature,21.5)\`. A state that no longer does is not told.
  """
  where: String`

const modeArguments = /* GraphQL */ `
  "Whether every event is sent."
  mode: StreamMode! = all
  "With mode latest: events per second of each topic, metric, device or command, at most; 0.01 to 100."
  maxRate: Float`

const skippedCount = /* GraphQL */ `
  "In mode latest: how many events of the same topic, metric, device or command were left out since the one before."
  skippedCount: Int`

export const streams = /* GraphQL */ `
  "What happens, over WebSocket (graphql-transport-ws)."
  type Subscription {
    "Facts as they are committed. Begins with a progress that tells where, or with a snapshot."
    events(
      ${filterArgument}
      "Which events to send; skipped and progress always come."
      types: [EventType!]! = [message, gap]
      ${afterArgument}
      """
      Begins with the current state of every matching topic, as events of type state; the first progress tells that it is
      complete. With \`after\`, the stream goes on from there instead.
      """
      snapshot: Boolean! = false
      ${whereArgument}
      ${modeArguments}
    ): StreamEvent!
    "Messages as they are committed."
    messages(${filterArgument} ${afterArgument} ${whereArgument} ${modeArguments}): MessageEvent!
    """
    The current state of every matching topic, then every change: events of type state, skipped and progress. The first
    progress tells that the current state is complete.
    """
    topicStates(
      ${filterArgument}
      "The \`cursor\` to go on from, also one within the current state. Absent: from the beginning."
      after: String
      ${whereArgument}
      ${modeArguments}
    ): StreamEvent!
    "Datapoints as they are found; also those that a redrive finds or changes, when it does."
    datapoints(
      "Only those of this device."
      device: String
      "Only those of metrics with this name."
      metric: String
      ${filterArgument}
      ${afterArgument}
      ${whereArgument}
      ${modeArguments}
    ): DatapointEvent!
    "Devices coming online and going offline."
    presence(
      "Only this one."
      device: String
      ${afterArgument}
      ${whereArgument}
      ${modeArguments}
    ): PresenceEvent!
    "A command as it is now, and whenever it has changed; ends when it is final."
    command(
      "\`id\` of a command."
      id: ID!
    ): Command!
  }

  "Whether a stream sends every event."
  enum StreamMode {
    "Every event."
    all
    """
    While the reader is not ready, only the newest message and state of each topic, datapoint of each metric, presence of
    each device and transition of each command wait. The last is never left out.
    """
    latest
  }

  "What a subscription tells: the field that \`type\` names; the others are null."
  type StreamEvent {
    "Give it as \`after\` to go on behind this event."
    cursor: Cursor!
    "What it tells."
    type: EventType!
    "For message."
    message: Message
    "For state: the topic's state, by now perhaps newer than this event."
    state: TopicState
    "For datapoint."
    datapoint: Datapoint
    "For presence."
    presence: PresenceChange
    "For command."
    command: CommandEvent
    "For gap."
    gap: Gap
    "For skipped."
    skipped: Skipped
    ${skippedCount}
  }

  "A message, and where it stands in the journal."
  type MessageEvent {
    "Give it as \`after\` to go on behind this message."
    cursor: Cursor!
    "The message."
    message: Message!
    "What retention took between the message before and this one; null: nothing."
    skipped: Skipped
    ${skippedCount}
  }

  "A datapoint, and where it stands in the journal."
  type DatapointEvent {
    "Give it as \`after\` to go on behind this datapoint."
    cursor: Cursor!
    "The datapoint."
    datapoint: Datapoint!
    "What retention took between the datapoint before and this one; null: nothing."
    skipped: Skipped
    ${skippedCount}
  }

  "A change of presence, and where it stands in the journal."
  type PresenceEvent {
    "Give it as \`after\` to go on behind this change."
    cursor: Cursor!
    "The change."
    presence: PresenceChange!
    "What retention took between the change before and this one; null: nothing."
    skipped: Skipped
    ${skippedCount}
  }

  "Facts of a class of retention that could no longer be read."
  type Skipped {
    "The first of them."
    from: Seq!
    "The last of them. Between the two, messages of other classes are kept, and come behind this."
    to: Seq!
    "The class of retention that they were of; null: they were of several."
    retentionClass: String
  }
`
