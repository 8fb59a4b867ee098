/** Webhooks, in SDL: the views of webhooks/view.ts. */

const settings = /* GraphQL */ `
  "For people."
  description: String
  "Types of events that are sent. Default: command."
  types: [WebhookEventType!]
  "Topic filters, of which one must match; none: every topic."
  filters: [String!]
  "What must hold of the message, datapoint, change of presence or command, as of streams; null: nothing."
  where: String
  "Of commands, only what became of them: events that are \`final\`. Default: true."
  finalOnly: Boolean`

const withSecret = /* GraphQL */ `
  "The webhook."
  webhook: Webhook!
  "Signs what is sent (Standard Webhooks). It is not shown again."
  secret: String!
  "Position of the journal from which on reads show it."
  cursor: Cursor!`

const id = /* GraphQL */ `
  "\`id\` of a webhook."
  id: ID!`

export const webhooks = /* GraphQL */ `
  extend type Query {
    "All webhooks, oldest first; at most 100. Secrets are not shown."
    webhooks: [Webhook!]!
    "One webhook; null if there is none with this id."
    webhook(${id}): Webhook
  }

  extend type Mutation {
    "Sends events to a URL, in order, and again until the receiver takes them (docs/webhooks.md)."
    createWebhook(
      "What is sent where."
      input: CreateWebhookInput!
    ): CreateWebhookPayload!
    """
    Changes a webhook: what is absent stays, null is the default. What failed is tried again at once. With other types,
    filters or another \`where\`, what was being sent is sent anew, and has another id.
    """
    updateWebhook(
      ${id}
      "What changes."
      input: UpdateWebhookInput!
    ): UpdateWebhookPayload!
    "Gives a webhook another secret. Both sign for 24 hours; the one before ends at once when it is rotated again."
    rotateWebhookSecret(${id}): RotateWebhookSecretPayload!
    "Sends nothing more. A request that is under way may still arrive."
    deleteWebhook(${id}): DeleteWebhookPayload!
    """
    Sends a request without events, of type \`rialto.ping\`, once and now, whatever the state of the webhook is; it changes
    nothing.
    """
    pingWebhook(${id}): PingWebhookPayload!
  }

  "Types of events that webhooks are sent. \`state\` is none: what a stream tells of states depends on how it is read."
  enum WebhookEventType {
    "A message was received, or a retained message cleared."
    message
    "A value was found in a message; also when a redrive finds it later."
    datapoint
    "A device came online or went offline."
    presence
    "A command went from one state to the next."
    command
    "An interval may be incomplete."
    gap
  }

  "Whether a webhook is sent anything."
  enum WebhookState {
    "It is."
    active
    "A client says that it is not, until a client says otherwise. Then it goes on from its cursor."
    paused
    "It is not: the receiver said 410, or who made it is not known any more. Make it active to go on from its cursor."
    disabled
  }

  "What a client may make a webhook."
  enum WebhookSwitch {
    "It goes on, also from disabled."
    active
    "It is sent nothing."
    paused
  }

  "A webhook to be made."
  input CreateWebhookInput {
    "Where it is sent: https, at a public address, unless RIALTO_WEBHOOKS_PRIVATE is true."
    url: String!
    ${settings}
    "A cursor, or \`earliest\` for all that is kept: where it begins. Absent: from now on."
    after: String
  }

  "What changes in a webhook."
  input UpdateWebhookInput {
    "Where it is sent."
    url: String
    ${settings}
    "Whether it is sent anything."
    state: WebhookSwitch
    "A cursor, or \`earliest\`: where it goes on. Absent: where it is."
    after: String
  }

  "A URL that events are sent to, and how far it is."
  type Webhook {
    "Its id, a UUID."
    id: ID!
    "Where it is sent."
    url: String!
    "For people."
    description: String!
    "Types of events that are sent."
    types: [WebhookEventType!]!
    "Topic filters, of which one must match; none: every topic."
    filters: [String!]!
    "What must hold of what is sent; null: nothing."
    where: String
    "Of commands, only what became of them."
    finalOnly: Boolean!
    "Whether it is sent anything."
    state: WebhookState!
    "Why it is disabled."
    reason: String
    "Everything up to here was delivered, or is not wanted."
    cursor: Cursor!
    "Positions of the journal behind the cursor; of a webhook that is sent nothing, up to some seconds."
    lag: Float!
    "Requests that failed since the last one that was taken."
    attempts: Int!
    "When it is tried again; null: nothing failed last."
    nextAttemptAt: DateTime
    "Why the last request failed that did."
    lastError: String
    "When it failed."
    lastErrorAt: DateTime
    "When a request was last taken."
    lastDeliveredAt: DateTime
    "Up to then, the secret before the last rotation signs, too."
    previousSecretUntil: DateTime
    "Who made it: it is sent what they may read."
    principal: String!
    "When it was made."
    createdAt: DateTime!
    "When a client last changed it."
    updatedAt: DateTime!
  }

  "A webhook that was made."
  type CreateWebhookPayload {
    ${withSecret}
  }

  "A webhook that was changed."
  type UpdateWebhookPayload {
    "The webhook."
    webhook: Webhook!
    "Position of the journal from which on reads show it."
    cursor: Cursor!
  }

  "A webhook that got another secret."
  type RotateWebhookSecretPayload {
    ${withSecret}
  }

  "A webhook that is gone."
  type DeleteWebhookPayload {
    "What its id was."
    id: ID!
    "Position of the journal from which on reads show it."
    cursor: Cursor!
  }

  "What became of a request without events."
  type PingWebhookPayload {
    "The receiver took it: its status was 200 to 299."
    delivered: Boolean!
    "Status of the answer; null: there was none."
    status: Int
    "Why it was not taken."
    error: String
    "How long it took, in milliseconds."
    ms: Float!
    "Position of the journal when it was sent."
    cursor: Cursor!
  }
`
