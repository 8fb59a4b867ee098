/** Properties of a message, in its topic: `$.ct=application%2Fjson&alert=true`. Pure. */

/** null: the name stands alone; '' : nothing stands behind its `=`. */
export type PropertyBag = ReadonlyMap<string, string | null>

/** Each name and value is encoded once, so it is decoded once; what cannot be stays as it is, and `reject` is told. */
export function readBag(text: string, reject: (detail: string) => void): PropertyBag {
  const bag = new Map<string, string | null>()
  const decode = (part: string): string => {
    if (!part.includes('%')) return part
    try {
      return decodeURIComponent(part)
    } catch {
      reject(
        `${JSON.stringify(part.slice(0, 60))} in the topic has a % that encodes nothing; it was left as it is`
      )
      return part
    }
  }
  for (const pair of (text.startsWith('?') ? text.slice(1) : text).split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals === -1) bag.set(decode(pair), null)
    else bag.set(decode(pair.slice(0, equals)), decode(pair.slice(equals + 1)))
  }
  return bag
}

/** As the hub writes it: everything encoded but letters, digits and `-_.!~*'()`. */
export const writeBag = (properties: ReadonlyArray<readonly [name: string, value: string | null]>): string =>
  properties
    .map(
      ([name, value]) => encodeURIComponent(name) + (value === null ? '' : `=${encodeURIComponent(value)}`)
    )
    .join('&')
