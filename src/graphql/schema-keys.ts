/** API keys, in SDL: the views of access/key-view.ts. */

import { connection, pageArguments } from './schema-arguments.ts'

const withText = /* GraphQL */ `
  "The key."
  apiKey: ApiKey!
  "The key, as it is sent: \`Authorization: Bearer <key>\`. It is not shown again."
  key: String!
  "Position of the journal from which on reads show it."
  cursor: Cursor!`

const id = /* GraphQL */ `
  "\`id\` of a key."
  id: ID!`

const settings = /* GraphQL */ `
  "All that it may is limited to topics that begin with this and a slash; null: it is not."
  tenant: String
  "When it ends; null: never."
  expiresAt: DateTime
  "Instead of expiresAt: from now on, 1 to 315360000."
  expiresInSeconds: Int`

export const keys = /* GraphQL */ `
  extend type Query {
    "API keys, also those that were revoked or have expired, for 90 days. Only for administrators."
    keys(${pageArguments('desc')}): ApiKeyConnection!
    "One API key; null if there is none with this id. Only for administrators."
    key(${id}): ApiKey
  }

  extend type Mutation {
    "Makes an API key, which is good at once, on every instance. Only for administrators."
    createKey(
      "What it may."
      input: CreateKeyInput!
    ): CreateKeyPayload!
    """
    Changes what an API key may, or how long: what is absent stays. Within a second, on every instance, it holds also for who
    is in already. Only for administrators.
    """
    changeKey(
      ${id}
      "What changes."
      input: ChangeKeyInput!
    ): ChangeKeyPayload!
    """
    Gives an API key another text; its id and what it may stay. The text before is good for a while, and that before it ends;
    then, within a second, what runs by it ends, too. Only for administrators.
    """
    rotateKey(
      ${id}
      "How long the text before is good, too, in seconds: 0, it ends now, to 2592000."
      overlapSeconds: Int! = 0
    ): RotateKeyPayload!
    "Revokes an API key, for ever. Within a second, on every instance, what runs by it ends. Only for administrators."
    revokeKey(${id}): RevokeKeyPayload!
  }

  "What somebody is granted."
  enum Role {
    "To read."
    read
    "To send commands and retained messages."
    command
    "Both everywhere, and to change how the service works."
    admin
  }

  "Whether a key lets in."
  enum ApiKeyState {
    "It does."
    active
    "Its time is over."
    expired
    "Somebody revoked it, for ever."
    revoked
  }

  "A role, for a topic filter or for a device; admin is for everything."
  input GrantInput {
    "What may be done."
    role: Role!
    "A topic filter: what it matches."
    topic: String
    "Name of a device."
    device: String
  }

  "An API key to be made."
  input CreateKeyInput {
    "For people; names may repeat."
    name: String!
    "What it may; none: nothing."
    grants: [GrantInput!]!
    ${settings}
  }

  "What changes in an API key."
  input ChangeKeyInput {
    "For people; names may repeat."
    name: String
    "What it may; none: nothing."
    grants: [GrantInput!]
    ${settings}
  }

  "A role, for the topics that a filter matches, or for a device; admin is for everything."
  type Grant {
    "What may be done."
    role: Role!
    "A topic filter: what it matches."
    topic: String
    "Name of a device."
    device: String
  }

  "An API key, without its text, of which only a digest is kept."
  type ApiKey {
    "12 letters and digits, which stand in the key, too."
    id: ID!
    "For people; names may repeat."
    name: String!
    "What it may; none: nothing."
    grants: [Grant!]!
    "All that it may is limited to topics that begin with this and a slash; null: it is not."
    tenant: String
    "Whether it lets in."
    state: ApiKeyState!
    "Who made it."
    createdBy: String!
    "When it was made."
    createdAt: DateTime!
    "When it was last changed."
    updatedAt: DateTime!
    "When it ends; null: never."
    expiresAt: DateTime
    "When it last got another text."
    rotatedAt: DateTime
    "Up to then, the text before is good, too; null: it is not."
    previousUntil: DateTime
    "When it was revoked."
    revokedAt: DateTime
    "When somebody last came with it, to a minute; null: nobody did."
    lastUsedAt: DateTime
  }

  "An API key that was made."
  type CreateKeyPayload {
    ${withText}
  }

  "An API key that was changed."
  type ChangeKeyPayload {
    "The key."
    apiKey: ApiKey!
    "Position of the journal from which on reads show it."
    cursor: Cursor!
  }

  "An API key that got another text."
  type RotateKeyPayload {
    ${withText}
  }

  "An API key that is revoked."
  type RevokeKeyPayload {
    "The key."
    apiKey: ApiKey!
    "Position of the journal from which on reads show it."
    cursor: Cursor!
  }
  ${connection('ApiKey', 'ApiKey', 'API keys')}
`
