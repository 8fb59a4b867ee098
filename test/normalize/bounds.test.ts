import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../src/datapoints.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import { compileText, mapping, message, reasons, values } from './mappings.ts'

const automatic = (topic: string, payload: unknown, limits: Partial<Limits> = {}): Outcome =>
  compileText('automatic: true', { limits }).normalize(message(topic, payload), null).outcome

test('names: not empty, of a bounded length, without control characters and lone surrogates', () => {
  const legal = ['a', ' ', 'é', '😀', 'a.b', 'x'.repeat(1_024), 'é'.repeat(512), '\u00a0', '\ufffd']
  const illegal = ['', '\0', 'a\u0001', '\u007f', '\u0085', '\ud800', 'x'.repeat(1_025), 'é'.repeat(513)]
  for (const name of legal) {
    const outcome = automatic('a/b', { [name]: 1 })
    assert.deepEqual([values(outcome), outcome.rejections], [{ [`a/b ${name}`]: 1 }, []], name)
  }
  for (const name of illegal) {
    const outcome = automatic('a/b', { [name]: 1, fine: 2 })
    assert.deepEqual(
      [values(outcome), reasons(outcome)],
      [{ 'a/b fine': 2 }, ['invalid_metric']],
      JSON.stringify(name)
    )
  }
  for (const topic of ['/x', 'a/', '/', 'a\u0001/x', `${'x'.repeat(1_025)}/x`]) {
    const outcome = automatic(topic, '5')
    assert.deepEqual(
      [outcome.datapoints, outcome.rejections.length, outcome.devices.includes('')],
      [[], 1, false],
      topic
    )
  }
  // A unit that is none is left out; the value stays
  const text = mapping('topic: x/{device}', 'value: v', 'metric: m', 'unit: { select: u }')
  const outcome = compileText(text).normalize(message('x/a', { v: 1, u: 'a\u0001' }), null).outcome
  assert.deepEqual(
    [values(outcome), reasons(outcome), outcome.datapoints[0]!.unit],
    [{ 'a m': 1 }, ['wrong_shape'], null]
  )
})

test('datapoints of a message, and bytes of one and of all', () => {
  const members = (count: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, index]))
  const many = automatic('a', members(10_000))
  assert.deepEqual([many.datapoints.length, reasons(many)], [10_000, []])
  const more = automatic('a', members(10_003))
  assert.deepEqual([more.datapoints.length, reasons(more)], [10_000, ['too_many_datapoints']])
  assert.match(more.rejections[0]!.detail, /more than 10000 datapoints/)

  const max = defaultLimits.datapointBytesMax
  assert.deepEqual(reasons(automatic('a/b', 'x'.repeat(max))), [])
  assert.deepEqual(reasons(automatic('a/b', 'x'.repeat(max + 1))), ['value_too_large'])
  assert.deepEqual(reasons(automatic('a/b', Buffer.alloc(max, 0xff))), [])
  assert.deepEqual(reasons(automatic('a/b', Buffer.alloc(max + 1, 0xff))), ['value_too_large'])
  assert.deepEqual(reasons(automatic('a/b', `["${'x'.repeat(max - 4)}"]`)), [])
  assert.deepEqual(reasons(automatic('a/b', `["${'x'.repeat(max - 3)}"]`)), ['value_too_large'])

  // A long device name in front of many short members: much more out than in
  const long = automatic('d'.repeat(1_000), members(1_000), { outputBytesMin: 1_000 })
  const bytes = Buffer.byteLength(JSON.stringify(members(1_000))) * defaultLimits.outputBytesPerByteMax
  assert.deepEqual(reasons(long), ['too_many_datapoints'])
  assert.ok(
    long.datapoints.length > 100 && long.datapoints.length * 1_000 < bytes,
    String(long.datapoints.length)
  )
  // The same value many times over
  const times = mapping(
    'topic: x/{device}',
    `value: "[${Array.from({ length: 200 }, () => 'a').join(',')}]"`,
    'metric: m'
  )
  const multiplied = compileText(times).normalize(message('x/a', { a: 'x'.repeat(10_000) }), null).outcome
  assert.deepEqual([multiplied.datapoints, reasons(multiplied)], [[], ['value_too_large']])
})

test('long texts and many members are read as short and few', () => {
  for (const filler of ['x', '\\n', '\\"', '1'.repeat(20)])
    assert.deepEqual(
      values(
        automatic(
          'a',
          `{"i":18446744073709551615,"s":"${filler.repeat(12_000_000 / filler.length)}","t":true,"e":[1e16,-1.5E-7]}`
        )
      ),
      { 'a i': 18446744073709551615n, 'a t': true, 'a e': { json: '[1e+16,-1.5e-7]' } },
      filler
    )
})

test('one rejection for each reason, with a detail of a bounded length that anybody can read', () => {
  const outcome = automatic('a', { [`\u0001${'x'.repeat(1_000)}`]: 1, ['\ud800']: 2, ['']: 3 })
  assert.equal(outcome.rejections.length, 1)
  const { detail } = outcome.rejections[0]!
  assert.match(detail, /control characters.*\(and 2 more of this kind\)$/)
  assert.ok(detail.length <= defaultLimits.rejectionDetailCharsMax)
  const text = mapping('topic: x/{device}', `value: '"${'y'.repeat(900)}"'`, 'metric: m')
  const long = compileText(text).normalize(message('x/a', {}), null).outcome.rejections[0]!.detail
  assert.equal(long.length, defaultLimits.rejectionDetailCharsMax)
  const few = compileText(
    mapping(
      'topic: x/{device}',
      'metrics:',
      '  - { name: a, value: a, type: number }',
      '  - { name: b, value: b, type: boolean }',
      '  - { name: c, value: c, type: text }'
    ),
    { limits: { rejectionsPerMessageMax: 2 } }
  )
  assert.deepEqual(reasons(few.normalize(message('x/a', { a: 'x', b: 'x', c: {} }), null).outcome), [
    'not_a_number',
    'not_a_boolean'
  ])
})

test('an expression takes a bounded number of steps, and never finds what is not in the document', () => {
  const select = (expression: string, payload: unknown): Outcome =>
    compileText(mapping('topic: x/{device}', `value: ${JSON.stringify(expression)}`, 'metric: m'), {
      limits: { expressionStepsMax: 100_000 }
    }).normalize(message('x/a', payload), null).outcome
  for (const hostile of [
    `[@]${' | [@, @] | []'.repeat(60)} | length(@)`,
    `@${' | [@, @]'.repeat(60)} | to_string(@)`,
    `@${' | [@, @]'.repeat(60)} | [@, @] | [0] == [1]`,
    `[@]${' | [@, @] | []'.repeat(14)} | map(&join('${'x'.repeat(200)}', ['a', 'b', 'c']), @) | join('', @)`,
    `[@]${' | [@, @] | []'.repeat(15)} | sort_by(@, &v)`
  ]) {
    const outcome = select(hostile, { v: 1 })
    assert.deepEqual(
      [outcome.datapoints, reasons(outcome)],
      [[], ['expression_failed']],
      hostile.slice(0, 60)
    )
  }
  for (const absent of [
    'constructor',
    '"__proto__"',
    'toString',
    'a.constructor',
    'keys(constructor)',
    '[*].constructor',
    '*.toString'
  ])
    assert.ok(
      !Object.values(values(select(absent, { a: {} }))).some(
        (value) => value !== null && JSON.stringify(value) !== '{"json":"[]"}'
      ),
      absent
    )
  const exact = '{"a":9007199254740993,"b":9007199254740992,"l":[{"i":9007199254740993,"v":1}]}'
  const found = (expression: string): unknown => values(select(expression, exact))['a m']
  for (const inherited of ['constructor', '[0].toString', '"__proto__"'])
    assert.equal(found(`type(not_null(${inherited}, \`null\`))`), 'null', inherited)
  assert.equal(found('length(*.constructor)'), 0)
  assert.equal(found('a == b'), false)
  assert.equal(found('a > b'), true)
  assert.equal(found('to_string(a)'), '9007199254740993')
  assert.equal(found('l[?i == $.a] | [0].v'.replace('$.a', '`9007199254740992`')), undefined)
  assert.deepEqual(found('[a, b]'), { json: '[9007199254740993,9007199254740992]' })
  assert.equal(found("join('-', [to_string(a), 'x'])"), '9007199254740993-x')
  assert.deepEqual(reasons(select('abs(a)', '{"a":"x"}')), ['expression_failed'])
})

test('a topic that is not kept in the cache is matched as one that is', () => {
  const set = compileText(mapping('topic: x/{device}'), {
    limits: { mappingMatchesCachedMax: 10, mappingMatchTopicCharsMax: 20 }
  })
  for (let round = 0; round < 3; round++)
    for (let index = 0; index < 40; index++) {
      assert.deepEqual(set.match(`x/${index}`)!.captures, { device: String(index) })
      assert.equal(set.match(`y/${index}`), null)
      assert.deepEqual(set.match(`x/${'d'.repeat(30)}${index}`)!.captures, {
        device: `${'d'.repeat(30)}${index}`
      })
    }
})
