/** Every fixture, with all conventions on at once: what becomes of it, to the last unit and time. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { describedBefore, document, receivedAtOf } from './fixtures-document.ts'
import { normalizer } from './say.ts'
import type { Said } from './say.ts'

interface Fixture {
  id: string
  convention: string
  topic: string
  hex?: string
  utf8?: string
  expect: unknown
}

const fixtures = JSON.parse(
  readFileSync(new URL('payloads.json', import.meta.url), 'utf8')
) as readonly Fixture[]

/** Datapoints, presence, attributes, rejections, effects. In the order of the fixtures: births come before data. */
const expected: Record<string, readonly string[]> = {
  'av-a-dupkey': [
    '00000000B6AF4A9D machine.temperature 23.2 (2012-10-10T22:12:17.000Z)',
    '00000000B6AF4A9D machine.humidity 70 (2012-10-10T22:12:17.000Z)',
    '00000000B6AF4A9D machine.temperature 24.5 (2012-10-10T22:28:57.000Z)',
    '00000000B6AF4A9D machine.temperature 22.9 (2012-10-10T22:45:37.000Z)',
    '00000000B6AF4A9D machine.threshold 30 (2012-10-10T22:12:17.000Z)'
  ],
  'av-b-untimestamped': ['00000000B6AF4A9D machine.temperature 23.2', '00000000B6AF4A9D machine.humidity 70'],
  'av-c-array': [
    '00000000B6AF4A9D machine.temperature 42.2 (2014-11-18T15:29:20.869Z)',
    '00000000B6AF4A9D machine.temperature 42.3 (2014-11-18T15:29:20.869Z)'
  ],
  'av-e-seconds': ['00000000B6AF4A9D machine.temperature "23.2" (2012-10-10T22:12:17.000Z)'],
  'av-f-nullts': ['00000000B6AF4A9D temperature 21.5'],
  'av-g-quoted': ['00000000B6AF4A9D counter "7" (2015-03-21T12:10:43.000Z)'],
  'av-ts': [
    '00000000B6AF4A9D x 0 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D y 2 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D z 0 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D lat 49.455177 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D long 0.537743 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D speed 100 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D x 0 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D y 3 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D z 0 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D lat 49.455177 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D long 0.537743 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D speed 98.4 (2014-10-03T07:13:22.100Z)'
  ],
  'av-tsz': [
    '00000000B6AF4A9D x 0 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D y 2 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D z 0 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D lat 49.455177 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D long 0.537743 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D speed 100 (2014-10-03T07:13:22.000Z)',
    '00000000B6AF4A9D x 0 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D y 3 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D z 0 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D lat 49.455177 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D long 0.537743 (2014-10-03T07:13:22.100Z)',
    '00000000B6AF4A9D speed 98.4 (2014-10-03T07:13:22.100Z)'
  ],
  'av-task-read': [
    '00000000B6AF4A9D task {"uid":"3c12547b613740adb686271bdc8f097c","timestamp":1348836320188,"read":["machine.temperature"]} (2012-09-28T12:45:20.188Z) event',
    '00000000B6AF4A9D task {"uid":"8006cc58ba2141f69161a78f1bfdea1d","timestamp":1348836320566,"write":[{"machine.threshold":25}]} (2012-09-28T12:45:20.566Z) event'
  ],
  'av-task-command': [
    '00000000B6AF4A9D task {"uid":"59976b814d0b45d1b12371e66fc87d1f","timestamp":1445527665027,"command":{"id":"home.BedRoom1","params":{"Light":true,"Shutters":true}}} (2015-10-22T15:27:45.027Z) event'
  ],
  'av-task-invalid-json': ['rejected malformed_json'],
  'av-ack-ok': [
    '00000000B6AF4A9D response {"correlation":"59976b814d0b45d1b12371e66fc87d1f","ok":true,"detail":null,"value":null} event'
  ],
  'av-cloud-comm': [
    'f89476adad3b4cad97b1ac0a8fe1bf44 int.variable.path 984',
    'f89476adad3b4cad97b1ac0a8fe1bf44 double.variable.path 985.32',
    'f89476adad3b4cad97b1ac0a8fe1bf44 string.variable.path "value"'
  ],
  'spb-NBIRTH': [
    'G1/E1 bdSeq 0 (2017-02-03T17:55:02.122Z)',
    'G1/E1 Node Control/Rebirth false (2017-02-03T17:55:02.122Z)',
    'G1/E1 Supply Voltage 12.100000381469727 (2017-02-03T17:55:02.122Z)',
    'G1/E1 Offset -5 (2017-02-03T17:55:02.122Z)',
    'G1/E1 Counter 18446744073709551615 (2017-02-03T17:55:02.122Z)',
    'G1/E1 online birth'
  ],
  'spb-DBIRTH': [
    'G1/E1/D1 Inputs/A false (2017-02-03T17:55:02.122Z)',
    'G1/E1/D1 Outputs/LEDs/Green false (2017-02-03T17:55:02.122Z)',
    'G1/E1/D1 Properties/Hardware Make "Pibrella" (2017-02-03T17:55:02.122Z)',
    'G1/E1/D1 online birth'
  ],
  'spb-NDATA_alias': ['G1/E1 Supply Voltage 12.300000190734863 (2017-02-03T17:55:03.122Z)'],
  'spb-DDATA_alias': ['G1/E1/D1 Inputs/A true (2017-02-03T17:55:04.122Z)'],
  'spb-NDEATH': ['G1/E1 offline death', 'G1/E1/D1 offline death'],
  'spb-NCMD_rebirth': [],
  'spb-DCMD_green': [],
  'spb-state': ['STATE/bridge1 online availability'],
  'senml-now': ['urn:dev:ow:10e2073a01080063 value 23.1 [Cel]'],
  'senml-base': [
    'urn:dev:ow:10e2073a0108006 voltage 120.1 [V] (2010-06-08T18:01:16.001Z)',
    'urn:dev:ow:10e2073a0108006 current 1.2 [A] (2010-06-08T18:01:11.001Z)',
    'urn:dev:ow:10e2073a0108006 current 1.3 [A] (2010-06-08T18:01:12.001Z)',
    'urn:dev:ow:10e2073a0108006 current 1.7 [A] (2010-06-08T18:01:16.001Z)'
  ],
  'homie-prop': ['super-car engine/temperature 21.5 [°C]'],
  'homie-empty-string': ['super-car display/text ""'],
  'homie-state-lost': ['super-car $state "lost"', 'super-car offline availability'],
  'ha-sensor': [
    'bedroom01ae has {"identifiers":["bedroom01ae"],"name":"Bedroom","entity.temperature":{"component":"sensor","device_class":"temperature","unit_of_measurement":"°C","unique_id":"temp01ae"}}'
  ],
  'tas-state': [
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
  'tas-sensor': ['tasmota DS18B20.Temperature 20.6'],
  'tas-lwt': ['tasmota offline death'],
  'z2m-sensor': [
    'kitchen/floor_light state "ON"',
    'kitchen/floor_light brightness 215',
    'kitchen/floor_light color_temp 325'
  ],
  'z2m-avail-legacy': ['my_bulb online availability'],
  'z2m-action': ['button action "single" event'],
  'shelly-notify-1': [
    'shellyplus1pm-4417939a5610 switch:0.output true (2024-02-19T07:14:11.410Z)',
    'shellyplus1pm-4417939a5610 switch:0.source "MQTT" (2024-02-19T07:14:11.410Z)',
    'shellyplus1pm-4417939a5610 switch:0.voltage 224.18 [V] (2024-02-19T07:14:11.410Z)'
  ],
  'owntracks-location': [
    'jane/nokia SSID "mywifi" (2024-02-02T06:44:58.000Z)',
    'jane/nokia alt 154 [m] (2024-02-02T06:44:58.000Z)',
    'jane/nokia batt 53 [%] (2024-02-02T06:44:58.000Z)',
    'jane/nokia conn "w" (2024-02-02T06:44:58.000Z)',
    'jane/nokia created_at 1706856299 (2024-02-02T06:44:58.000Z)',
    'jane/nokia lat 48.856826 [°] (2024-02-02T06:44:58.000Z)',
    'jane/nokia lon 2.292713 [°] (2024-02-02T06:44:58.000Z)',
    'jane/nokia vel 0 [km/h] (2024-02-02T06:44:58.000Z)',
    'jane/nokia online availability',
    'jane/nokia has {"tid":"j1"}'
  ],
  'owntracks-lwt': ['jane/nokia offline death'],
  'tb-telemetry-ts': [
    'me stringKey "value1" (2016-01-01T12:00:00.512Z)',
    'me booleanKey true (2016-01-01T12:00:00.512Z)',
    'me doubleKey 42 (2016-01-01T12:00:00.512Z)',
    'me longKey 73 (2016-01-01T12:00:00.512Z)',
    'me jsonKey {"someNumber":42,"someArray":[1,2,3],"someNestedObject":{"key":"value"}} (2016-01-01T12:00:00.512Z)'
  ],
  'aws-reported': ['t1 color "red"', 't1 power "on"'],
  'azure-props': [
    'MyDevice01 temperature 21.5',
    'MyDevice01 properties.prop "a b"',
    'MyDevice01 online availability'
  ],
  influx: [
    'weather weather.temperature,location=us-midwest 82 (2019-05-02T16:12:41.098Z)',
    'weather weather.humidity,location=us-midwest 71 (2019-05-02T16:12:41.098Z)',
    'weather weather.ok,location=us-midwest true (2019-05-02T16:12:41.098Z)',
    'weather weather.msg,location=us-midwest "a \\"b\\"" (2019-05-02T16:12:41.098Z)',
    'my Measurement my Measurement.fieldKey 12485903'
  ],
  'enc-cbor': ['x temperature 21.5', 'x humidity 40', 'x on true', 'x tag "äö"'],
  'enc-msgpack': ['x temperature 21.5', 'x humidity 40', 'x on true', 'x tag "äö"'],
  'enc-gzip-json': [
    'x/gzip-json temperature 21.5',
    'x/gzip-json humidity 40',
    'x/gzip-json on true',
    'x/gzip-json tag "äö"'
  ],
  'json-nul': ['x/json a "\\u0000"'],
  'json-lone-surrogate': ['x/json a "\\ud800"'],
  'json-proto': ['x/json __proto__.admin true'],
  'json-bom': ['x/json a 1'],
  'text-id': ['x imei "0049015420323751"'],
  'text-num': ['x num 21.5'],
  'bin-invalid-utf8': ['x bin 0xfffe00'],
  'empty-retained': [],
  'empty-plain': []
}

const lines = (said: Said): string[] => [
  ...said.datapoints,
  ...said.presence,
  ...said.attributes.map(({ device, attributes }) => `${device} has ${JSON.stringify(attributes)}`),
  ...said.rejections.map((reason) => `rejected ${reason}`),
  ...said.effects.map((effect) => `publishes ${effect}`)
]

const say = normalizer(document)
for (const [topic, payload] of describedBefore) say(topic, payload)

test('each fixture has its result here', () => {
  assert.deepEqual(Object.keys(expected).toSorted(), fixtures.map(({ id }) => id).toSorted())
})

for (const { id, convention, topic, hex, utf8, expect } of fixtures)
  test(`${id} on ${topic}`, () => {
    const payload = hex === undefined ? Buffer.from(utf8 ?? '') : Buffer.from(hex, 'hex')
    const said = say(topic, payload, { receivedAt: receivedAtOf(convention) })
    assert.deepEqual(lines(said), expected[id])
    // What the fixture itself says, where it says it as a list of metrics
    if (!isMetrics(expect)) return
    assert.deepEqual(
      said.outcome.datapoints.map(({ metric, observedAt, clock }) => [
        metric,
        clock === 'device' ? observedAt : null
      ]),
      expect.map(({ metric, ts }) => [metric, ts])
    )
  })

const isMetrics = (value: unknown): value is Array<{ metric: string; ts: number | null }> =>
  Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null && 'metric' in one)
