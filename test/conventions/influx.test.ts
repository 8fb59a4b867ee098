import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { influx as convention } from '../../src/conventions/influx/convention.ts'
import { readLines } from '../../src/conventions/influx/line-protocol.ts'
import type { Point } from '../../src/conventions/influx/line-protocol.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { countDecoded } from './plain-command.ts'
import { normalizer } from './say.ts'

const influx = normalizer('conventions: [influx]')
const say = (text: string) => influx('telegraf/host/cpu', text)
const told = (text: string): string[] => {
  const { datapoints, rejections } = say(text)
  assert.deepEqual(rejections, [], text)
  return datapoints
}

const [fixture] = (
  JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Array<{
    convention: string
    topic: string
    utf8: string
  }>
).filter(({ convention }) => convention === 'influx')

test('the fixture', () => {
  const { datapoints, rejections } = influx(fixture!.topic, fixture!.utf8, {
    receivedAt: Date.UTC(2019, 4, 2, 17)
  })
  assert.deepEqual(rejections, [])
  assert.deepEqual(datapoints, [
    'weather weather.temperature,location=us-midwest 82 (2019-05-02T16:12:41.098Z)',
    'weather weather.humidity,location=us-midwest 71 (2019-05-02T16:12:41.098Z)',
    'weather weather.ok,location=us-midwest true (2019-05-02T16:12:41.098Z)',
    'weather weather.msg,location=us-midwest "a \\"b\\"" (2019-05-02T16:12:41.098Z)',
    'my Measurement my Measurement.fieldKey 12485903'
  ])
})

test('device and metric: the topic, the tag, the measurement; series that differ are different metrics', () => {
  assert.deepEqual(
    told(
      'cpu,cpu=cpu0,host=web1 usage_idle=98.5\ncpu,host=web1,cpu=cpu1 usage_idle=97.5\ncpu,host=web2 usage_idle=1'
    ),
    ['web1 cpu.usage_idle,cpu=cpu0 98.5', 'web1 cpu.usage_idle,cpu=cpu1 97.5', 'web2 cpu.usage_idle 1']
  )
  // Tags are sorted, so that their order makes no difference
  assert.deepEqual(told('m,host=a,z=1,b=2 f=1\nm,b=2,host=a,z=1 f=2'), ['a m.f,b=2,z=1 1', 'a m.f,b=2,z=1 2'])
  const captured = normalizer(
    'conventions: [influx: { topics: ["site/{device}/metrics", "other/#"], deviceTag: id, ignoreTags: [topic] }]'
  )
  assert.deepEqual(captured('site/pump/metrics', 'm,id=pump,topic=x,host=h v=1\nm,id=fan v=2').datapoints, [
    'pump m.v,host=h 1',
    'pump m.v,id=fan 2'
  ])
  assert.deepEqual(captured('other/x', 'm,id=fan v=2\nm v=3').datapoints, ['fan m.v 2', 'm m.v 3'])
  assert.equal(captured('telegraf/x', 'm v=1').outcome.mapping, null)
})

test('no two series have one name', () => {
  const lines = [
    'a.b c=1',
    'a b.c=1',
    'a,t=x,u=y f=1',
    'a,t=x\\,u\\=y f=1',
    'a,t\\=x=y f=1',
    'a,t=x\\=y f=1',
    'a f\\,t\\=x=1',
    'a,t=x f=1',
    'a\\ .b c=1',
    'a\\b c=1',
    'a\\\\.b c=1',
    'a\\.b c=1'
  ]
  const names = lines.map((line) => {
    const [point] = say(line).outcome.datapoints
    return point!.metric
  })
  assert.equal(new Set(names).size, lines.length, names.join('\n'))
})

test('values of fields', () => {
  const table: Array<[written: string, value: string | null]> = [
    ['1', '1'],
    ['1.0', '1'],
    ['-1.5e-3', '-0.0015'],
    ['1E5', '100000'],
    ['+1', '1'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['1i', '1'],
    ['-1i', '-1'],
    ['9007199254740993i', '9007199254740993'],
    ['-9223372036854775808i', '-9223372036854775808'],
    ['9223372036854775807i', '9223372036854775807'],
    ['9223372036854775808i', null],
    ['-9223372036854775809i', null],
    ['18446744073709551615u', '18446744073709551615'],
    ['18446744073709551616u', null],
    ['-1u', null],
    ['1.5i', null],
    ['1e5i', null],
    ['NaN', null],
    ['Inf', null],
    ['1e400', null],
    ['0x10', null],
    ['abc', null],
    ['', null],
    ['tRUE', null],
    ...['t', 'T', 'true', 'True', 'TRUE'].map((word) => [word, 'true'] as [string, string]),
    ...['f', 'F', 'false', 'False', 'FALSE'].map((word) => [word, 'false'] as [string, string]),
    ['"x"', '"x"'],
    ['""', '""'],
    ['"a \\"b\\" \\\\ \\n ,= "', '"a \\"b\\" \\\\ \\\\n ,= "'],
    ['"two\nlines\r\n"', '"two\\nlines\\r\\n"'],
    ['"äö😀"', '"äö😀"']
  ]
  for (const [written, value] of table) {
    const { datapoints, rejections } = say(`m v=${written},good=1`)
    assert.deepEqual(
      [datapoints, rejections],
      value === null ? [['m m.good 1'], ['wrong_shape']] : [[`m m.v ${value}`, 'm m.good 1'], []],
      written
    )
  }
})

test('escapes, spaces, comments, ends of lines', () => {
  assert.deepEqual(told('my\\,mea\\ s=ure,ta\\,g\\ k\\=ey=va\\,l\\ u\\=e,host=h fi\\,e\\ l\\=d=1'), [
    'h my,mea s=ure.fi\\,e l=d,ta,g k\\=ey=va\\,l u=e 1'
  ])
  assert.deepEqual(told('m\\x,host=a\\\\b f\\y=1'), ['a\\\\b m\\\\x.f\\\\y 1'])
  assert.deepEqual(told('\n\r\n  m   v=1   \r\n# m v=2\n   # v=3\n#\nm v=4\r\nm v=5'), [
    'm m.v 1',
    'm m.v 4',
    'm m.v 5'
  ])
  assert.deepEqual(told('# only a comment'), [])
  assert.deepEqual(told(''), [])
  assert.deepEqual(told('m "quoted"=1'), ['m m."quoted" 1'])
  assert.deepEqual(told('m,host="h" v=1'), ['"h" m.v 1'])
})

test('timestamps, in the precision that is said', () => {
  const at = (precision: string, digits: string) =>
    normalizer(`conventions: [influx: { precision: ${precision} }]`)('telegraf/x', `m v=1 ${digits}`)
  for (const [precision, digits] of [
    ['ns', '1795521599500000001'],
    ['us', '1795521599500001'],
    ['ms', '1795521599500']
  ] as const)
    assert.deepEqual(at(precision, digits).datapoints, ['m m.v 1 (2026-11-24T11:59:59.500Z)'], precision)
  assert.deepEqual(at('s', '1795521599').datapoints, ['m m.v 1 (2026-11-24T11:59:59.000Z)'])
  for (const digits of ['soon', '1.5', '99999999999999999999', '1795521599i', '-']) {
    const { datapoints, rejections } = at('s', digits)
    assert.deepEqual([datapoints, rejections], [['m m.v 1'], ['invalid_timestamp']], digits)
  }
  assert.equal(at('s', '-5').outcome.datapoints[0]!.clock, 'behind')
  assert.throws(
    () => normalizer('conventions: [influx: { precision: m }]'),
    (error: unknown) => error instanceof MappingsError && /precision/.test(error.message)
  )
})

test('a bad line leaves the others', () => {
  const bad: Array<[line: string, detail: RegExp]> = [
    ['m', /there are no fields/],
    ['m,host=a', /there are no fields/],
    ['m ', /a field has no name/],
    ['m,host v=1', /tag "host" has no value/],
    ['m,=a v=1', /tag has no name/],
    ['m,host= v=1', /tag has no name or no value/],
    ['m,a=b=c v=1', /two values/],
    [',a=b v=1', /no measurement/],
    ['m v', /a field has no name or no value/],
    ['m =1', /a field has no name/],
    ['m v=1,', /a field has no name/],
    ['m v=1,,w=2', /a field has no name/],
    ['m v="x"y', /something stands behind/],
    ['m v=1 1 2', /something stands behind/],
    ['{"json": 1}', /there are no fields|no name or no value|is no value/]
  ]
  for (const [line, detail] of bad) {
    const { datapoints, rejections, outcome } = say(`m before=1\n${line}\nm after=2`)
    assert.deepEqual([datapoints, rejections], [['m m.before 1', 'm m.after 2'], ['wrong_shape']], line)
    assert.match(outcome.rejections[0]!.detail, detail)
    assert.match(outcome.rejections[0]!.detail, /^Line 2: /)
  }
  const open = say('m before=1\nm v="open\nm after=2\nm w=x\n')
  assert.deepEqual(open.datapoints, ['m m.before 1', 'm m.after 2'])
  assert.match(open.outcome.rejections[0]!.detail, /^Line 2: a text has no end \(and 1 more/)
  assert.match(
    say('m v="a\nb",w=x').outcome.rejections[0]!.detail,
    /^Line 2: "x" is no value of the field "w"$/
  )
  assert.deepEqual(say('m v="a\nb"x\nm w=1').datapoints, ['m m.w 1'])
  assert.deepEqual(influx('telegraf/x', Buffer.from([0x6d, 0xff])).rejections, ['not_utf8'])
  assert.deepEqual(say('m\0,host=h v=1').rejections, ['invalid_metric'])
  assert.deepEqual(say('constructor,__proto__=x __proto__=1,toString=2').datapoints, [
    'constructor constructor.__proto__,__proto__=x 1',
    'constructor constructor.toString,__proto__=x 2'
  ])
})

test('compressed, cleared, heard', () => {
  assert.deepEqual(influx('telegraf/x', gzipSync('m,host=h v=1')).datapoints, ['h m.v 1'])
  assert.deepEqual(influx('telegraf/x', gzipSync('m v=1').subarray(0, -1)).rejections, ['not_decompressed'])
  const cleared = influx('telegraf/x', '', { kind: 'cleared' })
  assert.deepEqual([cleared.datapoints, cleared.rejections], [[], []])
  assert.deepEqual(
    normalizer('conventions: [influx: { offlineAfter: 1m }]')('telegraf/x', 'm,host=h v=1').presence,
    ['h online seen']
  )
})

test('large and hostile text takes linear time, and gives no more than it may', () => {
  const begun = performance.now()
  assert.equal(countDecoded(convention, 'telegraf/x', 'm v=1\n'.repeat(100_000)), 10_001)
  const many = say('m v=1\n'.repeat(2_000_000))
  assert.deepEqual([many.datapoints.length, many.rejections], [10_000, ['too_many_datapoints']])
  for (const text of [
    'm v="\n'.repeat(500_000),
    'm v=",\n'.repeat(500_000),
    'm v="\\"\n'.repeat(400_000),
    'm v=\\"\n'.repeat(400_000),
    `m v="${'\\"'.repeat(1_000_000)}`,
    ' '.repeat(2_000_000),
    `${'\\'.repeat(2_000_000)} v=1`,
    'm,'.repeat(1_000_000),
    `m,${'a=b,'.repeat(500_000)} v=1`,
    `m ${'v='.repeat(1_000_000)}`,
    '#'.repeat(2_000_000),
    'x\n'.repeat(1_000_000)
  ]) {
    const { outcome } = say(text)
    assert.ok(outcome.datapoints.length <= 10_000)
    assert.ok(
      !outcome.rejections.some(({ reason }) => reason === 'decoder_failed'),
      JSON.stringify(outcome.rejections)
    )
  }
  assert.ok(performance.now() - begun < 60_000)
})

const read = (text: string): Point[] => {
  const points: Point[] = []
  readLines(
    text,
    (point) => points.push(point) > 0,
    ({ fault }) => assert.fail(fault)
  )
  return points
}

test('what is written is read', () => {
  /** A backslash at the end of a name would take the meaning from what follows. */
  const name = fc
    .string({
      minLength: 1,
      maxLength: 8,
      unit: fc.constantFrom('a', 'b', ' ', ',', '=', '"', '\\', 'é', '.', '#')
    })
    .filter((text) => !text.endsWith('\\') && !/\\[ ,=]/.test(text) && !/^[# ]/.test(text))
  const value = fc.oneof(
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((given) => ({ given: given === 0 ? 0 : given, text: String(given) })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((given) => ({
      given: Number.isSafeInteger(Number(given)) ? Number(given) : given,
      text: `${given}i`
    })),
    fc.boolean().map((given) => ({ given, text: given ? 'T' : 'F' })),
    fc
      .string({ maxLength: 10, unit: fc.constantFrom('a', '"', '\\', '\n', ' ', ',', 'é') })
      .map((given) => ({ given, text: `"${given.replaceAll(/["\\]/g, String.raw`\$&`)}"` }))
  )
  const key = (text: string): string => text.replaceAll(/[ ,=]/g, String.raw`\$&`)
  const line = fc.tuple(
    name,
    fc.array(fc.tuple(name, name), { maxLength: 3 }),
    fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 3 }),
    fc.option(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }))
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
      const text = lines
        .map(
          ([measurement, tags, fields, time]) =>
            `${measurement.replaceAll(/[ ,]/g, String.raw`\$&`)}${tags.map(([k, v]) => `,${key(k)}=${key(v)}`).join('')} ${fields.map(([k, v]) => `${key(k)}=${v.text}`).join(',')}${time === null ? '' : ` ${time}`}`
        )
        .join('\n')
      assert.deepEqual(
        read(text),
        lines.map(([measurement, tags, fields, time]) => ({
          measurement,
          tags,
          fields: fields.map(([k, v]) => [k, v.given]),
          timestamp: time === null ? null : String(time)
        }))
      )
    }),
    { numRuns: 3_000 }
  )
})
