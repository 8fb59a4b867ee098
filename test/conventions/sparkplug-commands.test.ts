/** Commands to Sparkplug nodes and devices: what is published, and what is refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodePayload } from '../../src/conventions/sparkplug/payload.ts'
import { sparkplug } from '../../src/conventions/sparkplug/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import type { CommandTarget, ConventionRoute, RenderedCommand } from '../../src/normalize/convention.ts'
import type { DecoderState } from '../../src/normalize/mapping-set.ts'
import { receivedAt } from '../normalize/mappings.ts'
import { bdSeq, metric, payload } from './sparkplug-messages.ts'

const { routes, commands } = sparkplug.create({
  text: () => null,
  texts: () => [],
  flag: () => true,
  seconds: () => 2,
  file: () => null
})

const route = (topic: string): ConventionRoute => routes.find((one) => one.topic === topic)!

function decode(state: DecoderState | null, type: string, seq: number, metrics: object[]): DecoderState {
  const device = type.startsWith('D') ? { device: 'D1' } : {}
  const template = `spBv1.0/{group}/${type}/{node}${type.startsWith('D') ? '/{device}' : ''}`
  const result = route(template).decode(state, {
    topic: '',
    captures: { group: 'G1', node: 'E1', ...device },
    kind: 'message',
    payload: payload(seq, metrics),
    properties: null,
    receivedAt,
    device: null
  })
  assert.deepEqual(result!.facts.rejections, [])
  return result!.state!
}

const motor = {
  name: 'M1',
  datatype: 19,
  templateValue: {
    templateRef: 'Motor',
    isDefinition: false,
    metrics: [
      metric('RPM', 'Int32', 0),
      { name: 'In', datatype: 19, templateValue: { metrics: [metric('X', 'Double', 0)] } }
    ]
  }
}

const born = decode(
  decode(null, 'NBIRTH', 0, [bdSeq(0), metric('Rate', 'UInt64', 1, { alias: 4 }), metric('Big', 'Int64', 1)]),
  'DBIRTH',
  1,
  [
    metric('LED', 'Boolean', false, { alias: 9 }),
    metric('Level', 'Float', 0),
    metric('Small', 'Int8', 0),
    metric('Count', 'UInt32', 0),
    metric('At', 'DateTime', 0),
    metric('Id', 'UUID', '1b4e28ba-2fa1-11d2-883f-0016d3cca427'),
    metric('Name', 'String', ''),
    metric('Blob', 'Bytes', ''),
    metric('List', 'Int16Array', []),
    metric('Times', 'DateTimeArray', []),
    metric('Flags', 'BooleanArray', []),
    metric('Names', 'StringArray', []),
    metric('Table', 'DataSet', { columns: ['a'], types: ['Int32'], rows: [] }),
    { name: 'Untyped', intValue: 5 },
    motor
  ]
)

function render(
  device: string,
  name: string,
  parameters: Record<string, unknown>,
  more: Partial<CommandTarget> = {}
): RenderedCommand {
  const target = { device, topic: '', captures: {}, state: born, attributes: {}, id: '', now: 1_000, ...more }
  return commands.find((one) => one.name === name)!.render(target, parameters)
}

const write = (device: string, metricName: string, value: unknown): RenderedCommand =>
  render(device, 'write', { metric: metricName, value })

/** What is there, without the types of the library. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}

test('write says what the birth said that the metric is, by name, at QoS 0, without seq', () => {
  const node = write('G1/E1', 'Rate', '18446744073709551615')
  assert.equal(node.topic, 'spBv1.0/G1/NCMD/E1')
  assert.deepEqual([node.qos, node.correlation], [0, null])
  assert.deepEqual(node.effect, { metric: 'Rate', value: 18446744073709551615n })
  assert.deepEqual(plain(decodePayload(node.payload as Uint8Array)), {
    timestamp: 1000,
    metrics: [{ name: 'Rate', timestamp: 1000, datatype: 8, longValue: 18446744073709551615n }]
  })
  const device = write('G1/E1/D1', 'LED', true)
  assert.equal(device.topic, 'spBv1.0/G1/DCMD/E1/D1')
  assert.deepEqual(device.effect, { metric: 'LED', value: true })
  assert.deepEqual(plain(decodePayload(device.payload as Uint8Array).metrics), [
    { name: 'LED', timestamp: 1000, datatype: 11, booleanValue: true }
  ])
  // The bytes of the specification's example, but for its time
  assert.equal(
    Buffer.from(render('G1/E1', 'rebirth', {}, { now: 1486144502122 }).payload as Uint8Array).toString('hex'),
    '08eaf2f5a8a02b12210a144e6f646520436f6e74726f6c2f5265626972746818eaf2f5a8a02b200b7001'
  )
})

const asBytes = (value: unknown): unknown => (value instanceof Uint8Array ? Uint8Array.from(value) : value)

test('what is written comes back as the effect tells', () => {
  const cases: Array<[metric: string, value: unknown, shown: unknown]> = [
    ['Level', 12.1, Math.fround(12.1)],
    ['Small', -128, -128],
    ['Count', 4294967295, 4294967295],
    ['At', '2026-11-24T13:00:00+01:00', '2026-11-24T12:00:00.000Z'],
    ['At', -1, '1969-12-31T23:59:59.999Z'],
    ['Id', '1B4E28BA-2FA1-11D2-883F-0016D3CCA427', '1B4E28BA-2FA1-11D2-883F-0016D3CCA427'],
    ['Name', 'ä', 'ä'],
    ['Blob', 'AAH/', new Uint8Array([0, 1, 255])],
    ['List', [-1, 2], [-1, 2]],
    ['Times', [0, '2026-11-24T12:00:00Z'], ['1970-01-01T00:00:00.000Z', '2026-11-24T12:00:00.000Z']],
    ['Flags', [true, false, true], [true, false, true]],
    ['Names', ['', 'a'], ['', 'a']],
    [
      'Table',
      {
        columns: ['a', 'b'],
        types: ['Int32', 'DateTime'],
        rows: [
          [-1, 0],
          [null, 1]
        ]
      },
      {
        columns: ['a', 'b'],
        types: ['Int32', 'DateTime'],
        rows: [
          [-1, '1970-01-01T00:00:00.000Z'],
          [null, '1970-01-01T00:00:00.001Z']
        ]
      }
    ],
    ['M1/RPM', 1500, 1500],
    ['M1/In/X', 0.5, 0.5]
  ]
  for (const [name, value, shown] of cases) {
    const { effect, payload: sent } = write('G1/E1/D1', name, value)
    assert.deepEqual(effect, { metric: name, value: shown })
    // The device says as data what it was told
    const result = route('spBv1.0/{group}/DDATA/{node}/{device}').decode(born, {
      topic: '',
      captures: { group: 'G1', node: 'E1', device: 'D1' },
      kind: 'message',
      payload: sent as Uint8Array,
      properties: null,
      receivedAt,
      device: null
    })
    const told = result!.facts.datapoints!.map((one) => [one.device, one.metric, asBytes(one.value)])
    assert.deepEqual(told, [['G1/E1/D1', name, shown]])
  }
  const nested = decodePayload(write('G1/E1/D1', 'M1/RPM', 1500).payload as Uint8Array)
  assert.deepEqual(plain(nested.metrics), [
    {
      name: 'M1',
      timestamp: 1000,
      datatype: 19,
      templateValue: {
        metrics: [{ name: 'RPM', timestamp: 1000, datatype: 3, intValue: 1500 }],
        parameters: [],
        templateRef: 'Motor',
        isDefinition: false
      }
    }
  ])
})

test('a value that does not fit is refused, and the refusal says what would', () => {
  const cases: Array<[metric: string, value: unknown, message: RegExp]> = [
    ['LED', 'true', /"LED": It is of Boolean: give true or false/],
    ['LED', 1, /true or false/],
    ['Level', 1e39, /a number of 32 bits/],
    ['Level', '5', /a number/],
    ['Level', NaN, /a number/],
    ['Small', 128, /an integer from -128 to 127$/],
    ['Small', 1.5, /an integer/],
    ['Small', null, /an integer/],
    ['Small', '', /an integer/],
    ['Count', -1, /an integer from 0 to 4294967295$/],
    ['At', 'yesterday', /RFC 3339/],
    ['At', 1.5, /RFC 3339/],
    ['At', 1e17, /RFC 3339/],
    ['Id', 'x', /8-4-4-4-12/],
    ['Name', 5, /a text/],
    ['Blob', 'a', /Base64/],
    ['Blob', '%', /Base64/],
    ['List', 5, /a list/],
    ['List', [40000], /Int16: give an integer from -32768/],
    ['Names', ['a\0b'], /without NUL/],
    ['Names', [5], /a text/],
    ['Table', [], /columns, types, rows/],
    ['Table', null, /columns, types, rows/],
    ['Table', { columns: ['a'], types: [], rows: [] }, /as many types/],
    ['Table', { columns: ['a'], types: ['constructor'], rows: [] }, /types such as/],
    ['Table', { columns: ['a'], types: ['Template'], rows: [] }, /types such as/],
    ['Table', { columns: ['a'], types: ['Int8'], rows: [[1, 2]] }, /one cell for each column/],
    ['Table', { columns: ['a'], types: ['Int8'], rows: [[200]] }, /an integer from -128/],
    ['Untyped', 5, /datatype 0, which cannot be written/],
    ['M1', {}, /Template, which cannot be written/]
  ]
  for (const [name, value, message] of cases)
    assert.throws(
      () => write('G1/E1/D1', name, value),
      (error) => error instanceof CommandFault && error.parameter === 'value' && message.test(error.message),
      `${name} ${JSON.stringify(value)}`
    )
  const range = /from -9223372036854775808 to 9223372036854775807, as a text of digits/
  assert.throws(() => write('G1/E1', 'Big', 2 ** 60), range)
  assert.throws(() => write('G1/E1', 'Big', '9223372036854775808'), range)
  assert.deepEqual(write('G1/E1', 'Big', '-9007199254740993').effect!.value, -9007199254740993n)
  assert.deepEqual(write('G1/E1', 'Big', 9007199254740993n).effect!.value, 9007199254740993n)
})

test('what is not known is refused', () => {
  const refused = (
    device: string,
    parameter: string | null,
    message: RegExp,
    more: Partial<CommandTarget> = {}
  ): void =>
    assert.throws(
      () => render(device, 'write', { metric: 'nothing', value: 1 }, more),
      (error) => error instanceof CommandFault && error.parameter === parameter && message.test(error.message)
    )
  refused('G1/E1', 'metric', /"G1\/E1" has no metric "nothing"; it has "bdSeq", "Rate", "Big"$/)
  refused('G1/E1/D1', 'metric', /it has "LED", .* and others$/)
  const types = {
    name: 'Motor',
    datatype: 19,
    templateValue: { isDefinition: true, metrics: [metric('RPM', 'Int32', 0)] }
  }
  assert.throws(
    () =>
      render(
        'G1/E1',
        'write',
        { metric: 'Motor/RPM', value: 1 },
        { state: decode(null, 'NBIRTH', 0, [types]) }
      ),
    /it has none/
  )
  refused('G1/E1/D2', null, /No birth of "G1\/E1\/D2" is known/)
  refused('G1/E1/__proto__', null, /No birth/)
  refused('G1/E1', null, /No birth of "G1\/E1" is known.*rebirth/, { state: null })
  refused('STATE/scada', null, /takes no commands/, { captures: { host: 'scada' }, state: 5 })
  refused('elsewhere', null, /takes no commands/)
  refused('a/b/c/d', null, /takes no commands/)
})

test('rebirth is asked of the node, also for a device of it, and without a birth', () => {
  const { topic, effect } = render('G1/E1', 'rebirth', {}, { state: null })
  assert.deepEqual([topic, effect], ['spBv1.0/G1/NCMD/E1', { metric: 'Node Control/Rebirth', value: false }])
  const device = render('G1/E1/D1', 'rebirth', {}, { state: null })
  assert.deepEqual([device.topic, device.effect], ['spBv1.0/G1/NCMD/E1', null])
})
