import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTrace, readTraceparent, traceOf, withTrace, withoutTrace } from '../src/trace.ts'

const id = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'
const traceparent = `00-${id}-${parent}-01`

test('traceparent is read as the recommendation says; what is not valid counts as nothing', () => {
  const cases: Array<[given: unknown, read: string | null]> = [
    [traceparent, traceparent],
    [`00-${id}-${parent}-00`, `00-${id}-${parent}-00`],
    // Flags that are not known are not passed on (section 3.2.2.5)
    [`00-${id}-${parent}-ff`, `00-${id}-${parent}-03`],
    // A later version is read as far as this one goes (section 3.2.4)
    [`cc-${id}-${parent}-01`, traceparent],
    [`cc-${id}-${parent}-01-what-comes`, traceparent],
    [`cc-${id}-${parent}-01.what`, null],
    [`00-${id}-${parent}-01-more`, null],
    [`ff-${id}-${parent}-01`, null],
    [`00-${'0'.repeat(32)}-${parent}-01`, null],
    [`00-${id}-${'0'.repeat(16)}-01`, null],
    [`00-${id.toUpperCase()}-${parent}-01`, null],
    [` ${traceparent}`, null],
    [`${traceparent}\n`, null],
    // Twice, as Node joins them
    [`${traceparent}, ${traceparent}`, null],
    ['', null],
    [undefined, null],
    [7, null]
  ]
  for (const [given, read] of cases) assert.equal(readTraceparent(given), read, String(given))
})

test('tracestate goes with it, as far as it can be published', () => {
  const read = (tracestate: unknown) => readTrace({ traceparent, tracestate })?.tracestate
  assert.equal(read('rojo=00f067aa0ba902b7,congo=t61'), 'rojo=00f067aa0ba902b7,congo=t61')
  assert.equal(read('a'.repeat(512)), 'a'.repeat(512))
  for (const given of ['a'.repeat(513), '', 'a=\u0007', 'a=ü', undefined]) assert.equal(read(given), null)
  assert.equal(readTrace({ tracestate: 'a=b' }), null)
})

test('a message carries the trace of its request, unless its client gave one', () => {
  const trace = { traceparent, tracestate: 'a=b' }
  const carried = {
    userProperties: [
      ['traceparent', traceparent],
      ['tracestate', 'a=b']
    ] as Array<[string, string]>
  }
  assert.deepEqual(withTrace(null, trace), carried)
  assert.deepEqual(traceOf(carried), trace)
  assert.equal(withTrace(null, null), null)
  const own = {
    contentType: 'x',
    userProperties: [
      ['a', '1'],
      ['traceparent', `00-${id}-${parent}-00`]
    ] as Array<[string, string]>
  }
  assert.equal(withTrace(own, trace), own)
  // What is not valid, and a state without its trace, say nothing
  const faulty = {
    contentType: 'x',
    userProperties: [
      ['traceparent', 'x'],
      ['a', '1'],
      ['tracestate', 'c=d']
    ] as Array<[string, string]>
  }
  assert.deepEqual(withTrace(faulty, { traceparent, tracestate: null }), {
    contentType: 'x',
    userProperties: [
      ['a', '1'],
      ['traceparent', traceparent]
    ]
  })
  assert.deepEqual(withoutTrace(carried), {})
  assert.deepEqual(withoutTrace({ contentType: 'x', ...carried }), { contentType: 'x' })
})
