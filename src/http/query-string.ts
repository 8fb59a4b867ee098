/** Query strings in which a literal `+` is a `+`: MQTT's wildcard, as people type it into a URL. Pure. */

export type Query = Record<string, string | string[]>

/**
 * Form encoding would make `+` a space; RFC 3986 section 3.4 does not. Never throws, because the router calls it
 * outside of any handler: what cannot be decoded stays as it is, and `isDecodable` tells.
 */
export function parseQuery(text: string): Query {
  const query: Query = Object.create(null)
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    const before = query[name]
    query[name] = before === undefined ? value : [before, value].flat()
  }
  return query
}

export function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const decode = (text: string): string => (isDecodable(text) ? decodeURIComponent(text) : text)
