/** Tasmota: what devices say, when, in which unit, and what they are told. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { tasmota } from '../../src/conventions/tasmota/convention.ts'
import { createReadTime } from '../../src/conventions/tasmota/local-time.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { CommandTarget, RenderedCommand } from '../../src/normalize/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { compileText } from '../normalize/mappings.ts'
import { hex, normalizer } from './say.ts'

const plain = 'conventions: [tasmota]'
const berlin = 'conventions: [{ tasmota: { timezone: Europe/Berlin } }]'

interface Fixture {
  id: string
  convention: string
  topic: string
  utf8: string
}

const fixtures = JSON.parse(
  readFileSync(new URL('payloads.json', import.meta.url), 'utf8')
) as readonly Fixture[]

const expected: Record<string, { datapoints: string[]; presence: string[] }> = {
  'tas-state': {
    datapoints: [
      'tasmota Uptime "0T18:36:12"',
      'tasmota UptimeSec 66972 [s]',
      'tasmota Vcc 3.423 [V]',
      'tasmota Heap 28 [kB]',
      'tasmota SleepMode "Dynamic"',
      'tasmota Sleep 50 [ms]',
      'tasmota LoadAvg 19',
      'tasmota MqttCount 6',
      'tasmota POWER "OFF"',
      'tasmota Wifi.AP 1',
      'tasmota Wifi.SSId "Tasmota"',
      'tasmota Wifi.BSSId "00:00:00:00:00:00"',
      'tasmota Wifi.Channel 13',
      'tasmota Wifi.RSSI 100 [%]',
      'tasmota Wifi.LinkCount 1',
      'tasmota Wifi.Downtime "0T00:00:06"'
    ],
    presence: []
  },
  'tas-sensor': { datapoints: ['tasmota DS18B20.Temperature 20.6'], presence: [] },
  'tas-lwt': { datapoints: [], presence: ['tasmota offline death'] }
}

test('its fixtures', () => {
  const own = fixtures.filter(({ convention }) => convention === 'tasmota')
  assert.deepEqual(own.map(({ id }) => id).toSorted(), Object.keys(expected).toSorted())
  for (const { id, topic, utf8 } of own) {
    const { datapoints, presence, rejections } = normalizer(plain)(topic, utf8)
    assert.deepEqual({ datapoints, presence, rejections }, { ...expected[id], rejections: [] }, id)
  }
})

test('sensors have the units that the message tells, and those that are fixed', () => {
  const { datapoints } = normalizer(plain)('tele/hall/SENSOR', {
    Time: '2026-11-24T12:59:40',
    'BME280-76': { Temperature: 68.9, Humidity: 41.5, DewPoint: 44.1, Pressure: 740.1 },
    TX23: { Speed: { Act: 14.8, Avg: 8.5 }, Dir: { Card: 'WSW' } },
    ENERGY: {
      Total: 1.5,
      Period: 3,
      Power: [100, 90],
      ApparentPower: 110,
      ReactivePower: 20,
      Factor: 0.9,
      Frequency: 50,
      Voltage: 233,
      Current: 0.5
    },
    BH1750: { Illuminance: 79 },
    PMS5003: { 'PM2.5': 7 },
    SCD40: { CarbonDioxide: 618, eCO2: 623 },
    Switch1: 'ON',
    PressureUnit: 'mmHg',
    TempUnit: 'F',
    SpeedUnit: 'km/h'
  })
  assert.deepEqual(datapoints, [
    'hall BME280-76.Temperature 68.9 [°F]',
    'hall BME280-76.Humidity 41.5 [%]',
    'hall BME280-76.DewPoint 44.1 [°F]',
    'hall BME280-76.Pressure 740.1 [mmHg]',
    'hall TX23.Speed.Act 14.8 [km/h]',
    'hall TX23.Speed.Avg 8.5 [km/h]',
    'hall TX23.Dir.Card "WSW"',
    'hall ENERGY.Total 1.5 [kWh]',
    'hall ENERGY.Period 3 [Wh]',
    'hall ENERGY.Power [100,90] [W]',
    'hall ENERGY.ApparentPower 110 [VA]',
    'hall ENERGY.ReactivePower 20 [var]',
    'hall ENERGY.Factor 0.9',
    'hall ENERGY.Frequency 50 [Hz]',
    'hall ENERGY.Voltage 233 [V]',
    'hall ENERGY.Current 0.5 [A]',
    'hall BH1750.Illuminance 79 [lx]',
    'hall PMS5003.PM2.5 7 [µg/m³]',
    'hall SCD40.CarbonDioxide 618 [ppm]',
    'hall SCD40.eCO2 623 [ppm]',
    'hall Switch1 "ON"'
  ])
})

test('the same fact is one metric, whichever way it is told', () => {
  const say = normalizer(plain)
  const told = [
    say('stat/plug/RESULT', { POWER: 'ON' }),
    say('stat/plug/POWER', 'ON'),
    say('tele/plug/STATE', { POWER: 'ON' }),
    say('stat/plug/STATUS11', { StatusSTS: { POWER: 'ON' } })
  ]
  for (const { datapoints } of told) assert.deepEqual(datapoints, ['plug POWER "ON"'])
  assert.deepEqual(say('stat/plug/POWER2', 'OFF').datapoints, ['plug POWER2 "OFF"'])
  assert.deepEqual(
    say('stat/plug/STATUS10', { StatusSNS: { DS18B20: { Temperature: 3 }, TempUnit: 'C' } }).datapoints,
    ['plug DS18B20.Temperature 3 [°C]']
  )
})

test('a local time counts only where the time zone is known', () => {
  const time = (document: string, members: object): string[] =>
    normalizer(document)('tele/a/SENSOR', { ...members, x: 1 }).datapoints
  const summer = { Time: '2026-07-01T12:00:00' }
  assert.deepEqual(time(plain, summer), ['a x 1'])
  assert.deepEqual(time(berlin, summer), ['a x 1 (2026-07-01T10:00:00.000Z)'])
  assert.deepEqual(time(berlin, { Time: '2026-01-01T12:00:00.250' }), ['a x 1 (2026-01-01T11:00:00.250Z)'])
  assert.deepEqual(time(plain, { Time: '2026-07-01T12:00:00+05:30' }), ['a x 1 (2026-07-01T06:30:00.000Z)'])
  assert.deepEqual(time(plain, { Time: '2026-07-01T12:00:00Z' }), ['a x 1 (2026-07-01T12:00:00.000Z)'])
  assert.deepEqual(time(plain, { ...summer, Epoch: 1_782_900_000 }), ['a x 1 (2026-07-01T10:00:00.000Z)'])
  assert.deepEqual(time(plain, { Time: 1_782_900_000 }), ['a x 1 (2026-07-01T10:00:00.000Z)'])
})

test('a time that is none is said to be, and the value kept', () => {
  for (const Time of ['yesterday', '2026-02-30T12:00:00', '', true, null, {}, [1], 1e300]) {
    const { datapoints, rejections } = normalizer(berlin)('tele/a/SENSOR', { Time, x: 1 })
    assert.deepEqual(datapoints, ['a x 1'], JSON.stringify(Time))
    assert.deepEqual(rejections, ['invalid_timestamp'], JSON.stringify(Time))
  }
})

test('an hour that is missing, and one that is there twice, are read the same way always', () => {
  const readTime = createReadTime('Europe/Berlin')
  const iso = (Time: string, receivedAt: string): string =>
    new Date(readTime({ Time }, Date.parse(receivedAt))!).toISOString()
  // 2026-03-29: 02:00 is followed by 03:00
  assert.equal(iso('2026-03-29T01:59:59', '2026-03-29T01:00:00Z'), '2026-03-29T00:59:59.000Z')
  assert.equal(iso('2026-03-29T02:30:00', '2026-03-29T01:30:00Z'), '2026-03-29T01:30:00.000Z')
  assert.equal(iso('2026-03-29T03:00:00', '2026-03-29T01:00:00Z'), '2026-03-29T01:00:00.000Z')
  // 2026-10-25: 03:00 is followed by 02:00
  assert.equal(iso('2026-10-25T02:30:00', '2026-10-25T00:30:05Z'), '2026-10-25T00:30:00.000Z')
  assert.equal(iso('2026-10-25T02:30:00', '2026-10-25T01:30:05Z'), '2026-10-25T01:30:00.000Z')
  assert.equal(iso('2026-10-25T03:00:00', '2026-10-25T02:00:00Z'), '2026-10-25T02:00:00.000Z')
})

test('every instant is read back from its local time', () => {
  for (const timeZone of [
    'Europe/Berlin',
    'America/St_Johns',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'UTC'
  ]) {
    const readTime = createReadTime(timeZone)
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000_000 }), (seconds) => {
        const Time = format.format(seconds * 1_000).replace(' ', 'T')
        assert.equal(readTime({ Time }, seconds * 1_000), seconds * 1_000, `${timeZone} ${Time}`)
      }),
      { numRuns: 200 }
    )
  }
})

test('what happened is an event', () => {
  const say = normalizer(plain)
  const events: Array<[string, object | string, string[]]> = [
    ['stat/a/RESULT', { Button1: { Action: 'SINGLE' } }, ['a Button1.Action "SINGLE" event']],
    ['stat/a/RESULT', { Switch1: { Action: 'ON' } }, ['a Switch1.Action "ON" event']],
    ['stat/a/BUTTON1', { ACTION: 'HOLD' }, ['a BUTTON1.ACTION "HOLD" event']],
    ['stat/a/SWITCH1T', { TRIG: 'TOGGLE' }, ['a SWITCH1T.TRIG "TOGGLE" event']],
    [
      'tele/a/RESULT',
      { IrReceived: { Protocol: 'NEC', Bits: 32 } },
      ['a IrReceived.Protocol "NEC" event', 'a IrReceived.Bits 32 event']
    ],
    [
      'tele/a/RESULT',
      { Time: '2026-11-24T12:00:00', RfReceived: { Data: '0x7028D8' } },
      ['a RfReceived.Data "0x7028D8" event']
    ],
    ['tele/a/RESULT', { RfRaw: { Data: 'AAA055' } }, ['a RfRaw.Data "AAA055" event']],
    ['tele/a/RESULT', { SSerialReceived: '01020304FAFA' }, ['a SSerialReceived "01020304FAFA" event']],
    ['stat/a/LOGGING', '15:51:51 MQT: x', ['a LOGGING "15:51:51 MQT: x" event']]
  ]
  for (const [topic, payload, datapoints] of events)
    assert.deepEqual(say(topic, payload).datapoints, datapoints)
})

test('of Zigbee devices behind a bridge, what they measure is state, and what they command happened', () => {
  const say = normalizer(plain)
  const kitchen = {
    Device: '0x8F20',
    Temperature: 21.01,
    Pressure: 1_004.04,
    PressureUnit: 'hPa',
    Power: 1,
    LinkQuality: 88
  }
  const { datapoints } = say('tele/bridge/8F20/SENSOR', { ZbReceived: { Kitchen: kitchen } })
  assert.deepEqual(datapoints, [
    'bridge ZbReceived.Kitchen.Device "0x8F20"',
    'bridge ZbReceived.Kitchen.Temperature 21.01',
    'bridge ZbReceived.Kitchen.Pressure 1004.04 [hPa]',
    'bridge ZbReceived.Kitchen.Power 1',
    'bridge ZbReceived.Kitchen.LinkQuality 88'
  ])
  assert.deepEqual(
    say('tele/bridge/RESULT', {
      ZbReceived: {
        r: { Device: '0xF72F', '0006!02': '', Power: 2, LinkQuality: 75 },
        v: { AqaraVibrationMode: 'tilt', Click: 1 }
      }
    }).datapoints,
    [
      'bridge ZbReceived.r.Device "0xF72F"',
      'bridge ZbReceived.r.0006!02 "" event',
      'bridge ZbReceived.r.Power 2 event',
      'bridge ZbReceived.r.LinkQuality 75',
      'bridge ZbReceived.v.AqaraVibrationMode "tilt" event',
      'bridge ZbReceived.v.Click 1 event'
    ]
  )
})

test('INFO, STATUS and HASS_STATE: what is no measurement is an attribute', () => {
  const say = normalizer(plain)
  const attributes = (topic: string, payload: object): unknown => say(topic, payload).attributes
  assert.deepEqual(attributes('tele/a/INFO1', { Info1: { Module: 'Generic', Version: '14.2.0' } }), [
    { device: 'a', attributes: { model: 'Generic', firmware: '14.2.0' } }
  ])
  assert.deepEqual(
    attributes('tele/a/INFO2', { WebServerMode: 'Admin', Hostname: 'h', IPAddress: '1.2.3.4' }),
    [{ device: 'a', attributes: { hostname: 'h', ip: '1.2.3.4' } }]
  )
  const status = say('stat/a/STATUS', {
    Status: { Module: 1, DeviceName: 'Plug', FriendlyName: ['Plug', 'Two'], Topic: 'a', Power: 1 },
    StatusFWR: { Version: '14.2.0', Hardware: 'ESP32', Boot: 31 },
    StatusNET: { IPAddress: '1.2.3.4', Mac: 'E0:98:06:F1:7F:56' },
    StatusMEM: { Heap: 26 }
  })
  assert.deepEqual(Object.assign({}, ...status.attributes.map((one) => one.attributes)), {
    name: 'Plug',
    friendlyNames: ['Plug', 'Two'],
    topic: 'a',
    firmware: '14.2.0',
    hardware: 'ESP32',
    ip: '1.2.3.4',
    mac: 'E0:98:06:F1:7F:56'
  })
  assert.deepEqual(status.datapoints, [
    'a Status.Module 1',
    'a Status.Power 1',
    'a StatusFWR.Boot 31',
    'a StatusMEM.Heap 26 [kB]'
  ])
  const hass = say('tele/a/HASS_STATE', { Version: '6.6', 'Module or Template': 'Sonoff', RSSI: '70' })
  assert.deepEqual(hass.attributes, [{ device: 'a', attributes: { firmware: '6.6', model: 'Sonoff' } }])
  assert.deepEqual(hass.datapoints, ['a RSSI "70"'])
})

test('topics of answers with SetOption4, and of rules', () => {
  const say = normalizer(plain)
  assert.deepEqual(say('stat/a/POWERONSTATE', { PowerOnState: 3 }).datapoints, ['a PowerOnState 3'])
  assert.deepEqual(say('stat/a/SHUTTER1', '50').datapoints, ['a SHUTTER1 50'])
  assert.deepEqual(say('tele/a/POWER_LOW', 'ON').datapoints, ['a POWER_LOW "ON"'])
  assert.deepEqual(say('stat/a/BLACKOUT', { From: 'x' }).datapoints, ['a BLACKOUT.From "x"'])
  assert.deepEqual(say('stat/a/temp', '007').datapoints, ['a temp "007"'])
  assert.deepEqual(say('stat/a/list', '[1,2]').datapoints, ['a list [1,2]'])
})

test('presence, with the words of the discovery message', () => {
  const say = normalizer(plain)
  assert.deepEqual(say('tele/a/LWT', 'Online').presence, ['a online availability'])
  assert.deepEqual(say('tele/a/LWT', 'Ein').rejections, ['unknown_presence'])
  say('tasmota/discovery/E09806F17F56/config', { t: 'a', onln: 'Ein', ofln: 'Aus' }, { kind: 'snapshot' })
  assert.deepEqual(say('tele/a/LWT', 'Ein').presence, ['a online availability'])
  assert.deepEqual(say('tele/a/LWT', 'Aus').presence, ['a offline death'])
  assert.deepEqual(say('tele/a/LWT', 'Online').rejections, ['unknown_presence'])
  assert.deepEqual(say('tele/b/LWT', 'Online').presence, ['b online availability'])
  assert.deepEqual(say('tele/a/LWT', '', { kind: 'cleared' }).presence, ['a unknown availability'])
  say('tasmota/discovery/E09806F17F56/config', '', { kind: 'cleared' })
  assert.deepEqual(say('tele/a/LWT', 'Online').presence, ['a online availability'])
})

test('discovery: attributes, by the topic; and which sensors there are', () => {
  const say = normalizer(plain)
  const sensors = {
    sn: { Time: '2023-06-24T08:39:31', ENERGY: { Total: 0 }, DS18B20: { Temperature: 1 } },
    ver: 1
  }
  assert.deepEqual(say('tasmota/discovery/E09806F17F56/sensors', sensors).attributes, [])
  const { attributes, datapoints } = say('tasmota/discovery/E09806F17F56/config', {
    ip: '192.168.2.71',
    dn: 'Tasmota',
    fn: ['Tasmota', null, 'Lamp', null],
    mac: 'E09806F17F56',
    md: 'Athom Plug V2',
    sw: '10.1.0',
    t: 'tasmota_F17F56',
    tp: ['cmnd', 'stat', 'tele'],
    rl: [1, 1, 0, 0],
    state: ['OFF', 'ON', 'TOGGLE', 'HOLD'],
    so: { '4': 0 }
  })
  assert.deepEqual(datapoints, [])
  assert.deepEqual(attributes, [
    {
      device: 'tasmota_F17F56',
      attributes: {
        name: 'Tasmota',
        friendlyNames: ['Tasmota', 'Lamp'],
        model: 'Athom Plug V2',
        firmware: '10.1.0',
        ip: '192.168.2.71',
        mac: 'E09806F17F56',
        topic: 'tasmota_F17F56',
        prefixes: ['cmnd', 'stat', 'tele'],
        relays: 2,
        stateTexts: ['OFF', 'ON', 'TOGGLE', 'HOLD']
      }
    }
  ])
  const found = say('tasmota/discovery/E09806F17F56/sensors', sensors)
  assert.deepEqual(found.attributes, [
    { device: 'tasmota_F17F56', attributes: { sensors: ['ENERGY', 'DS18B20'] } }
  ])
  assert.deepEqual(found.datapoints, [])
  assert.deepEqual(say('tasmota/discovery/x/config', { t: 'a' }).rejections, ['wrong_shape'])
  assert.deepEqual(say('tasmota/discovery/E09806F17F57/config', {}).rejections, ['wrong_shape'])
})

test('what is remembered of discovered devices is bounded', () => {
  const route = tasmota.create({
    text: () => null,
    texts: (name) => (name === 'prefixes' ? ['cmnd', 'stat', 'tele'] : ['%prefix%/%topic%/']),
    flag: () => false,
    seconds: () => null,
    file: () => null
  }).routes[0]!
  const devices = Array.from({ length: defaultLimits.discoveredDevicesMax }, (_, n) => [
    String(n),
    'a',
    'b',
    'c'
  ])
  const { facts, state } = route.decode(
    { devices },
    {
      topic: 'tasmota/discovery/E09806F17F56/config',
      captures: { mac: 'E09806F17F56' },
      kind: 'message',
      payload: Buffer.from('{"t":"a"}'),
      properties: null,
      receivedAt: 0,
      device: null
    }
  )!
  assert.equal(state, undefined)
  assert.equal(facts.rejections?.[0]?.reason, 'state_too_large')
})

test('other FullTopics, other prefixes', () => {
  const say = normalizer(
    "conventions: [{ tasmota: { fullTopic: ['home/{room}/%topic%/%prefix%/', '%prefix%/%hostname%/%topic%', '%id%/%prefix%'], prefixes: [befehl, stand, werte] } }]"
  )
  assert.deepEqual(say('home/cellar/pump/werte/STATE', { POWER: 'ON' }).datapoints, ['pump POWER "ON"'])
  assert.deepEqual(say('stand/host/pump/POWER', 'ON').datapoints, ['pump POWER "ON"'])
  assert.deepEqual(say('E09806F17F56/werte/STATE', { POWER: 'ON' }).datapoints, ['E09806F17F56 POWER "ON"'])
  assert.deepEqual(say('home/cellar/pump/werte/LWT', 'Online').presence, ['pump online availability'])
  assert.equal(say('tele/pump/STATE', { POWER: 'ON' }).outcome.mapping, null)
})

test('options that cannot be meant', () => {
  for (const [options, fault] of [
    ["fullTopic: '%topic%/'", /%prefix% once/],
    ["fullTopic: '%prefix%/x/'", /%topic% once/],
    ["fullTopic: '%prefix%/%topic%/%topic%'", /%topic% once/],
    ["fullTopic: 'x_%prefix%/%topic%'", /takes a whole level/],
    ["fullTopic: '%prefix%/%topic%/{more+}'", /no level of a FullTopic/],
    ["fullTopic: '%prefix%/%topic%/{topic}'", /has a meaning/],
    ['fullTopic: []', /There is none/],
    ['prefixes: [a, b]', /three different words/],
    ['prefixes: [a, b, a]', /three different words/],
    ['timezone: Mars/Olympus', /no time zone/],
    ["discovery: 'a/{mac}'", /braces/]
  ] as const)
    assert.throws(
      () => compileText(`conventions: [{ tasmota: { ${options} } }]`),
      (error) => {
        assert.ok(error instanceof MappingsError, String(error))
        assert.match(error.message, fault, options)
        return true
      }
    )
})

test('what is wrong is said to be, and nothing of it is state', () => {
  const say = normalizer(plain)
  for (const [topic, payload, reason] of [
    ['tele/a/STATE', '{"POWER":', 'malformed_json'],
    ['tele/a/SENSOR', '{"ENERGY":{"Power":nan}}', 'malformed_json'],
    ['tele/a/STATE', '[1]', 'wrong_shape'],
    ['tele/a/STATE', '', 'empty_payload'],
    ['stat/a/POWER', '', 'empty_payload'],
    ['stat/a/POWER', hex('fffe'), 'not_utf8'],
    ['tele/a/LWT', hex('fffe'), 'not_utf8'],
    ['tele//STATE', '{"a":1}', 'invalid_device'],
    ['tele/a/STATE', '{"x":1e999}', 'number_out_of_range'],
    ['tasmota/discovery/E09806F17F56/config', '"x"', 'wrong_shape']
  ] as const) {
    const { datapoints, presence, rejections } = say(topic, payload)
    assert.deepEqual(
      { datapoints, presence, rejections },
      { datapoints: [], presence: [], rejections: [reason] },
      topic
    )
  }
  const deep = say('tele/a/SENSOR', `{"a":${'{"b":'.repeat(40)}1${'}'.repeat(40)}}`)
  assert.equal(deep.outcome.datapoints.length, 1)
  assert.deepEqual(say('tele/a/RESULT', '{"__proto__":{"x":1},"constructor":2}').datapoints, [
    'a __proto__.x 1',
    'a constructor 2'
  ])
  assert.deepEqual(say('tele/a/SENSOR', '{"c":9007199254740993}').datapoints, ['a c 9007199254740993'])
})

test('retained messages that are gone, and commands of others, say nothing', () => {
  const say = normalizer(plain)
  for (const { datapoints, presence, rejections, outcome } of [
    say('tele/a/SENSOR', '', { kind: 'cleared' }),
    say('stat/a/POWER', '', { kind: 'cleared' }),
    say('cmnd/a/POWER', 'ON'),
    say('cmnd/a/POWER', '')
  ]) {
    assert.deepEqual([datapoints, presence, rejections], [[], [], []])
    assert.equal(outcome.mapping, 'tasmota')
  }
})

const target = (more: Partial<CommandTarget> = {}): CommandTarget => ({
  device: 'plug',
  topic: 'tele/plug/STATE',
  captures: { topic: 'plug', leaf: 'STATE' },
  state: null,
  attributes: {},
  id: '6f1f4ad6-9d0c-4f6b-8e5e-3c1a7b2d9e10',
  now: 0,
  ...more
})

function command(name: string, parameters: object, given = target(), document = plain): RenderedCommand {
  const addresses = compileText(document).commandsOf('tasmota', given.topic)!.commands
  const found = addresses.find((one) => one.name === name)!
  assert.ok('render' in found, name)
  return found.render(given, parameters as Record<string, unknown>)
}

const attributes = { relays: 1, stateTexts: ['AUS', 'EIN', 'TOGGLE', 'HOLD'] }

test('power: what is sent, and what shows that it was done', () => {
  const rendered = command('power', { state: 'on' })
  assert.deepEqual(rendered, {
    topic: 'cmnd/plug/POWER',
    payload: 'ON',
    qos: 1,
    correlation: null,
    once: false,
    effect: { metric: 'POWER', value: 'ON' }
  })
  const toggle = command('power', { state: 'TOGGLE' })
  assert.deepEqual([toggle.effect, toggle.once], [null, true])
  const second = command('power', { state: 'OFF', relay: 2 })
  assert.deepEqual([second.topic, second.effect], ['cmnd/plug/POWER2', { metric: 'POWER2', value: 'OFF' }])
  const one = command('power', { state: 'ON', relay: 1 }, target({ attributes }))
  assert.deepEqual([one.payload, one.effect], ['ON', { metric: 'POWER', value: 'EIN' }])
  const two = command('power', { state: 'ON' }, target({ attributes: { relays: 2 } }))
  assert.deepEqual([two.topic, two.effect], ['cmnd/plug/POWER', { metric: 'POWER1', value: 'ON' }])
  for (const [parameters, more] of [
    [{ state: 'UP' }, {}],
    [{ state: 'ON', relay: 0 }, {}],
    [{ state: 'ON', relay: 33 }, {}],
    [{ state: 'ON', relay: 2 }, { attributes }]
  ] as const)
    assert.throws(() => command('power', parameters, target(more)), CommandFault)
})

test('power: what the device answers is its effect', () => {
  const { effect } = command('power', { state: 'on' })
  const { datapoints } = normalizer(plain)('stat/plug/RESULT', { POWER: 'ON' })
  assert.deepEqual(datapoints, [`plug ${effect!.metric} ${JSON.stringify(effect!.value)}`])
})

test('command: any, and an empty payload only for a query', () => {
  assert.deepEqual(command('command', { command: 'Dimmer', value: 50, effectMetric: 'Dimmer' }), {
    topic: 'cmnd/plug/Dimmer',
    payload: '50',
    qos: 1,
    correlation: null,
    once: false,
    effect: { metric: 'Dimmer', value: 50 }
  })
  assert.equal(command('command', { command: 'Dimmer', value: '+' }).once, true)
  assert.equal(command('command', { command: 'Status', query: true }).payload, '')
  assert.equal(command('command', { command: 'TimeZone', value: { a: [1n, 'x'] } }).payload, '{"a":[1,"x"]}')
  for (const parameters of [
    { command: 'Dimmer' },
    { command: 'Dimmer', value: '' },
    { command: 'Dimmer', value: 5, query: true },
    { command: 'a/b', value: 1 },
    { command: '', value: 1 },
    { command: '+', value: 1 },
    { command: 'Dimmer', value: 5, effectValue: 5 }
  ])
    assert.throws(() => command('command', parameters), CommandFault, JSON.stringify(parameters))
})

test('where commands go: as the device says, as its message came, or as there is only one way', () => {
  const two =
    "conventions: [{ tasmota: { fullTopic: ['%prefix%/%topic%/', 'home/{room}/%topic%/%prefix%/'] } }]"
  const topicOf = (more: Partial<CommandTarget>, document = two): string =>
    command('power', { state: 'ON' }, target(more), document).topic
  assert.equal(
    topicOf({ topic: 'home/cellar/plug/stat/RESULT' }),
    'cmnd/plug/POWER'.replace('cmnd/plug', 'home/cellar/plug/cmnd')
  )
  const discovered = 'tasmota/discovery/E09806F17F56/config'
  const told = {
    fullTopic: 'x/%hostname%/%prefix%/%topic%/',
    prefixes: ['c', 's', 't'],
    topic: 'plug',
    hostname: 'h'
  }
  assert.equal(topicOf({ topic: discovered, attributes: told }), 'x/h/c/plug/POWER')
  assert.equal(topicOf({ topic: discovered }, plain), 'cmnd/plug/POWER')
  assert.throws(() => topicOf({ topic: discovered }), CommandFault)
})
