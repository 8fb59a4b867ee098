/** What can be read, in SDL. Commands are in schema-commands.ts, streams in schema-streams.ts, objects in schema-objects.ts. */

import {
  asOfArgument,
  connection,
  filterArgument,
  minCursorArgument,
  pageArguments,
  rangeArguments,
  searchArguments
} from './schema-arguments.ts'

const committed = 'the time of commit, a moment after receipt,'
const ofTimes = /* GraphQL */ `
    "With from or to, where that range begins before what is kept: everything committed from this time on is there."
    keptFrom: DateTime`

export const reading = /* GraphQL */ `
  schema {
    query: Query
    mutation: Mutation
    subscription: Subscription
  }

  "What is known."
  type Query {
    "The state of topics, in the order in which they were first seen, or of what is at a path."
    topics(
      ${filterArgument}
      "Only topics of which this is known."
      state: TopicStateKind
      ${searchArguments('payload/temperature')}
      ${asOfArgument}
      ${pageArguments('asc')}
      ${minCursorArgument}
    ): TopicConnection!
    "The state of one topic; null if nothing was ever received on it."
    topic(
      "Topic name."
      name: String!
      ${asOfArgument}
      ${minCursorArgument}
    ): TopicState
    "The state of one topic; null if there is none with this id."
    topicById(
      "\`topicId\` of a topic."
      id: ID!
      ${asOfArgument}
      ${minCursorArgument}
    ): TopicState
    "Messages as they were received."
    messages(
      ${filterArgument}
      "Only of topics by which these devices are known: names, with \`*\` for any run of characters."
      device: [String!]
      ${rangeArguments(committed)}
      ${pageArguments('desc')}
      ${minCursorArgument}
    ): MessageConnection!
    "Commands that were accepted."
    commands(
      "Only those in one of these states."
      state: [CommandState!]
      "Only those to this topic."
      topic: String
      "Only those to the device of exactly this name."
      device: String
      "Only those of this command of devices."
      name: String
      "Only those that wait for one of these."
      awaits: [Awaits!]
      "Only those of this batch, or of this request."
      batch: ID
      "Only retries of this command."
      retryOf: ID
      "Only those accepted at this time or later."
      from: DateTime
      "Only those accepted before this time."
      to: DateTime
      ${pageArguments('desc')}
      ${minCursorArgument}
    ): CommandConnection!
    "One command; null if there is none with this id."
    command(
      "\`id\` of a command."
      id: ID!
      ${minCursorArgument}
    ): Command
    "Intervals that may be incomplete."
    gaps(${rangeArguments(committed)} ${pageArguments('desc')} ${minCursorArgument}): GapConnection!
    "How the service does."
    status: Status!
  }
`

export const connections = /* GraphQL */ `
  ${connection('Topic', 'TopicState', 'Topics')}
  ${connection('Message', 'Message', 'Messages', ofTimes)}
  ${connection('Command', 'Command', 'Commands')}
  ${connection('Gap', 'Gap', 'Gaps', ofTimes)}

  "Where a page stands in its list."
  type PageInfo {
    "Whether the list goes on. A page may be empty and go on, when nothing it looked at matched."
    hasNextPage: Boolean!
    "True for every page but the first. There is no way back: turn \`order\` round."
    hasPreviousPage: Boolean!
    "Place of the first item."
    startCursor: String
    "Give it as \`after\` to get the next page."
    endCursor: String
  }
`
