/** What lists and subscriptions have in common, in SDL. */

export const filterArgument = /* GraphQL */ `
  "Topic filters, with the wildcards + and #; what one of them matches is included. None: everything."
  filter: [String!]`

export const pageArguments = (order: 'asc' | 'desc'): string => /* GraphQL */ `
  "Items of a page: 1 to 1000, by default 100. Large ones make a page shorter."
  first: Int
  "\`endCursor\`, or the \`cursor\` of an edge, of a page before, with the same other arguments."
  after: String
  "Where the list begins."
  order: Order! = ${order}`

/** `path` is an example of what is there. */
export const searchArguments = (path: string): string => /* GraphQL */ `
  "What must hold of the items, such as \`gt(${path},21.5)\`: docs/reading.md has all of it."
  where: String
  "A path whose values order the items, instead of \`order\`; with - before it the greatest is first: \`-${path}\`."
  sort: String`

export const asOfArgument = /* GraphQL */ `
  "A time that is over: what was known then."
  asOf: DateTime`

export const minCursorArgument = /* GraphQL */ `
  "A \`cursor\` of a mutation, list or event: waits until what is read has come that far, and never shows older data."
  minCursor: Cursor`

export const afterArgument = /* GraphQL */ `
  "The \`cursor\` to go on from, or \`earliest\`: all that is kept. Absent: from now."
  after: String`

/** Instants of `of`: the first is in the range, the second is not. */
export const rangeArguments = (of: string): string => /* GraphQL */ `
  "Only where ${of} is then or later."
  from: DateTime
  "Only where ${of} is before."
  to: DateTime`

/** `more` are fields that pages of this kind alone have. */
export const connection = (name: string, node: string, about: string, more = ''): string => /* GraphQL */ `
  "${about}, a page at a time."
  type ${name}Connection {
    "The items with their places."
    edges: [${name}Edge!]!
    "The items."
    nodes: [${node}!]!
    "Where the page stands in the list."
    pageInfo: PageInfo!
    "Position of the journal when the first page was read: a subscription goes on from there."
    cursor: Cursor!${more}
  }

  "An item and its place."
  type ${name}Edge {
    "The place in this list, for \`after\`."
    cursor: String!
    "The item."
    node: ${node}!
  }
`
