/** Documents told in parts: whatever is told, what is pushed adds up to the document. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { atPath, mergeMembers, replaceMembers } from '../../src/conventions/members.ts'
import type { KnownMembers } from '../../src/conventions/members.ts'

function run(
  known: KnownMembers | null,
  patch: unknown,
  apply = mergeMembers
): [KnownMembers | null, string[]] {
  const pushed: string[] = []
  const after = apply(known, patch, (path, value) =>
    pushed.push(`${path.join('.')}=${JSON.stringify(value)}`)
  )
  return [after, pushed]
}

test('parts add members, and null takes them with all that they have', () => {
  const [first, told] = run(null, { a: 1, b: { c: true, d: [1, null] } })
  assert.deepEqual(told, ['a=1', 'b.c=true', 'b.d=[1,null]'])
  assert.deepEqual(first, { a: 0, b: { c: 0, d: 0 } })
  assert.equal(run(first, { a: 2 })[0], first)
  assert.deepEqual(run(first, { b: null }), [{ a: 0 }, ['b.c=null', 'b.d=null']])
  assert.deepEqual(run(first, { b: 5 }), [{ a: 0, b: 0 }, ['b.c=null', 'b.d=null', 'b=5']])
  assert.deepEqual(run(first, { a: { x: 1 } }), [{ a: { x: 0 }, b: { c: 0, d: 0 } }, ['a=null', 'a.x=1']])
  assert.deepEqual(run(first, null), [null, ['a=null', 'b.c=null', 'b.d=null']])
  assert.deepEqual(run(first, { a: null, b: null })[0], null)
  assert.deepEqual(run(null, { a: null, b: {} }), [null, ['a=null']])
  assert.deepEqual(run(first, {}), [first, []])
})

test('a whole document takes what it has not', () => {
  const known = { a: 0, b: { c: 0 } } as const
  assert.deepEqual(run(known, { b: { d: 1 } }, replaceMembers), [
    { b: { d: 0 } },
    ['a=null', 'b.c=null', 'b.d=1']
  ])
  assert.deepEqual(run(known, { a: { x: 1 }, b: 2 }, replaceMembers), [
    { a: { x: 0 }, b: 0 },
    ['a=null', 'b.c=null', 'a.x=1', 'b=2']
  ])
  assert.deepEqual(run(known, undefined, replaceMembers)[1].slice(0, 2), ['a=null', 'b.c=null'])
})

test('names of foreigners are names', () => {
  const patch = JSON.parse('{"__proto__":{"polluted":1},"constructor":2}') as unknown
  const [known, told] = run(null, patch)
  assert.deepEqual(told, ['__proto__.polluted=1', 'constructor=2'])
  assert.deepEqual(run(known, patch)[0], known)
  assert.deepEqual(run(known, JSON.parse('{"__proto__":null}'))[1], ['__proto__.polluted=null'])
  assert.equal(({} as { polluted?: number }).polluted, undefined)
  assert.deepEqual(run({ a: 0 }, { constructor: null }), [{ a: 0 }, ['constructor=null']])
  assert.equal(atPath({}, ['constructor']), undefined)
  assert.equal(atPath({ a: { b: 1 } }, ['a', 'b']), 1)
})

test('however deep it is, it ends', () => {
  let deep: unknown = 1
  for (let level = 0; level < 90; level++) deep = { a: deep }
  const [known, told] = run(null, deep)
  assert.equal(told.length, 1)
  assert.equal(told[0]!.split('=')[0]!.split('.').length, 10)
  assert.deepEqual(run(known, deep)[0], known)
})

/** The simple way: a document, and RFC 7396 as it is written there. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result = new Map(
    typeof target === 'object' && target !== null && !Array.isArray(target) ? Object.entries(target) : []
  )
  for (const [name, value] of Object.entries(patch))
    if (value === null) result.delete(name)
    else result.set(name, mergePatch(result.get(name), value))
  return Object.fromEntries(result)
}

function leaves(document: unknown, path: string[], found: Map<string, unknown>): Map<string, unknown> {
  if (typeof document === 'object' && document !== null && !Array.isArray(document))
    for (const [name, value] of Object.entries(document)) leaves(value, [...path, name], found)
  else found.set(path.join('.'), document)
  return found
}

test('what is pushed adds up to the document, by RFC 7396', () => {
  const { tree } = fc.letrec((tie) => ({
    value: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(null), fc.constant([1])),
    tree: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(tie('value'), tie('tree')), { maxKeys: 3 })
  }))
  fc.assert(
    fc.property(fc.array(fc.record({ whole: fc.boolean(), patch: tree }), { maxLength: 6 }), (steps) => {
      let document: unknown = {}
      let known: KnownMembers | null = null
      const latest = new Map<string, unknown>()
      for (const { whole, patch } of steps) {
        // A whole document has no nulls
        const told = whole ? mergePatch({}, patch) : patch
        document = whole ? told : mergePatch(document, told)
        known = (whole ? replaceMembers : mergeMembers)(known, told, (path, value) => {
          latest.set(path.join('.'), value)
        })
        const there = [...latest].filter(([, value]) => value !== null)
        assert.deepEqual(new Map(there), new Map(leaves(document, [], new Map())))
      }
    }),
    { numRuns: 2_000 }
  )
})
