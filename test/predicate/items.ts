/** Items as answers have them, with names and values that are easily mistaken; and what is at each place, told in another way. */

import fc from 'fast-check'

export const name = fc.constantFrom(
  'payload',
  'seq',
  'at',
  'a',
  'b/c',
  '~',
  '~1',
  '',
  '0',
  '1',
  '01',
  'length',
  '__proto__',
  'constructor',
  'my key',
  'é😀',
  'a"b',
  '-'
)

export const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'B',
    'é',
    '\ue000',
    '\ud83d\ude00',
    '\ud800',
    '\ud83d',
    '\ud83da',
    '\ud83d\ud83d\ude00',
    '\ud83d\ude01',
    '\ude00',
    'aa',
    'a\ud83d\ude00',
    '\uffff',
    '10',
    '9'
  ),
  fc.string({ unit: 'binary', maxLength: 4 })
)

export const scalar = fc.oneof(
  fc.constantFrom(null, true, false, 0, -0, 1, -1, 2 ** 53, 0.5, 1e300, -1e-300),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  text
)

/** Through JSON, as payloads come: __proto__ is a member like others. */
export const { value, item } = fc.letrec<{ value: unknown; list: unknown[]; item: object }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, tie('list'), tie('item')),
  list: fc.array(tie('value'), { maxLength: 3 }),
  item: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 5 })
    .map((members) => Object.fromEntries(members) as object)
}))

/** By JSON of the names on the way there. */
export function places(of: unknown): Map<string, unknown> {
  const found = new Map<string, unknown>()
  const visit = (value: unknown, way: string[]): void => {
    found.set(JSON.stringify(way), value)
    if (Array.isArray(value)) value.forEach((element, at) => visit(element, [...way, String(at)]))
    else if (value !== null && typeof value === 'object')
      for (const [member, within] of Object.entries(value)) visit(within, [...way, member])
  }
  visit(of, [])
  return found
}

/** A way to somewhere in the item, or to nowhere. No item has a member without a name, so no path begins with one. */
export const wayIn = (of: object): fc.Arbitrary<string[]> => {
  const ways = [...places(of).keys()]
    .map((way) => JSON.parse(way) as string[])
    .filter((way) => way.length > 0)
  const nowhere = fc.array(name, { minLength: 1, maxLength: 3 })
  const way =
    ways.length === 0 ? nowhere : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...ways) }, nowhere)
  return way.filter(([first]) => first !== '')
}

/** As it is written in an argument; `quoted` where it need not be. */
export function write(way: readonly string[], quoted = false): string {
  const pointer = way.map((part) => part.replace(/~/g, '~0').replace(/\//g, '~1')).join('/')
  return quoted || !/^[A-Za-z0-9_$~/.:@+-]+$/.test(pointer) ? JSON.stringify(pointer) : pointer
}
