import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from '../../src/limits.ts'
import { pick, readFields } from '../../src/predicate/fields.ts'
import { item, places, wayIn, write } from './items.ts'

test('only what is named, nested as it was; arrays whole, null stays', () => {
  const given = {
    topic: 'a',
    payload: { a: 1, b: { c: 2, d: 3 }, list: [{ e: 1 }, 2], text: 'x' },
    retained: null,
    'a,b': 1
  }
  const table: Array<[string[], object]> = [
    [['topic'], { topic: 'a' }],
    [['payload/a', 'topic, payload/b/d'], { payload: { a: 1, b: { d: 3 } }, topic: 'a' }],
    [['payload/b/c,payload/b'], { payload: { b: { c: 2, d: 3 } } }],
    [['payload/b,payload/b/c'], { payload: { b: { c: 2, d: 3 } } }],
    [['payload/list/0/e'], { payload: { list: [{ e: 1 }, 2] } }],
    [['retained/payload/x'], { retained: null }],
    [['payload/text/x,payload/nothing,constructor'], { payload: {} }],
    [['"a,b"'], { 'a,b': 1 }]
  ]
  for (const [texts, expected] of table)
    assert.deepEqual(pick(given, readFields(texts, defaultLimits)), expected, texts.join(' & '))
  for (const [text, fault] of [
    ['', /fields: at character 1: expected a path/],
    ['a,', /at character 3: expected a path/],
    ['a b', /at character 3: expected a comma or the end/]
  ] as const)
    assert.throws(() => readFields([text], defaultLimits), fault)
})

test('of every item: what is at a place that was asked for is there, as it was, and nothing else is', () => {
  fc.assert(
    fc.property(
      item.chain((of) => fc.tuple(fc.constant(of), fc.array(wayIn(of), { minLength: 1, maxLength: 5 }))),
      ([of, ways]) => {
        const picked = pick(of, readFields([ways.map((way) => write(way)).join(',')], defaultLimits))
        const [before, after] = [places(of), places(picked)]
        for (const way of ways) {
          const key = JSON.stringify(way)
          assert.equal(after.has(key), before.has(key), key)
          if (before.has(key)) assert.deepEqual(after.get(key), before.get(key))
        }
        for (const [key, value] of after) {
          const there = JSON.parse(key) as string[]
          assert.ok(before.has(key))
          const leads = (way: readonly string[]): boolean => there.every((name, at) => way[at] === name)
          const within = ways.some((way) => way.every((name, at) => there[at] === name))
          const inArray = there.some((_, at) => Array.isArray(before.get(JSON.stringify(there.slice(0, at)))))
          assert.ok(within || inArray || ways.some(leads), key)
          if (!within && !inArray && (value === null || typeof value !== 'object')) assert.equal(value, null)
        }
      }
    ),
    { numRuns: 1_000 }
  )
})
