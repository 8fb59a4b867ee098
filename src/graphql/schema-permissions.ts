/** What whoever asks may do, in SDL. */

const subject = /* GraphQL */ `
  "A topic name."
  topic: String
  "A topic filter."
  filter: String
  "Name of a device: its topics, or commands by its name."
  device: String
`

export const permissions = /* GraphQL */ `
  extend type Query {
    "Your own grants, and what they come to for topics, filters and devices; told without looking whether there is any of these."
    permissions(
      "What is asked about."
      checks: [PermissionCheckInput!]! = []
    ): Permissions!
  }

  "What may be done."
  enum PermissionAction {
    "To read."
    read
    "To send commands and retained messages."
    command
    "To change how the service works."
    administer
  }

  "Of what is asked about, how much is allowed."
  enum Allowance {
    "All of it."
    all
    "Some of it, which may be all of what there is."
    some
    "Nothing."
    none
  }

  "A topic, a filter or a device; none of them to administer."
  input PermissionCheckInput {
    "What is to be done."
    action: PermissionAction!
    ${subject}
  }

  "What is allowed of what was asked about."
  type PermissionCheck {
    "What is to be done."
    action: PermissionAction!
    ${subject}
    "How much of it is allowed."
    allowed: Allowance!
  }

  "What you may do."
  type Permissions {
    "Who asks."
    principal: String!
    "Topics begin with it; null: no tenant."
    tenant: String
    "What was granted."
    grants: [Grant!]!
    "When it ends; null: not by itself."
    expiresAt: DateTime
    "As they were asked."
    checks: [PermissionCheck!]!
  }
`
