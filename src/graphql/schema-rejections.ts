/** What mappings could not make anything of, in SDL. */

import {
  connection,
  filterArgument,
  minCursorArgument,
  pageArguments,
  rangeArguments
} from './schema-arguments.ts'
import { payloadFields } from './schema-objects.ts'

export const rejections = /* GraphQL */ `
  extend type Query {
    "What mappings could not make anything of."
    rejections(
      ${filterArgument}
      "Only those with this reason."
      reason: RejectionReason
      "Only those of this mapping."
      mapping: String
      ${rangeArguments('`receivedAt`')}
      ${pageArguments('desc')}
      ${minCursorArgument}
    ): RejectionConnection!
    "How many of the newest rejections there are, by mapping and reason; most first."
    rejectionCounts(${minCursorArgument}): [RejectionCount!]!
  }

  "What a mapping could not make anything of."
  type Rejection {
    "Position in the journal of the message."
    seq: Seq!
    "Its number among the rejections of the message, from 0."
    n: Int!
    "Topic name."
    topic: String!
    "Name of the mapping."
    mapping: String!
    "Why."
    reason: RejectionReason!
    "What exactly, and what to do."
    detail: String!
    "When the message was received."
    receivedAt: DateTime!
    "What was received; null when the journal no longer has it."
    raw: RawPayload
  }

  "What was received."
  type RawPayload {
    ${payloadFields}
  }

  "Rejections of one mapping with one reason."
  type RejectionCount {
    "Name of the mapping."
    mapping: String!
    "The reason."
    reason: RejectionReason!
    "How many there are."
    count: Float!
  }

  ${connection('Rejection', 'Rejection', 'Rejections')}
`
