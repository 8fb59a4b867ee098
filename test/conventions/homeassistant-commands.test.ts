/** What entities of Home Assistant are told, as their configurations say. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pressEntity, setEntity } from '../../src/conventions/homeassistant/set.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import type { ConventionCommand, RenderedCommand } from '../../src/normalize/convention.ts'
import type { DecoderState } from '../../src/normalize/mapping-set.ts'
import { compileText, message } from '../normalize/mappings.ts'

/** What is remembered of d1 with these entities, by their names. */
function remembered(entities: Record<string, [component: string, config: object]>): DecoderState {
  const compiled = compileText('conventions: [homeassistant]')
  let state: DecoderState | null = null
  for (const [index, [name, [component, config]]] of Object.entries(entities).entries()) {
    const topic = `homeassistant/${component}/o${index}/config`
    const payload = { name, dev: { ids: 'd1' }, ...config }
    state = compiled.normalize(message(topic, payload), state).state ?? state
  }
  return state!
}

function render(
  command: ConventionCommand,
  state: DecoderState | null,
  parameters: Record<string, unknown>
): RenderedCommand {
  const target = { device: 'd1', topic: 'x', captures: {}, state, attributes: {}, id: 'x', now: 0 }
  return command.render(target, parameters)
}

const both = { stat_t: 's', cmd_t: 'c' }

const obeyed: Array<
  [
    component: string,
    config: object,
    parameters: Record<string, unknown>,
    payload: string,
    shows: [string, unknown] | null
  ]
> = [
  ['switch', both, { value: true }, 'ON', ['E', true]],
  ['switch', both, { entity: 'E', value: false }, 'OFF', ['E', false]],
  ['switch', both, { value: 'OFF' }, 'OFF', ['E', false]],
  [
    'switch',
    { ...both, pl_on: 'go', pl_off: 'halt', stat_on: 'going', stat_off: 'halted' },
    { value: true },
    'go',
    ['E', true]
  ],
  ['switch', { ...both, stat_on: 'going' }, { value: true }, 'ON', ['E', true]],
  ['switch', { ...both, pl_on: true, pl_off: false }, { value: false }, 'False', ['E', false]],
  ['switch', { cmd_t: 'c' }, { value: true }, 'ON', null],
  ['switch', { ...both, val_tpl: '{% x %}' }, { value: true }, 'ON', null],
  ['siren', both, { value: true }, 'ON', ['E', true]],
  [
    'fan',
    { ...both, pct_cmd_t: 'p', pct_stat_t: 'ps' },
    { entity: 'E.percentage', value: 40 },
    '40',
    ['E.percentage', 40]
  ],
  [
    'fan',
    { ...both, osc_cmd_t: 'p', osc_stat_t: 'ps' },
    { entity: 'E.oscillation', value: true },
    'oscillate_on',
    ['E.oscillation', true]
  ],
  ['light', { ...both, bri_cmd_t: 'p', bri_stat_t: 'ps' }, { entity: 'E', value: true }, 'ON', ['E', true]],
  [
    'light',
    { ...both, bri_cmd_t: 'p', bri_stat_t: 'ps' },
    { entity: 'E.brightness', value: 255 },
    '255',
    ['E.brightness', 255]
  ],
  ['light', { ...both, rgb_command_topic: 'p' }, { entity: 'E.rgb', value: '1,2,3' }, '1,2,3', null],
  ['light', { ...both, schema: 'json' }, { value: true }, '{"state":"ON"}', ['E', true]],
  ['light', { ...both, schema: 'json' }, { value: { state: false } }, '{"state":"OFF"}', ['E', false]],
  [
    'light',
    { ...both, schema: 'json' },
    { value: { state: 'ON', brightness: 9, color: { r: 1 } } },
    '{"state":"ON","brightness":9,"color":{"r":1}}',
    ['E', true]
  ],
  ['light', { ...both, schema: 'json' }, { value: { brightness: 9 } }, '{"brightness":9}', null],
  ['number', both, { value: 100 }, '100', ['E', 100]],
  ['number', { ...both, min: -5, max: 5.5 }, { value: -4.5 }, '-4.5', ['E', -4.5]],
  ['number', both, { value: '7' }, '7', ['E', 7]],
  ['select', { ...both, ops: ['a', 'b'] }, { value: 'b' }, 'b', ['E', 'b']],
  ['text', both, { value: 'hello' }, 'hello', ['E', 'hello']],
  ['text', both, { value: '' }, '', ['E', '']],
  ['cover', { ...both, set_pos_t: 'p', pos_t: 'ps' }, { entity: 'E', value: 'open' }, 'OPEN', ['E', 'open']],
  ['cover', { ...both, pl_cls: 'DOWN', stat_clsd: 'shut' }, { value: 'close' }, 'DOWN', ['E', 'shut']],
  ['cover', both, { value: 'stop' }, 'STOP', null],
  [
    'cover',
    { ...both, set_pos_t: 'p', pos_t: 'ps' },
    { entity: 'E.position', value: 30 },
    '30',
    ['E.position', 30]
  ],
  [
    'cover',
    { ...both, tilt_cmd_t: 'p', tilt_status_t: 'ps' },
    { entity: 'E.tilt', value: 30 },
    '30',
    ['E.tilt_status', 30]
  ],
  ['lock', both, { value: 'lock' }, 'LOCK', ['E', 'LOCKED']],
  ['lock', { ...both, pl_open: 'OPEN_DOOR' }, { value: 'open' }, 'OPEN_DOOR', null],
  [
    'climate',
    { temp_cmd_t: 'c', temp_stat_t: 's', max_temp: 30 },
    { entity: 'E.temperature', value: 21.5 },
    '21.5',
    ['E.temperature', 21.5]
  ],
  [
    'climate',
    { mode_cmd_t: 'c', mode_stat_t: 's', modes: ['heat', 'off'] },
    { value: 'heat' },
    'heat',
    ['E.mode', 'heat']
  ],
  [
    'climate',
    { temp_cmd_t: 'c', temp_cmd_tpl: '{"t": {{ value }}, "was": "{{value}}"}' },
    { value: 21 },
    '{"t": 21, "was": "21"}',
    null
  ],
  ['vacuum', { cmd_t: 'c' }, { value: 'start' }, 'start', null],
  [
    'alarm_control_panel',
    { ...both, command_template: '{{ action }}' },
    { value: 'arm_home' },
    'ARM_HOME',
    null
  ],
  ['update', { ...both, pl_inst: 'INSTALL' }, { value: 'install' }, 'INSTALL', null],
  ['scene', { cmd_t: 'c' }, { value: 'on' }, 'ON', null],
  ['notify', { cmd_t: 'c' }, { value: 'Dinner!' }, 'Dinner!', null],
  ['switch', { ...both, command_template: '{{ value }}' }, { value: true }, 'ON', ['E', true]]
]

test('set: what is sent, and how it shows', () => {
  for (const [component, config, parameters, payload, shows] of obeyed) {
    const rendered = render(setEntity, remembered({ E: [component, config] }), parameters)
    const effect = shows === null ? null : { metric: shows[0], value: shows[1] }
    const what = `${component} ${JSON.stringify(config)} ${JSON.stringify(parameters)}`
    assert.deepEqual([rendered.payload, rendered.effect], [payload, effect], what)
    const toPart =
      'entity' in parameters && String(parameters['entity']).includes('.') && !('temp_cmd_t' in config)
    assert.equal(rendered.topic, toPart ? 'p' : 'c', what)
  }
})

test('set: QoS as configured, never retained', () => {
  const qosOf = (config: object): number =>
    render(setEntity, remembered({ E: ['switch', { ...both, ...config }] }), { value: true }).qos
  assert.deepEqual(
    [qosOf({}), qosOf({ qos: 1 }), qosOf({ qos: 2 }), qosOf({ qos: 7 }), qosOf({ qos: '1' })],
    [0, 1, 2, 0, 0]
  )
  const rendered = render(setEntity, remembered({ E: ['switch', { ...both, retain: true }] }), {
    value: true
  })
  assert.ok(!('retain' in rendered))
})

test('a configuration that wants commands retained is told that they are not', () => {
  const compiled = compileText('conventions: [homeassistant]')
  const { outcome } = compiled.normalize(
    message('homeassistant/switch/x/config', { name: 'E', ...both, ret: true }),
    null
  )
  const told = outcome.attributes[0]!.attributes['entity.E'] as Record<string, unknown>
  assert.match(String(told['ignored']), /never retained/)
  assert.deepEqual(told['sets'], ['state'])
})

const throwsFault = (render_: () => unknown, parameter: string | null, says: RegExp): void =>
  assert.throws(
    render_,
    (error) => error instanceof CommandFault && error.parameter === parameter && says.test(error.message),
    String(says)
  )

test('set: what the configuration does not allow is refused', () => {
  const refused: Array<
    [component: string, config: object, parameters: object, parameter: string, says: RegExp]
  > = [
    ['switch', both, { value: 'yes' }, 'value', /takes true or false/],
    ['switch', both, { value: 5 }, 'value', /takes true or false/],
    ['switch', both, { value: null }, 'value', /must be/],
    ['switch', both, { value: [] }, 'value', /must be/],
    ['switch', both, { entity: 'F', value: true }, 'entity', /taken by E$/],
    ['switch', both, { entity: 'E.brightness', value: true }, 'entity', /taken by E$/],
    ['sensor', { stat_t: 's' }, { value: 1 }, 'entity', /taken by nothing$/],
    ['number', both, { value: 101 }, 'value', /from 1 to 100/],
    ['number', both, { value: 0.5 }, 'value', /from 1 to 100/],
    ['number', both, { value: 'much' }, 'value', /must be a number/],
    ['number', both, { value: true }, 'value', /neither on nor off/],
    ['select', { ...both, ops: ['a', 'b'] }, { value: 'c' }, 'value', /none of a, b/],
    ['climate', { temp_cmd_t: 'c', max_temp: 30 }, { value: 31 }, 'value', /to 30/],
    ['climate', { mode_cmd_t: 'c', modes: ['heat'] }, { value: 'cool' }, 'value', /none of heat/],
    [
      'light',
      { ...both, bri_cmd_t: 'b', bri_scl: 100 },
      { entity: 'E.brightness', value: 101 },
      'value',
      /to 100/
    ],
    ['light', { ...both, schema: 'json' }, { value: 5 }, 'value', /must be true, false/],
    ['light', { ...both, schema: 'json' }, { value: {} }, 'value', /must be true, false/],
    ['light', { ...both, schema: 'json' }, { value: { state: 'maybe' } }, 'value', /must be true, false/],
    [
      'light',
      { ...both, schema: 'template', cmd_on_tpl: 'on,{{ brightness }}' },
      { value: true },
      'entity',
      /not supported/
    ],
    [
      'climate',
      { temp_cmd_t: 'c', temp_cmd_tpl: '{{ value | float * 10 }}' },
      { value: 21 },
      'entity',
      /not supported.*topic c instead/
    ],
    [
      'climate',
      { temp_cmd_t: 'c', temp_cmd_tpl: '{% if value %}1{% endif %}' },
      { value: 21 },
      'entity',
      /not supported/
    ]
  ]
  for (const [component, config, parameters, parameter, says] of refused)
    throwsFault(
      () => render(setEntity, remembered({ E: [component, config] }), parameters as Record<string, unknown>),
      parameter,
      says
    )
  throwsFault(() => render(setEntity, null, { value: 1 }), null, /no configuration/)
  const two = remembered({ A: ['switch', both], B: ['switch', both] })
  throwsFault(() => render(setEntity, two, { value: true }), 'entity', /which of A, B\?/)
})

test('press: buttons and scenes', () => {
  const state = remembered({
    Restart: ['button', { cmd_t: 'r' }],
    Identify: ['button', { cmd_t: 'i', pl_prs: 'BLINK', qos: 1 }],
    Evening: ['scene', { cmd_t: 'e' }],
    Lamp: ['switch', both]
  })
  const sent = (entity: string): unknown[] => {
    const { topic, payload, qos, effect } = render(pressEntity, state, { entity })
    return [topic, payload, qos, effect]
  }
  assert.deepEqual(sent('Restart'), ['r', 'PRESS', 0, null])
  assert.deepEqual(sent('Identify'), ['i', 'BLINK', 1, null])
  assert.deepEqual(sent('Evening'), ['e', 'ON', 0, null])
  throwsFault(() => render(pressEntity, state, { entity: 'Lamp' }), 'entity', /no button but a switch/)
  throwsFault(() => render(pressEntity, state, {}), 'entity', /which of Evening, Identify, Restart\?/)
  const one = remembered({ Restart: ['button', { cmd_t: 'r' }], Lamp: ['switch', both] })
  assert.equal(render(pressEntity, one, {}).topic, 'r')
  const none = remembered({ Lamp: ['switch', both] })
  throwsFault(() => render(pressEntity, none, {}), 'entity', /taken by Lamp$/)
})
