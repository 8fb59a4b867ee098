import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modulesOf } from '../../src/normalize/compile-mappings.ts'
import type { MappingFault } from '../../src/normalize/mapping-set.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import type { CompileTextOptions } from './mappings.ts'
import { compileText, mapping } from './mappings.ts'

function faultsOf(text: string, options: CompileTextOptions = {}): readonly MappingFault[] {
  try {
    compileText(text, options)
  } catch (error) {
    assert.ok(error instanceof MappingsError, String(error))
    assert.equal(error.file, 'rialto.yaml')
    return error.faults
  }
  return []
}

/** A document with one fault; line, column and pointer of it; what it says; what to do. */
const table: Array<[text: string, place: string, message: RegExp, fix: RegExp]> = [
  ['automatic: maybe', '1:12 /automatic', /neither true nor false/, /true or false/],
  ['automatic: true\nautomatik: true', '2:1 /automatik', /no key "automatik"/, /Did you mean automatic\?/],
  ['"a/b~c": 1', '1:1 /a~1b~0c', /no key "a\/b~c"/, /There is automatic/],
  ['- a', '1:1 ', /no mapping of keys/, /automatic: true/],
  ['just text', '1:1 ', /no mapping of keys/, /automatic: true/],
  ['rebuild: 1', '1:10 /rebuild', /neither true nor false/, /true or false/],
  ['mappings: {}', '1:11 /mappings', /no list/, /name: a/],
  ['mappings:\n  - 5', '2:5 /mappings/0', /no mapping of keys/, /name: a/],
  ['mappings:\n  - topic: x/{device}', '2:5 /mappings/0', /no name/, /Add name/],
  ['mappings:\n  - name: a', '2:5 /mappings/0', /no topic/, /Add topic/],
  [
    'mappings:\n  - { name: "a b", topic: "x/{device}" }',
    '2:13 /mappings/0/name',
    /"a b" is no name/,
    /letters, digits/
  ],
  [
    'mappings:\n  - { name: a, topic: "x/{device}" }\n  - { name: a, topic: "y/{device}" }',
    '3:13 /mappings/1/name',
    /Another mapping is named a/,
    /name of its own/
  ],
  [
    'mappings:\n  - { name: automatic, topic: "x/{device}" }',
    '2:13 /mappings/0/name',
    /needs no text/,
    /of its own/
  ],
  [mapping('topic: {device}/x'), '3:20 ', /Not YAML/, /needs quotes/],
  [mapping('topic: {device}'), '3:12 /mappings/0/topic', /no text/, /in quotes/],
  [mapping('topic: x/sensor-{device}'), '3:12 /mappings/0/topic', /mixes a name/, /whole level/],
  [mapping('topic: x/{device}/{device}'), '3:12 /mappings/0/topic', /stands twice/, /of its own/],
  [mapping('topic: x/{device+}/{rest+}'), '3:12 /mappings/0/topic', /More than one/, /Only one/],
  [mapping('topic: x/{device+}/#'), '3:12 /mappings/0/topic', /\{name\+\} and #/, /Leave # out/],
  [mapping('topic: "x/#/{device}"'), '3:12 /mappings/0/topic', /only at the end/, /one level/],
  [mapping('topic: x/a+/{device}'), '3:12 /mappings/0/topic', /whole level/, /\{name\}/],
  [mapping('topic: x/{de-vice}'), '3:12 /mappings/0/topic', /is not a name/, /begin with a letter/],
  [mapping(`topic: ${'x/'.repeat(200)}{device}`), '3:12 /mappings/0/topic', /at most 128 levels/, /4\.7/],
  [mapping('topic: x/{dev}'), '2:5 /mappings/0', /Nothing tells the device/, /device: "\{dev\}"/],
  [mapping('topic: x/y'), '2:5 /mappings/0', /Nothing tells the device/, /add device/],
  [
    mapping('topic: x/{site}', 'device: "{siet}"'),
    '4:13 /mappings/0/device',
    /captures no \{siet\}/,
    /Did you mean site\?/
  ],
  [
    mapping('topic: x/y', 'device: "{site}"'),
    '4:13 /mappings/0/device',
    /captures no \{site\}/,
    /There is none/
  ],
  [mapping('topic: x/{site}', 'device: "{site"'), '4:13 /mappings/0/device', /without its other/, /\{name\}/],
  [
    mapping('topic: x/{site}', 'device: {site}'),
    '4:14 /mappings/0/device/site',
    /no key "site"/,
    /There is select/
  ],
  [
    mapping('topic: x/{device}', 'decoder: jsom'),
    '4:14 /mappings/0/decoder',
    /no decoder "jsom"/,
    /mean json\?.*\.\//
  ],
  [
    mapping('topic: x/{device}', 'decoder: ./mine.mjs'),
    '4:14 /mappings/0/decoder',
    /mine\.mjs cannot be used: it is not there/,
    /decoders\.md/
  ],
  [mapping('topic: x/{device}', 'value: a..b'), '4:12 /mappings/0/value', /Not an expression/, /JMESPath/],
  [
    mapping('topic: x/{device}', 'value: lenght(a)'),
    '4:12 /mappings/0/value',
    /no function lenght/,
    /mean length\?/
  ],
  [mapping('topic: x/{device}', 'value: "$.a"'), '4:12 /mappings/0/value', /Not an expression/, /JMESPath/],
  [
    mapping('topic: x/{device}', `value: ${'a'.repeat(1_001)}`),
    '4:12 /mappings/0/value',
    /longer than 1000/,
    /shorter/
  ],
  [mapping('topic: x/{device}', 'value:'), '4:11 /mappings/0/value', /value is empty/, /data\.temperature/],
  [
    mapping('topic: x/{device}', 'timestamp: ts'),
    '4:16 /mappings/0/timestamp',
    /no mapping of keys/,
    /select: ts/
  ],
  [
    mapping('topic: x/{device}', 'timestamp: { select: ts, unit: sec }'),
    '4:36 /mappings/0/timestamp/unit',
    /cannot be "sec"/,
    /There is auto/
  ],
  [
    mapping('topic: x/{device}', 'merge: overlay'),
    '4:12 /mappings/0/merge',
    /cannot be "overlay"/,
    /There is append/
  ],
  [
    mapping('topic: x/{device}', 'offlineAfter: 5 minutes'),
    '4:19 /mappings/0/offlineAfter',
    /no duration/,
    /5m/
  ],
  [
    mapping('topic: x/{device}', 'offlineAfter: 400d'),
    '4:19 /mappings/0/offlineAfter',
    /not from 1s to 366d/,
    /between/
  ],
  [
    mapping('topic: x/{device}', 'offlineAfter: 0s'),
    '4:19 /mappings/0/offlineAfter',
    /not from 1s/,
    /between/
  ],
  [mapping('topic: x/{device}', 'metrics: []'), '4:14 /mappings/0/metrics', /list is empty/, /temperature/],
  [
    mapping('topic: x/{device}', 'metrics: [{ value: v }]'),
    '4:15 /mappings/0/metrics/0',
    /no name/,
    /Add name/
  ],
  [
    mapping('topic: x/{device}', 'metrics: [{ name: a }]'),
    '4:15 /mappings/0/metrics/0',
    /no value/,
    /Add value/
  ],
  [
    mapping('topic: x/{device}', 'metrics:', '  - { name: a, value: v }', '  - { name: a, value: w }'),
    '6:17 /mappings/0/metrics/1/name',
    /Another metric/,
    /of its own/
  ],
  [
    mapping('topic: x/{device}', 'metrics: [{ name: a, value: v, type: float }]'),
    '4:42 /mappings/0/metrics/0/type',
    /cannot be "float"/,
    /number/
  ],
  [
    mapping('topic: x/{device}', 'metric: t', 'metrics: [{ name: a, value: v }]'),
    '4:13 /mappings/0/metric',
    /does not go with metrics/,
    /Remove/
  ],
  [
    mapping('topic: x/{device}', 'presence: {}', 'merge: event'),
    '5:12 /mappings/0/merge',
    /does not go with presence/,
    /two mappings/
  ],
  [
    mapping('topic: x/{device}', 'presence: { online: [up], offline: [up] }'),
    '4:15 /mappings/0/presence',
    /online and offline/,
    /once/
  ],
  [
    mapping('topic: x/{device}', 'presence: { online: [] }'),
    '4:25 /mappings/0/presence/online',
    /no word/,
    /online/
  ],
  [
    mapping('topic: x', 'presence: {}', 'device: { select: id }'),
    '5:13 /mappings/0/device',
    /not selected/,
    /\{device\}/
  ],
  [
    mapping('topic: x/{device}', 'booleans: { true: [ON], false: [OFF] }'),
    '4:15 /mappings/0/booleans',
    /decoder boolean/,
    /decoder: boolean/
  ],
  [
    mapping('topic: x/{device}', 'decoder: boolean', 'booleans: { true: [ON] }'),
    '5:15 /mappings/0/booleans',
    /no words for false/,
    /Add false/
  ],
  [
    mapping('topic: x/{device}', 'decoder: number', 'value: a'),
    '5:12 /mappings/0/value',
    /payload that is number/,
    /json/
  ],
  [
    mapping('topic: x/{device}', 'decoder: text', 'merge: merge'),
    '5:12 /mappings/0/merge',
    /Only JSON/,
    /json/
  ],
  [
    mapping('topic: x/{device}', 'merge: merge', 'each: l'),
    '5:11 /mappings/0/each',
    /each does not go/,
    /append/
  ],
  [
    mapping('topic: x/{device}', 'commands: [{ name: set, topic: "x/{devise}/set" }]'),
    '4:36 /mappings/0/commands/0/topic',
    /captures no \{devise\}/,
    /mean device/
  ],
  [
    mapping('topic: x/{device}', 'commands: [{ name: set, topic: "x/+/set" }]'),
    '4:36 /mappings/0/commands/0/topic',
    /wildcards/,
    /no \+ and #/
  ],
  [
    mapping('topic: x/{device}', 'commands: [{ topic: "x/set" }]'),
    '4:16 /mappings/0/commands/0',
    /no name/,
    /Add name/
  ],
  [
    mapping('topic: x/{device}', 'topic: y/{device}'),
    '4:5 ',
    /Not YAML: Map keys must be unique/,
    /each key once/
  ],
  ['a: &a [1]\nb: *a', '2:4 ', /Aliases/, /Write out/],
  ['a: 1\n---\nb: 1', '2:1 ', /multiple documents/i, /one document/],
  ['mappings: [', '1:12 ', /Not YAML/, /quotes/],
  ['mappings:\n\t- a', '2:1 ', /Not YAML: Tabs/, /spaces/]
]

for (const [text, place, said, fix] of table)
  test(`fault: ${said.source}, ${JSON.stringify(text.slice(0, 200).replaceAll(/^mappings:\n {2}- name: one\n/g, ''))}`, () => {
    const faults = faultsOf(text)
    const found = faults.find(({ message }) => said.test(message))
    assert.ok(found, JSON.stringify(faults))
    assert.equal(`${found.line}:${found.column} ${found.pointer}`, place)
    assert.match(found.fix, fix)
    assert.ok(!/undefined|\[object/.test(JSON.stringify(faults)))
  })

test('all faults are told at once, in the order of their places, and as one message', () => {
  const text = `automatic: yes
mappings:
  - name: a b
    topic: "{site}/x"
    devise: x
    device: "{sit}"
    offlineAfter: never
  - topic: "x/{device}"
    decoder: xml
`
  const faults = faultsOf(text)
  assert.deepEqual(
    faults.map(({ line }) => line),
    [1, 3, 5, 6, 7, 8, 9]
  )
  const error = new MappingsError('rialto.yaml', faults)
  assert.match(
    error.message,
    /^rialto\.yaml:1:12 automatic is neither true nor false\. Write true or false\n/
  )
})

test('nothing small becomes large, nothing large is read, and nothing nested breaks it', () => {
  const bomb = `a: &a [x,x]\n${Array.from({ length: 40 }, (_, n) => `b${n}: &b${n} [${n === 0 ? '*a,*a' : `*b${n - 1},*b${n - 1}`}]`).join('\n')}`
  const begun = performance.now()
  assert.match(faultsOf(bomb)[0]!.message, /Aliases/)
  assert.match(faultsOf(`# ${'x'.repeat(1024 * 1024)}`)[0]!.message, /larger than/)
  for (const nested of [
    '['.repeat(50_000),
    '- '.repeat(50_000),
    '{a: '.repeat(50_000),
    '? '.repeat(20_000),
    '!a '.repeat(20_000),
    '"'.repeat(50_001)
  ])
    assert.ok(faultsOf(`mappings: ${nested}`).length > 0)
  const many = `mappings:\n${Array.from({ length: 400 }, () => '  - { name: "" }\n').join('')}`
  assert.equal(faultsOf(many).length, 200)
  assert.ok(performance.now() - begun < 60_000)
})

test('as many mappings as may be, and no more', () => {
  const some = (count: number): string =>
    `mappings:\n${Array.from({ length: count }, (_, n) => `  - { name: m${n}, topic: "x/${n}/{device}" }\n`).join('')}`
  assert.equal(compileText(some(1_000)).mappings.length, 1_000)
  assert.match(faultsOf(some(1_001))[0]!.message, /More than 1000/)
})

test('a decoder that cannot be loaded says why', () => {
  const text = mapping('topic: x/{device}', 'decoder: ./mine.mjs')
  const [fault] = faultsOf(text, { modules: { './mine.mjs': new Error('exports no\nfunction') } })
  assert.match(fault!.message, /cannot be used: exports no.function/)
})

test('modules are told before they are loaded', () => {
  assert.deepEqual(modulesOf(''), [])
  assert.deepEqual(modulesOf('mappings: ['), [])
  assert.deepEqual(
    modulesOf(
      `${mapping('decoder: ./a.mjs')}  - { decoder: json }\n  - { decoder: ./a.mjs }\n  - { decoder: ../b.js }`
    ),
    ['./a.mjs', '../b.js']
  )
})
