/** Homie 5, message by message. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { homie } from '../../src/conventions/homie/convention.ts'
import { readLiteral, writeLiteral } from '../../src/conventions/homie/literals.ts'
import type { Datatype } from '../../src/conventions/homie/literals.ts'
import { nearestStep, parseRange } from '../../src/conventions/homie/range.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import type { DecoderState } from '../../src/normalize/mapping-set.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { compileText, createRunner, message, receivedAt } from '../normalize/mappings.ts'
import { hex, normalizer } from './say.ts'
import type { Say } from './say.ts'

const plain = 'conventions: [homie]'

const car = {
  homie: '5.0',
  name: 'Supercar',
  version: 7,
  nodes: {
    engine: {
      properties: {
        temperature: { name: 'Engine temperature', unit: '°C', datatype: 'float', format: '-20:120' },
        speed: { datatype: 'integer', settable: true, format: '0:200:10' },
        on: { datatype: 'boolean', settable: true },
        serial: { datatype: 'integer' }
      }
    },
    display: {
      properties: {
        text: { datatype: 'string', settable: true },
        mode: { datatype: 'enum', format: 'day,night, auto', settable: true },
        color: { datatype: 'color', format: 'rgb,xyz', settable: true },
        since: { datatype: 'datetime', settable: true },
        left: { datatype: 'duration', settable: true },
        layout: { datatype: 'json', settable: true }
      }
    },
    horn: { properties: { pressed: { datatype: 'boolean', retained: false, settable: true } } }
  }
}

/** With the car described. */
function withCar(): Say {
  const say = normalizer(plain)
  assert.deepEqual(say('homie/5/super-car/$description', car).rejections, [])
  return say
}

const tell = (say: Say, path: string, payload: string | Uint8Array): string[] => {
  const { datapoints, rejections } = say(`homie/5/super-car/${path}`, payload)
  return [...datapoints, ...rejections]
}

test('the fixtures', () => {
  const { messages } = { messages: fixtures() }
  const say = withCar()
  const said = messages.map(({ id, topic, payload }) => {
    const { datapoints, presence, rejections } = say(topic, payload, { kind: 'snapshot' })
    return [id, ...datapoints, ...presence, ...rejections]
  })
  assert.deepEqual(said, [
    ['homie-prop', 'super-car engine/temperature 21.5 [°C]'],
    ['homie-empty-string', 'super-car display/text ""'],
    ['homie-state-lost', 'super-car $state "lost"', 'super-car offline availability']
  ])
})

function fixtures(): Array<{ id: string; topic: string; payload: Uint8Array }> {
  const all = JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Array<{
    id: string
    convention: string
    topic: string
    utf8?: string
    hex?: string
  }>
  return all
    .filter(({ convention }) => convention === 'homie5')
    .map(({ id, topic, utf8, hex: bytes }) => ({
      id,
      topic,
      payload: utf8 === undefined ? Buffer.from(bytes!, 'hex') : Buffer.from(utf8)
    }))
}

test('every state of the lifecycle', () => {
  const say = normalizer(plain)
  const presence = (state: string): string[] => say('homie/5/d/$state', state).presence
  assert.deepEqual(presence('init'), ['d online availability'])
  assert.deepEqual(presence('ready'), ['d online availability'])
  assert.deepEqual(presence('sleeping'), ['d online availability'])
  assert.deepEqual(presence('disconnected'), ['d offline availability'])
  assert.deepEqual(presence('lost'), ['d offline availability'])
  assert.deepEqual(presence(''), ['d unknown availability'])
  for (const wrong of ['Ready', 'alert', ' ready', '\u0000'])
    assert.deepEqual(say('homie/5/d/$state', wrong).rejections, ['unknown_presence'])
})

test('a lost root takes its tree with it, and brings it back', () => {
  const say = normalizer(plain)
  const described = (id: string, more: object): void => {
    say(`homie/5/${id}/$description`, { homie: '5.0', version: 1, ...more })
    say(`homie/5/${id}/$state`, 'ready')
  }
  described('bridge', { children: ['relay'] })
  described('relay', { root: 'bridge', children: ['light'] })
  described('light', { root: 'bridge', parent: 'relay' })
  described('other', {})
  say('homie/5/asleep/$description', { homie: '5.0', version: 1, root: 'bridge' })
  say('homie/5/asleep/$state', 'disconnected')
  say('homie/5/mute/$description', { homie: '5.0', version: 1, root: 'bridge' })
  assert.deepEqual(say('homie/5/bridge/$state', 'lost').presence.toSorted(), [
    'asleep offline availability',
    'bridge offline availability',
    'light offline availability',
    'relay offline availability'
  ])
  // Lost again is no news of the others
  assert.deepEqual(say('homie/5/bridge/$state', 'lost').presence, ['bridge offline availability'])
  // Retained, from before
  assert.deepEqual(say('homie/5/light/$state', 'ready').presence, ['light offline availability'])
  assert.deepEqual(say('homie/5/bridge/$state', 'init').presence.toSorted(), [
    'asleep offline availability',
    'bridge online availability',
    'light online availability',
    'relay online availability'
  ])
  assert.deepEqual(say('homie/5/bridge/$state', 'disconnected').presence, ['bridge offline availability'])
  say('homie/5/bridge/$state', 'lost')
  assert.deepEqual(say('homie/5/bridge/$state', '').presence.toSorted(), [
    'asleep offline availability',
    'bridge unknown availability',
    'light online availability',
    'relay online availability'
  ])
})

test('a description may tell that the root is lost', () => {
  const say = normalizer(plain)
  say('homie/5/bridge/$state', 'lost')
  assert.deepEqual(say('homie/5/light/$state', 'ready').presence, ['light online availability'])
  const child = { homie: '5.0', version: 1, root: 'bridge' }
  assert.deepEqual(say('homie/5/light/$description', child).presence, ['light offline availability'])
  assert.deepEqual(say('homie/5/light/$description', { ...child, version: 2 }).presence, [])
})

test('the description tells what is known of the device', () => {
  const say = normalizer(plain)
  assert.deepEqual(say('homie/5/super-car/$description', car).attributes, [
    {
      device: 'super-car',
      attributes: {
        name: 'Supercar',
        type: null,
        homie: '5.0',
        version: 7,
        root: null,
        parent: null,
        children: null,
        extensions: null,
        nodes: car.nodes
      }
    }
  ])
})

const literals: Array<[path: string, payload: string, told: string]> = [
  ['engine/temperature', '-5', '-5 [°C]'],
  ['engine/temperature', '1.5e1', '15 [°C]'],
  ['engine/temperature', '1E-1', '0.1 [°C]'],
  ['engine/temperature', '.5', '0.5 [°C]'],
  ['engine/temperature', '120.5', '120.5 [°C] quality=out_of_range'],
  ['engine/temperature', 'NaN', 'wrong_shape'],
  ['engine/temperature', 'Infinity', 'wrong_shape'],
  ['engine/temperature', '1e400', 'wrong_shape'],
  ['engine/temperature', '+1', 'wrong_shape'],
  ['engine/temperature', '1e+1', 'wrong_shape'],
  ['engine/temperature', ' 1', 'wrong_shape'],
  ['engine/temperature', '1,5', 'wrong_shape'],
  ['engine/temperature', '1.2.3', 'wrong_shape'],
  ['engine/temperature', '-', 'wrong_shape'],
  ['engine/temperature', '.', 'wrong_shape'],
  ['engine/temperature', '\u0000', 'wrong_shape'],
  ['engine/speed', '30', '30'],
  ['engine/speed', '-1', '-1 quality=out_of_range'],
  ['engine/speed', '30.0', 'wrong_shape'],
  ['engine/speed', '1e2', 'wrong_shape'],
  ['engine/speed', '-', 'wrong_shape'],
  ['engine/serial', '9223372036854775807', '9223372036854775807'],
  ['engine/serial', '-9223372036854775808', '-9223372036854775808'],
  ['engine/serial', '9223372036854775808', 'wrong_shape'],
  ['engine/serial', '9'.repeat(5_000), 'wrong_shape'],
  ['engine/on', 'true', 'true'],
  ['engine/on', 'false', 'false'],
  ['engine/on', 'TRUE', 'wrong_shape'],
  ['engine/on', '1', 'wrong_shape'],
  ['display/text', 'null', '"null"'],
  ['display/text', '21.5', '"21.5"'],
  ['display/text', '\u0000', '""'],
  ['display/text', '\u0000\u0000', '"\\u0000\\u0000"'],
  ['display/mode', 'night', '"night"'],
  ['display/mode', ' auto', '" auto"'],
  ['display/mode', 'auto', 'wrong_shape'],
  ['display/mode', 'Night', 'wrong_shape'],
  ['display/mode', 'day,night', 'wrong_shape'],
  ['display/color', 'rgb,255,0,0.5', '"rgb,255,0,0.5"'],
  ['display/color', 'xyz,0.25,0.34', '"xyz,0.25,0.34"'],
  ['display/color', 'hsv,300,50,75', 'wrong_shape'],
  ['display/color', 'rgb,256,0,0', 'wrong_shape'],
  ['display/color', 'rgb,-1,0,0', 'wrong_shape'],
  ['display/color', 'rgb, 1,0,0', 'wrong_shape'],
  ['display/color', 'rgb,1,0', 'wrong_shape'],
  ['display/color', 'rgb,1,0,0,0', 'wrong_shape'],
  ['display/color', 'xyz,1.01,0', 'wrong_shape'],
  ['display/color', '255,0,0', 'wrong_shape'],
  ['display/since', '2026-11-24T12:00:00Z', '"2026-11-24T12:00:00Z"'],
  ['display/since', '2026-11-24T12:00:00.123+01:00', '"2026-11-24T12:00:00.123+01:00"'],
  ['display/since', '20261124T120000Z', '"20261124T120000Z"'],
  ['display/since', '2026-11-24', '"2026-11-24"'],
  ['display/since', '2026-W48-2', '"2026-W48-2"'],
  ['display/since', '2026-02-30T12:00:00Z', 'wrong_shape'],
  ['display/since', '24.11.2026', 'wrong_shape'],
  ['display/since', '1795521600', 'wrong_shape'],
  ['display/left', 'PT12H5M46S', '"PT12H5M46S"'],
  ['display/left', 'PT5M', '"PT5M"'],
  ['display/left', 'PT', 'wrong_shape'],
  ['display/left', '5M', 'wrong_shape'],
  ['display/left', 'PT5M12H', 'wrong_shape'],
  ['display/layout', '{"a":[1]}', '{"a":[1]}'],
  ['display/layout', '[9007199254740993]', '[9007199254740993]'],
  ['display/layout', '"text"', 'wrong_shape'],
  ['display/layout', '5', 'wrong_shape'],
  ['display/layout', '{"a":', 'wrong_shape'],
  ['display/layout', `${'['.repeat(200)}${']'.repeat(200)}`, 'wrong_shape'],
  ['engine/unknown', '1', 'wrong_shape'],
  ['constructor/name', '1', 'wrong_shape'],
  ['engine/Speed', '1', 'wrong_shape'],
  ['horn/pressed', 'true', 'true event']
]

test('literals of every datatype, right and wrong', () => {
  const say = withCar()
  for (const [path, payload, told] of literals)
    assert.deepEqual(
      tell(say, path, payload),
      [told === 'wrong_shape' ? told : `super-car ${path} ${told}`],
      `${path} ${payload}`
    )
})

test('payloads that Homie forbids', () => {
  const say = withCar()
  assert.deepEqual(tell(say, 'display/text', hex('ff')), ['not_utf8'])
  assert.deepEqual(tell(say, 'display/text', hex('efbbbf61')), ['wrong_shape'])
  assert.deepEqual(tell(say, 'display/layout', hex('efbbbf5b5d')), ['wrong_shape'])
  // Deleted, and not the empty text
  assert.deepEqual(tell(say, 'display/text', ''), [])
  assert.deepEqual(say('homie/5/super-car/display/text', '', { kind: 'cleared' }).datapoints, [])
})

test('what is not retained happens, and did not happen when it is found', () => {
  const say = withCar()
  const found = say('homie/5/super-car/horn/pressed', 'true', { kind: 'snapshot' })
  assert.deepEqual([found.datapoints, found.rejections], [[], []])
})

test('$target is what was accepted, as typed as the value', () => {
  const say = withCar()
  assert.deepEqual(tell(say, 'engine/speed/$target', '50'), ['super-car engine/speed/$target 50'])
  assert.deepEqual(tell(say, 'engine/speed/$target', 'fast'), ['wrong_shape'])
  assert.deepEqual(tell(say, 'engine/temperature/$target', '20'), [
    'super-car engine/temperature/$target 20 [°C]'
  ])
  assert.deepEqual(tell(say, 'engine/speed/set', '60'), [])
})

test('alerts, logs and broadcasts', () => {
  const say = normalizer(plain)
  assert.deepEqual(tell(say, '$alert/battery', 'Battery is low, at 8%'), [
    'super-car $alert/battery "Battery is low, at 8%"'
  ])
  assert.deepEqual(say('homie/5/super-car/$alert/battery', '', { kind: 'cleared' }).datapoints, [
    'super-car $alert/battery null'
  ])
  assert.deepEqual(tell(say, '$log/warn', 'hot'), ['super-car $log/warn "hot" event'])
  assert.deepEqual(tell(say, '$log/trace', 'hot'), ['wrong_shape'])
  assert.deepEqual(tell(say, '$log/warn', ''), [])
  const { datapoints, outcome } = say('homie/5/$broadcast/security/alert', 'Intruder detected')
  assert.deepEqual([datapoints, outcome.devices, outcome.mapping], [[], [], 'homie'])
})

test('values that come before the description wait for it, and have its types', () => {
  const say = normalizer(plain)
  const early = (path: string, payload: string, kind: 'snapshot' | 'message' = 'snapshot'): string[] => {
    const { datapoints, rejections } = say(`homie/5/super-car/${path}`, payload, { kind })
    return [...datapoints, ...rejections]
  }
  assert.deepEqual(early('engine/temperature', '20'), [])
  assert.deepEqual(early('engine/temperature', '21.5'), [])
  assert.deepEqual(early('display/text', '5'), [])
  assert.deepEqual(early('engine/speed/$target', '50'), [])
  assert.deepEqual(early('engine/on', 'yes'), [])
  // Live, it is a hint that the topics are not all subscribed to
  assert.deepEqual(early('horn/pressed', 'true', 'message'), ['wrong_shape'])
  const { datapoints, rejections } = say('homie/5/super-car/$description', car)
  assert.deepEqual(datapoints.toSorted(), [
    'super-car display/text "5"',
    'super-car engine/speed/$target 50',
    'super-car engine/temperature 21.5 [°C]'
  ])
  assert.deepEqual(rejections, ['wrong_shape'])
  assert.deepEqual(say('homie/5/super-car/$description', { ...car, version: 8 }).datapoints, [])
})

test('not everything waits', () => {
  const say = normalizer(plain)
  const long = say('homie/5/d/n/p', 'x'.repeat(501), { kind: 'snapshot' })
  assert.deepEqual(long.rejections, ['state_too_large'])
  const [route, state] = flood(2_000)
  const full = route(state, 'homie/5/d2001/n/p')
  assert.deepEqual(
    full.facts.rejections?.map(({ reason }) => reason),
    ['state_too_large']
  )
  // The room of those that went is free again
  const removed = decode('homie/5/d7/$state', '', state)
  assert.equal(route(removed.state!, 'homie/5/d2001/n/p').facts.rejections?.length, 0)
})

const { routes, commands } = homie.create({
  text: () => null,
  texts: () => ['homie'],
  flag: () => false,
  seconds: () => null,
  file: () => null
})

function decode(
  topic: string,
  payload: string,
  state: DecoderState | null
): { facts: { rejections?: Array<{ reason?: string }> }; state?: DecoderState | null } {
  const parts = topic.split('/')
  const attribute = parts.length === 4
  const route = routes.find((one) =>
    attribute ? one.topic.endsWith(parts[3]!) : one.topic.endsWith('{property}')
  )!
  const captures = attribute
    ? { device: parts[2]! }
    : { device: parts[2]!, node: parts[3]!, property: parts[4]! }
  const bytes = Buffer.from(payload)
  return route.decode(state, {
    topic,
    captures,
    kind: 'snapshot',
    payload: bytes,
    properties: null,
    receivedAt,
    device: null
  })!
}

function flood(
  count: number
): [(state: DecoderState, topic: string) => ReturnType<typeof decode>, DecoderState] {
  let state: DecoderState | null = null
  for (let index = 0; index < count; index++)
    state = decode(`homie/5/d${index}/n/p`, '1', state).state ?? state
  return [(before, topic) => decode(topic, '1', before), state!]
}

test('thousands of devices are remembered, and all of them forgotten', () => {
  let state: DecoderState | null = null
  for (let index = 0; index < 5_000; index++) {
    const before: DecoderState | null = state
    state = decode(`homie/5/d${index}/$state`, 'ready', state).state ?? state
    assert.notEqual(state, before)
  }
  assert.equal(decode('homie/5/d77/$state', 'ready', state).state, undefined)
  for (let index = 0; index < 5_000; index++) state = decode(`homie/5/d${index}/$state`, '', state).state!
  assert.equal(state, null)
})

test('descriptions that are none, and those that are partly wrong', () => {
  const say = normalizer(plain)
  const reasons = (payload: string | object): string[] => say('homie/5/d/$description', payload).rejections
  assert.deepEqual(reasons('{'), ['malformed_json'])
  assert.deepEqual(reasons('[]'), ['wrong_shape'])
  assert.deepEqual(reasons({ homie: '4.0.0', version: 1 }), ['wrong_shape'])
  assert.deepEqual(reasons({ homie: 5, version: 1 }), ['wrong_shape'])
  for (const nodes of [null, [], 5, { n: 5 }, { n: { properties: 'x' } }, { 'No ID': {} }])
    assert.deepEqual(reasons({ homie: '5.0', version: 1, nodes }), ['wrong_shape'], JSON.stringify(nodes))
  const wrong = [
    {},
    { datatype: 'text' },
    { datatype: 'constructor' },
    { datatype: 'enum' },
    { datatype: 'enum', format: 'a,,b' },
    { datatype: 'enum', format: 'a,a' },
    { datatype: 'color', format: 'cmyk' },
    { datatype: 'color' },
    { datatype: 'integer', format: '5' },
    { datatype: 'integer', format: '0:1.5' },
    { datatype: 'float', format: '0:1:0' },
    { datatype: 'float', format: 5 },
    { datatype: 'float', unit: 5 },
    { datatype: 'float', settable: 'yes' },
    { datatype: 'float', retained: 0 }
  ]
  for (const property of wrong) {
    const nodes = { n: { properties: { p: property, good: { datatype: 'integer' } } } }
    assert.deepEqual(reasons({ homie: '5.0', version: 1, nodes }), ['wrong_shape'], JSON.stringify(property))
    assert.deepEqual(say('homie/5/d/n/good', '1').datapoints, ['d n/good 1'])
    assert.deepEqual(say('homie/5/d/n/p', '1').rejections, ['wrong_shape'])
  }
  // Later versions may have more
  assert.deepEqual(reasons({ homie: '5.7', version: 2, later: true, nodes: { n: { new: 1 } } }), [])
  assert.deepEqual(reasons({ homie: '5.0', version: 'new' }), ['wrong_shape'])
  assert.deepEqual(reasons({ homie: '5.0', version: 3, root: 'No ID' }), ['wrong_shape'])
  assert.deepEqual(reasons('{"homie":"5.0","version":1,"nodes":{"__proto__":{"properties":{}}}}'), [
    'wrong_shape'
  ])
})

test('a new description replaces the one before; without one, values wait again', () => {
  const say = withCar()
  const nodes = { engine: { properties: { temperature: { datatype: 'float', unit: 'K' } } } }
  say('homie/5/super-car/$description', { homie: '5.0', version: 8, nodes })
  assert.deepEqual(tell(say, 'engine/temperature', '300'), ['super-car engine/temperature 300 [K]'])
  assert.deepEqual(tell(say, 'engine/speed', '30'), ['wrong_shape'])
  say('homie/5/super-car/$state', 'ready')
  say('homie/5/super-car/$description', '', { kind: 'cleared' })
  const { datapoints, rejections } = say('homie/5/super-car/engine/temperature', '300', { kind: 'snapshot' })
  assert.deepEqual([datapoints, rejections], [[], []])
})

test('topics of extensions are of others', () => {
  const say = normalizer(`${plain}\nautomatic: false`)
  for (const topic of ['$meta/tags', '$fw/version', 'engine/$name']) {
    const { datapoints, rejections } = say(`homie/5/super-car/${topic}`, 'x')
    assert.deepEqual([datapoints, rejections], [[], []], topic)
  }
  assert.equal(say('homie/4/super-car/$state', 'ready').outcome.mapping, null)
  assert.deepEqual(say('homie/5/Super_Car/$state', 'ready').rejections, ['wrong_shape'])
})

test('several domains: devices of the first have their IDs alone', () => {
  const say = normalizer('conventions: [homie: { domain: [homie, cellar] }]')
  assert.deepEqual(say('homie/5/d/$state', 'ready').presence, ['d online availability'])
  assert.deepEqual(say('cellar/5/d/$state', 'lost').presence, ['cellar/d offline availability'])
  assert.deepEqual(say('homie/5/d/$state', 'ready').presence, ['d online availability'])
  for (const domain of ['a/b', '+', "''", '$sys', '{x}'])
    assert.throws(
      () => normalizer(`conventions: [homie: { domain: ['${domain.replaceAll("'", '')}'] }]`),
      MappingsError,
      domain
    )
  assert.throws(() => normalizer('conventions: [homie: { domain: [] }]'), MappingsError)
})

test('a range', () => {
  assert.deepEqual(parseRange('float', ':'), { min: null, max: null, step: null })
  assert.deepEqual(parseRange('float', '10.5:15:0.5'), { min: 10.5, max: 15, step: 0.5 })
  assert.equal(parseRange('integer', '1:2:3:4'), null)
  assert.equal(nearestStep({ min: 10, max: 15, step: 0.5 }, 11.3), 11.5)
  assert.equal(nearestStep({ min: null, max: 15, step: 2 }, 12), 13)
  assert.equal(nearestStep({ min: 0, max: null, step: 0.1 }, 0.3), 0.3)
})

// Commands

const set = commands[0]!

function remembered(...messages: Array<[string, string | object]>): DecoderState {
  const compiled = compileText(plain)
  let state: DecoderState | null = null
  for (const [topic, payload] of messages)
    state = compiled.normalize(message(topic, payload), state).state ?? state
  return state!
}

const carState = remembered(['homie/5/super-car/$description', car])

const render = (
  parameters: Record<string, unknown>,
  state: DecoderState | null = carState,
  device = 'super-car'
): ReturnType<typeof set.render> =>
  set.render(
    { device, topic: `homie/5/${device}/$state`, captures: {}, state, attributes: {}, id: 'x', now: 0 },
    parameters
  )

test('set: every datatype, and how it shows', () => {
  const sent = (property: string, value: unknown): unknown[] => {
    const { topic, payload, qos, effect } = render({ property, value })
    return [topic, payload, qos, effect?.metric, effect?.value]
  }
  const engine = 'homie/5/super-car/engine'
  const display = 'homie/5/super-car/display'
  assert.deepEqual(sent('engine/speed', 50), [`${engine}/speed/set`, '50', 2, 'engine/speed', 50])
  assert.deepEqual(sent('speed', '50'), [`${engine}/speed/set`, '50', 2, 'engine/speed', 50])
  assert.deepEqual(sent('on', false), [`${engine}/on/set`, 'false', 2, 'engine/on', false])
  assert.deepEqual(sent('text', ''), [`${display}/text/set`, '\u0000', 2, 'display/text', ''])
  assert.deepEqual(sent('mode', ' auto'), [`${display}/mode/set`, ' auto', 2, 'display/mode', ' auto'])
  assert.deepEqual(sent('color', 'rgb,1,2,3').slice(1, 3), ['rgb,1,2,3', 2])
  assert.deepEqual(sent('left', 'PT5M').slice(1, 3), ['PT5M', 2])
  assert.deepEqual(sent('layout', { a: [1, 2n ** 60n] }).slice(1), [
    '{"a":[1,1152921504606846976]}',
    2,
    'display/layout',
    { a: [1, 2n ** 60n] }
  ])
  // Nobody wants an old press of the horn
  assert.deepEqual(sent('pressed', true), [
    'homie/5/super-car/horn/pressed/set',
    'true',
    0,
    'horn/pressed',
    true
  ])
  assert.deepEqual(render({ node: 'engine', property: 'speed', value: 50 }).topic, `${engine}/speed/set`)
})

test('set: once the device tells $target, that tells that it was accepted', () => {
  const state = remembered(
    ['homie/5/super-car/$description', car],
    ['homie/5/super-car/engine/speed/$target', '10'],
    ['homie/5/super-car/$description', { ...car, version: 8 }]
  )
  const { effect, accepted } = render({ property: 'speed', value: 20 }, state)
  assert.deepEqual(effect, { metric: 'engine/speed', value: 20 })
  assert.deepEqual(accepted, { metric: 'engine/speed/$target', value: 20 })
  const on = render({ property: 'on', value: true }, state)
  assert.deepEqual([on.effect, on.accepted], [{ metric: 'engine/on', value: true }, undefined])
})

test('set: what the description does not allow is refused', () => {
  const refused: Array<[Record<string, unknown>, parameter: string | null, says: RegExp]> = [
    [{ property: 'nothing', value: 1 }, 'property', /these can be set: .*engine\/speed/],
    [{ property: 'constructor', value: 1 }, 'property', /no "constructor"/],
    [{ property: 'temperature', value: 1 }, 'property', /cannot be set/],
    [{ node: 'display', property: 'speed', value: 1 }, 'property', /no "display\/speed"/],
    [{ property: 'speed', value: 206 }, 'value', /within 0:200:10/],
    [{ property: 'speed', value: -1000 }, 'value', /within/],
    [{ property: 'speed', value: 201 }, 'value', /200 is one/],
    [{ property: 'speed', value: 52 }, 'value', /50 is one/],
    [{ property: 'speed', value: 50.5 }, 'value', /must be integer/],
    [{ property: 'speed', value: true }, 'value', /must be integer/],
    [{ property: 'on', value: 1 }, 'value', /must be boolean/],
    [{ property: 'on', value: 'on' }, 'value', /neither true nor false/],
    [{ property: 'text', value: 5 }, 'value', /must be string/],
    [{ property: 'text', value: '\u0000' }, 'value', /must be string/],
    [{ property: 'mode', value: 'auto' }, 'value', /none of/],
    [{ property: 'color', value: 'hsv,1,1,1' }, 'value', /no color/],
    [{ property: 'layout', value: 5 }, 'value', /must be json/],
    [{ property: 'layout', value: null }, 'value', /must be json/]
  ]
  for (const [parameters, parameter, says] of refused)
    assert.throws(
      () => render(parameters),
      (error) => error instanceof CommandFault && error.parameter === parameter && says.test(error.message),
      JSON.stringify(parameters)
    )
  assert.throws(() => render({ property: 'speed', value: 1 }, null), /has not described itself/)
  const twice = {
    homie: '5.0',
    version: 1,
    nodes: {
      a: { properties: { p: { datatype: 'float' } } },
      b: { properties: { p: { datatype: 'float' } } }
    }
  }
  const state = remembered(['homie/5/d/$description', twice])
  assert.throws(() => render({ property: 'p', value: 1 }, state, 'd'), /name one of .*a\/p/)
})

test('set: to a device of another domain', () => {
  const two = homie.create({
    text: () => null,
    texts: () => ['homie', 'cellar'],
    flag: () => false,
    seconds: () => null,
    file: () => null
  }).commands[0]!
  const target = {
    topic: 'cellar/5/super-car/$state',
    captures: {},
    state: carState,
    attributes: {},
    id: 'x',
    now: 0
  }
  const { topic } = two.render({ ...target, device: 'cellar/super-car' }, { property: 'on', value: true })
  assert.equal(topic, 'cellar/5/super-car/engine/on/set')
})

test('what is written is read again', () => {
  const cases: Record<
    Exclude<Datatype, 'enum' | 'color' | 'datetime' | 'duration'>,
    fc.Arbitrary<unknown>
  > = {
    integer: fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    float: fc.double({ noNaN: true, noDefaultInfinity: true }),
    boolean: fc.boolean(),
    string: fc.string({ unit: 'binary' }).filter((text) => text !== '\u0000'),
    json: fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()))
  }
  for (const [datatype, arbitrary] of Object.entries(cases))
    fc.assert(
      fc.property(arbitrary, (value) => {
        const text = writeLiteral(datatype as Datatype, value)
        assert.notEqual(text, undefined)
        const read = readLiteral(datatype as Datatype, undefined, text!)
        assert.ok('value' in read, `${datatype} ${text}`)
        const plainly = (one: unknown): unknown =>
          typeof one === 'bigint' || typeof one === 'number'
            ? String(one).replace(/^-0$/, '0')
            : JSON.parse(JSON.stringify(one))
        assert.deepEqual(plainly(read.value), plainly(value))
      })
    )
})

test('a state that travelled as bytes means the same', () => {
  const run = createRunner(compileText(plain))
  run(message('homie/5/super-car/$description', car))
  const { datapoints } = run(message('homie/5/super-car/engine/speed', '30'))
  assert.equal(datapoints.length, 1)
})
