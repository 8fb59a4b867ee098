/** OwnTracks: every `_type`, encrypted or not, and commands that an app with the key can read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import fc from 'fast-check'
import { ownTracks } from '../../src/conventions/owntracks/convention.ts'
import { closeBox, openBox, readSecrets } from '../../src/conventions/owntracks/secrets.ts'
import { CommandFault, OptionFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { renderer } from './commands.ts'
import { create } from './create.ts'
import payloads from './payloads.json' with { type: 'json' }
import { normalizer } from './say.ts'

const document = 'conventions: [owntracks]'
const topic = 'owntracks/jane/phone'
const tst = Date.UTC(2026, 10, 24, 11, 59) / 1_000
const at = '(2026-11-24T11:59:00.000Z)'
const fixture = (id: string): string => payloads.find((one) => one.id === id)!.utf8!

test('the documented location, and the will that must not touch it', () => {
  const say = normalizer(document)
  const location = say('owntracks/jane/nokia', fixture('owntracks-location'))
  assert.deepEqual(location.datapoints, [
    'jane/nokia SSID "mywifi" (2024-02-02T06:44:58.000Z)',
    'jane/nokia alt 154 [m] (2024-02-02T06:44:58.000Z)',
    'jane/nokia batt 53 [%] (2024-02-02T06:44:58.000Z)',
    'jane/nokia conn "w" (2024-02-02T06:44:58.000Z)',
    'jane/nokia created_at 1706856299 (2024-02-02T06:44:58.000Z)',
    'jane/nokia lat 48.856826 [°] (2024-02-02T06:44:58.000Z)',
    'jane/nokia lon 2.292713 [°] (2024-02-02T06:44:58.000Z)',
    'jane/nokia vel 0 [km/h] (2024-02-02T06:44:58.000Z)'
  ])
  assert.deepEqual(location.attributes, [{ device: 'jane/nokia', attributes: { tid: 'j1' } }])
  assert.deepEqual(location.presence, ['jane/nokia online availability'])
  assert.deepEqual(location.rejections, [])
  const will = say('owntracks/jane/nokia', fixture('owntracks-lwt'))
  assert.deepEqual([will.datapoints, will.rejections], [[], []])
  assert.deepEqual(will.presence, ['jane/nokia offline death'])
})

test('every member of a location: units, lists, attributes, events; what is of the way here is left out', () => {
  const said = normalizer(document)(topic, {
    _type: 'location',
    _id: 'ab12',
    _http: true,
    topic,
    tst,
    lat: -90,
    lon: 180,
    acc: 5,
    vac: 3,
    cog: 270,
    rad: 100,
    p: 101.3,
    bs: 2,
    m: 1,
    t: 'u',
    inregions: ['Home', 'Garage'],
    inrids: [],
    motionactivities: ['cycling'],
    BSSID: 'b4:fb',
    tag: 'work',
    poi: 'Café',
    imagename: 'a.png',
    image: 'iVBO',
    odometer: 12.5,
    'temp_c-01': 21.5,
    ign: true,
    vin: 'WVW',
    imei: '3568',
    name: 'Van',
    nested: { a: { b: 1 } }
  })
  assert.deepEqual(said.datapoints, [
    `jane/phone lat -90 [°] ${at}`,
    `jane/phone lon 180 [°] ${at}`,
    `jane/phone acc 5 [m] ${at}`,
    `jane/phone vac 3 [m] ${at}`,
    `jane/phone cog 270 [°] ${at}`,
    `jane/phone rad 100 [m] ${at}`,
    `jane/phone p 101.3 [kPa] ${at}`,
    `jane/phone bs 2 ${at}`,
    `jane/phone m 1 ${at}`,
    `jane/phone t "u" ${at}`,
    `jane/phone inregions ["Home","Garage"] ${at}`,
    `jane/phone inrids [] ${at}`,
    `jane/phone motionactivities ["cycling"] ${at}`,
    `jane/phone BSSID "b4:fb" ${at}`,
    `jane/phone tag "work" ${at}`,
    `jane/phone poi "Café" ${at} event`,
    `jane/phone imagename "a.png" ${at} event`,
    `jane/phone image "iVBO" ${at} event`,
    `jane/phone odometer 12.5 [km] ${at}`,
    `jane/phone temp_c-01 21.5 [°C] ${at}`,
    `jane/phone ign true ${at}`,
    `jane/phone nested.a.b 1 ${at}`
  ])
  assert.deepEqual(said.attributes[0]!.attributes, { vin: 'WVW', imei: '3568', name: 'Van' })
  assert.deepEqual(said.rejections, [])
})

test('a retained location that is found is where it was, and nobody is online for it', () => {
  const location = { _type: 'location', tst, lat: 1, lon: 2 }
  const said = normalizer(document)(topic, location, { kind: 'snapshot' })
  assert.deepEqual(said.datapoints, [`jane/phone lat 1 [°] ${at}`, `jane/phone lon 2 [°] ${at}`])
  assert.deepEqual([said.presence, said.outcome.devices], [[], []])
  const cleared = normalizer(document)(topic, '', { kind: 'cleared' })
  assert.deepEqual([cleared.datapoints, cleared.presence, cleared.rejections], [[], [], []])
})

test('what a location lacks or has wrong is told, and the rest kept', () => {
  const say = normalizer(document)
  const without = say(topic, { _type: 'location', lat: 1, lon: 2 })
  assert.deepEqual(without.datapoints, ['jane/phone lat 1 [°]', 'jane/phone lon 2 [°]'])
  assert.deepEqual(without.rejections, ['invalid_timestamp'])
  const unread = say(topic, { _type: 'location', lat: 1, lon: 2, tst: 'noon' })
  assert.deepEqual([unread.datapoints.length, unread.rejections], [2, ['invalid_timestamp']])
  for (const [lat, lon] of [
    [91, 2],
    ['48', 2],
    [null, 2],
    [undefined, 2],
    [{}, 2]
  ]) {
    const wrong = say(topic, { _type: 'location', tst, lat, lon, batt: 5 })
    assert.deepEqual(wrong.datapoints, [`jane/phone lon 2 [°] ${at}`, `jane/phone batt 5 [%] ${at}`])
    assert.deepEqual(wrong.rejections, ['wrong_shape'])
    assert.match(wrong.outcome.rejections[0]!.detail, /without lat$/)
  }
  assert.match(
    say(topic, { _type: 'location', tst, lat: 91, lon: -181 }).outcome.rejections[0]!.detail,
    /without lat, lon$/
  )
})

test('regions: entered, made, and all of them', () => {
  const say = normalizer(document)
  const transition = say(`${topic}/event`, {
    _type: 'transition',
    wtst: 1,
    tst,
    acc: 10,
    tid: 'j1',
    event: 'enter',
    desc: 'Home',
    t: 'c'
  })
  assert.deepEqual(transition.datapoints, [
    `jane/phone transition {"wtst":1,"acc":10,"tid":"j1","event":"enter","desc":"Home","t":"c"} ${at} event`
  ])
  assert.deepEqual(transition.presence, ['jane/phone online availability'])
  const waypoint = { _type: 'waypoint', desc: 'Home', lat: 1, lon: 2, rad: 50, tst: 1437552714 }
  assert.deepEqual(say(`${topic}/waypoint`, waypoint).datapoints, [
    'jane/phone waypoint {"desc":"Home","lat":1,"lon":2,"rad":50,"tst":1437552714} event'
  ])
  const all = say(`${topic}/waypoints`, { _type: 'waypoints', _creator: 'x', waypoints: [waypoint] })
  assert.deepEqual(all.datapoints, [
    `jane/phone waypoints ${JSON.stringify([waypoint])}`,
    'jane/phone response {"correlation":"waypoints","ok":true,"detail":null,"value":null} event'
  ])
  const none = say(`${topic}/waypoints`, { _type: 'waypoints', waypoints: {} })
  assert.deepEqual([none.datapoints, none.rejections], [[], ['wrong_shape']])
})

test('steps, and a phone that does not count them', () => {
  const say = normalizer(document)
  const steps = say(`${topic}/step`, { _type: 'steps', tst, steps: 1234, from: 1400455130, to: 1400458000 })
  assert.deepEqual(steps.datapoints, [
    `jane/phone steps 1234 ${at}`,
    `jane/phone steps.from 1400455130 [s] ${at}`,
    `jane/phone steps.to 1400458000 [s] ${at}`,
    'jane/phone response {"correlation":"reportSteps","ok":true,"detail":null,"value":null} event'
  ])
  const without = say(`${topic}/step`, { _type: 'steps', tst, steps: -1 })
  assert.deepEqual(without.responses, [{ device: 'jane/phone', correlation: 'reportSteps', ok: false }])
  assert.equal(without.datapoints.length, 1)
  assert.deepEqual(say(`${topic}/step`, { _type: 'steps', tst, steps: 'many' }).rejections, ['wrong_shape'])
})

test('beacons by their names, or by what they send', () => {
  const say = normalizer(document)
  const beacon = { _type: 'beacon', uuid: 'E2C5', major: 1, minor: 2, tst, acc: 2, rssi: -60, prox: 1 }
  assert.deepEqual(say(`${topic}/beacon`, { ...beacon, desc: 'Desk' }).datapoints, [
    `jane/phone beacon.Desk.acc 2 [m] ${at}`,
    `jane/phone beacon.Desk.rssi -60 [dBm] ${at}`,
    `jane/phone beacon.Desk.prox 1 ${at}`
  ])
  assert.equal(
    say(`${topic}/beacon`, beacon).datapoints[1],
    `jane/phone beacon.E2C5:1:2.rssi -60 [dBm] ${at}`
  )
})

test('status, configuration without what logs in, card, request', () => {
  const say = normalizer(document)
  const status = say(`${topic}/status`, {
    _type: 'status',
    iOS: {
      deviceModel: 'iPhone',
      deviceSystemVersion: '17.3',
      version: '18.0.1',
      altimeterIsRelativeAltitudeAvailable: true
    },
    android: { wifi: 1 }
  })
  assert.deepEqual(status.datapoints.slice(3), [
    'jane/phone iOS.altimeterIsRelativeAltitudeAvailable true',
    'jane/phone android.wifi 1',
    'jane/phone response {"correlation":"status","ok":true,"detail":null,"value":null} event'
  ])
  assert.deepEqual(status.attributes[0]!.attributes, {
    model: 'iPhone',
    systemVersion: '17.3',
    firmware: '18.0.1'
  })
  const secrets = [
    'password',
    'passphrase',
    'encryptionKey',
    'tlsClientCrtPassword',
    'opencageApiKey',
    'httpHeaders',
    'url'
  ]
  const configuration = say(`${topic}/dump`, {
    _type: 'configuration',
    tid: 'j1',
    host: 'h',
    ...Object.fromEntries(secrets.map((name) => [name, 's1kr3t']))
  })
  assert.deepEqual(configuration.datapoints, [
    'jane/phone configuration {"tid":"j1","host":"h"}',
    'jane/phone response {"correlation":"dump","ok":true,"detail":null,"value":null} event'
  ])
  assert.deepEqual(configuration.attributes[0]!.attributes, { tid: 'j1' })
  const card = say(`${topic}/info`, { _type: 'card', name: 'Jane', tid: 'JJ', face: 'iVBO' })
  assert.deepEqual([card.datapoints, card.presence], [[], []])
  assert.deepEqual(card.attributes, [{ device: 'jane/phone', attributes: { name: 'Jane', tid: 'JJ' } }])
  assert.deepEqual(say(`${topic}/info`, { _type: 'card', face: 'iVBO' }).rejections, ['wrong_shape'])
  assert.deepEqual(say(`${topic}/request`, { _type: 'request', request: 'tours' }).datapoints, [
    'jane/phone request {"request":"tours"} event'
  ])
})

test('what is said to a device is not what it says', () => {
  const say = normalizer(document)
  for (const [where, payload] of [
    [`${topic}/cmd`, { _type: 'cmd', action: 'reportLocation' }],
    [`${topic}/cmd`, { _type: 'location', lat: 1, lon: 2, tst }],
    [`${topic}/cmd`, 'anything'],
    ['elsewhere/jane/phone', { _type: 'location', lat: 1, lon: 2, tst }],
    [`${topic}/other`, { _type: 'location', lat: 1, lon: 2, tst }]
  ] as const) {
    const { datapoints, presence, rejections } = say(where, payload)
    assert.deepEqual([datapoints, presence, rejections], [[], [], []], where)
  }
})

test('several messages in a list; several bases', () => {
  const say = normalizer('conventions: [{ owntracks: { base: [owntracks, fleet/cars] } }]')
  const said = say('fleet/cars/acme/van', [
    { _type: 'location', lat: 1, lon: 2, tst },
    'no message',
    { _type: 'lwt', tst }
  ])
  assert.deepEqual(said.datapoints, [`acme/van lat 1 [°] ${at}`, `acme/van lon 2 [°] ${at}`])
  assert.deepEqual(said.presence, ['acme/van online availability', 'acme/van offline death'])
  assert.deepEqual(said.rejections, ['wrong_shape'])
  assert.equal(say(topic, { _type: 'lwt', tst }).presence.length, 1)
})

test('what is no message of OwnTracks is rejected, and makes no device', () => {
  const say = normalizer(document)
  const cases: Array<[string | Uint8Array | object, string]> = [
    ['{"_type":"location"', 'malformed_json'],
    [Buffer.from([0xff, 0xfe]), 'not_utf8'],
    ['[['.repeat(200), 'malformed_json'],
    [`${'['.repeat(200)}${']'.repeat(200)}`, 'too_deep'],
    ['5', 'wrong_shape'],
    [{ lat: 1, lon: 2 }, 'wrong_shape'],
    [{ _type: 5 }, 'wrong_shape'],
    [{ _type: '__proto__' }, 'wrong_shape'],
    [{ _type: 'dump' }, 'wrong_shape'],
    [[[{ _type: 'lwt' }]], 'wrong_shape']
  ]
  for (const [payload, reason] of cases) {
    const { datapoints, presence, rejections } = say(topic, payload)
    assert.deepEqual([datapoints, presence, rejections], [[], [], [reason]], JSON.stringify(payload))
  }
  const proto = say(
    topic,
    `{"_type":"location","tst":${tst},"lat":1,"lon":2,"__proto__":{"polluted":1},"constructor":3}`
  )
  assert.deepEqual(proto.datapoints.slice(2), [`jane/phone constructor 3 ${at}`])
})

const box = (message: unknown, secret: string): object => {
  const key = new Uint8Array(32)
  key.set(Buffer.from(secret))
  const nonce = Uint8Array.from(Buffer.alloc(24, 7))
  const plain = typeof message === 'string' ? message : JSON.stringify(message)
  const data = xsalsa20poly1305(key, nonce).encrypt(Uint8Array.from(Buffer.from(plain)))
  return { _type: 'encrypted', data: Buffer.concat([nonce, data]).toString('base64') }
}

const keys = (text: string) => ({ files: { './keys': Buffer.from(text) } })
const encrypted = 'conventions: [{ owntracks: { keys: ./keys } }]'

test('the box of another implementation opens: libsodium, by PyNaCl', () => {
  // https://github.com/owntracks/owntracks/issues/32
  const data = 'vG0sAik3/+1KwrZ4b27yQtfJEVz6g2v0Os+yGIECNm8PnxwTR7ZUlUYRclgku7eP19FeNjJugxhYnF9pvlxDBzUxYg=='
  const key = readSecrets(Buffer.from('*: s3cr1t')).get('*')!
  assert.equal(Buffer.from(openBox(data, key)!).toString(), 'Hello from C, how are you?')
})

test('an encrypted message is what is in it, on every topic', () => {
  const say = normalizer(encrypted, keys('# ours\n\njane/phone:  s1kr3t: with colon \r\n*: for all\n'))
  const location = { _type: 'location', lat: 1, lon: 2, tst }
  const said = say(topic, box(location, 's1kr3t: with colon'))
  assert.deepEqual(said.datapoints, [`jane/phone lat 1 [°] ${at}`, `jane/phone lon 2 [°] ${at}`])
  assert.deepEqual([said.presence, said.rejections], [['jane/phone online availability'], []])
  const other = say('owntracks/john/pad/event', box({ _type: 'transition', event: 'leave', tst }, 'for all'))
  assert.deepEqual(other.datapoints, [`john/pad transition {"event":"leave"} ${at} event`])
  const listed = say(topic, [box({ _type: 'lwt' }, 's1kr3t: with colon'), location])
  assert.deepEqual(listed.presence, ['jane/phone offline death', 'jane/phone online availability'])
  // Who has no key may speak openly
  assert.equal(say(topic, location).datapoints.length, 2)
})

test('a box that does not open says why', () => {
  const location = { _type: 'location', lat: 1, lon: 2, tst }
  const secret = box(location, 'x') as { data: string }
  const without = normalizer(document)(topic, secret)
  assert.deepEqual([without.datapoints, without.presence, without.rejections], [[], [], ['wrong_shape']])
  assert.match(without.outcome.rejections[0]!.detail, /no key for jane\/phone: write .*option keys/)
  const say = normalizer(encrypted, keys('jane/phone: x'))
  assert.match(say('owntracks/john/pad', secret).outcome.rejections[0]!.detail, /no key for john\/pad/)
  const cases: Array<[object, RegExp]> = [
    [box(location, 'y'), /does not open/],
    [{ ...secret, data: `A${secret.data.slice(1)}` }, /does not open/],
    [{ ...secret, data: secret.data.slice(0, 40) }, /does not open/],
    [{ ...secret, data: '' }, /does not open/],
    [{ _type: 'encrypted' }, /has data/],
    [{ _type: 'encrypted', data: 5 }, /has data/],
    [box(secret, 'x'), /encrypted again/],
    [box([location], 'x'), /no JSON object/],
    [box('{', 'x'), /JSON/],
    [box('', 'x'), /empty/]
  ]
  for (const [payload, detail] of cases) {
    const { datapoints, presence, outcome } = say(topic, payload)
    assert.deepEqual([datapoints, presence], [[], []])
    assert.match(outcome.rejections[0]!.detail, detail)
  }
})

test('a file of keys is read strictly, and no fault shows a secret', () => {
  const cases: Array<[string | Uint8Array, RegExp]> = [
    ['', /has none/],
    ['# only this', /has none/],
    ['s1kr3t', /^Line 1 .* no user\/device: secret/],
    ['\njane/phone:s1kr3t', /^Line 2 /],
    ['jane: s1kr3t', /neither user\/device nor \*/],
    ['a/b/c: s1kr3t', /neither/],
    ['+/phone: s1kr3t', /neither/],
    ['jane/phone: ', /no user\/device/],
    ['jane/phone:   \n*: x', /no user\/device/],
    ['jane/phone: "s1kr3t"', /quotes/],
    [`jane/phone: s1kr3t${'x'.repeat(27)}`, /33 bytes/],
    ['jane/phone: s1kr3t\njane/phone: other', /second time/],
    [Buffer.from([0x2a, 0x3a, 0x20, 0xff]), /UTF-8/]
  ]
  for (const [file, message] of cases)
    assert.throws(
      () => readSecrets(Buffer.from(file as string)),
      (error: unknown) => {
        assert.ok(error instanceof OptionFault, String(error))
        assert.match(error.message, message)
        assert.ok(!`${error.message} ${error.fix}`.includes('s1kr3t'))
        return true
      },
      String(file)
    )
  assert.deepEqual([...readSecrets(Buffer.from('jane/phone: ü\n*: x')).keys()], ['jane/phone', '*'])
  assert.throws(() => normalizer(encrypted, keys('nothing')), MappingsError)
  for (const base of ['a/+', 'a/#', '{x}', 'a/', ''])
    assert.throws(
      () => normalizer(JSON.stringify({ conventions: [{ owntracks: { base } }] })),
      MappingsError,
      base
    )
})

test('whatever is put into a box comes out, and no two texts share a nonce', () => {
  const key = readSecrets(Buffer.from('*: s3cr1t')).get('*')!
  const nonceOf = (data: string): string => Buffer.from(data, 'base64').subarray(0, 24).toString('hex')
  const said = fc.tuple(fc.string({ unit: 'grapheme' }), fc.string())
  fc.assert(
    fc.property(said, said, ([text, id], [otherText, otherId]) => {
      const data = closeBox(text, key, id)
      assert.equal(Buffer.from(openBox(data, key)!).toString(), text.split('\0')[0])
      if (text !== otherText) assert.notEqual(nonceOf(closeBox(otherText, key, id)), nonceOf(data))
      if (id !== otherId) assert.notEqual(nonceOf(closeBox(text, key, otherId)), nonceOf(data))
    })
  )
})

test('commands are messages of _type cmd on the device, never retained', () => {
  const { commands } = create(ownTracks, {})
  const render = renderer(commands, { device: 'jane/phone', topic: `${topic}/event` })
  assert.deepEqual(render('reportLocation', {}), {
    topic: `${topic}/cmd`,
    payload: '{"_type":"cmd","action":"reportLocation"}',
    qos: 1,
    correlation: null,
    shared: true,
    effect: { metric: 't', value: 'r' }
  })
  const steps = render('reportSteps', { from: 1, to: 2n })
  assert.equal(steps.payload, '{"_type":"cmd","action":"reportSteps","from":1,"to":2}')
  assert.equal(steps.correlation, 'reportSteps')
  assert.equal(render('dump', {}).correlation, 'dump')
  assert.equal(render('status', {}).correlation, 'status')
  assert.equal(render('waypoints', {}).correlation, 'waypoints')
  assert.equal(render('clearWaypoints', {}).payload, '{"_type":"cmd","action":"clearWaypoints"}')
  assert.deepEqual(
    JSON.parse(render('setWaypoints', { waypoints: [{ desc: 'Home', tst: 5, rad: 1 }] }).payload as string),
    {
      _type: 'cmd',
      action: 'setWaypoints',
      waypoints: { _type: 'waypoints', waypoints: [{ desc: 'Home', tst: 5, rad: 1, _type: 'waypoint' }] }
    }
  )
  assert.deepEqual(
    JSON.parse(render('setConfiguration', { configuration: { monitoring: 2 } }).payload as string),
    {
      _type: 'cmd',
      action: 'setConfiguration',
      configuration: { monitoring: 2, _type: 'configuration' }
    }
  )
  assert.equal(
    render('cmd', { action: 'action', members: { content: 'x', action: 'y' } }).payload,
    '{"_type":"cmd","content":"x","action":"action"}'
  )
  for (const waypoints of [{}, [], [5], [{ tst: 5 }], [{ desc: 'Home' }], [{ desc: '', tst: 5 }]])
    assert.throws(() => render('setWaypoints', { waypoints }), CommandFault)
})

test('a command goes where the device was heard, and into a box where it has a key', () => {
  const { commands } = create(ownTracks, { base: ['a', 'b/c'], keys: Buffer.from('jane/phone: s3cr1t') })
  const at = (device: string, where: string, id: string) =>
    renderer(commands, { device, topic: where, id })('dump', {})
  const first = at('jane/phone', 'b/c/jane/phone', 'id-1')
  assert.equal(first.topic, 'b/c/jane/phone/cmd')
  const { _type, data } = JSON.parse(first.payload as string) as { _type: string; data: string }
  assert.equal(_type, 'encrypted')
  const key = readSecrets(Buffer.from('*: s3cr1t')).get('*')!
  assert.equal(Buffer.from(openBox(data, key)!).toString(), '{"_type":"cmd","action":"dump"}')
  // Rendered again it is the same, and another command has another nonce
  assert.equal(at('jane/phone', 'b/c/jane/phone', 'id-1').payload, first.payload)
  assert.notEqual(
    (JSON.parse(at('jane/phone', 'b/c/jane/phone', 'id-2').payload as string) as { data: string }).data.slice(
      0,
      32
    ),
    data.slice(0, 32)
  )
  assert.equal(at('john/pad', 'a/john/pad/step', 'id').payload, '{"_type":"cmd","action":"dump"}')
  assert.equal(at('john/pad', 'a/john/pad/step', 'id').topic, 'a/john/pad/cmd')
})
