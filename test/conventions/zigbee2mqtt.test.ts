/** zigbee2mqtt: devices with slashes in their names, units of exposes, a bridge that may be gone, requests and responses. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import type { CommandTarget, RenderedCommand } from '../../src/normalize/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { unitsOf } from '../../src/conventions/zigbee2mqtt/exposes.ts'
import { withAvailability } from '../../src/conventions/zigbee2mqtt/memory.ts'
import { compileText } from '../normalize/mappings.ts'
import { hex, normalizer } from './say.ts'
import type { Say } from './say.ts'

const plain = 'conventions: [zigbee2mqtt]'

interface Fixture {
  id: string
  convention: string
  topic: string
  utf8: string
}

const fixtures = JSON.parse(
  readFileSync(new URL('payloads.json', import.meta.url), 'utf8')
) as readonly Fixture[]

test('its fixtures', () => {
  const expected: Record<string, [string[], string[]]> = {
    'z2m-sensor': [
      [
        'kitchen/floor_light state "ON"',
        'kitchen/floor_light brightness 215',
        'kitchen/floor_light color_temp 325'
      ],
      []
    ],
    'z2m-avail-legacy': [[], ['my_bulb online availability']],
    'z2m-action': [['button action "single" event'], []]
  }
  const own = fixtures.filter(({ convention }) => convention === 'zigbee2mqtt')
  assert.deepEqual(own.map(({ id }) => id).toSorted(), Object.keys(expected).toSorted())
  for (const { id, topic, utf8 } of own) {
    const { datapoints, presence, rejections } = normalizer(plain)(topic, utf8)
    assert.deepEqual([datapoints, presence, rejections], [...expected[id]!, []], id)
  }
})

const light = {
  type: 'light',
  features: [
    { type: 'binary', name: 'state', property: 'state_l1', access: 7 },
    { type: 'numeric', name: 'color_temp', property: 'color_temp_l1', unit: 'mired' },
    {
      type: 'composite',
      name: 'color_hs',
      property: 'color',
      features: [{ type: 'numeric', property: 'hue', unit: '°' }]
    }
  ]
}
const climate = {
  type: 'climate',
  features: [{ type: 'numeric', property: 'local_temperature', unit: '°C' }]
}
const list = { type: 'list', property: 'no_occupancy_since', item_type: { type: 'numeric', unit: 's' } }
const exposes = [light, climate, list, { type: 'numeric', property: 'power', unit: 'W' }]

test('units of exposes: generic, of lights and climates, composites, lists, endpoints', () => {
  assert.deepEqual(
    [...unitsOf(exposes)],
    [
      ['color_temp_l1', 'mired'],
      ['color.hue', '°'],
      ['local_temperature', '°C'],
      ['no_occupancy_since', 's'],
      ['power', 'W']
    ]
  )
  let nested: unknown = [{ type: 'numeric', property: 'x', unit: 'm' }]
  for (let depth = 0; depth < 10_000; depth++)
    nested = [{ type: 'composite', property: 'x', features: nested }]
  assert.equal(unitsOf(nested).size, 0)
  for (const odd of [
    null,
    'x',
    5,
    {},
    [null, 5, []],
    [{ property: 5, unit: 'm' }],
    [{ property: 'a', unit: 5 }]
  ])
    assert.equal(unitsOf(odd).size, 0)
})

const inventory = [
  { friendly_name: 'Coordinator', type: 'Coordinator', ieee_address: '0x00', definition: null },
  {
    friendly_name: 'kitchen/floor_light',
    type: 'Router',
    ieee_address: '0x90fd9ffffe6494fc',
    network_address: 57_440,
    supported: true,
    power_source: 'Mains (single phase)',
    software_build_id: '1.3.009',
    model_id: 'TRADFRI bulb',
    description: 'behind the fridge',
    definition: { model: 'LED1624G9', vendor: 'IKEA', description: 'TRADFRI LED bulb', exposes }
  },
  {
    friendly_name: 'meter',
    ieee_address: '0x01',
    definition: { model: 'M', exposes: [{ property: 'power', unit: 'kW' }] }
  },
  { friendly_name: 'odd', supported: false, definition: null, model_id: null },
  { friendly_name: '__proto__', definition: { exposes: [{ property: '__proto__', unit: 'u' }] } }
]

test('bridge/devices: attributes, and units of what comes after', () => {
  const say = normalizer(plain)
  assert.deepEqual(say('zigbee2mqtt/meter', { power: 2 }).datapoints, ['meter power 2'])
  const { attributes, datapoints, rejections } = say('zigbee2mqtt/bridge/devices', inventory)
  assert.deepEqual([datapoints, rejections], [[], []])
  assert.deepEqual(attributes[0], {
    device: 'kitchen/floor_light',
    attributes: {
      ieeeAddress: '0x90fd9ffffe6494fc',
      type: 'Router',
      networkAddress: 57_440,
      supported: true,
      powerSource: 'Mains (single phase)',
      modelId: 'TRADFRI bulb',
      firmware: '1.3.009',
      model: 'LED1624G9',
      vendor: 'IKEA',
      description: 'TRADFRI LED bulb',
      note: 'behind the fridge'
    }
  })
  assert.deepEqual(
    attributes.map(({ device }) => device),
    ['kitchen/floor_light', 'meter', 'odd', '__proto__']
  )
  assert.deepEqual(
    say('zigbee2mqtt/kitchen/floor_light', {
      power: 1,
      color: { hue: 3, x: 0.1 },
      state_l1: 'ON',
      no_occupancy_since: [10]
    }).datapoints,
    [
      'kitchen/floor_light power 1 [W]',
      'kitchen/floor_light color.hue 3 [°]',
      'kitchen/floor_light color.x 0.1',
      'kitchen/floor_light state_l1 "ON"',
      'kitchen/floor_light no_occupancy_since [10] [s]'
    ]
  )
  assert.deepEqual(say('zigbee2mqtt/meter', { power: 2 }).datapoints, ['meter power 2 [kW]'])
  assert.deepEqual(say('zigbee2mqtt/odd', { power: 2 }).datapoints, ['odd power 2'])
  assert.deepEqual(say('zigbee2mqtt/__proto__', '{"__proto__":5}').datapoints, ['__proto__ __proto__ 5 [u]'])
  say('zigbee2mqtt/bridge/devices', inventory.slice(0, 2))
  assert.deepEqual(say('zigbee2mqtt/meter', { power: 2 }).datapoints, ['meter power 2'])
  say('zigbee2mqtt/bridge/devices', '', { kind: 'cleared' })
  assert.deepEqual(say('zigbee2mqtt/kitchen/floor_light', { power: 1 }).datapoints, [
    'kitchen/floor_light power 1'
  ])
})

test('of a thousand devices of ten models little is remembered', () => {
  const models = Array.from({ length: 10 }, (_, n) => [
    ...exposes,
    { type: 'numeric', property: `p${n}`, unit: 'V' }
  ])
  const padding = 'x'.repeat(400)
  const devices = Array.from({ length: 1_000 }, (_, n) => ({
    friendly_name: `room ${n}/lamp`,
    definition: { model: 'M', options: padding, exposes: models[n % 10] }
  }))
  const payload = JSON.stringify(devices)
  assert.ok(payload.length > 1_000_000, `${payload.length}`)
  const set = compileText(plain)
  const message = {
    seq: 1,
    kind: 'message',
    topic: 'zigbee2mqtt/bridge/devices',
    payload: Buffer.from(payload),
    properties: null,
    receivedAt: 0
  } as const
  const { state, outcome } = set.normalize(message, null)
  assert.deepEqual(outcome.rejections, [])
  assert.equal(outcome.attributes.length, 1_000)
  const bytes = JSON.stringify(state).length
  assert.ok(bytes < 30_000, `${bytes}`)
  // Said again, it is no change
  assert.equal(set.normalize(message, state as never).state, undefined)
})

test('names with slashes, and what is subtracted', () => {
  const say = normalizer(plain)
  assert.deepEqual(say('zigbee2mqtt/a/b/c', { state: 'ON' }).datapoints, ['a/b/c state "ON"'])
  for (const [topic, payload] of [
    ['a/b/set', { state: 'ON' }],
    ['a/b/set/state', 'ON'],
    ['a/b/get', { state: '' }],
    ['a/b/get/state', ''],
    ['bridge/request/permit_join', { value: true }],
    ['bridge/definitions', { clusters: {} }],
    ['bridge/extensions', []],
    ['bridge/converters', []]
  ] as const) {
    const { datapoints, presence, attributes, rejections, outcome } = say(`zigbee2mqtt/${topic}`, payload)
    assert.deepEqual([datapoints, presence, attributes, rejections], [[], [], [], []], topic)
    assert.equal(outcome.mapping, 'zigbee2mqtt')
  }
})

test('an action happened, and so did all that belongs to it', () => {
  const say = normalizer(plain)
  assert.deepEqual(
    say('zigbee2mqtt/knob', {
      action: 'rotate',
      action_angle: 35,
      action_type: { x: 1 },
      click: 'double',
      battery: 90
    }).datapoints,
    [
      'knob action "rotate" event',
      'knob action_angle 35 event',
      'knob action_type.x 1 event',
      'knob click "double" event',
      'knob battery 90'
    ]
  )
  assert.deepEqual(say('zigbee2mqtt/knob', { action: '', click: null, battery: 90 }).datapoints, [
    'knob battery 90'
  ])
  assert.deepEqual(say('zigbee2mqtt/a/knob/action', 'single').datapoints, ['a/knob action "single" event'])
  assert.deepEqual(say('zigbee2mqtt/a/knob/action', '').datapoints, [])
})

test('one attribute on a topic is the metric that it is in JSON', () => {
  const say = normalizer(plain)
  say('zigbee2mqtt/bridge/devices', inventory)
  assert.deepEqual(say('zigbee2mqtt/kitchen/floor_light/power', '7').datapoints, [
    'kitchen/floor_light power 7 [W]'
  ])
  assert.deepEqual(say('zigbee2mqtt/kitchen/floor_light/color-hue', '30').datapoints, [
    'kitchen/floor_light color.hue 30 [°]'
  ])
  assert.deepEqual(say('zigbee2mqtt/meter/on', 'true').datapoints, ['meter on true'])
  assert.deepEqual(say('zigbee2mqtt/meter/name', 'ON').datapoints, ['meter name "ON"'])
  assert.deepEqual(say('zigbee2mqtt/meter/code', '007').datapoints, ['meter code "007"'])
  assert.deepEqual(say('zigbee2mqtt/meter/gone', '').datapoints, ['meter gone null'])
  // The name of a device, where there is one, is never taken for an attribute
  assert.deepEqual(say('zigbee2mqtt/kitchen/floor_light', 'ON').rejections, ['wrong_shape'])
  assert.deepEqual(say('zigbee2mqtt/kitchen/floor_light', '').datapoints, [])
  assert.deepEqual(say('zigbee2mqtt/kitchen', 'ON').rejections, ['wrong_shape'])
})

test('with include_device_information, device is no measurement', () => {
  const { datapoints, attributes } = normalizer(plain)('zigbee2mqtt/a', {
    state: 'ON',
    device: {
      friendlyName: 'a',
      model: 'M',
      ieeeAddr: '0x01',
      powerSource: 'Battery',
      softwareBuildID: '1',
      x: {}
    }
  })
  assert.deepEqual(datapoints, ['a state "ON"'])
  assert.deepEqual(attributes, [
    { device: 'a', attributes: { ieeeAddress: '0x01', model: 'M', powerSource: 'Battery', firmware: '1' } }
  ])
})

test('last_seen is kept as it is, and is not the time of the values', () => {
  const { datapoints } = normalizer(plain)('zigbee2mqtt/a', { x: 1, last_seen: '2026-11-24T10:00:00.000Z' })
  assert.deepEqual(datapoints, ['a x 1', 'a last_seen "2026-11-24T10:00:00.000Z"'])
})

test('availability, as text and as JSON', () => {
  const say = normalizer(plain)
  const of = (payload: string | object): string[] => say('zigbee2mqtt/a/b/availability', payload).presence
  assert.deepEqual(of('online'), ['a/b online availability'])
  assert.deepEqual(of('offline'), ['a/b offline availability'])
  assert.deepEqual(of({ state: 'online' }), ['a/b online availability'])
  assert.deepEqual(of({ state: 'offline' }), ['a/b offline availability'])
  assert.deepEqual(say('zigbee2mqtt/a/b/availability', '', { kind: 'cleared' }).presence, [
    'a/b unknown availability'
  ])
  for (const odd of ['ONLINE', '{"state":1}', '{}', '5', '{"state":']) assert.deepEqual(of(odd), [], odd)
  assert.deepEqual(say('zigbee2mqtt/a/availability', 'away').rejections, ['unknown_presence'])
})

test('when the bridge is offline, so are its devices; when it is back, they are as was said of them', () => {
  const say: Say = normalizer(plain)
  say('zigbee2mqtt/bridge/devices', [{ friendly_name: 'a' }, { friendly_name: 'b' }, { friendly_name: 'c' }])
  say('zigbee2mqtt/bridge/groups', [{ id: 1, friendly_name: 'g', members: [] }])
  say('zigbee2mqtt/a/availability', 'online')
  say('zigbee2mqtt/b/availability', 'offline')
  assert.deepEqual(say('zigbee2mqtt/bridge/state', 'online').presence, [
    'zigbee2mqtt/bridge online availability'
  ])
  assert.deepEqual(say('zigbee2mqtt/bridge/state', { state: 'offline' }).presence, [
    'zigbee2mqtt/bridge offline death',
    'a offline availability',
    'b offline availability',
    'c offline availability',
    'g offline availability'
  ])
  // Retained messages may be found in any order
  assert.deepEqual(say('zigbee2mqtt/c/availability', 'online', { kind: 'snapshot' }).presence, [
    'c offline availability'
  ])
  assert.deepEqual(say('zigbee2mqtt/bridge/state', 'online').presence, [
    'zigbee2mqtt/bridge online availability',
    'a online availability',
    'b offline availability',
    'c online availability',
    'g unknown availability'
  ])
  assert.deepEqual(say('zigbee2mqtt/bridge/state', 'online').presence, [
    'zigbee2mqtt/bridge online availability'
  ])
  assert.deepEqual(say('zigbee2mqtt/bridge/state', '', { kind: 'cleared' }).presence, [
    'zigbee2mqtt/bridge unknown availability'
  ])
  assert.deepEqual(say('zigbee2mqtt/bridge/state', 'gone').rejections, ['unknown_presence'])
})

test('what is remembered of availability is bounded', () => {
  const available = Object.fromEntries(
    Array.from({ length: defaultLimits.discoveredDevicesMax }, (_, n) => [`/${n}`, true])
  )
  assert.equal(withAvailability({ available }, 'one more', true), undefined)
  assert.notEqual(withAvailability({ available }, '7', false), undefined)
})

test('groups are devices, with members', () => {
  const say = normalizer(plain)
  const { attributes, rejections } = say('zigbee2mqtt/bridge/groups', [
    { id: 1, friendly_name: 'all lights', members: [{ ieee_address: '0x01', endpoint: 1 }] },
    { id: 2 }
  ])
  assert.deepEqual(attributes, [
    { device: 'all lights', attributes: { type: 'Group', groupId: 1, members: ['0x01'] } }
  ])
  assert.deepEqual(rejections, ['wrong_shape'])
})

test('what the bridge says of itself', () => {
  const say = normalizer(plain)
  const info = say('zigbee2mqtt/bridge/info', {
    version: '2.1.0',
    commit: 'c',
    coordinator: { ieee_address: '0x00', type: 'zStack30x' },
    network: { channel: 15, pan_id: 5_674, extended_pan_id: [0, 11] },
    log_level: 'info',
    permit_join: true,
    restart_required: false,
    config: { mqtt: { password: 'secret' } },
    config_schema: {}
  })
  assert.deepEqual(info.attributes, [
    {
      device: 'zigbee2mqtt/bridge',
      attributes: {
        version: '2.1.0',
        commit: 'c',
        ieeeAddress: '0x00',
        coordinator: 'zStack30x',
        channel: 15,
        panId: 5_674,
        extendedPanId: [0, 11],
        logLevel: 'info'
      }
    }
  ])
  assert.deepEqual(info.datapoints, [
    'zigbee2mqtt/bridge permit_join true',
    'zigbee2mqtt/bridge restart_required false'
  ])
  const event = { type: 'device_joined', data: { friendly_name: 'a' } }
  assert.deepEqual(say('zigbee2mqtt/bridge/event', event).datapoints, [
    `zigbee2mqtt/bridge event ${JSON.stringify(event)} event`
  ])
  assert.deepEqual(say('zigbee2mqtt/bridge/logging', { level: 'info' }).datapoints, [
    'zigbee2mqtt/bridge logging {"level":"info"} event'
  ])
  assert.deepEqual(
    say('zigbee2mqtt/bridge/health', { process: { uptime_sec: 5 }, devices: { '0x1': {} } }).datapoints,
    ['zigbee2mqtt/bridge health.process.uptime_sec 5']
  )
})

test('responses: with their transaction, and without', () => {
  const say = normalizer(plain)
  const topic = 'zigbee2mqtt/bridge/response/device/rename'
  const ok = say(topic, { data: { from: 'a', to: 'b' }, status: 'ok', transaction: 23 })
  assert.deepEqual(ok.responses, [{ device: 'zigbee2mqtt/bridge', correlation: '23', ok: true }])
  assert.deepEqual(ok.datapoints, [
    'zigbee2mqtt/bridge response {"correlation":"23","ok":true,"detail":null,"value":{"request":"device/rename","data":{"from":"a","to":"b"}}} event'
  ])
  const failed = say(topic, { data: {}, error: 'No such device', status: 'error', transaction: 'x' })
  assert.deepEqual(failed.responses, [{ device: 'zigbee2mqtt/bridge', correlation: 'x', ok: false }])
  assert.match(failed.datapoints[0]!, /"detail":"No such device"/)
  const other = say(topic, { data: {}, status: 'ok' })
  assert.deepEqual(other.responses, [])
  assert.deepEqual(other.datapoints, [
    'zigbee2mqtt/bridge response {"ok":true,"value":{"request":"device/rename","data":{}}} event'
  ])
  for (const odd of ['[]', '{}', '{"status":"maybe"}', '5'])
    assert.deepEqual(say(topic, odd).rejections, ['wrong_shape'])
})

test('several bases, one the beginning of another, and their names', () => {
  const say = normalizer(
    'conventions: [{ zigbee2mqtt: { base: [z2m/attic, z2m/cellar], baseInName: true } }]'
  )
  assert.deepEqual(say('z2m/attic/lamp', { x: 1 }).datapoints, ['z2m/attic/lamp x 1'])
  say('z2m/attic/bridge/devices', [
    { friendly_name: 'lamp', definition: { exposes: [{ property: 'x', unit: 'W' }] } }
  ])
  assert.deepEqual(say('z2m/attic/lamp', { x: 1 }).datapoints, ['z2m/attic/lamp x 1 [W]'])
  assert.deepEqual(say('z2m/cellar/lamp', { x: 1 }).datapoints, ['z2m/cellar/lamp x 1'])
  assert.equal(say('zigbee2mqtt/lamp', { x: 1 }).outcome.mapping, null)
  for (const options of ['base: []', "base: ['']", "base: ['z2m/+']", "base: ['{x}']"])
    assert.throws(() => compileText(`conventions: [{ zigbee2mqtt: { ${options} } }]`), MappingsError, options)
})

test('what is wrong is said to be', () => {
  const say = normalizer(plain)
  for (const [topic, payload, reason] of [
    ['a', '{"x":', 'malformed_json'],
    ['a', '[1]', 'wrong_shape'],
    ['a', '5', 'wrong_shape'],
    ['a/b', hex('fffe'), 'not_utf8'],
    ['a', '{"x":1e999}', 'number_out_of_range'],
    ['a/availability', hex('fffe'), 'not_utf8'],
    ['bridge/devices', '{}', 'wrong_shape'],
    ['bridge/devices', '[5, {}, {"friendly_name": 5}, {"friendly_name": ""}]', 'wrong_shape'],
    ['bridge/devices', '', 'empty_payload'],
    ['bridge/info', '[]', 'wrong_shape'],
    ['bridge/event', '"x"', 'wrong_shape'],
    ['bridge/logging', '{', 'malformed_json']
  ] as const) {
    const { datapoints, presence, rejections } = say(`zigbee2mqtt/${topic}`, payload)
    assert.deepEqual([datapoints, presence, rejections], [[], [], [reason]], topic)
  }
  const odd =
    '[{"friendly_name":"a","definition":{"exposes":{"x":1},"model":[1]},"type":{}},null,{"friendly_name":"b"}]'
  const { attributes, rejections } = say('zigbee2mqtt/bridge/devices', odd)
  assert.deepEqual(attributes, [
    { device: 'a', attributes: {} },
    { device: 'b', attributes: {} }
  ])
  assert.deepEqual(rejections, ['wrong_shape'])
  assert.deepEqual(
    say('zigbee2mqtt/bridge/info', { coordinator: 5, network: [], permit_join: 'x' }).datapoints,
    []
  )
  for (const topic of [
    'a',
    'bridge/info',
    'bridge/event',
    'bridge/health',
    'bridge/response/x',
    'bridge/groups'
  ]) {
    const cleared = say(`zigbee2mqtt/${topic}`, '', { kind: 'cleared' })
    assert.deepEqual([cleared.datapoints, cleared.presence, cleared.rejections], [[], [], []], topic)
  }
})

const target = (more: Partial<CommandTarget> = {}): CommandTarget => ({
  device: 'kitchen/floor_light',
  topic: 'zigbee2mqtt/kitchen/floor_light',
  captures: { name: 'kitchen/floor_light' },
  state: null,
  attributes: {},
  id: '6f1f4ad6-9d0c-4f6b-8e5e-3c1a7b2d9e10',
  now: 0,
  ...more
})

function command(name: string, parameters: object, given = target(), document = plain): RenderedCommand {
  const { commands } = compileText(document).commandsOf('zigbee2mqtt', given.topic)!
  const found = commands.find((one) => one.name === name)!
  assert.ok('render' in found, name)
  return found.render(given, parameters as Record<string, unknown>)
}

test('set: what is sent, and what shows that it was done', () => {
  assert.deepEqual(
    command('set', { payload: { transition: 2, state: 'on', brightness: 9_007_199_254_740_993n } }),
    {
      topic: 'zigbee2mqtt/kitchen/floor_light/set',
      payload: '{"transition":2,"state":"on","brightness":9007199254740993}',
      qos: 1,
      correlation: null,
      once: false,
      effect: { metric: 'state', value: 'ON' }
    }
  )
  assert.equal(command('set', { payload: { state: 'toggle' } }).once, true)
  const effect = (payload: object, effect?: string): unknown =>
    command('set', { payload, ...(effect !== undefined && { effect }) }).effect
  assert.equal(effect({ state: 'toggle' }), null)
  assert.equal(effect({ brightness_step: 10 }), null)
  assert.equal(effect({ color: { x: 0.1 } }), null)
  assert.deepEqual(effect({ state: 'TOGGLE', child_lock: true }), { metric: 'child_lock', value: true })
  assert.deepEqual(effect({ system_mode: 'heat' }), { metric: 'system_mode', value: 'heat' })
  assert.deepEqual(effect({ state_left: 'off' }), { metric: 'state_left', value: 'OFF' })
  assert.deepEqual(effect({ state: 'ON', color: { hue: 30 } }, 'color.hue'), {
    metric: 'color.hue',
    value: 30
  })
  for (const [payload, named] of [
    [{}, undefined],
    [{ state: 'ON' }, 'brightness'],
    [{ color: { hue: 1 } }, 'color'],
    [{ state: 'TOGGLE' }, 'state'],
    [{ state: 'ON' }, '__proto__']
  ] as const)
    assert.throws(() => effect(payload, named), CommandFault, JSON.stringify(payload))
})

test('set: what the lamp says then is the effect', () => {
  const { effect } = command('set', { payload: { state: 'on' } })
  const { datapoints } = normalizer(plain)('zigbee2mqtt/kitchen/floor_light', { state: 'ON', brightness: 1 })
  assert.equal(datapoints[0], `kitchen/floor_light ${effect!.metric} ${JSON.stringify(effect!.value)}`)
})

test('get', () => {
  const { topic, payload } = command('get', { properties: ['state', 'brightness'] })
  assert.deepEqual([topic, payload], ['zigbee2mqtt/kitchen/floor_light/get', '{"state":"","brightness":""}'])
  assert.throws(() => command('get', { properties: [] }), CommandFault)
})

test('bridge: a request with a transaction, which the response has', () => {
  const bridge = target({ device: 'zigbee2mqtt/bridge', topic: 'zigbee2mqtt/bridge/state', captures: {} })
  const rendered = command(
    'bridge',
    { request: 'permit_join', payload: { value: true, transaction: 'mine' } },
    bridge
  )
  assert.deepEqual(rendered, {
    topic: 'zigbee2mqtt/bridge/request/permit_join',
    payload: `{"value":true,"transaction":"${bridge.id}"}`,
    qos: 1,
    correlation: bridge.id,
    effect: null
  })
  const { transaction } = JSON.parse(String(rendered.payload)) as { transaction: string }
  const { responses } = normalizer(plain)('zigbee2mqtt/bridge/response/permit_join', {
    status: 'ok',
    data: {},
    transaction
  })
  assert.deepEqual(responses, [{ device: bridge.device, correlation: rendered.correlation, ok: true }])
  assert.equal(
    command('bridge', { request: 'health_check' }, bridge).payload,
    `{"transaction":"${bridge.id}"}`
  )
  for (const request of ['', '/', 'a//b', '#', 'a b', 'a/+'])
    assert.throws(() => command('bridge', { request }, bridge), CommandFault, request)
  assert.throws(() => command('bridge', { request: 'restart' }), CommandFault)
  assert.throws(() => command('set', { payload: { a: 1 } }, bridge), CommandFault)
})

test('commands of several bases', () => {
  const document = 'conventions: [{ zigbee2mqtt: { base: [z2m, z2m/attic], baseInName: true } }]'
  const given = target({ device: 'z2m/attic/lamp', topic: 'z2m/attic/lamp' })
  assert.equal(command('get', { properties: ['x'] }, given, document).topic, 'z2m/attic/lamp/get')
  assert.throws(
    () => command('get', { properties: ['x'] }, { ...given, device: 'other' }, document),
    CommandFault
  )
  const unnamed = 'conventions: [{ zigbee2mqtt: { base: [z2m, z2m/attic] } }]'
  const lamp = target({ device: 'lamp', topic: 'z2m/attic/lamp' })
  assert.equal(command('get', { properties: ['x'] }, lamp, unnamed).topic, 'z2m/attic/lamp/get')
})
