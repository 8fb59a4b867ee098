/** Azure IoT Hub: properties in topics, bodies in every encoding, twins told in parts and whole, methods and their answers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { azureIotHub } from '../../src/conventions/azure-iot-hub/convention.ts'
import { readBag, writeBag } from '../../src/conventions/azure-iot-hub/property-bag.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { commandId, renderer } from './commands.ts'
import { create } from './create.ts'
import payloads from './payloads.json' with { type: 'json' }
import { hex, normalizer } from './say.ts'

const document = 'conventions: [{ azure-iot-hub: { device: d1, bridged: "azure/{device}" } }]'
const events = 'devices/d1/messages/events/'
const fixture = payloads.find(({ id }) => id === 'azure-props')!

test('the documented message: its properties stand in the topic', () => {
  const said = normalizer('conventions: [azure-iot-hub]')(fixture.topic!, fixture.utf8!)
  assert.deepEqual(said.datapoints, ['MyDevice01 temperature 21.5', 'MyDevice01 properties.prop "a b"'])
  assert.deepEqual(said.presence, ['MyDevice01 online availability'])
  assert.deepEqual([said.rejections, said.attributes], [[], []])
})

test('properties: null, empty, encoded once; the time of creation; a component', () => {
  const say = normalizer(document)
  assert.deepEqual(say(`${events}?prop1&prop2=&prop3=a%20string&%C3%BC%3D=%2525&x+y=1+1`, {}).datapoints, [
    'd1 properties.prop1 null',
    'd1 properties.prop2 ""',
    'd1 properties.prop3 "a string"',
    'd1 properties.ü= "%25"',
    'd1 properties.x+y "1+1"'
  ])
  const at = '(2026-11-24T11:59:00.000Z)'
  assert.deepEqual(
    say(`${events}iothub-creation-time-utc=2026-11-24T11%3A59%3A00.0000000Z&a=1`, { t: 5 }).datapoints,
    [`d1 t 5 ${at}`, `d1 properties.a "1" ${at}`]
  )
  assert.deepEqual(
    say(`${events}%24.ctime=2026-11-24T11%3A59%3A00Z&%24.mid=m-1&$.cid=c&$.uid=u`, { t: 5 }).datapoints,
    [`d1 t 5 ${at}`]
  )
  const untimely = say(`${events}iothub-creation-time-utc=noon`, { t: 5 })
  assert.deepEqual([untimely.datapoints, untimely.rejections], [['d1 t 5'], ['invalid_timestamp']])
  assert.deepEqual(say(`${events}$.sub=thermostat1`, { temperature: 20, a: { b: 1 } }).datapoints, [
    'd1 thermostat1.temperature 20',
    'd1 thermostat1.a.b 1'
  ])
  const broken = say(`${events}a=%zz&b=1`, { t: 5 })
  assert.deepEqual(broken.datapoints, ['d1 t 5', 'd1 properties.a "%zz"', 'd1 properties.b "1"'])
  assert.deepEqual(broken.rejections, ['wrong_shape'])
})

test('devices and modules, with and without a slash at the end; a content type that was not encoded', () => {
  const say = normalizer(document)
  for (const [topic, device] of [
    ['devices/x/messages/events', 'x'],
    ['devices/x/messages/events/', 'x'],
    ['devices/x/modules/m/messages/events', 'x/m'],
    ['devices/x/modules/m/messages/events/', 'x/m'],
    ['devices/x/messages/events/$.ct=application/json;charset=utf-8', 'x'],
    ['devices/x/modules/m/messages/events/$.on=out&$.ct=application/json', 'x/m']
  ] as const) {
    const { datapoints, presence } = say(topic, { t: 1 })
    assert.deepEqual([datapoints, presence], [[`${device} t 1`], [`${device} online availability`]], topic)
  }
  for (const topic of [
    'devices/x/messages/devicebound/%24.to=%2Fdevices%2Fx',
    'devices/x/messages/devicebound/',
    'devices/x/modules/m/inputs/in/a=b'
  ]) {
    const { datapoints, presence, rejections } = say(topic, { t: 1 })
    assert.deepEqual([datapoints, presence, rejections], [[], [], []], topic)
  }
})

const json = '{"t":21.5,"ü":"é"}'
const utf32 = (text: string, bigEndian: boolean): Buffer => {
  const bytes = Buffer.alloc(Array.from(text).length * 4)
  for (const [index, character] of Array.from(text).entries())
    if (bigEndian) bytes.writeUInt32BE(character.codePointAt(0)!, index * 4)
    else bytes.writeUInt32LE(character.codePointAt(0)!, index * 4)
  return bytes
}

test('bodies in every charset and compression that the topic says', () => {
  const say = normalizer(document)
  const utf16 = Buffer.from(json, 'utf16le')
  const cases: Array<[string, Uint8Array]> = [
    ['$.ce=utf-8', Buffer.from(json)],
    ['$.ct=application%2Fjson&$.ce=UTF-8', Buffer.from(`\ufeff${json}`)],
    ['$.ce=utf-16', utf16],
    ['$.ce=UTF-16LE', utf16],
    ['$.ce=utf-16be', Buffer.from(utf16).swap16()],
    ['$.ce=utf-16', Buffer.from(`\ufeff${json}`, 'utf16le').swap16()],
    ['$.ct=application%2Fjson%3Bcharset%3Dutf-16', utf16],
    ['$.ct=application%2Fjson%3B%20charset%3D%22utf-32%22', utf32(json, false)],
    ['$.ce=utf-32', utf32(`\ufeff${json}`, true)],
    ['$.ce=utf-32be', utf32(json, true)],
    ['$.ce=gzip&$.ct=application%2Fjson%3Bcharset%3Dutf-8', gzipSync(json)],
    ['$.ce=deflate', deflateSync(json)],
    ['$.ce=identity', Buffer.from(json)],
    ['$.ce=', Buffer.from(json)]
  ]
  for (const [bag, payload] of cases) {
    const { datapoints, rejections } = say(`${events}${bag}`, payload)
    assert.deepEqual([datapoints, rejections], [['d1 t 21.5', 'd1 ü "é"'], []], bag)
  }
})

test('bodies that are no object are one value; those that are not what they are said to be are rejected', () => {
  const say = normalizer(document)
  const cases: Array<[string, Uint8Array | string, string[], string[]]> = [
    ['', '', [], []],
    ['a=1', '', ['d1 properties.a "1"'], []],
    ['', '21.5', ['d1 value 21.5'], []],
    ['', '9007199254740993', ['d1 value 9007199254740993'], []],
    ['', '{"n":9007199254740993}', ['d1 n 9007199254740993'], []],
    ['', '[{"t":1},{"t":2}]', ['d1 value [{"t":1},{"t":2}]'], []],
    ['', 'null', ['d1 value null'], []],
    ['$.ct=text%2Fplain', '21.5', ['d1 value "21.5"'], []],
    ['', hex('ff00'), ['d1 value 0xff00'], []],
    ['$.ct=application%2Foctet-stream', '5', ['d1 value 0x35'], []],
    ['$.ct=application%2Fjson', '{', [], ['malformed_json']],
    ['$.ct=application%2Fjson&a', hex('ff'), ['d1 properties.a null'], ['not_utf8']],
    ['$.ct=application%2Fjson', '{"a":1,"a":2}', ['d1 a 2'], ['duplicate_keys']],
    ['', '{"a":1e400}', [], ['number_out_of_range']],
    ['$.ce=gzip', 'no', [], ['wrong_shape']],
    ['$.ce=gzip', gzipSync(Buffer.alloc(17 * 1024 * 1024)), [], ['wrong_shape']],
    ['$.ce=utf-16', hex('00d8'), [], ['wrong_shape']],
    ['$.ce=utf-32', hex('ffffff7f'), [], ['wrong_shape']],
    ['$.ce=utf-32', hex('ff'), [], ['wrong_shape']],
    ['$.ce=rot13', '{"t":1}', ['d1 t 1'], ['wrong_shape']],
    ['', '{"__proto__":{"polluted":1},"constructor":2}', ['d1 __proto__.polluted 1', 'd1 constructor 2'], []]
  ]
  for (const [bag, payload, datapoints, rejections] of cases) {
    const said = say(`${events}${bag}`, payload)
    assert.deepEqual(
      [said.datapoints, said.rejections],
      [datapoints, rejections],
      `${bag} ${String(payload).slice(0, 40)}`
    )
  }
  const typed = say(events, '5', { properties: { contentType: 'text/plain' } })
  assert.deepEqual(typed.datapoints, ['d1 value "5"'])
})

test('a will is known by its property; what is found or removed says nothing of now', () => {
  const say = normalizer(document)
  const will = say(`${events}iothub-MessageType=Will`, { reason: 'lost' })
  assert.deepEqual(will.presence, ['d1 offline death'])
  assert.deepEqual(will.datapoints, ['d1 reason "lost"'])
  assert.deepEqual(say(`${events}iothub-MessageType=Telemetry`, '1').presence, ['d1 online availability'])
  assert.deepEqual(say(events, '1', { kind: 'snapshot' }).presence, [])
  assert.deepEqual(
    say('$iothub/twin/PATCH/properties/reported/?$rid=1', '{"a":1}', { kind: 'snapshot' }).presence,
    []
  )
  assert.deepEqual(say(events, '', { kind: 'cleared' }).presence, [])
  assert.deepEqual(say('$iothub/twin/res/204/?$rid=1', '', { kind: 'cleared' }).rejections, [])
  const silent = normalizer('conventions: [{ azure-iot-hub: { offlineAfter: 5m } }]')(events, '1')
  assert.equal(silent.outcome.offlineAfterSeconds, 300)
})

const twin = '$iothub/twin'
const reportedTopic = `${twin}/PATCH/properties/reported/?$rid=1`
const desiredTopic = (version: number) => `${twin}/PATCH/properties/desired/?$version=${version}`

test('what the hub says, or the broker for it, does not show that a device is there', () => {
  const say = normalizer(document)
  const heard = (topic: string, payload: object) => say(topic, payload).outcome.devices
  assert.deepEqual(heard(events, { t: 1 }), ['d1'])
  assert.deepEqual(heard(reportedTopic, { t: 1 }), ['d1'])
  assert.deepEqual(heard('$iothub/methods/res/200/?$rid=1', {}), ['d1'])
  assert.deepEqual(heard(desiredTopic(1), { t: 1 }), [])
  assert.deepEqual(heard(`${twin}/res/200/?$rid=1`, { reported: { t: 1 } }), [])
  assert.deepEqual(heard(`${twin}/res/500/?$rid=1`, {}), [])
  assert.deepEqual(heard(`${events}iothub-MessageType=Will`, { t: 1 }), [])
})

test('what a device reports, in parts; null removes', () => {
  const say = normalizer(document)
  const first = say(reportedTopic, { battery: 55, wifi: { ssid: 'x', channel: 6 }, list: [1] })
  assert.deepEqual(first.datapoints, [
    'd1 reported.battery 55',
    'd1 reported.wifi.ssid "x"',
    'd1 reported.wifi.channel 6',
    'd1 reported.list [1]'
  ])
  assert.deepEqual([first.presence, first.rejections], [['d1 online availability'], []])
  // A bridged device has a twin of its own
  assert.deepEqual(say(`azure/d2/${reportedTopic}`, { wifi: 5 }).datapoints, ['d2 reported.wifi 5'])
  assert.deepEqual(say(reportedTopic, { wifi: null, battery: 50 }).datapoints, [
    'd1 reported.wifi.ssid null',
    'd1 reported.wifi.channel null',
    'd1 reported.battery 50'
  ])
  // The one whose connection it is may be bridged, too
  assert.deepEqual(say(`azure/d1/${reportedTopic}`, { list: 'x' }).datapoints, ['d1 reported.list "x"'])
  assert.deepEqual(say(reportedTopic, '[]').rejections, ['wrong_shape'])
  assert.deepEqual(say(reportedTopic, '').rejections, ['empty_payload'])
})

test('what is desired, each version once', () => {
  const say = normalizer(document)
  const first = say(desiredTopic(8), { interval: '5m', route: null, $version: 8 })
  assert.deepEqual(first.datapoints, ['d1 desired.interval "5m"', 'd1 desired.route null'])
  assert.deepEqual(first.attributes, [{ device: 'd1', attributes: { desiredVersion: 8 } }])
  assert.deepEqual(first.presence, [])
  assert.deepEqual(say(desiredTopic(8), { interval: '5m', $version: 8 }).datapoints, [])
  assert.deepEqual(say(desiredTopic(7), { interval: '1m', $version: 7 }).datapoints, [])
  assert.deepEqual(say(desiredTopic(9), { interval: '1m' }).datapoints, ['d1 desired.interval "1m"'])
  assert.deepEqual(say(desiredTopic(9), { interval: '2m' }).datapoints, [])
  const without = say(`${twin}/PATCH/properties/desired/?$version=x`, { interval: '3m' })
  assert.deepEqual([without.datapoints, without.rejections], [['d1 desired.interval "3m"'], ['wrong_shape']])
})

test('the whole twin: what is known by its version is not told again, what it has no more is null', () => {
  const say = normalizer(document)
  const result = `${twin}/res/200/?$rid=1`
  const whole = {
    desired: { interval: '5m', $version: 12 },
    reported: { battery: 55, old: 1, $version: 123 }
  }
  assert.deepEqual(say(result, whole).datapoints, [
    'd1 reported.battery 55',
    'd1 reported.old 1',
    'd1 desired.interval "5m"'
  ])
  assert.deepEqual(say(result, whole).datapoints, [])
  assert.deepEqual(
    say(result, { ...whole, reported: { battery: 56, $metadata: {}, $version: 124 } }).datapoints,
    ['d1 reported.old null', 'd1 reported.battery 56']
  )
  say(desiredTopic(13), { interval: '9m', $version: 13 })
  // Made anew, the twin counts from 1
  assert.deepEqual(say(result, { desired: { $version: 1 }, reported: { $version: 1 } }).datapoints, [
    'd1 reported.battery null',
    'd1 desired.interval null'
  ])
  assert.deepEqual(say(desiredTopic(2), { interval: '1m', $version: 2 }).datapoints, [
    'd1 desired.interval "1m"'
  ])
})

test('what the device reported itself is not told again by the hub', () => {
  const say = normalizer(document)
  const whole = (version: number) => ({ reported: { battery: 60, $version: version } })
  say(reportedTopic, { battery: 60 })
  assert.deepEqual(say(`${twin}/res/204/?$rid=1&$version=6`, '').datapoints, [])
  assert.deepEqual(say(`${twin}/res/200/?$rid=2`, whole(6)).datapoints, [])
  say(reportedTopic, { battery: 61 })
  assert.deepEqual(say(`${twin}/res/200/?$rid=3`, whole(6)).datapoints, ['d1 reported.battery 60'])
})

test('results of twins that say that it failed, or what is none', () => {
  const say = normalizer(document)
  assert.deepEqual(say(`${twin}/res/429/?$rid=7`, '{"errorCode":429}').datapoints, [
    'd1 twinRefused {"status":429,"request":"7"} event'
  ])
  assert.deepEqual(say(`${twin}/res/ok/?$rid=7`, '{}').rejections, ['wrong_shape'])
  assert.deepEqual(say(`${twin}/res/200/?$rid=7`, '{"reported":5,"desired":{"a":1}}').datapoints, [
    'd1 desired.a 1'
  ])
  assert.deepEqual(say(`${twin}/res/200/?$rid=7`, '{"reported":5}').rejections, ['wrong_shape'])
  assert.deepEqual(say(`${twin}/res/200/?$rid=7`, '5').rejections, ['wrong_shape'])
  assert.deepEqual(say(`${twin}/res/204/?$rid=7`, '').rejections, [])
  assert.deepEqual(say(`${twin}/GET/?$rid=7`, '').presence, ['d1 online availability'])
  assert.deepEqual(say('$iothub/methods/POST/reboot/?$rid=7', '{}').outcome.devices, [])
})

test('acknowledgements of Plug and Play: the value is the metric, the rest a response', () => {
  const say = normalizer(document)
  const said = say(reportedTopic, {
    targetTemperature: { value: 21, ac: 200, av: 3, ad: 'done' },
    thermostat1: {
      __t: 'c',
      limit: { value: { low: 1 }, ac: 400, av: 3, ad: 'too low' },
      mode: { value: 'x', ac: 202, av: 4 }
    },
    plain: { value: 1 },
    late: { value: 2, ac: 200, av: 3 }
  })
  assert.deepEqual(said.datapoints, [
    'd1 reported.targetTemperature 21',
    'd1 reported.thermostat1.limit.low 1',
    'd1 reported.thermostat1.mode "x"',
    'd1 reported.plain.value 1',
    'd1 reported.late 2',
    'd1 response {"correlation":"$version=3","ok":false,"detail":"limit: 400 too low","value":null} event',
    'd1 response {"correlation":"$version=4","ok":null,"detail":null,"value":null} event'
  ])
})

test('what a device answers to a method', () => {
  const say = normalizer(document)
  const said = say(`$iothub/methods/res/200/?$rid=${commandId}`, { done: true })
  assert.deepEqual(said.responses, [{ device: 'd1', correlation: commandId, ok: true }])
  assert.deepEqual(said.datapoints, [
    `d1 response {"correlation":"${commandId}","ok":true,"detail":"status 200","value":{"done":true}} event`
  ])
  assert.deepEqual(said.presence, ['d1 online availability'])
  assert.deepEqual(say('azure/d2/$iothub/methods/res/404/?$rid=a%2Fb', '').responses, [
    { device: 'd2', correlation: 'a/b', ok: false }
  ])
  assert.deepEqual(say('$iothub/methods/res/x/?$rid=1', '').rejections, ['wrong_shape'])
  assert.deepEqual(say('$iothub/methods/res/200/', '').rejections, ['wrong_shape'])
  const broken = say('$iothub/methods/res/200/?$rid=1', '{')
  assert.deepEqual([broken.responses.length, broken.rejections], [1, ['malformed_json']])
})

test('who is not named cannot be known', () => {
  const say = normalizer('conventions: [azure-iot-hub]')
  const said = say(reportedTopic, { a: 1 })
  assert.deepEqual([said.datapoints, said.rejections], [[], ['wrong_shape']])
  assert.match(said.outcome.rejections[0]!.detail, /option device, or bridge/)
  assert.deepEqual(say('$iothub/methods/POST/x/?$rid=1', '').rejections, [])
  for (const bridged of [
    'azure',
    'azure/{device+}',
    'azure/{name}',
    'azure/{device}/#',
    'azure/+/{device}',
    'a/{device}/{x}'
  ])
    assert.throws(
      () => normalizer(JSON.stringify({ conventions: [{ 'azure-iot-hub': { bridged } }] })),
      (error) =>
        error instanceof MappingsError && error.faults[0]!.pointer === '/conventions/0/azure-iot-hub/bridged',
      bridged
    )
})

test('whatever properties are written, they are read', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((one) => one.isWellFormed())
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.tuple(
          text.filter((name) => name !== ''),
          fc.option(text)
        ),
        { selector: ([name]) => name }
      ),
      (pairs) => {
        const bag = writeBag(pairs)
        assert.ok(!/[/+#]/.test(bag))
        const read = readBag(bag, (detail) => assert.fail(detail))
        assert.deepEqual([...read], pairs)
      }
    )
  )
})

const options = { device: 'd1', bridged: ['azure/{device}'] }
const render = (device: string, attributes = {}) =>
  renderer(create(azureIotHub, options).commands, { device, attributes })

test('methods, answered by $rid', () => {
  assert.deepEqual(render('d1')('method', { method: 'reboot', payload: { delay: 5 } }), {
    topic: `$iothub/methods/POST/reboot/?$rid=${commandId}`,
    payload: '{"delay":5}',
    qos: 1,
    correlation: commandId,
    effect: null
  })
  const bridged = render('d2')('method', { method: 'a*b' })
  assert.deepEqual(
    [bridged.topic, bridged.payload],
    [`azure/d2/$iothub/methods/POST/a*b/?$rid=${commandId}`, '']
  )
  for (const method of ['', 'a/b', '+', 'a?'])
    assert.throws(
      () => render('d1')('method', { method }),
      (error) => error instanceof CommandFault && error.parameter === 'method'
    )
  const alone = renderer(create(azureIotHub, {}).commands, { device: 'd1' })
  assert.throws(() => alone('method', { method: 'x' }), /option device to "d1"/)
  assert.throws(() => render('d2/module')('method', { method: 'x' }), CommandFault)
})

test('desired properties, with the version behind the last', () => {
  assert.deepEqual(render('d1', { desiredVersion: 8 })('desired', { properties: { wifi: { channel: 6 } } }), {
    topic: desiredTopic(9),
    payload: '{"wifi":{"channel":6},"$version":9}',
    qos: 1,
    correlation: '$version=9',
    responds: 'perhaps',
    shared: true,
    effect: { metric: 'reported.wifi.channel', value: 6 }
  })
  assert.equal(render('d1')('desired', { properties: { a: 1 } }).correlation, '$version=1')
  const many = render('d1')('desired', { properties: { a: 1, b: null }, version: 20n })
  assert.deepEqual([many.topic, many.effect], [desiredTopic(20), null])
  for (const given of [{ properties: {} }, { properties: { a: 1 }, version: 0 }])
    assert.throws(() => render('d1')('desired', given), CommandFault)
})

test('messages to devices, with properties in the topic', () => {
  const message = render('d2')('message', { body: { on: true }, properties: { a: 'b c', n: null, e: '' } })
  assert.equal(
    message.topic,
    `devices/d2/messages/devicebound/%24.mid=${commandId}&%24.ct=application%2Fjson&%24.ce=utf-8&a=b%20c&n&e=`
  )
  assert.deepEqual([message.payload, message.correlation, message.effect], ['{"on":true}', null, null])
  const text = render('d2')('message', { body: 'hello' })
  assert.deepEqual(
    [text.topic, text.payload],
    [`devices/d2/messages/devicebound/%24.mid=${commandId}`, 'hello']
  )
  assert.throws(() => render('d2')('message', { body: 1, properties: { a: 1 } }), CommandFault)
  assert.throws(() => render('d2/m')('message', { body: 1 }), CommandFault)
})
