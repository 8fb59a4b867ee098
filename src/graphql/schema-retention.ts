/** How long what is kept, in SDL: the views of history/retention-view.ts. */

const rollupFields = /* GraphQL */ `
  "Rollups of a minute, in seconds; null: no limit."
  minute: Float
  "Rollups of an hour, in seconds; null: no limit."
  hour: Float
  "Rollups of a day, in seconds; null: no limit."
  day: Float`

const cursor = /* GraphQL */ `
  "Position of the journal when this was answered."
  cursor: Cursor!`

export const retention = /* GraphQL */ `
  extend type Query {
    "How long what is kept: classes of topics, and rollups, which outlive the datapoints that they are of."
    retention: Retention!
  }

  extend type Mutation {
    """
    Makes a class of retention, or changes all of it: what is absent has no limit. Topics come to it within minutes; what was
    received before stays in the class that it came to. What is older than the class keeps is dropped. It stands in the audit.
    """
    setRetentionClass(
      "Name of the class: 1 to 40 of a to z, 0 to 9 and -."
      name: String!
      "Topic filters, of which one must match. \`default\` has none: it has the topics of no other class."
      filters: [String!]
      "Kept for so many seconds; null: no limit."
      keepSeconds: Float
      "So many bytes are kept, of messages and their datapoints, with indexes; null: no limit."
      keepBytes: Float
    ): SetRetentionClassPayload!
    "Removes a class: its topics come to others, and what it has is kept as long as it says. It stands in the audit."
    removeRetentionClass(
      "Name of the class."
      name: String!
    ): RemoveRetentionClassPayload!
    "Changes how long rollups are kept. Those that are absent stay as they are. It stands in the audit."
    setRollupRetention(${rollupFields}): SetRollupRetentionPayload!
  }

  "How long what is kept."
  type Retention {
    "system, which has what is of no topic; those with filters in the order in which they are asked; default."
    classes: [RetentionClass!]!
    "What datapoints come to."
    rollups: RollupRetention!
  }

  "Topics whose messages and datapoints are kept alike."
  type RetentionClass {
    "Its name."
    name: String!
    "Topic filters, of which one must match. \`default\` has none: it has the topics of no other class."
    filters: [String!]!
    "Kept for so many seconds; null: no limit."
    keepSeconds: Float
    "So many bytes are kept, of messages and their datapoints, with indexes; null: no limit."
    keepBytes: Float
    "Where it stands in the order in which classes are asked; null: it is not asked by its filters."
    position: Int
    "The newest position of it that was dropped: all of it up to here were. 0: none was."
    horizon: Seq!
    "What is kept of it takes, with indexes."
    bytes: Float!
    "Topics that are of it now."
    topics: Float!
    "It was removed: no topic comes to it, and it is gone when nothing of it is kept."
    removed: Boolean!
  }

  "How long rollups are kept."
  type RollupRetention {
    ${rollupFields}
  }

  "The class that was set."
  type SetRetentionClassPayload {
    "The class."
    class: RetentionClass!
    ${cursor}
  }

  "What is kept once a class was removed."
  type RemoveRetentionClassPayload {
    "What is kept."
    retention: Retention!
    ${cursor}
  }

  "How long rollups are kept now."
  type SetRollupRetentionPayload {
    "How long."
    rollups: RollupRetention!
    ${cursor}
  }
`
