/** Shelly: notifications laid over what is known, events, answers of the RPC protocol, and what is left to others. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { toId } from '../../src/conventions/shelly/commands.ts'
import type { CommandTarget, RenderedCommand } from '../../src/normalize/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { compileText } from '../normalize/mappings.ts'
import { hex, normalizer } from './say.ts'

const plain = 'conventions: [shelly]'
const plug = 'shellyplus1pm-4417939a5610'

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
  const own = fixtures.filter(({ convention }) => convention === 'shelly-gen2')
  assert.deepEqual(
    own.map(({ id }) => id),
    ['shelly-notify-1']
  )
  const { datapoints, rejections, attributes } = normalizer(plain)(own[0]!.topic, own[0]!.utf8)
  assert.deepEqual(datapoints, [
    `${plug} switch:0.output true (2024-02-19T07:14:11.410Z)`,
    `${plug} switch:0.source "MQTT" (2024-02-19T07:14:11.410Z)`,
    `${plug} switch:0.voltage 224.18 [V] (2024-02-19T07:14:11.410Z)`
  ])
  assert.deepEqual([rejections, attributes], [[], []])
})

const notify = (method: string, params: unknown, src = plug): object => ({
  src,
  dst: `${src}/events`,
  method,
  params
})
const at = '(2026-11-24T11:59:59.500Z)'
const ts = 1_795_521_599.5

test('NotifyStatus touches what it names, null included, and nothing else', () => {
  const say = normalizer(plain)
  const of = (params: object): string[] => {
    const { datapoints, rejections } = say(`${plug}/events/rpc`, notify('NotifyStatus', { ts, ...params }))
    assert.deepEqual(rejections, [])
    return datapoints
  }
  assert.deepEqual(of({ 'switch:0': { id: 0, apower: 918.63 } }), [
    `${plug} switch:0.apower 918.63 [W] ${at}`
  ])
  assert.deepEqual(of({ 'switch:0': { id: 0, errors: null, timer_started_at: null } }), [
    `${plug} switch:0.errors null ${at}`,
    `${plug} switch:0.timer_started_at null ${at}`
  ])
  assert.deepEqual(
    of({
      'switch:0': { id: 0, errors: ['overtemp'], aenergy: { by_minute: [1.5, 2], minute_ts: 5, total: 7 } }
    }),
    [
      `${plug} switch:0.errors ["overtemp"] ${at}`,
      `${plug} switch:0.aenergy.by_minute [1.5,2] [mWh] ${at}`,
      `${plug} switch:0.aenergy.minute_ts 5 ${at}`,
      `${plug} switch:0.aenergy.total 7 [Wh] ${at}`
    ]
  )
  assert.deepEqual(of({ cloud: { connected: false }, ble: {}, 'script:3': null }), [
    `${plug} cloud.connected false ${at}`
  ])
})

test('NotifyFullStatus: metrics with the units that Shelly documents, and attributes', () => {
  const { datapoints, attributes } = normalizer(plain)(
    `${plug}/events/rpc`,
    notify('NotifyFullStatus', {
      'devicepower:0': { id: 0, battery: { V: 5.46, percent: 73 }, external: { present: false } },
      'humidity:0': { id: 0, rh: 42.2 },
      'illuminance:0': { id: 0, lux: 25, illumination: 'dark' },
      'temperature:100': { id: 100, tC: 19.8, tF: 67.6 },
      'em:0': {
        id: 0,
        a_current: 1.2,
        a_voltage: 231,
        a_act_power: 240,
        a_aprt_power: 277,
        a_pf: 0.8,
        a_freq: 50,
        n_current: null,
        total_act_power: 1
      },
      'emdata:0': { id: 0, a_total_act_energy: 1, total_act: 2, total_act_ret: 3 },
      'light:0': { id: 0, brightness: 50, ct: 2_700 },
      'cover:0': { id: 0, current_pos: 10, target_pos: 90 },
      'input:1': { id: 1, percent: 51, xpercent: 3 },
      sys: { mac: 'B8D61A8B17CC', uptime: 3, ram_size: 10, fs_free: 20, available_updates: {} },
      wifi: { sta_ip: '192.168.3.183', ssid: 'home', rssi: -47 }
    })
  )
  assert.deepEqual(
    datapoints.map((line) => line.slice(plug.length + 1)),
    [
      'devicepower:0.battery.V 5.46 [V]',
      'devicepower:0.battery.percent 73 [%]',
      'devicepower:0.external.present false',
      'humidity:0.rh 42.2 [%]',
      'illuminance:0.lux 25 [lx]',
      'illuminance:0.illumination "dark"',
      'temperature:100.tC 19.8 [°C]',
      'temperature:100.tF 67.6 [°F]',
      'em:0.a_current 1.2 [A]',
      'em:0.a_voltage 231 [V]',
      'em:0.a_act_power 240 [W]',
      'em:0.a_aprt_power 277 [VA]',
      'em:0.a_pf 0.8',
      'em:0.a_freq 50 [Hz]',
      'em:0.n_current null',
      'em:0.total_act_power 1 [W]',
      'emdata:0.a_total_act_energy 1 [Wh]',
      'emdata:0.total_act 2 [Wh]',
      'emdata:0.total_act_ret 3 [Wh]',
      'light:0.brightness 50 [%]',
      'light:0.ct 2700 [K]',
      'cover:0.current_pos 10 [%]',
      'cover:0.target_pos 90 [%]',
      'input:1.percent 51 [%]',
      'input:1.xpercent 3',
      'sys.uptime 3 [s]',
      'sys.ram_size 10 [B]',
      'sys.fs_free 20 [B]',
      'sys.available_updates {}',
      'wifi.ssid "home"',
      'wifi.rssi -47 [dBm]'
    ]
  )
  assert.deepEqual(attributes, [
    { device: plug, attributes: { mac: 'B8D61A8B17CC' } },
    { device: plug, attributes: { ip: '192.168.3.183' } }
  ])
})

test('the status of a component on its own topic, under the prefix of the user', () => {
  const say = normalizer(
    "conventions: [{ shelly: { prefixes: ['home/{device}', 'site/{room}/{device+}'] } }]"
  )
  const status = { id: 0, source: 'HTTP', output: true, temperature: { tC: 54, tF: 129.3 } }
  const expected = ['source "HTTP"', 'output true', 'temperature.tC 54 [°C]', 'temperature.tF 129.3 [°F]']
  assert.deepEqual(
    say('home/Terrasse/status/switch:0', status).datapoints,
    expected.map((line) => `Terrasse switch:0.${line}`)
  )
  assert.deepEqual(
    say('site/cellar/rack/1/status/switch:0', status).datapoints,
    expected.map((line) => `rack/1 switch:0.${line}`)
  )
  const { attributes } = say(
    'home/Terrasse/events/rpc',
    notify('NotifyStatus', { ts, cloud: { connected: true } })
  )
  assert.deepEqual(attributes, [{ device: 'Terrasse', attributes: { id: plug } }])
})

test('what Bluetooth devices said, when they said it', () => {
  const { datapoints } = normalizer(plain)(
    `${plug}/events/rpc`,
    notify('NotifyStatus', {
      ts: ts + 3,
      'bthomedevice:200': { id: 200, rssi: -61, battery: 98, last_updated_ts: ts },
      'bthomesensor:201': { id: 201, value: 21.4, last_updated_ts: ts }
    })
  )
  assert.deepEqual(datapoints, [
    `${plug} bthomedevice:200.rssi -61 [dBm] ${at}`,
    `${plug} bthomedevice:200.battery 98 [%] ${at}`,
    `${plug} bthomedevice:200.last_updated_ts ${ts} ${at}`,
    `${plug} bthomesensor:201.value 21.4 ${at}`,
    `${plug} bthomesensor:201.last_updated_ts ${ts} ${at}`
  ])
})

test('NotifyEvent: each at its own time', () => {
  const { datapoints, rejections } = normalizer(plain)(
    `${plug}/events/rpc`,
    notify('NotifyEvent', {
      ts: ts + 1,
      events: [
        { component: 'input:0', id: 0, event: 'single_push', ts },
        { component: 'bthomedevice:200', event: 'double_push', data: { addr: 'f8:44' } },
        { component: 'switch:0', id: 0, event: 'config_changed', restart_required: false, cfg_rev: 34, ts },
        { component: 'input:0' },
        null
      ]
    })
  )
  assert.deepEqual(datapoints, [
    `${plug} input:0.event "single_push" ${at} event`,
    `${plug} bthomedevice:200.event "double_push" (2026-11-24T12:00:00.500Z) event`,
    `${plug} bthomedevice:200.event.data.addr "f8:44" (2026-11-24T12:00:00.500Z) event`,
    `${plug} switch:0.event "config_changed" ${at} event`,
    `${plug} switch:0.event.restart_required false ${at} event`,
    `${plug} switch:0.event.cfg_rev 34 ${at} event`
  ])
  assert.deepEqual(rejections, ['wrong_shape'])
})

test('times that are none', () => {
  const say = normalizer(plain)
  const of = (value: unknown): ReturnType<typeof say> =>
    say(`${plug}/events/rpc`, notify('NotifyStatus', { ts: value, cloud: { connected: true } }))
  for (const unknown of [null, undefined]) assert.deepEqual(of(unknown).rejections, [])
  for (const odd of ['soon', '1795521599', true, {}, [], 1e300]) {
    assert.deepEqual(of(odd).rejections, ['invalid_timestamp'], JSON.stringify(odd))
    assert.deepEqual(of(odd).datapoints, [`${plug} cloud.connected true`])
  }
  // Seconds since it started, before it knew the time: not believed
  assert.equal(of(12.5).outcome.datapoints[0]!.clock, 'behind')
})

test('presence', () => {
  const say = normalizer(plain)
  assert.deepEqual(say(`${plug}/online`, 'true').presence, [`${plug} online availability`])
  assert.deepEqual(say(`${plug}/online`, 'false').presence, [`${plug} offline death`])
  assert.deepEqual(say(`${plug}/online`, '', { kind: 'cleared' }).presence, [`${plug} unknown availability`])
})

test('answers: results, errors, and of whom', () => {
  const say = normalizer(plain)
  const answer = { id: 17, src: plug, dst: 'rialto' }
  const done = say('rialto/rpc', { ...answer, result: { was_on: false } })
  assert.deepEqual(done.responses, [{ device: plug, correlation: '17', ok: true }])
  assert.match(done.datapoints[0]!, /"value":\{"was_on":false\}/)
  const failed = say('rialto/Terrasse/rpc', {
    ...answer,
    id: 'x',
    error: { code: -105, message: 'Method not found' }
  })
  assert.deepEqual(failed.responses, [{ device: 'Terrasse', correlation: 'x', ok: false }])
  assert.match(failed.datapoints[0]!, /"detail":"-105: Method not found"/)
  const nothing = say('rialto/rpc', { ...answer, result: null })
  assert.deepEqual(nothing.responses, [{ device: plug, correlation: '17', ok: true }])
  const info = say('rialto/rpc', {
    ...answer,
    result: { id: plug, gen: 2, model: 'SNSW-001P16EU', ver: '1.4.4', mac: '4417939A5610', name: null }
  })
  assert.deepEqual(info.attributes, [
    {
      device: plug,
      attributes: { id: plug, mac: '4417939A5610', model: 'SNSW-001P16EU', generation: 2, firmware: '1.4.4' }
    }
  ])
  for (const odd of [
    { src: plug, result: {} },
    { id: 1, result: {} },
    { id: 1, src: plug },
    { id: {}, src: plug, result: 1 }
  ])
    assert.deepEqual(say('rialto/rpc', odd).rejections, ['wrong_shape'], JSON.stringify(odd))
  assert.deepEqual(say('rialto/rpc', { ...answer, method: 'NotifyStatus', params: {} }).datapoints, [])
  assert.deepEqual(say('rialto/rpc', '{"id":').rejections, ['malformed_json'])
  assert.deepEqual(say('rialto/rpc', '', { kind: 'cleared' }).rejections, [])
})

test('announce and debug', () => {
  const say = normalizer(plain)
  const about = {
    id: plug,
    name: 'Plug',
    mac: 'A8032ABE54DC',
    model: 'SNSW-001X16EU',
    gen: 2,
    fw_id: 'x',
    ver: '1.4.4',
    app: 'Plus1'
  }
  assert.deepEqual(say(`${plug}/announce`, about).attributes, [
    {
      device: plug,
      attributes: {
        id: plug,
        name: 'Plug',
        mac: 'A8032ABE54DC',
        model: 'SNSW-001X16EU',
        generation: 2,
        app: 'Plus1',
        firmware: '1.4.4',
        firmwareId: 'x'
      }
    }
  ])
  assert.deepEqual(say(`${plug}/debug/log`, 'a line').datapoints, [`${plug} debug.log "a line" event`])
})

test('requests and commands of others say nothing', () => {
  const say = normalizer(plain)
  for (const [end, payload] of [
    ['rpc', { id: 1, src: 'other', method: 'Switch.Set', params: { id: 0, on: true } }],
    ['command', 'status_update'],
    ['command', 'announce'],
    ['command/switch:0', 'toggle']
  ] as const) {
    const { outcome, ...said } = say(`${plug}/${end}`, payload)
    assert.deepEqual([said.datapoints, said.rejections, said.presence], [[], [], []], end)
    assert.equal(outcome.mapping, 'shelly')
  }
})

test("others' topics are left to others", () => {
  const say = normalizer(`${plain}\nautomatic: true`)
  for (const [topic, payload] of [
    ['lamp/online', 'yes'],
    ['lamp/online', 'TRUE'],
    ['lamp/online', '1'],
    ['lamp/online', ''],
    ['lamp/online', '{"true":1}'],
    ['lamp/status/door', '{"open":true}'],
    ['lamp/status/Switch:0', '{"open":true}'],
    ['lamp/status/wifi', 'connected'],
    ['lamp/status/gui', '{"x":1}'],
    ['lamp/events/rpc', '{"x":1}'],
    ['lamp/events/rpc', '{"method":"x","params":{}}'],
    ['lamp/events/rpc', '[1]'],
    ['lamp/events/rpc', 'hello'],
    ['lamp/events/rpc', ''],
    ['lamp/rpc', '{"x":1}'],
    ['lamp/rpc', 'go'],
    ['lamp/announce', '{"id":"x"}'],
    ['lamp/debug/log', 'a line'],
    ['lamp/command', 'off'],
    ['lamp/command/all', 'off']
  ] as const) {
    const { outcome, presence, attributes } = say(topic, payload)
    assert.equal(outcome.mapping, 'automatic', `${topic} ${payload}`)
    assert.deepEqual([presence, attributes], [[], []])
  }
  assert.equal(say('lamp/online', '', { kind: 'cleared' }).outcome.mapping, 'automatic')
  assert.equal(say(`${plug}/online`, '', { kind: 'cleared' }).outcome.mapping, 'shelly')
})

test('what is wrong is said to be, and the good parts kept', () => {
  const say = normalizer(plain)
  for (const [end, payload, reason] of [
    ['events/rpc', '{"src":"x","method":', 'malformed_json'],
    ['events/rpc', JSON.stringify(notify('NotifyStatus', null)), 'wrong_shape'],
    ['events/rpc', JSON.stringify(notify('NotifyStatus', [1])), 'wrong_shape'],
    ['events/rpc', JSON.stringify(notify('NotifyOther', {})), 'wrong_shape'],
    ['events/rpc', JSON.stringify(notify('NotifyEvent', { events: {} })), 'wrong_shape'],
    ['status/switch:0', '{', 'malformed_json'],
    ['status/switch:0', '[]', 'wrong_shape'],
    ['status/switch:0', '', 'empty_payload'],
    ['status/switch:0', hex('fffe'), 'not_utf8']
  ] as const) {
    const { datapoints, presence, rejections } = say(`${plug}/${end}`, payload)
    assert.deepEqual([datapoints, presence, rejections], [[], [], [reason]], `${end} ${String(payload)}`)
  }
  const mixed = say(
    `${plug}/events/rpc`,
    notify('NotifyStatus', { ts, 'switch:0': 5, 'switch:1': { output: true } })
  )
  assert.deepEqual(mixed.datapoints, [`${plug} switch:1.output true ${at}`])
  assert.deepEqual(mixed.rejections, ['wrong_shape'])
  const named = `{"src":"${plug}","method":"NotifyStatus","params":{"__proto__":{"constructor":1},"x":{"id":{"a":1},"__proto__":2}}}`
  assert.deepEqual(say(`${plug}/events/rpc`, named).datapoints, [
    `${plug} __proto__.constructor 1`,
    `${plug} x.id.a 1`,
    `${plug} x.__proto__ 2`
  ])
  for (const end of ['events/rpc', 'status/switch:0', 'status/sys'])
    assert.deepEqual(say(`${plug}/${end}`, '', { kind: 'cleared' }).rejections, [])
})

test('options that cannot be meant', () => {
  for (const prefixes of [
    '[]',
    "['home/x']",
    "['{device}/#']",
    "['{component}/{device}']",
    "['{room+}/{device}']"
  ])
    assert.throws(
      () => compileText(`conventions: [{ shelly: { prefixes: ${prefixes} } }]`),
      MappingsError,
      prefixes
    )
  const clientId = "conventions: [{ shelly: { clientId: 'a/{device}' } }]"
  assert.throws(() => compileText(clientId), MappingsError)
})

const target = (more: Partial<CommandTarget> = {}): CommandTarget => ({
  device: plug,
  topic: `${plug}/events/rpc`,
  captures: { device: plug },
  state: null,
  attributes: {},
  id: '6f1f4ad6-9d0c-4f6b-8e5e-3c1a7b2d9e10',
  now: 0,
  ...more
})

function command(name: string, parameters: object, given = target(), document = plain): RenderedCommand {
  const { commands } = compileText(document).commandsOf('shelly', given.topic)!
  const found = commands.find((one) => one.name === name)!
  assert.ok('render' in found, name)
  return found.render(given, parameters as Record<string, unknown>)
}

const frameOf = ({ payload }: RenderedCommand): Record<string, unknown> =>
  JSON.parse(String(payload)) as Record<string, unknown>

test('switch: a request, whose answer has its id', () => {
  const rendered = command('switch', { on: true })
  const { id, ...frame } = frameOf(rendered)
  assert.deepEqual(frame, { src: 'rialto', method: 'Switch.Set', params: { id: 0, on: true } })
  assert.deepEqual(rendered, {
    topic: `${plug}/rpc`,
    payload: rendered.payload,
    qos: 1,
    correlation: String(id),
    effect: { metric: 'switch:0.output', value: true }
  })
  const say = normalizer(plain)
  const { responses } = say('rialto/rpc', { id, src: plug, dst: 'rialto', result: { was_on: false } })
  assert.deepEqual(responses, [{ device: plug, correlation: rendered.correlation, ok: true }])
  const { datapoints } = say(`${plug}/status/switch:0`, { id: 0, output: true })
  assert.deepEqual(datapoints, [`${plug} ${rendered.effect!.metric} true`])
  assert.deepEqual(command('switch', { on: false, id: 2 }).effect, {
    metric: 'switch:2.output',
    value: false
  })
  for (const id of [-1, 1_000]) assert.throws(() => command('switch', { on: true, id }), CommandFault)
})

test('toggle and rpc', () => {
  const toggle = command('toggle', { id: 1 })
  assert.deepEqual(
    [frameOf(toggle).method, frameOf(toggle).params, toggle.effect],
    ['Switch.Toggle', { id: 1 }, null]
  )
  const rpc = command('rpc', { method: 'Cover.GoToPosition', params: { id: 0, pos: 50n } })
  assert.deepEqual([frameOf(rpc).method, frameOf(rpc).params], ['Cover.GoToPosition', { id: 0, pos: 50 }])
  assert.deepEqual(Object.keys(frameOf(command('rpc', { method: 'Shelly.GetStatus' }))), [
    'id',
    'src',
    'method'
  ])
  for (const method of ['', 'Switch', 'Switch.', '.Set', 'a b.c', '#'])
    assert.throws(() => command('rpc', { method }), CommandFault, method)
})

test('where requests go, and where their answers come, under prefixes of the user', () => {
  const document =
    "conventions: [{ shelly: { prefixes: ['home/{room}/{device}', '{device}'], clientId: bridge/1 } }]"
  const given = target({
    device: 'lamp',
    topic: 'home/cellar/lamp/status/switch:0',
    attributes: { id: plug }
  })
  const rendered = command('switch', { on: true }, given, document)
  assert.deepEqual(
    [rendered.topic, frameOf(rendered).src],
    ['home/cellar/lamp/rpc', 'bridge/1/home/cellar/lamp']
  )
  const { responses } = normalizer(document)('bridge/1/home/cellar/lamp/rpc', {
    id: frameOf(rendered).id,
    src: plug,
    result: {}
  })
  assert.deepEqual(responses, [{ device: 'lamp', correlation: rendered.correlation, ok: true }])
  // Its last message was an answer
  const answered = target({ device: 'lamp', topic: 'bridge/1/home/cellar/lamp/rpc' })
  assert.equal(command('switch', { on: true }, answered, document).topic, 'home/cellar/lamp/rpc')
  const unsaid = target({ device: plug, topic: 'bridge/1/rpc' })
  assert.throws(() => command('switch', { on: true }, unsaid, document), CommandFault)
  const simple = "conventions: [{ shelly: { prefixes: ['home/{device+}'], clientId: bridge/1 } }]"
  assert.equal(command('switch', { on: true }, unsaid, simple).topic, `home/${plug}/rpc`)
  // Named as it names itself
  assert.equal(
    frameOf(command('toggle', {}, target({ device: 'x', topic: 'x/online', attributes: { id: 'x' } }))).src,
    'rialto'
  )
  assert.equal(frameOf(command('toggle', {}, target({ device: 'x', topic: 'x/online' }))).src, 'rialto/x')
})

test('ids of requests: the same for the same command, positive, of 31 bits, and hardly ever twice', () => {
  fc.assert(
    fc.property(fc.uuid(), (uuid) => {
      const id = toId(uuid)
      assert.equal(toId(uuid), id)
      assert.ok(Number.isInteger(id) && id > 0 && id < 2 ** 31, `${id}`)
    })
  )
  const ids = new Set(
    Array.from({ length: 2_000 }, (_, n) => toId(`01932f4e-7a00-7000-8000-${String(n).padStart(12, '0')}`))
  )
  assert.ok(ids.size > 1_990, `${ids.size}`)
})
