/** Who changed or commanded what, in SDL. */

import { connection, pageArguments, rangeArguments } from './schema-arguments.ts'

export const audit = /* GraphQL */ `
  extend type Query {
    "Who changed or commanded what, when, and from where. For administrators."
    audit(
      "Only what this one asked for."
      principal: String
      "Only this operation, as openapi.yaml names it."
      action: String
      "Only what was done to this: an id, or a name, as entries have it."
      subject: String
      ${rangeArguments('`at`')}
      ${pageArguments('desc')}
    ): AuditEntryConnection!
  }

  "Something that somebody changed or commanded."
  type AuditEntry {
    "Number of the entry; they have holes."
    id: ID!
    "When, by the clock of the database."
    at: DateTime!
    "Who asked for it."
    principal: String!
    "Address of the client; null: not known."
    address: String
    "The operation, as openapi.yaml names it."
    action: String!
    "What it was done to: an id, or a name."
    subject: String!
    "What else there is to say, without secrets and payloads."
    detail: JSON!
  }

  ${connection('AuditEntry', 'AuditEntry', 'Entries')}
`
