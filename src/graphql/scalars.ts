/** The scalars beyond GraphQL's own. Values are strings by the time they come here: see views.ts. */

import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql'

/** A scalar that travels as a string of a certain shape. */
function stringScalar(
  name: string,
  description: string,
  isShaped: (text: string) => boolean
): GraphQLScalarType {
  const parse = (value: unknown): string => {
    if (typeof value === 'string' && isShaped(value)) return value
    throw new GraphQLError(`${name} is a string: ${description}`)
  }
  return new GraphQLScalarType<string, string>({
    name,
    description,
    serialize: String,
    parseValue: parse,
    parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : null)
  })
}

const isTime = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text))

/** Buffer ignores what is not base64, so bytes are only given if they come back the same. */
const isBase64 = (text: string): boolean => Buffer.from(text, 'base64').toString('base64') === text

export const scalars = [
  stringScalar(
    'Seq',
    'A position in the journal, as a decimal number without leading zeros: it may exceed what a JSON number holds.',
    (text) => /^(0|[1-9]\d{0,18})$/.test(text)
  ),
  stringScalar('DateTime', 'A time by RFC 3339 in UTC, with milliseconds: 2026-01-31T12:00:00.000Z.', isTime),
  stringScalar(
    'Cursor',
    'An opaque position, to be given back exactly as it was received.',
    (text) => text !== ''
  ),
  stringScalar('Base64', 'Bytes in base64 (RFC 4648 section 4), padded.', isBase64),
  new GraphQLScalarType({
    name: 'JSON',
    description: 'Any JSON value. Numbers beyond 2^53 lose digits, as in any JSON client.',
    parseValue: (value) => value,
    // A variable inside a literal is looked up: [$first, $second]
    parseLiteral: (node, variables) => valueFromASTUntyped(node, variables)
  })
]
