/** `where` against an evaluator that is written in another way: over a tree, by places, with code points and BigInt. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'
import { readFields } from '../../src/predicate/fields.ts'
import { readPredicate } from '../../src/predicate/predicate.ts'
import { readSort } from '../../src/predicate/sort.ts'
import { item, name, places, scalar, text, wayIn, write } from './items.ts'

type Tree =
  | { name: 'and' | 'or'; terms: Tree[] }
  | { name: 'not'; term: Tree }
  | { name: 'exists'; way: string[] }
  | { name: 'prefix'; way: string[]; start: string }
  | { name: 'in'; way: string[]; list: unknown[] }
  | { name: 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'; way: string[]; literal: unknown }

const runs = process.env['FULL'] === '1' ? 20_000 : 2_000

const comparing = ['gt', 'ge', 'lt', 'le'] as const
const equal = ['eq', 'ne'] as const

/** Of paths without a meaning of their own: those are in the next test. */
function treeOf(of: object): fc.Arbitrary<Tree> {
  const inside = [...places(of).values()].filter((value) => typeof value !== 'object' || value === null)
  const literal = inside.length === 0 ? scalar : fc.oneof(scalar, fc.constantFrom(...inside))
  const ordered = literal.filter((value) => typeof value === 'number' || typeof value === 'string')
  const way = wayIn(of).filter((names) => names.length > 1 || !['seq', 'at'].includes(names[0]!))
  return fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      fc.record({ name: fc.constantFrom(...comparing), way, literal: ordered }),
      fc.record({ name: fc.constantFrom(...equal), way, literal }),
      fc.record({
        name: fc.constant('in' as const),
        way,
        list: fc.array(literal, { minLength: 1, maxLength: 4 })
      }),
      fc.record({ name: fc.constant('exists' as const), way }),
      fc.record({ name: fc.constant('prefix' as const), way, start: text }),
      fc.record({ name: fc.constant('not' as const), term: tie('tree') }),
      fc.record({
        name: fc.constantFrom('and' as const, 'or' as const),
        terms: fc.array(tie('tree'), { minLength: 1, maxLength: 3 })
      })
    )
  })).tree
}

function say(tree: Tree, space: string): string {
  const call = (...parts: string[]): string =>
    `${space}${tree.name}${space}(${parts.map((part) => `${space}${part}${space}`).join(',')})${space}`
  // JSON has -0, too, and JSON.stringify does not write it
  const json = (value: unknown): string => (Object.is(value, -0) ? '-0' : JSON.stringify(value))
  if ('terms' in tree) return call(...tree.terms.map((term) => say(term, space)))
  if ('term' in tree) return call(say(tree.term, space))
  const way = write(tree.way, space !== '')
  if ('list' in tree) return call(way, ...tree.list.map(json))
  if ('start' in tree) return call(way, json(tree.start))
  return 'literal' in tree ? call(way, json(tree.literal)) : call(way)
}

function holds(tree: Tree, found: Map<string, unknown>): boolean {
  if ('terms' in tree) {
    const count = tree.terms.filter((term) => holds(term, found)).length
    return tree.name === 'and' ? count === tree.terms.length : count > 0
  }
  if ('term' in tree) return !holds(tree.term, found)
  const key = JSON.stringify(tree.way)
  const value = found.get(key)
  switch (tree.name) {
    case 'exists':
      return found.has(key)
    case 'prefix':
      return typeof value === 'string' && value.slice(0, tree.start.length) === tree.start
    case 'in':
      return tree.list.some((literal) => same(value, literal))
    case 'eq':
      return same(value, tree.literal)
    case 'ne':
      return !same(value, tree.literal)
    default: {
      const order = orderOf(value, tree.literal)
      return order !== null && { gt: [1], ge: [0, 1], lt: [-1], le: [-1, 0] }[tree.name].includes(order)
    }
  }
}

const same = (a: unknown, b: unknown): boolean =>
  (a === null || typeof a !== 'object') && a !== undefined && JSON.stringify([a]) === JSON.stringify([b])

/** null: the two have no order. */
function orderOf(a: unknown, b: unknown): number | null {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0
  if (typeof a !== 'string' || typeof b !== 'string') return null
  const points = (of: string): string =>
    Array.from(of)
      .map((point) => point.codePointAt(0)!.toString().padStart(8, '0'))
      .join('')
  const [pointsA, pointsB] = [points(a), points(b)]
  return pointsA < pointsB ? -1 : pointsA > pointsB ? 1 : 0
}

test('a predicate is true where the naive evaluator says so, however it is written', () => {
  const seen = { true: 0, false: 0 }
  fc.assert(
    fc.property(
      item.chain((of) => fc.tuple(fc.constant(of), treeOf(of), fc.constantFrom('', ' ', '\n\t '))),
      ([of, tree, space]) => {
        const predicate = readPredicate(say(tree, space), {
          ...defaultLimits,
          whereCharsMax: 100_000,
          whereTermsMax: 1_000
        })
        const expected = holds(tree, places(of))
        seen[`${expected}`]++
        assert.equal(predicate.test(of), expected)
      }
    ),
    { numRuns: runs }
  )
  assert.ok(Math.min(seen.true, seen.false) > runs / 10, JSON.stringify(seen))
})

test('positions are compared as whole numbers, and times as instants, with whatever offset and fraction', () => {
  const seq = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.maxSafeNat())
  const at = fc.oneof(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: Date.parse('1000-01-01'), max: Date.parse('9000-01-01') })
  )
  const sign = { gt: [1], ge: [0, 1], lt: [-1], le: [-1, 0], eq: [0], ne: [-1, 1] } as const
  const function_ = fc.constantFrom(...comparing, ...equal)
  fc.assert(
    fc.property(function_, seq, seq, fc.boolean(), (called, is, literal, asText) => {
      const order = BigInt(is) < BigInt(literal) ? -1 : is === literal ? 0 : 1
      const written = asText ? `"${literal}"` : String(literal)
      for (const [path, of] of [
        ['seq', { seq: String(is) }],
        ['retained/seq', { retained: { seq: String(is) } }],
        ['tombstone/previous/seq', { tombstone: { previous: { seq: String(is) } } }],
        ['metrics/a~1b/seq', { metrics: { 'a/b': { seq: String(is) } } }],
        ['topicId', { topicId: String(is) }]
      ] as const) {
        const predicate = readPredicate(`${called}(${path},${written})`, defaultLimits)
        assert.equal(predicate.test(of), (sign[called] as readonly number[]).includes(order))
      }
    }),
    { numRuns: runs }
  )
  fc.assert(
    fc.property(
      function_,
      at,
      at,
      fc.integer({ min: 0, max: 999 }),
      fc.integer({ min: -1_439, max: 1_439 }),
      (called, is, literal, micros, minutes) => {
        const [a, b] = [BigInt(is) * 1000n, BigInt(literal) * 1000n + BigInt(micros)]
        const order = a < b ? -1 : a === b ? 0 : 1
        const local = new Date(literal + minutes * 60_000).toISOString().slice(0, -1)
        const digits = (number: number, count: number): string => String(number).padStart(count, '0')
        const far = Math.abs(minutes)
        const offset = `${minutes < 0 ? '-' : '+'}${digits(Math.floor(far / 60), 2)}:${digits(far % 60, 2)}`
        const predicate = readPredicate(
          `${called}(tombstone/at,"${local}${digits(micros, 3)}${offset}")`,
          defaultLimits
        )
        const of = { tombstone: { at: new Date(is).toISOString() } }
        assert.equal(predicate.test(of), (sign[called] as readonly number[]).includes(order))
      }
    ),
    { numRuns: runs }
  )
})

test('whatever is written, it is read or refused with a word where; and what is read takes any item', () => {
  const word = fc.constantFrom(
    ...'and or not eq ne gt ge lt le in exists prefix ( ) , " \\ seq receivedAt payload a/b ~ ~2 / - 1 -0 1e999 null'.split(
      ' '
    ),
    ' ',
    '\u0000',
    '\ud800',
    '"x"',
    'and('.repeat(12),
    '1,'.repeat(60)
  )
  const argument = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
    fc.tuple(item.chain(treeOf), fc.nat(), fc.nat(), word).map(([tree, at, length, other]) => {
      const whole = say(tree, '')
      const cut = at % (whole.length + 1)
      return whole.slice(0, cut) + other + whole.slice(cut + (length % 4))
    })
  )
  const readers = [
    (given: string) => readPredicate(given, defaultLimits),
    (given: string) => readSort(given, defaultLimits),
    (given: string) => readFields([given], defaultLimits)
  ]
  const seen = { read: 0, refused: 0 }
  fc.assert(
    fc.property(argument, item, (given, of) => {
      for (const [at, read] of readers.entries()) {
        try {
          const result = read(given)
          if ('test' in result) assert.equal(typeof result.test(of), 'boolean')
          seen.read++
        } catch (error) {
          assert.ok(error instanceof Problem, String(error))
          assert.match(error.code, /^(invalid_value|query_too_complex)$/)
          assert.equal(error.errors[0]?.pointer, ['where', 'sort', 'fields'][at])
          seen.refused++
        }
      }
    }),
    { numRuns: 2 * runs }
  )
  assert.ok(Math.min(seen.read, seen.refused) > runs / 4, JSON.stringify(seen))
})

test('nothing is found in prototypes, and an index is an index', () => {
  fc.assert(
    fc.property(
      name.filter((given) => given !== ''),
      fc.constantFrom({}, [], 'text', 5, null, [[]]),
      (inherited, of) => {
        const predicate = readPredicate(`exists(${write([inherited])})`, defaultLimits)
        assert.equal(predicate.test(of), places(of).has(JSON.stringify([inherited])))
      }
    )
  )
})
