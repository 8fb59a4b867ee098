/** Home Assistant discovery, message by message. Commands and templates have tests of their own. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { fullName } from '../../src/conventions/homeassistant/abbreviations.ts'
import { homeAssistant } from '../../src/conventions/homeassistant/convention.ts'
import type { DecoderResult } from '../../src/normalize/decoder.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import type { DecoderState } from '../../src/normalize/mapping-set.ts'
import { receivedAt } from '../normalize/mappings.ts'
import { hex, normalizer } from './say.ts'
import type { Said, Say } from './say.ts'

const plain = 'conventions: [homeassistant]\nautomatic: false'

const device = { ids: ['d1'], name: 'Device' }

/** An entity of d1 that is called E, and what messages on its topics say. */
function entity(component: string, config: object): { say: Say; tell: Tell; found: Said } {
  const say = normalizer(plain)
  const found = say(`homeassistant/${component}/object/config`, { name: 'E', dev: device, ...config })
  return { say, found, tell: tellOn(say) }
}

type Tell = (topic: string, payload: string | Uint8Array | object) => string[]

const tellOn =
  (say: Say): Tell =>
  (topic, payload) => {
    const { datapoints, presence, rejections } = say(topic, payload)
    return [...datapoints, ...presence, ...rejections]
  }

test('the fixtures', () => {
  const say = normalizer(plain)
  const all = JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Array<{
    convention: string
    topic: string
    utf8: string
  }>
  const fixtures = all.filter(({ convention }) => convention === 'ha-discovery')
  const said = fixtures.map(({ topic, utf8 }) => say(topic, utf8, { kind: 'snapshot' }))
  assert.deepEqual(
    said.map(({ datapoints, attributes, rejections }) => [datapoints, attributes, rejections]),
    [
      [
        [],
        [
          {
            device: 'bedroom01ae',
            attributes: {
              name: 'Bedroom',
              identifiers: ['bedroom01ae'],
              'entity.temperature': {
                component: 'sensor',
                device_class: 'temperature',
                unit_of_measurement: '°C',
                unique_id: 'temp01ae'
              }
            }
          }
        ],
        []
      ]
    ]
  )
  const state = { temperature: 23.2, humidity: 43.7 }
  assert.deepEqual(tellOn(say)('homeassistant/sensor/sensorBedroom/state', state), [
    'bedroom01ae temperature 23.2 [°C]'
  ])
})

test('abbreviations', () => {
  const pairs =
    'act_t action_topic  avty_tpl availability_template  bri_cmd_t brightness_command_topic  bri_val_tpl brightness_value_template  clr_temp_stat_t color_temp_state_topic  curr_temp_tpl current_temperature_template  curr_hum_t current_humidity_topic  cmd_t command_topic  dev_cla device_class  def_ent_id default_entity_id  fan_mode_stat_tpl fan_mode_state_template  fx_list effect_list  hum_cmd_tpl target_humidity_command_template  hum_state_tpl target_humidity_state_template  hum_stat_tpl target_humidity_state_template  json_attr_t json_attributes_topic  json_attr json_attributes  l_ver_tpl latest_version_template  lrst_val_tpl last_reset_value_template  mode_stat_t mode_state_topic  osc_stat_t oscillation_state_topic  pct_val_tpl percentage_value_template  pl_not_avail payload_not_available  pos_t position_topic  pos_tpl position_template  pos_open position_open  pr_mode_val_tpl preset_mode_value_template  r_tpl red_template  rgbww_val_tpl rgbww_value_template  set_pos_t set_position_topic  set_fan_spd_t set_fan_speed_topic  stat_t state_topic  stat_val_tpl state_value_template  stat_tpl state_template  swing_mode_cmd_t swing_mode_command_topic  temp_hi_stat_tpl temperature_high_state_template  temp_lo_cmd_t temperature_low_command_topic  tilt_status_t tilt_status_topic  tilt_cmd_t tilt_command_topic  t topic  uniq_id unique_id  unit_of_meas unit_of_measurement  url_t url_topic  val_tpl value_template  whit_val_stat_t white_value_state_topic  xy_stat_t xy_state_topic  act_stat_t activity_state_topic  act_val_tpl activity_value_template  cmps components  o origin  p platform  dev device'
  for (const pair of pairs.split('  ')) {
    const [short, full] = pair.split(' ')
    assert.equal(fullName(short!), full)
  }
  for (const full of [
    'state_topic',
    'brightness_value_template',
    'name',
    '~',
    'constructor',
    '__proto__',
    ''
  ])
    assert.equal(fullName(full), full)
})

test('a device is abbreviated, too, and its origin', () => {
  const { found } = entity('sensor', {
    stat_t: 's',
    dev: {
      ids: ['x'],
      cns: [['mac', '02:5b:26:a8:dc:12']],
      mf: 'M',
      mdl: 'X',
      mdl_id: '7',
      hw: '1',
      sw: '2',
      sn: '3',
      sa: 'Attic',
      cu: 'http://x'
    },
    o: { name: 'app', sw: '1.0', url: 'http://y' }
  })
  const { 'entity.E': _, ...attributes } = found.attributes[0]!.attributes
  assert.deepEqual(attributes, {
    identifiers: ['x'],
    connections: [['mac', '02:5b:26:a8:dc:12']],
    manufacturer: 'M',
    model: 'X',
    model_id: '7',
    hw_version: '1',
    sw_version: '2',
    serial_number: '3',
    suggested_area: 'Attic',
    configuration_url: 'http://x',
    origin: { name: 'app', sw_version: '1.0', support_url: 'http://y' }
  })
})

test('~ is the base of topics, at their beginning or their end', () => {
  const { tell } = entity('sensor', {
    '~': 'home/x',
    stat_t: '~/state',
    json_attr_t: 'attributes/of/~',
    avty: [{ t: '~/up' }, { topic: 'plain' }]
  })
  assert.deepEqual(tell('home/x/state', 'on'), ['d1 E "on"'])
  assert.deepEqual(tell('attributes/of/home/x', '{"a":1}'), ['d1 E.attributes {"a":1}'])
  assert.deepEqual(tell('home/x/up', 'online'), ['d1 online availability'])
  assert.deepEqual(tell('plain', 'offline'), ['d1 offline availability'])
})

test('devices by identifier, connection, name, unique ID and object ID', () => {
  const say = normalizer(plain)
  const called = (config: object): string =>
    say('homeassistant/sensor/node/object/config', { state_topic: 's', ...config }).attributes.at(-1)!.device
  assert.equal(called({ device: { identifiers: 'one' } }), 'one')
  assert.equal(called({ device: { identifiers: ['two', 'three'], name: 'N' } }), 'two')
  assert.equal(called({ device: { identifiers: [4] } }), '4')
  assert.equal(called({ device: { identifiers: ['five'], connections: [['mac', 'aa:bb']] } }), 'five')
  assert.equal(called({ device: { connections: [['mac', 'aa:bb']], name: 'N' } }), 'aa:bb')
  assert.equal(called({ device: { name: 'N' }, unique_id: 'u' }), 'N')
  assert.equal(called({ unique_id: 'u' }), 'u')
  assert.equal(called({}), 'object')
  for (const identifiers of [null, {}, '', [], [null], ['\n'], ['x'.repeat(201)], [['a']]])
    assert.equal(called({ device: { identifiers }, unique_id: 'u' }), 'u', JSON.stringify(identifiers))
  for (const wrong of [5, [], 'x', null]) assert.equal(called({ device: wrong }), 'object')
})

test('entities by name, entity ID, device class and object ID; no two alike', () => {
  const say = normalizer(plain)
  const add = (object: string, config: object): string =>
    Object.keys(
      say(`homeassistant/sensor/${object}/config`, { stat_t: `t/${object}`, dev: device, ...config })
        .attributes[0]!.attributes
    )
      .filter((name) => name.startsWith('entity.'))
      .join()
  assert.equal(add('o1', { name: 'Power' }), 'entity.Power')
  assert.equal(add('o2', { name: 'Power', def_ent_id: 'sensor.power_2' }), 'entity.power_2')
  assert.equal(add('o3', { name: null, obj_id: 'energy' }), 'entity.energy')
  assert.equal(add('o4', { dev_cla: 'humidity' }), 'entity.humidity')
  assert.equal(add('o5', { dev_cla: 'humidity' }), 'entity.o5')
  assert.equal(add('o6', { name: 'Power', uniq_id: 'u6' }), 'entity.o6')
  assert.equal(add('o7', { name: 'a\nb' }), 'entity.o7')
  // Told again, they are called as they were
  assert.equal(add('o1', { name: 'Power', icon: 'x' }), 'entity.Power')
  assert.equal(add('o2', { name: 'Power', def_ent_id: 'sensor.power_2', icon: 'x' }), 'entity.power_2')
  assert.equal(add('o6', { name: 'Power', uniq_id: 'u6', icon: 'x' }), 'entity.o6')
  // Another name: the former metric is no more
  assert.equal(add('o3', { name: 'Energy' }), 'entity.energy,entity.Energy')
  const tell = tellOn(say)
  assert.deepEqual(tell('t/o1', 'x'), ['d1 Power "x"'])
  assert.deepEqual(tell('t/o2', 'x'), ['d1 power_2 "x"'])
  assert.deepEqual(tell('t/o3', 'x'), ['d1 Energy "x"'])
  // The better name is free now, and would be another metric
  say('homeassistant/sensor/o1/config', '')
  assert.equal(add('o2', { name: 'Power', def_ent_id: 'sensor.power_2', icon: 'y' }), 'entity.power_2')
})

const kitchen = {
  dev: { ids: 'ea33', name: 'Kitchen' },
  o: { name: 'bla2mqtt', sw: '2.1' },
  cmps: {
    c1: {
      p: 'sensor',
      device_class: 'temperature',
      unit_of_measurement: '°C',
      value_template: '{{ value_json.temperature}}'
    },
    c2: {
      p: 'sensor',
      device_class: 'humidity',
      unit_of_measurement: '%',
      value_template: '{{ value_json.humidity}}'
    },
    c3: { p: 'switch', name: 'Fan', state_topic: 'kitchen/fan', cmd_t: 'kitchen/fan/set' }
  },
  state_topic: 'kitchen/state',
  avty_t: 'kitchen/up',
  qos: 2
}

test('a device with all its entities: what they share, and what is their own', () => {
  const say = normalizer(plain)
  const tell = tellOn(say)
  const { attributes, rejections } = say('homeassistant/device/0AFF/config', kitchen)
  assert.deepEqual(rejections, [])
  assert.deepEqual(Object.keys(attributes[0]!.attributes).toSorted(), [
    'entity.Fan',
    'entity.humidity',
    'entity.temperature',
    'identifiers',
    'name',
    'origin'
  ])
  assert.deepEqual(tell('kitchen/state', { temperature: 20, humidity: 50 }), [
    'ea33 temperature 20 [°C]',
    'ea33 humidity 50 [%]'
  ])
  assert.deepEqual(tell('kitchen/fan', 'ON'), ['ea33 Fan true'])
  assert.deepEqual(tell('kitchen/up', 'online'), ['ea33 online availability'])
  // Only its platform: removed
  const removed = say('homeassistant/device/0AFF/config', {
    ...kitchen,
    cmps: { ...kitchen.cmps, c2: { p: 'sensor' } }
  })
  assert.equal(removed.attributes[0]!.attributes['entity.humidity'], null)
  assert.deepEqual(tell('kitchen/state', { temperature: 20, humidity: 50 }), ['ea33 temperature 20 [°C]'])
  // Left out: removed as well
  say('homeassistant/device/0AFF/config', { ...kitchen, cmps: { c1: kitchen.cmps.c1 } })
  assert.deepEqual(tell('kitchen/fan', 'ON'), [])
  const { presence } = say('homeassistant/device/0AFF/config', '')
  assert.deepEqual(presence, ['ea33 unknown availability'])
  assert.deepEqual(tell('kitchen/state', { temperature: 20 }), [])
  assert.equal(say('kitchen/state', '{}').outcome.mapping, 'homeassistant')
})

test('what a device shares is not of those who have no such thing', () => {
  const say = normalizer(plain)
  const tell = tellOn(say)
  const { attributes } = say('homeassistant/device/x/config', {
    dev: device,
    stat_t: 's',
    cmd_t: 'c',
    cmps: {
      a: { p: 'button', name: 'Restart' },
      b: { p: 'sensor', name: 'Level' },
      c: { p: 'climate', name: 'Heating', mode_stat_t: 'm', mode_cmd_t: 'mc' },
      d: { p: 'switch', name: 'Plug' }
    }
  })
  assert.deepEqual(tell('s', 'ON').toSorted(), ['d1 Level "ON"', 'd1 Plug true'])
  assert.deepEqual(tell('m', 'heat'), ['d1 Heating.mode "heat"'])
  const sets = ['Restart', 'Level', 'Heating', 'Plug'].map(
    (name) => (attributes[0]!.attributes[`entity.${name}`] as { sets?: string[] }).sets
  )
  assert.deepEqual(sets, [['state'], undefined, ['mode'], ['state']])
})

test('with a node ID, and under several prefixes', () => {
  const say = normalizer('conventions: [homeassistant: { prefix: [homeassistant, ha/disc] }]')
  const tell = tellOn(say)
  say('ha/disc/device/node/x/config', { dev: { ids: 'a' }, cmps: { c: { p: 'sensor', stat_t: 's' } } })
  say('homeassistant/sensor/node/x/config', { dev: { ids: 'b' }, name: 'N', stat_t: 's' })
  say('ha/disc/sensor/node/x/config', { dev: { ids: 'c' }, name: 'N', stat_t: 's' })
  assert.deepEqual(tell('s', '1').toSorted(), ['a c "1"', 'b N "1"', 'c N "1"'])
  say('homeassistant/sensor/node/x/config', '')
  assert.deepEqual(tell('s', '1').toSorted(), ['a c "1"', 'c N "1"'])
  for (const prefix of ['+', 'a/#', '/a', 'a/', '{x}', '$a'])
    assert.throws(() => normalizer(`conventions: [homeassistant: { prefix: ['${prefix}'] }]`), MappingsError)
  assert.throws(() => normalizer('conventions: [homeassistant: { prefix: [] }]'), MappingsError)
})

test('a migration: the entities come again with their device, by the names that they have', () => {
  const say = normalizer(plain)
  const tell = tellOn(say)
  say('homeassistant/sensor/old/config', { name: 'T', stat_t: 's', dev: device })
  const migrating = say('homeassistant/sensor/old/config', { migrate_discovery: true })
  assert.deepEqual([migrating.attributes, migrating.presence, migrating.rejections], [[], [], []])
  say('homeassistant/device/new/config', {
    dev: device,
    cmps: { t: { p: 'sensor', name: 'T', stat_t: 's' } }
  })
  assert.deepEqual(tell('s', 'x'), ['d1 T "x"'])
  assert.deepEqual(say('homeassistant/sensor/old/config', '').attributes, [])
  assert.deepEqual(tell('s', 'x'), ['d1 T "x"'])
})

test('configurations that are none', () => {
  const say = normalizer(plain)
  const reasons = (topic: string, payload: string | object): string[] => say(topic, payload).rejections
  assert.deepEqual(reasons('homeassistant/sensor/x/config', '{'), ['malformed_json'])
  assert.deepEqual(reasons('homeassistant/sensor/x/config', '[]'), ['wrong_shape'])
  assert.deepEqual(reasons('homeassistant/sensor/x y/config', '{}'), ['wrong_shape'])
  assert.deepEqual(reasons('homeassistant/sensor/x/config', {}), [])
  for (const cmps of [undefined, [], 5, 'x', null])
    assert.deepEqual(reasons('homeassistant/device/x/config', { dev: device, cmps }), ['wrong_shape'])
  for (const component of [5, null, [], {}, { name: 'N' }, { p: 5 }, { p: 'a/b' }]) {
    const good = { p: 'sensor', name: 'Good', stat_t: 's' }
    const cmps = { bad: component, good }
    assert.deepEqual(reasons('homeassistant/device/x/config', { dev: device, cmps }), ['wrong_shape'])
    assert.deepEqual(tellOn(say)('s', '1'), ['d1 Good "1"'])
  }
  for (const topic of ['a/+', '#', '', '\u0000', 5, null, {}, 'x'.repeat(1_001), '$SYS/x'])
    assert.deepEqual(reasons('homeassistant/sensor/x/config', { stat_t: topic }), [], String(topic))
})

test('what Home Assistant itself says, and what nobody configured', () => {
  const say = normalizer('conventions: [homeassistant]\nautomatic: true')
  const { datapoints, outcome } = say('homeassistant/status', 'online')
  assert.deepEqual([datapoints, outcome.devices, outcome.mapping], [[], [], 'homeassistant'])
  assert.equal(say('some/topic', '1').outcome.mapping, 'automatic')
  say('homeassistant/sensor/x/config', { stat_t: 'some/topic' })
  assert.equal(say('some/topic', '1').outcome.mapping, 'homeassistant')
  assert.equal(say('some/other', '1').outcome.mapping, 'automatic')
})

const on = 'd1 E true'
const off = 'd1 E false'

const components: Array<
  [component: string, config: object, topic: string, payload: string | object, said: string[]]
> = [
  ['binary_sensor', {}, 's', 'ON', [on]],
  ['binary_sensor', {}, 's', 'OFF', [off]],
  ['binary_sensor', {}, 's', 'on', ['not_a_boolean']],
  ['binary_sensor', {}, 's', 'None', ['d1 E null']],
  ['binary_sensor', {}, 's', '', []],
  ['binary_sensor', { pl_on: '1', pl_off: '0' }, 's', '1', [on]],
  ['binary_sensor', { pl_on: true, pl_off: false, val_tpl: '{{ value_json.o }}' }, 's', { o: false }, [off]],
  ['binary_sensor', { pl_on: 1, val_tpl: '{{ value_json.o }}' }, 's', { o: 1 }, [on]],
  ['binary_sensor', { val_tpl: '{{ value_json.o }}' }, 's', { p: 1 }, []],
  ['binary_sensor', { val_tpl: '{{ value_json.o }}' }, 's', 'ON', ['malformed_json']],
  ['binary_sensor', { val_tpl: '{{ value_json.o }}' }, 's', { o: {} }, ['not_a_boolean']],
  ['switch', { stat_on: 'on!', stat_off: 'off!', pl_on: 'ON' }, 's', 'on!', [on]],
  ['switch', { stat_on: 'on!', pl_on: 'X' }, 's', 'X', ['not_a_boolean']],
  ['switch', { pl_on: 'X' }, 's', 'X', [on]],
  ['sensor', {}, 's', '1.10', ['d1 E "1.10"']],
  ['sensor', { unit_of_meas: 'W' }, 's', '1.10', ['d1 E 1.1 [W]']],
  ['sensor', { unit_of_meas: 'W' }, 's', 'much', ['not_a_number']],
  ['sensor', { unit_of_meas: 'W' }, 's', 'None', ['d1 E null [W]']],
  ['sensor', { unit_of_meas: 'W' }, 's', '', []],
  ['sensor', { stat_cla: 'total' }, 's', '9007199254740993', ['d1 E 9007199254740993']],
  ['sensor', { dev_cla: 'enum' }, 's', '1', ['d1 E "1"']],
  ['sensor', { dev_cla: 'timestamp' }, 's', '2026-11-24T12:00:00Z', ['d1 E "2026-11-24T12:00:00Z"']],
  ['sensor', { unit_of_meas: 'W', val_tpl: '{{ value_json.a }}' }, 's', { a: true }, ['not_a_number']],
  ['sensor', { val_tpl: '{{ value_json.a }}' }, 's', { a: { b: 1 } }, ['d1 E {"b":1}']],
  ['sensor', { val_tpl: '{{ value_json.a }}' }, 's', { a: null }, ['d1 E null']],
  ['number', {}, 's', '5', ['d1 E 5']],
  ['select', {}, 's', 'fast', ['d1 E "fast"']],
  ['text', {}, 's', '5', ['d1 E "5"']],
  ['lock', {}, 's', 'LOCKED', ['d1 E "LOCKED"']],
  ['cover', { pos_t: 'p', tilt_status_t: 't' }, 's', 'opening', ['d1 E "opening"']],
  ['cover', { pos_t: 'p', tilt_status_t: 't' }, 'p', '40', ['d1 E.position 40']],
  ['cover', { pos_t: 'p', pos_tpl: '{{ value_json.x }}' }, 'p', { x: 40 }, ['d1 E.position 40']],
  ['cover', { tilt_status_t: 't' }, 't', '7', ['d1 E.tilt_status 7']],
  ['fan', { pct_stat_t: 'p', osc_stat_t: 'o', pr_mode_stat_t: 'm' }, 's', 'ON', [on]],
  ['fan', { pct_stat_t: 'p' }, 'p', '30', ['d1 E.percentage 30']],
  ['fan', { osc_stat_t: 'o' }, 'o', 'oscillate_off', ['d1 E.oscillation false']],
  [
    'fan',
    { pr_mode_stat_t: 'm', pr_mode_val_tpl: '{{ value_json.m }}' },
    'm',
    { m: 'eco' },
    ['d1 E.preset_mode "eco"']
  ],
  ['fan', { stat_val_tpl: '{{ value_json.state }}' }, 's', { state: 'OFF' }, [off]],
  ['light', { bri_stat_t: 'b', rgb_stat_t: 'r', clr_temp_stat_t: 'c' }, 's', 'ON', [on]],
  ['light', { bri_stat_t: 'b' }, 'b', '128', ['d1 E.brightness 128']],
  ['light', { bri_stat_t: 'b' }, 'b', 'dim', ['not_a_number']],
  ['light', { rgb_stat_t: 'r' }, 'r', '255,0,10', ['d1 E.rgb "255,0,10"']],
  [
    'light',
    { schema: 'json' },
    's',
    { state: 'OFF', brightness: 7, color: { r: 1 }, effect: 'rainbow' },
    [off, 'd1 E.brightness 7', 'd1 E.color.r 1', 'd1 E.effect "rainbow"']
  ],
  ['light', { schema: 'json' }, 's', { brightness: 7 }, ['d1 E.brightness 7']],
  ['light', { schema: 'json' }, 's', { state: null }, ['d1 E null']],
  ['light', { schema: 'json' }, 's', { state: 5 }, ['not_a_boolean']],
  ['light', { schema: 'json' }, 's', '{"state":', ['malformed_json']],
  [
    'light',
    { schema: 'json' },
    's',
    '{"state":"ON","__proto__":{"polluted":1}}',
    [on, 'd1 E.__proto__.polluted 1']
  ],
  [
    'light',
    { schema: 'template', stat_tpl: '{{ value_json.s }}', bri_tpl: '{{ value_json.b }}' },
    's',
    { s: 'on', b: 9 },
    [on, 'd1 E.brightness 9']
  ],
  ['siren', {}, 's', { state: 'ON', tone: 'loud' }, [on, 'd1 E.tone "loud"']],
  ['siren', {}, 's', 'OFF', [off]],
  ['vacuum', {}, 's', { state: 'docked', battery_level: 61 }, ['d1 E "docked"', 'd1 E.battery_level 61']],
  [
    'update',
    {},
    's',
    { installed_version: '1.2.0', latest_version: '1.3.0' },
    ['d1 E "1.2.0"', 'd1 E.latest_version "1.3.0"']
  ],
  ['update', { l_ver_t: 'l' }, 'l', '1.3', ['d1 E.latest_version "1.3"']],
  ['valve', { pos: true }, 's', { state: 'opening', position: 10 }, ['d1 E "opening"', 'd1 E.position 10']],
  [
    'humidifier',
    { hum_stat_t: 'h', mode_stat_t: 'm', curr_hum_t: 'c' },
    'h',
    '45',
    ['d1 E.target_humidity 45 [%]']
  ],
  ['humidifier', { curr_hum_t: 'c' }, 'c', '41.5', ['d1 E.current_humidity 41.5 [%]']],
  ['climate', { temp_stat_t: 't', temp_unit: 'C' }, 't', '21.5', ['d1 E.temperature 21.5 [°C]']],
  ['climate', { mode_stat_t: 'm', act_t: 'a' }, 'm', 'heat', ['d1 E.mode "heat"']],
  [
    'climate',
    { act_t: 'a', act_tpl: '{{ value_json.action }}' },
    'a',
    { action: 'idle' },
    ['d1 E.action "idle"']
  ],
  [
    'climate',
    { curr_temp_t: 'c', val_tpl: '{{ value_json.t }}' },
    'c',
    { t: 19 },
    ['d1 E.current_temperature 19']
  ],
  [
    'climate',
    { curr_temp_t: 'c', curr_temp_tpl: '{{ value_json.u }}', val_tpl: '{{ value_json.t }}' },
    'c',
    { u: 18, t: 19 },
    ['d1 E.current_temperature 18']
  ],
  ['climate', { power_state_topic: 'p' }, 'p', 'OFF', ['d1 E.power false']],
  ['water_heater', { temp_hi_stat_t: 't' }, 't', '60', ['d1 E.temperature_high 60']],
  [
    'lawn_mower',
    { act_stat_t: 'a', act_val_tpl: '{{ value_json.x }}' },
    'a',
    { x: 'mowing' },
    ['d1 E.activity "mowing"']
  ],
  ['alarm_control_panel', {}, 's', 'armed_home', ['d1 E "armed_home"']],
  ['device_tracker', { json_attr_t: 'j' }, 's', 'home', ['d1 E "home"']],
  [
    'device_tracker',
    { json_attr_t: 'j' },
    'j',
    { latitude: 52.5, gps_accuracy: 10 },
    ['d1 E.attributes {"latitude":52.5,"gps_accuracy":10}']
  ],
  [
    'sensor',
    { json_attr_t: 'j', json_attr_tpl: '{{ value_json.more }}' },
    'j',
    { more: { a: 1 } },
    ['d1 E.attributes {"a":1}']
  ],
  ['sensor', { json_attr_t: 'j' }, 'j', '[1]', ['wrong_shape']],
  ['sensor', { json_attr_t: 'j' }, 'j', 'text', ['malformed_json']],
  [
    'event',
    { evt_typ: ['press'] },
    's',
    { event_type: 'press', times: 2 },
    ['d1 E "press" event', 'd1 E.times 2 event']
  ],
  ['event', { val_tpl: '{{ value_json.e }}' }, 's', { e: { event_type: 'press' } }, ['d1 E "press" event']],
  ['camera', { t: 'c' }, 'c', 'x', []],
  ['image', { img_t: 'c' }, 'c', 'x', []],
  ['image', { url_t: 'u' }, 'u', 'http://x', ['d1 E.url "http://x"']],
  ['later_component', { some_state_topic: 'n' }, 'n', 'x', ['d1 E.some "x"']]
]

test('states of every component', () => {
  for (const [component, config, topic, payload, said] of components) {
    const { tell, found } = entity(component, { stat_t: 's', ...config })
    assert.deepEqual(found.rejections, [])
    assert.deepEqual(
      tell(topic, payload),
      said,
      `${component} ${JSON.stringify(config)} ${JSON.stringify(payload)}`
    )
  }
})

test('triggers and tags are events, and nothing that is found', () => {
  const say = normalizer(plain)
  const trigger = { automation_type: 'trigger', type: 'button_short_press', topic: 'remote/action', device }
  say('homeassistant/device_automation/r/one/config', { ...trigger, subtype: 'button_1', payload: 'one' })
  say('homeassistant/device_automation/r/two/config', { ...trigger, subtype: 'button_2', pl: 'two' })
  say('homeassistant/tag/r/config', { topic: 'remote/tag', value_template: '{{ value_json.uid }}', device })
  const tell = tellOn(say)
  assert.deepEqual(tell('remote/action', 'one'), ['d1 button_short_press button_1 "one" event'])
  assert.deepEqual(tell('remote/action', 'two'), ['d1 button_short_press button_2 "two" event'])
  assert.deepEqual(tell('remote/action', 'three'), [])
  assert.deepEqual(tell('remote/tag', { uid: 'E9F35959' }), ['d1 r "E9F35959" event'])
  assert.deepEqual(say('remote/action', 'one', { kind: 'snapshot' }).datapoints, [])
})

test('templates that are not supported are shown, and nothing is made up', () => {
  const say = normalizer('conventions: [homeassistant]\nautomatic: true')
  const { attributes, rejections } = say('homeassistant/climate/x/config', {
    name: 'E',
    dev: device,
    mode_stat_t: 'odd/mode',
    mode_stat_tpl: "{% if value == '1' %}heat{% endif %}",
    temp_stat_t: 'odd/temp',
    avty: { t: 'odd/up', val_tpl: "{{ 'online' if value == '1' else 'offline' }}" }
  })
  assert.deepEqual(rejections, [])
  assert.deepEqual((attributes[0]!.attributes['entity.E'] as { unsupported: unknown }).unsupported, {
    availability: "{{ 'online' if value == '1' else 'offline' }}",
    mode_state_template: "{% if value == '1' %}heat{% endif %}"
  })
  assert.equal(say('odd/mode', '1').outcome.mapping, 'automatic')
  assert.equal(say('odd/up', '1').outcome.mapping, 'automatic')
  assert.deepEqual(tellOn(say)('odd/temp', '20'), ['d1 E.temperature 20'])
})

test('payloads that are no text, deleted states, and commands of others', () => {
  const { say, tell } = entity('switch', { stat_t: 's', cmd_t: 'c' })
  assert.deepEqual(tell('s', hex('ff')), ['not_utf8'])
  assert.deepEqual(say('s', '', { kind: 'cleared' }).datapoints, [])
  const seen = say('c', 'ON')
  assert.deepEqual([seen.datapoints, seen.outcome.devices, seen.outcome.mapping], [[], [], 'homeassistant'])
})

test('availability: the latest, all, or any', () => {
  const three = [
    { t: 'a' },
    { t: 'b', pl_avail: 'up', pl_not_avail: 'down' },
    { t: 'c', val_tpl: '{{ value_json.s }}' }
  ]
  const online = ['d1 online availability']
  const offline = ['d1 offline availability']
  const said = (mode: object): string[][] => {
    const { tell } = entity('sensor', { stat_t: 's', avty: three, ...mode })
    return [
      tell('a', 'online'),
      tell('b', 'down'),
      tell('b', 'up'),
      tell('c', { s: 'online' }),
      tell('a', 'offline'),
      tell('c', { s: 'offline' }),
      tell('b', 'down')
    ]
  }
  assert.deepEqual(said({}), [online, offline, online, online, offline, offline, offline])
  assert.deepEqual(said({ avty_mode: 'latest' }), said({}))
  assert.deepEqual(said({ avty_mode: 'all' }), [[], offline, [], online, offline, offline, offline])
  assert.deepEqual(said({ avty_mode: 'any' }), [online, online, online, online, online, online, offline])
})

test('availability: words, wrong words, and a topic that is deleted', () => {
  const { say, tell } = entity('sensor', {
    stat_t: 's',
    avty_t: 'a',
    pl_avail: 'Online',
    pl_not_avail: 'Offline'
  })
  assert.deepEqual(tell('a', 'Online'), ['d1 online availability'])
  assert.deepEqual(tell('a', 'online'), ['d1 online availability', 'unknown_presence'])
  assert.deepEqual(tell('a', 'Offline'), ['d1 offline availability'])
  assert.deepEqual(say('a', '', { kind: 'cleared' }).presence, ['d1 unknown availability'])
  const { tell: none } = entity('sensor', { stat_t: 's', avty_t: 'a' })
  assert.deepEqual(none('a', 'yes'), ['unknown_presence'])
})

test('availability: of a device while any of its entities is; and of all devices of a bridge', () => {
  const say = normalizer(plain)
  const tell = tellOn(say)
  const add = (object: string, config: object): Said =>
    say(`homeassistant/sensor/${object}/config`, { name: object, stat_t: `s/${object}`, ...config })
  add('one', { dev: device, avty_t: 'up/1' })
  add('two', { dev: device, avty_t: 'up/2' })
  assert.deepEqual(tell('up/1', 'offline'), ['d1 offline availability'])
  assert.deepEqual(tell('up/2', 'online'), ['d1 online availability'])
  assert.deepEqual(tell('up/1', 'online'), ['d1 online availability'])
  assert.deepEqual(tell('up/2', 'offline'), ['d1 online availability'])
  for (const name of ['x', 'y'])
    add(name, { dev: { ids: name }, avty: [{ t: 'bridge' }, { t: `up/${name}` }], avty_mode: 'all' })
  tell('up/x', 'online')
  assert.deepEqual(tell('bridge', 'online'), ['x online availability'])
  assert.deepEqual(tell('up/y', 'online'), ['y online availability'])
  assert.deepEqual(tell('bridge', 'offline').toSorted(), ['x offline availability', 'y offline availability'])
  // Configured anew, it is still known what its topics told
  add('x', { dev: { ids: 'x', sw: '2' }, avty: [{ t: 'bridge' }, { t: 'up/x' }], avty_mode: 'all' })
  assert.deepEqual(tell('bridge', 'online').toSorted(), ['x online availability', 'y online availability'])
})

test('a changed configuration replaces the one before', () => {
  const say = normalizer(plain)
  const tell = tellOn(say)
  const configure = (config: object): Said => say('homeassistant/sensor/x/config', { name: 'E', ...config })
  configure({ dev: device, stat_t: 's1', avty_t: 'a1' })
  configure({ dev: device, stat_t: 's2', avty_t: 'a2', unit_of_meas: 'V' })
  assert.deepEqual([tell('s1', '1'), tell('a1', 'online')], [[], []])
  assert.deepEqual(tell('s2', '1'), ['d1 E 1 [V]'])
  // Another device has it now
  const { attributes } = configure({ dev: { ids: 'd2' }, stat_t: 's2' })
  assert.deepEqual(attributes[0], { device: 'd1', attributes: { 'entity.E': null } })
  assert.deepEqual(tell('s2', '1'), ['d2 E "1"'])
})

// What is remembered

const { routes } = homeAssistant.create({
  text: () => null,
  texts: () => ['homeassistant'],
  flag: () => false,
  seconds: () => null,
  file: () => null
})

function decode(state: DecoderState | null, topic: string, payload: object | string): DecoderResult {
  const [, component, object] = topic.split('/')
  const isConfig = topic.endsWith('/config')
  const route = isConfig
    ? routes.find((one) => one.topic.endsWith('{component}/{object}/config'))!
    : routes.at(-1)!
  return route.decode(state, {
    topic,
    captures: isConfig ? { component: component!, object: object! } : {},
    kind: 'message',
    payload: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
    properties: null,
    receivedAt,
    device: null
  })!
}

const manyConfig = (index: number): [string, object] => [
  `homeassistant/sensor/o${index}/config`,
  {
    name: `E${index}`,
    dev: { ids: `d${index % 50}` },
    stat_t: `s/${index}`,
    cmd_t: `c/${index}`,
    avty_t: `up/${index % 7}`
  }
]

test('the same configuration again changes nothing; all of them removed, nothing is left', () => {
  let state: DecoderState | null = null
  for (let index = 0; index < 500; index++) state = decode(state, ...manyConfig(index)).state ?? state
  assert.equal(decode(state, ...manyConfig(77)).state, undefined)
  assert.equal(decode(state, 's/77', '1').state, undefined)
  assert.equal(decode(state, 'homeassistant/sensor/never/config', '').state, undefined)
  for (let index = 0; index < 500; index++) state = decode(state, manyConfig(index)[0], '').state!
  assert.equal(state, null)
})

test('one more entity among thousands: nearly all is shared with what was before', () => {
  let state: DecoderState | null = null
  for (let index = 0; index < 5_000; index++) state = decode(state, ...manyConfig(index)).state!
  const known = new Set<object>()
  walk(state, (part) => known.add(part))
  const next = decode(state, ...manyConfig(5_000)).state!
  let fresh = 0
  let copied = 0
  walk(next, (part) => {
    if (known.has(part)) return
    fresh++
    copied += Object.keys(part).length
  })
  assert.ok(fresh < 80, `${fresh} new objects`)
  assert.ok(copied < 2_000, `${copied} members copied of ${known.size} objects`)
})

function walk(value: unknown, visit: (part: object) => void): void {
  if (typeof value !== 'object' || value === null) return
  visit(value)
  for (const part of Object.values(value)) walk(part, visit)
}

test('large configurations of one device, in linear time', () => {
  const many = <T>(count: number, make: (index: number) => T): Record<string, T> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, make(index)]))
  const topicsOf = (begin: string): object =>
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x${index}_state_topic`, begin + index]))
  const hostile = [
    {
      avty: Array.from({ length: 50_000 }, (_, index) => ({ t: `a${index}` })),
      cmps: many(1_000, () => ({ p: 'sensor', stat_t: 's' }))
    },
    { cmps: many(500, (index) => ({ p: 'sensor', name: 'n', ...topicsOf(`s${index}/`) })) },
    { cmps: many(500, (index) => ({ p: 'sensor', name: 'n', ...topicsOf(`t${index}/`) })) },
    { cmps: many(20_000, () => ({ p: 'sensor', name: 'n', stat_t: 's' })) }
  ]
  let state: DecoderState | null = null
  for (const config of hostile) {
    const begun = performance.now()
    state = decode(state, 'homeassistant/device/x/config', { dev: device, ...config }).state!
    // Seconds at most; what is quadratic takes minutes
    assert.ok(performance.now() - begun < 30_000)
  }
})

test('in whatever order they come and go, what is told is the same', () => {
  const step = fc.record({ index: fc.nat(7), version: fc.nat(3) })
  const config = (index: number, version: number): object | string =>
    version === 0
      ? ''
      : {
          name: `E${index}`,
          dev: { ids: `d${(index + version) % 3}` },
          stat_t: `s/${(index * version) % 4}`,
          ...(version > 1 && {
            cmd_t: `s/${index % 2}`,
            avty: [{ t: `up/${index % 2}` }, { t: 's/1', val_tpl: '{{ value_json }}' }]
          })
        }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let state: DecoderState | null = null
      const last = new Map<number, number>()
      for (const { index, version } of steps) {
        last.set(index, version)
        const { state: next } = decode(state, `homeassistant/sensor/o${index}/config`, config(index, version))
        if (next !== undefined) state = next
      }
      let fresh: DecoderState | null = null
      for (const [index, version] of last) {
        const { state: next } = decode(fresh, `homeassistant/sensor/o${index}/config`, config(index, version))
        if (next !== undefined) fresh = next
      }
      for (const topic of ['s/0', 's/1', 's/2', 's/3', 'up/0', 'up/1'])
        assert.deepEqual(saidOn(state, topic), saidOn(fresh, topic), topic)
    })
  )
})

function saidOn(state: DecoderState | null, topic: string): string[] {
  const route = routes.at(-1)!
  const result = state === null ? null : (decode(state, topic, 'online') as DecoderResult | null)
  assert.equal(route.passes, true)
  return [
    ...(result?.facts.datapoints ?? []).map(({ device: name, metric }) => `${name} ${metric}`),
    ...(result?.facts.presence ?? []).map(({ device: name, presence }) => `${name} ${presence}`)
  ].toSorted()
}

test('configurations of anything at all, and messages on the topics that they name', () => {
  const names =
    'state_topic command_topic availability availability_topic availability_mode value_template command_template name unique_id device device_class unit_of_measurement payload_on payload_off schema options min max brightness_state_topic brightness_command_topic position_topic set_position_topic json_attributes_topic topic payload qos retain components ~ object_id default_entity_id migrate_discovery type subtype modes origin'.split(
      ' '
    )
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      's',
      '~/s',
      's~',
      't',
      '{{ value }}',
      '{{ value_json.a }}',
      '{% x %}',
      'json',
      'template',
      'any',
      true,
      false,
      null,
      0,
      2,
      -1,
      1e308
    ),
    fc.constantFrom<unknown>(
      [],
      {},
      { identifiers: ['d'] },
      { ids: [['x']] },
      [{ topic: 's' }, 5],
      { topic: 't', value_template: 5 },
      ['a', 1, null],
      { c: { p: 'light', schema: 'json', stat_t: 's', cmd_t: 't' } },
      { __proto__: null, constructor: 'x' }
    ),
    fc.jsonValue({ maxDepth: 2 })
  )
  const component = fc.constantFrom(
    'sensor',
    'light',
    'switch',
    'cover',
    'climate',
    'device',
    'device_automation',
    'event',
    'fan',
    'lock',
    'select',
    'constructor',
    '__proto__'
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(component, fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 12 })), {
        minLength: 1,
        maxLength: 3
      }),
      fc.jsonValue(),
      (configs, payload) => {
        const say = normalizer(plain)
        const all = configs.map(([one, config], index) =>
          say(`homeassistant/${one}/o${index % 2}/config`, config)
        )
        all.push(...['s', 't'].map((topic) => say(topic, JSON.stringify(payload))))
        for (const { outcome } of all)
          assert.deepEqual(
            outcome.rejections.filter(({ reason }) => reason === 'decoder_failed'),
            [],
            JSON.stringify(configs)
          )
      }
    ),
    { numRuns: 300 }
  )
})
