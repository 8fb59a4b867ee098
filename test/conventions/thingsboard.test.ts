/** ThingsBoard: what devices and gateways tell, on every topic that there is; and what is not taken. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { thingsBoard } from '../../src/conventions/thingsboard/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import type { RenderedCommand } from '../../src/normalize/convention.ts'
import { commandId, renderCommand } from './rendered.ts'
import { hex, normalizer } from './say.ts'
import type { Said } from './say.ts'

const document = 'conventions: [thingsboard]'
const say = (topic: string, payload: string | Uint8Array | object, text = document): Said =>
  normalizer(text)(topic, payload)
const telemetry = 'v1/devices/me/telemetry'
const secondBefore = '(2026-11-24T11:59:59.000Z)'
const at = 1_795_521_599_000

test('the fixture has its expected result', () => {
  const fixtures = JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Array<{
    id: string
    convention: string
    topic: string
    utf8: string
  }>
  const own = fixtures.filter(({ convention }) => convention === 'thingsboard')
  assert.deepEqual(
    own.map(({ id }) => id),
    ['tb-telemetry-ts']
  )
  const [{ topic, utf8 }] = own as [(typeof own)[0]]
  const said = normalizer(document)(topic, utf8, { receivedAt: 1_451_649_601_000 })
  const time = '(2016-01-01T12:00:00.512Z)'
  assert.deepEqual(said.datapoints, [
    `me stringKey "value1" ${time}`,
    `me booleanKey true ${time}`,
    `me doubleKey 42 ${time}`,
    `me longKey 73 ${time}`,
    `me jsonKey {"someNumber":42,"someArray":[1,2,3],"someNestedObject":{"key":"value"}} ${time}`
  ])
  assert.deepEqual(said.rejections, [])
})

test('telemetry in every shape, on every topic', () => {
  for (const topic of [telemetry, 'v2/t', 'v2/t/j']) {
    assert.deepEqual(say(topic, { a: 1, b: null, c: [1], d: false }).datapoints, [
      'me a 1',
      'me b null',
      'me c [1]',
      'me d false'
    ])
    assert.deepEqual(say(topic, [{ a: 1 }, { a: 2, b: 3 }]).datapoints, ['me a 1', 'me a 2', 'me b 3'])
    assert.deepEqual(say(topic, { ts: at, values: { a: 1 } }).datapoints, [`me a 1 ${secondBefore}`])
    assert.deepEqual(
      say(topic, [{ ts: at, values: { a: 1 } }, { ts: String(at), values: { a: 2 } }, { b: 3 }]).datapoints,
      [`me a 1 ${secondBefore}`, `me a 2 ${secondBefore}`, 'me b 3']
    )
    // Only both together are a time and its values
    assert.deepEqual(say(topic, { ts: 5, other: 1 }).datapoints, ['me ts 5', 'me other 1'])
    assert.deepEqual(say(topic, { values: { a: 1 } }).datapoints, ['me values {"a":1}'])
    assert.deepEqual(say(topic, '{"a":9007199254740993}').datapoints, ['me a 9007199254740993'])
  }
})

test('numbers in quotes are text, unless the option says otherwise', () => {
  const quoted = '{"a":"42","b":"4.5","c":"on","d":"true"}'
  assert.deepEqual(say(telemetry, quoted).datapoints, ['me a "42"', 'me b "4.5"', 'me c "on"', 'me d "true"'])
  const cast = 'conventions: [thingsboard: { castTypes: true }]'
  const expected = ['a 42', 'b 4.5', 'c "on"', 'd "true"']
  for (const topic of [telemetry, 'v1/devices/me/attributes'])
    assert.deepEqual(
      say(topic, quoted, cast).datapoints,
      expected.map((each) => `me ${each}`)
    )
  assert.deepEqual(
    say('v1/gateway/telemetry', `{"A":[${quoted}]}`, cast).datapoints,
    expected.map((each) => `A ${each}`)
  )
})

test('the good parts of telemetry are kept', () => {
  const said = say(telemetry, [
    1,
    { a: 1 },
    null,
    [],
    { ts: 'soon', values: { a: 2 } },
    { ts: at, values: 5 }
  ])
  assert.deepEqual(said.datapoints, ['me a 1', 'me a 2'])
  assert.deepEqual(said.rejections, ['wrong_shape', 'invalid_timestamp'])
  assert.match(said.outcome.rejections[0]!.detail, /and 3 more/)
  for (const ts of [null, true, {}, 'x'])
    assert.deepEqual(say(telemetry, { ts, values: { a: 1 } }).rejections, ['invalid_timestamp'])
  const reasons = (payload: string | Uint8Array): string[] => say(telemetry, payload).rejections
  assert.deepEqual(reasons(''), ['empty_payload'])
  assert.deepEqual(reasons('{"a":1,}'), ['malformed_json'])
  assert.deepEqual(reasons(hex('0a04ff')), ['not_utf8'])
  assert.deepEqual(reasons('{"a":1,"a":2}'), ['duplicate_keys'])
  assert.deepEqual(reasons(`${'['.repeat(200)}${']'.repeat(200)}`), ['too_deep'])
  for (const payload of ['5', '"x"', 'null', '[[{"a":1}]]'])
    assert.deepEqual(reasons(payload), ['wrong_shape'], payload)
  assert.deepEqual(say(telemetry, '{"__proto__":{"a":1},"constructor":2}').datapoints, [
    'me __proto__ {"a":1}',
    'me constructor 2'
  ])
  assert.equal(
    say(
      telemetry,
      Array.from({ length: 20_000 }, () => ({ a: 1 }))
    ).datapoints.length,
    10_000
  )
})

test('attributes are state, whoever tells them', () => {
  for (const topic of ['v1/devices/me/attributes', 'v2/a', 'v2/a/j']) {
    assert.deepEqual(say(topic, { fw: '1.0', config: { a: [1] } }).datapoints, [
      'me fw "1.0"',
      'me config {"a":[1]}'
    ])
    assert.deepEqual(say(topic, { fw: '1.1', deleted: ['a', 'b'] }).datapoints, [
      'me fw "1.1"',
      'me a null',
      'me b null'
    ])
    // What is no list of names is an attribute like any other
    assert.deepEqual(say(topic, { deleted: true }).datapoints, ['me deleted true'])
    assert.deepEqual(say(topic, { deleted: [1] }).datapoints, ['me deleted [1]'])
    assert.deepEqual(say(topic, [{ a: 1 }]).rejections, ['wrong_shape'])
  }
  for (const topic of ['v1/devices/me/attributes/response/1', 'v2/a/res/1', 'v2/a/res/j/1']) {
    const said = say(topic, { client: { a: 1 }, shared: { b: 2 } })
    assert.deepEqual(said.datapoints, ['me a 1', 'me b 2'])
    assert.deepEqual(said.outcome.devices, [], 'it was said to the device')
    assert.deepEqual(say(topic, { client: 5 }).rejections, ['wrong_shape'])
    assert.deepEqual(say(topic, { other: {} }).rejections, ['wrong_shape'])
    assert.deepEqual(say(topic, { error: 'no such key' }).rejections, [])
  }
  for (const topic of ['v1/devices/me/attributes/request/1', 'v2/a/req/1', 'v2/a/req/j/1']) {
    assert.deepEqual(say(topic, { clientKeys: 'a,b' }).datapoints, [
      'me attributesRequest {"clientKeys":"a,b","id":"1"} event'
    ])
    assert.deepEqual(say(topic, '[]').rejections, ['wrong_shape'])
  }
})

test('a call is an event, and said to the device as well as by it', () => {
  for (const topic of ['v1/devices/me/rpc/request/7', 'v2/r/req/7', 'v2/r/req/j/7']) {
    const said = say(topic, { method: 'setGpio', params: { pin: 23 } })
    assert.deepEqual(said.datapoints, ['me rpc {"id":"7","method":"setGpio","params":{"pin":23}} event'])
    assert.deepEqual(said.outcome.devices, [])
    assert.deepEqual(say(topic, { method: 'getTime' }).datapoints, [
      'me rpc {"id":"7","method":"getTime","params":null} event'
    ])
    for (const payload of ['{}', '[]', '5', '{"method":5}'])
      assert.deepEqual(say(topic, payload).rejections, ['wrong_shape'], payload)
  }
})

test('what is answered is a response, whatever it is', () => {
  const answers: Array<[string | Uint8Array, boolean, string]> = [
    ['{"success":true}', true, '"detail":null,"value":{"success":true}'],
    ['{"success":false}', false, '"detail":null,"value":{"success":false}'],
    ['{"error":"no such pin"}', false, '"detail":"no such pin","value":{"error":"no such pin"}'],
    ['{"error":{"code":5}}', false, '"detail":null,"value":{"error":{"code":5}}'],
    ['{"error":null,"error2":1}', true, '"detail":null,"value":{"error":null,"error2":1}'],
    ['{"error":""}', true, '"detail":null,"value":{"error":""}'],
    ['9007199254740993', true, '"detail":null,"value":9007199254740993'],
    ['\ufeff9007199254740993', true, '"detail":null,"value":9007199254740993'],
    ['ok', true, '"detail":null,"value":"ok"'],
    ['{"a":1,}', true, '"detail":null,"value":"{\\"a\\":1,}"'],
    ['1e400', true, '"detail":null,"value":"1e400"'],
    ['null', true, '"detail":null,"value":null'],
    ['', true, '"detail":null,"value":null']
  ]
  for (const [payload, ok, rest] of answers)
    for (const topic of ['v1/devices/me/rpc/response/7', 'v2/r/res/7', 'v2/r/res/j/7']) {
      const said = say(topic, payload)
      assert.deepEqual(said.responses, [{ device: 'me', correlation: '7', ok }], String(payload))
      assert.deepEqual(said.datapoints, [`me response {"correlation":"7","ok":${ok},${rest}} event`])
      assert.deepEqual(said.rejections, [])
      assert.deepEqual(said.outcome.devices, ['me'])
    }
  const binary = say('v2/r/res/7', hex('ff00'))
  assert.deepEqual([binary.responses.length, binary.rejections], [1, ['not_utf8']])
  const twice = say('v2/r/res/7', '{"a":1,"a":2}')
  assert.deepEqual([twice.responses.length, twice.rejections], [1, ['duplicate_keys']])
})

test('secrets and packages become nothing, and no other takes them', () => {
  const all = 'conventions: [thingsboard]\nautomatic: true'
  for (const topic of [
    'v1/devices/me/claim',
    'v1/gateway/claim',
    'v2/c',
    'v2/c/p',
    'v2/fw/request/1/chunk/0',
    'v2/sw/response/1/chunk/0',
    '/provision/request',
    '/provision/response'
  ]) {
    const said = say(topic, '{"secretKey":"s"}', all)
    assert.equal(said.outcome.mapping, 'thingsboard', topic)
    assert.deepEqual(
      [said.datapoints, said.attributes, said.presence, said.rejections],
      [[], [], [], []],
      topic
    )
  }
  for (const topic of ['v2/t/p', 'v2/a/p', 'v2/a/req/p/1', 'v2/r/res/p/1']) {
    const said = say(topic, '{"a":1}', all)
    assert.deepEqual([said.datapoints, said.rejections], [[], ['wrong_shape']], topic)
    assert.match(said.outcome.rejections[0]!.detail, /Protobuf/)
  }
})

test('a gateway tells of its devices', () => {
  assert.deepEqual(
    say('v1/gateway/telemetry', {
      'Device A': [{ ts: at, values: { a: 1 } }, { b: 2 }],
      'Device B': { a: 3 },
      __proto__: null,
      'Device C': 5
    }).datapoints,
    [`Device A a 1 ${secondBefore}`, 'Device A b 2', 'Device B a 3']
  )
  assert.deepEqual(say('v1/gateway/telemetry', { 'Device C': 5, '': { a: 1 } }).rejections, [
    'invalid_device',
    'wrong_shape'
  ])
  assert.deepEqual(say('v1/gateway/attributes', { 'Device A': { a: 1 }, device: { a: 2 } }).datapoints, [
    'Device A a 1',
    'device a 2'
  ])
  const shared = say('v1/gateway/attributes', { device: 'Device A', data: { a: 1, deleted: ['b'] } })
  assert.deepEqual(shared.datapoints, ['Device A a 1', 'Device A b null'])
  assert.deepEqual(shared.outcome.devices, [], 'it was said to the device')
  assert.deepEqual(say('v1/gateway/attributes', { device: 'Device A' }).rejections, ['wrong_shape'])
  assert.deepEqual(say('v1/gateway/attributes/request', { id: 1, device: 'A', client: ['a'] }).datapoints, [
    'A attributesRequest {"id":1,"client":["a"]} event'
  ])
  const told = say('v1/gateway/attributes/response', { id: 1, device: 'A', values: { a: 1 } })
  assert.deepEqual([told.datapoints, told.outcome.devices], [['A a 1'], []])
  assert.deepEqual(say('v1/gateway/attributes/response', { id: 1, device: 'A', value: 5 }).datapoints, [])
  for (const topic of ['attributes/request', 'attributes/response', 'connect', 'disconnect', 'rpc'])
    for (const payload of ['{}', '{"device":5}', '[]', '5'])
      assert.deepEqual(say(`v1/gateway/${topic}`, payload).rejections, ['wrong_shape'], topic + payload)
})

test('devices behind a gateway come and go', () => {
  const said = say('v1/gateway/connect', { device: 'Device A', type: 'Sensor A' })
  assert.deepEqual(said.presence, ['Device A online birth'])
  assert.deepEqual(said.attributes, [{ device: 'Device A', attributes: { type: 'Sensor A' } }])
  assert.deepEqual(say('v1/gateway/connect', { device: 'Device A' }).attributes, [])
  assert.deepEqual(say('v1/gateway/disconnect', { device: 'Device A' }).presence, ['Device A offline death'])
})

test('calls and responses of a gateway are told apart', () => {
  const call = say('v1/gateway/rpc', { device: 'A', data: { id: 1, method: 'toggle', params: { pin: 1 } } })
  assert.deepEqual(call.datapoints, ['A rpc {"id":1,"method":"toggle","params":{"pin":1}} event'])
  assert.deepEqual([call.responses, call.outcome.devices], [[], []])
  for (const id of [1, '1']) {
    const answer = say('v1/gateway/rpc', { device: 'A', id, data: { success: true } })
    assert.deepEqual(answer.responses, [{ device: 'A', correlation: '1', ok: true }])
    assert.deepEqual(answer.outcome.devices, ['A'])
  }
  assert.deepEqual(say('v1/gateway/rpc', { device: 'A', id: 1, data: { error: 'x' } }).responses, [
    { device: 'A', correlation: '1', ok: false }
  ])
  for (const given of [
    { id: {} },
    { id: 1.5 },
    { data: {} },
    { data: 5 },
    { data: { id: 1 } },
    { data: { method: 'a' } }
  ]) {
    const said = say('v1/gateway/rpc', { device: 'A', ...given })
    assert.deepEqual([said.datapoints, said.rejections], [[], ['wrong_shape']], JSON.stringify(given))
  }
})

test('a device is named by what stands before its topic, by the topic, or by the option', () => {
  const text = 'conventions: [thingsboard: { device: boiler, prefixes: ["tb/{device}", site] }]'
  const names: Array<[string, string]> = [
    [telemetry, 'boiler'],
    ['v2/t', 'boiler'],
    ['v1/devices/cellar/telemetry', 'cellar'],
    ['tb/attic/v1/devices/me/telemetry', 'attic'],
    ['tb/attic/v2/t', 'attic'],
    ['site/v1/devices/me/telemetry', 'boiler'],
    ['site/v1/devices/cellar/telemetry', 'cellar']
  ]
  for (const [topic, device] of names)
    assert.deepEqual(say(topic, { a: 1 }, text).datapoints, [`${device} a 1`], topic)
  assert.deepEqual(say('tb/attic/v1/gateway/telemetry', { A: [{ a: 1 }] }, text).datapoints, ['A a 1'])
  for (const prefix of ['tb/#', '{me}', 'a/{id}'])
    assert.throws(
      () => normalizer(`conventions: [thingsboard: { prefixes: ["${prefix}"] }]`),
      /prefix cannot have/
    )
})

test('silence is offline where the option says so, and what is said to a device does not end it', () => {
  const run = normalizer('conventions: [thingsboard: { offlineAfter: 90s }]')
  assert.deepEqual(run(telemetry, { a: 1 }).presence, ['me online seen'])
  assert.deepEqual(run('v1/devices/me/rpc/request/7', { method: 'a' }).presence, [])
})

test('a retained message that is gone says nothing', () => {
  for (const topic of [telemetry, 'v1/devices/me/attributes', 'v2/r/res/1', 'v1/gateway/connect', 'v2/t/p']) {
    const said = normalizer(document)(topic, '', { kind: 'cleared' })
    assert.deepEqual(
      [said.datapoints, said.presence, said.rejections, said.responses],
      [[], [], [], []],
      topic
    )
  }
})

// Commands

/** The last 31 bits of the id: 0x5eadbeef of 0xdeadbeef. */
const id = 0x5eadbeef

const render = (
  name: string,
  parameters: Record<string, unknown>,
  topic = telemetry,
  more: { device?: string; id?: string; options?: Record<string, unknown> } = {}
): RenderedCommand => renderCommand(thingsBoard, { name, parameters, topic, ...more })

test('a call goes where the device is heard, and its response comes back', () => {
  const call = { method: 'setGpio', params: { pin: 23, value: true } }
  const options = { prefixes: ['tb/{device}'] }
  const places: Array<[string, string, string]> = [
    [telemetry, `v1/devices/me/rpc/request/${id}`, `v1/devices/me/rpc/response/${id}`],
    [
      'v1/devices/cellar/attributes',
      `v1/devices/cellar/rpc/request/${id}`,
      `v1/devices/cellar/rpc/response/${id}`
    ],
    ['v1/devices/me/rpc/response/5', `v1/devices/me/rpc/request/${id}`, `v1/devices/me/rpc/response/${id}`],
    ['v2/t', `v2/r/req/${id}`, `v2/r/res/${id}`],
    ['v2/a/j', `v2/r/req/j/${id}`, `v2/r/res/j/${id}`],
    ['v2/r/res/j/1', `v2/r/req/j/${id}`, `v2/r/res/j/${id}`],
    ['v2/a/req/1', `v2/r/req/${id}`, `v2/r/res/${id}`],
    ['tb/v2/v2/t', `tb/v2/v2/r/req/${id}`, `tb/v2/v2/r/res/${id}`],
    [
      'tb/attic/v1/devices/me/telemetry',
      `tb/attic/v1/devices/me/rpc/request/${id}`,
      `tb/attic/v1/devices/me/rpc/response/${id}`
    ]
  ]
  for (const [heard, asked, answered] of places) {
    const { topic, payload, qos, correlation, effect } = render('rpc', call, heard, { options })
    assert.deepEqual([topic, qos, correlation, effect], [asked, 1, String(id), null])
    assert.equal(payload, '{"method":"setGpio","params":{"pin":23,"value":true}}')
    const text = 'conventions: [thingsboard: { prefixes: ["tb/{device}"] }]'
    assert.equal(say(answered, '{"success":true}', text).responses[0]!.correlation, correlation, heard)
  }
})

test('a call of a device behind a gateway names it', () => {
  for (const heard of ['telemetry', 'attributes', 'connect', 'rpc', 'attributes/request']) {
    const { topic, payload, correlation } = render('rpc', { method: 'toggle' }, `v1/gateway/${heard}`, {
      device: 'Device A'
    })
    assert.equal(topic, 'v1/gateway/rpc')
    assert.equal(payload, `{"device":"Device A","data":{"id":${id},"method":"toggle","params":{}}}`)
    assert.deepEqual(say(topic, { device: 'Device A', id, data: 1 }).responses, [
      { device: 'Device A', correlation, ok: true }
    ])
  }
  assert.equal(
    render('attributes', { attributes: { a: 1 } }, 'v1/gateway/telemetry', { device: 'Device A' }).payload,
    '{"device":"Device A","data":{"a":1}}'
  )
})

test('no response is awaited of a call that is oneway', () => {
  assert.equal(render('rpc', { method: 'a', oneway: true }).correlation, null)
  assert.equal(render('rpc', { method: 'a', oneway: false }).correlation, String(id))
})

test('ids are those of ThingsBoard, the same for the same command, and none that devices use themselves', () => {
  const idOf = (tail: string): number =>
    Number(render('rpc', { method: 'a' }, telemetry, { id: commandId.slice(0, -8) + tail }).correlation)
  assert.equal(idOf('ffffffff'), 2_147_483_647)
  assert.equal(idOf('80000000'), 1_000_000)
  assert.equal(idOf('00000005'), 1_000_005)
  assert.equal(idOf('00ffffff'), 0xffffff)
})

test('shared attributes are set and removed', () => {
  const cases: Array<[string, string]> = [
    [telemetry, 'v1/devices/me/attributes'],
    ['v2/t', 'v2/a'],
    ['v2/t/j', 'v2/a/j']
  ]
  for (const [heard, topic] of cases)
    assert.deepEqual(render('attributes', { attributes: { a: 1, b: { c: null } } }, heard), {
      topic,
      payload: '{"a":1,"b":{"c":null}}',
      qos: 1,
      correlation: null,
      effect: null
    })
  const { payload } = render('attributes', { attributes: { a: 1 }, deleted: ['b'] })
  assert.equal(payload, '{"a":1,"deleted":["b"]}')
  assert.deepEqual(say('v2/a', payload).datapoints, ['me a 1', 'me b null'])
})

test('what cannot be said to a device of ThingsBoard is a fault', () => {
  const fault = (...given: Parameters<typeof render>): CommandFault => {
    try {
      render(...given)
    } catch (error) {
      assert.ok(error instanceof CommandFault, String(error))
      return error
    }
    return assert.fail('it was rendered')
  }
  assert.equal(fault('rpc', { method: '' }).parameter, 'method')
  assert.equal(fault('attributes', { attributes: {} }).parameter, 'attributes')
  assert.equal(fault('attributes', { attributes: { deleted: ['a'] } }).parameter, 'attributes')
  assert.equal(fault('rpc', { method: 'a', params: NaN }).parameter, 'params')
  assert.equal(fault('rpc', { method: 'a' }, 'v2/t/p').parameter, null)
  assert.equal(fault('rpc', { method: 'a' }, '/provision/request').parameter, null)
})
