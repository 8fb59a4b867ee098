/** Which functions there are, and what becomes of those that there are not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../../src/errors.ts'
import { needsOf, readFunctions } from '../../src/history/functions.ts'

const limits = { historyFunctionsMax: 4 }

test('functions by their names, each once', () => {
  assert.deepEqual(readFunctions(['mean', 'p99.9', 'mean', 'p100'], limits, 'fn'), [
    { name: 'mean', kind: 'mean', fraction: null },
    { name: 'p99.9', kind: 'percentile', fraction: 0.999 },
    { name: 'p100', kind: 'percentile', fraction: 1 }
  ])
})

for (const [names, says] of [
  [['median'], /fn has no function "median": ask for count, .* or a percentile such as p95/],
  [['Mean'], /no function "Mean"/],
  [[''], /no function ""/],
  [['p0'], /above p0 and at most p100/],
  [['p100.5'], /above p0 and at most p100/],
  [['p050'], /no function "p050"/],
  [['p-5'], /no function "p-5"/],
  [['p1e1'], /no function "p1e1"/],
  [[], /fn needs a function/],
  [['min', 'max', 'sum', 'mean', 'count'], /fn has 5 functions: ask for at most 4/]
] as const)
  test(`${JSON.stringify(names)} is refused`, () => {
    assert.throws(
      () => readFunctions(names, limits, 'fn'),
      (error) =>
        error instanceof Problem &&
        error.code === 'invalid_value' &&
        error.errors[0]!.pointer === 'fn' &&
        says.test(error.message)
    )
  })

test('what is needed is asked for, and nothing else', () => {
  const needs = (names: string[], fill: 'null' | 'previous') =>
    needsOf(readFunctions(names, limits, 'fn'), fill)
  const nothing = {
    sum: false,
    min: false,
    max: false,
    ends: false,
    integral: false,
    increase: false,
    percentiles: [],
    prior: false
  }
  assert.deepEqual(needs(['count'], 'previous'), nothing)
  assert.deepEqual(needs(['mean'], 'null'), { ...nothing, sum: true })
  assert.deepEqual(needs(['min'], 'previous'), { ...nothing, min: true, prior: true })
  assert.deepEqual(needs(['rate'], 'null'), { ...nothing, ends: true, increase: true, prior: true })
  assert.deepEqual(needs(['p50'], 'null'), { ...nothing, percentiles: [0.5] })
})
