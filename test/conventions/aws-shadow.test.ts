/** AWS IoT device shadow: every document, each version once; who is connected; commands and their responses. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { awsShadow } from '../../src/conventions/aws-shadow/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { commandId, renderer } from './commands.ts'
import { create } from './create.ts'
import payloads from './payloads.json' with { type: 'json' }
import { normalizer } from './say.ts'

const document = 'conventions: [aws-shadow]'
const byDevice = 'conventions: [{ aws-shadow: { authority: device } }]'
const shadow = '$aws/things/t1/shadow'
const noon = Date.UTC(2026, 10, 24, 12) / 1_000
/** Seconds before the messages are received. */
const stamp = (before: number) => ({ timestamp: noon - before })
const at = (before: number): string => `(${new Date((noon - before) * 1_000).toISOString()})`

const fixture = payloads.find(({ id }) => id === 'aws-reported')!

test('the documented request: nothing where a shadow service answers, metrics where there is none', () => {
  const asked = normalizer(document)(fixture.topic!, fixture.utf8!)
  assert.deepEqual([asked.datapoints, asked.presence, asked.rejections], [[], [], []])
  const told = normalizer(byDevice)(fixture.topic!, fixture.utf8!)
  assert.deepEqual(told.datapoints, ['t1 color "red"', 't1 power "on"'])
  assert.deepEqual(told.rejections, [])
})

const accepted = {
  state: { reported: { light: { color: 'red', rgb: [255, 0, 0] }, on: true } },
  metadata: {
    reported: {
      light: { color: stamp(20), rgb: [stamp(30), stamp(10), stamp(30)] },
      on: stamp(20)
    }
  },
  version: 10,
  timestamp: noon - 5,
  clientToken: 'its-own'
}

test('what is accepted is observed when its metadata say', () => {
  const said = normalizer(document)(`${shadow}/update/accepted`, accepted)
  assert.deepEqual(said.datapoints, [
    `t1 light.color "red" ${at(20)}`,
    `t1 light.rgb [255,0,0] ${at(10)}`,
    `t1 on true ${at(20)}`
  ])
  assert.deepEqual([said.presence, said.responses, said.rejections], [[], [], []])
})

test('what is desired is apart, and named shadows are', () => {
  const say = normalizer(document)
  const desired = {
    state: { desired: { color: 'blue' } },
    metadata: { desired: { color: stamp(1) } },
    version: 1,
    timestamp: noon
  }
  assert.deepEqual(say(`${shadow}/update/accepted`, desired).datapoints, [`t1 desired.color "blue" ${at(1)}`])
  const named = `${shadow}/name/config/update/accepted`
  assert.deepEqual(say(named, desired).datapoints, [`t1 config/desired.color "blue" ${at(1)}`])
  assert.deepEqual(say(named, { ...accepted, version: 2 }).datapoints.length, 3)
  assert.deepEqual(say(named, { state: { reported: null }, version: 3, timestamp: noon }).datapoints, [
    `t1 config/light.color null ${at(0)}`,
    `t1 config/light.rgb null ${at(0)}`,
    `t1 config/on null ${at(0)}`
  ])
  // The classic one has its own versions
  assert.equal(say(`${shadow}/update/accepted`, { ...accepted, version: 2 }).datapoints.length, 3)
})

test('null removes a member and all under it; a value in place of members, too', () => {
  const say = normalizer(document)
  const update = (state: object, version: number) =>
    say(`${shadow}/update/accepted`, { state, version, timestamp: noon }).datapoints
  update({ reported: { light: { a: 1, b: 2 }, on: true }, desired: { light: { a: 1 } } }, 1)
  assert.deepEqual(update({ reported: { light: { a: null } } }, 2), [`t1 light.a null ${at(0)}`])
  assert.deepEqual(update({ reported: { light: 'off' } }, 3), [
    `t1 light.b null ${at(0)}`,
    `t1 light "off" ${at(0)}`
  ])
  assert.deepEqual(update({ reported: { on: false }, desired: null }, 4), [
    `t1 on false ${at(0)}`,
    `t1 desired.light.a null ${at(0)}`
  ])
})

const whole = (color: string, version: number, changed: number, timestamp: number) => ({
  state: { desired: { x: 1 }, reported: { color, on: true } },
  metadata: { desired: { x: stamp(90) }, reported: { color: stamp(changed), on: stamp(90) } },
  version,
  timestamp
})

test('each version counts once, whichever topic it comes on first', () => {
  const one = {
    state: { reported: { color: 'red' } },
    metadata: { reported: { color: stamp(9) } },
    version: 5,
    timestamp: noon - 9
  }
  const documents = {
    previous: whole('green', 4, 60, noon - 60),
    current: whole('red', 5, 9, noon - 9),
    timestamp: noon - 9
  }
  const before = { ...whole('green', 4, 60, noon - 60) }
  for (const order of [
    [
      ['update/accepted', one],
      ['update/documents', documents]
    ],
    [
      ['update/documents', documents],
      ['update/accepted', one]
    ],
    [
      ['update/accepted', one],
      ['update/accepted', one]
    ],
    [
      ['update/documents', documents],
      ['get/accepted', { ...whole('red', 5, 9, noon) }]
    ]
  ] as const) {
    const say = normalizer(document)
    say(`${shadow}/get/accepted`, before)
    const said = order.map(([topic, payload]) => say(`${shadow}/${topic}`, payload).datapoints)
    assert.deepEqual(said, [[`t1 color "red" ${at(9)}`], []], order.map(([topic]) => topic).join())
  }
})

test('documents alone: all at first, then what changed, even within a second', () => {
  const say = normalizer(document)
  const documents = (previous: object | null, current: object) =>
    say(`${shadow}/update/documents`, { previous, current, timestamp: noon }).datapoints
  assert.deepEqual(documents(null, whole('red', 1, 3, noon)), [
    `t1 color "red" ${at(3)}`,
    `t1 on true ${at(90)}`,
    `t1 desired.x 1 ${at(90)}`
  ])
  assert.deepEqual(documents(whole('red', 1, 3, noon), whole('blue', 2, 3, noon)), [
    `t1 color "blue" ${at(3)}`
  ])
  // Reported again, and equal
  assert.deepEqual(documents(whole('blue', 2, 3, noon), whole('blue', 3, 2, noon)), [
    `t1 color "blue" ${at(2)}`
  ])
  const without = whole('blue', 4, 2, noon)
  assert.deepEqual(documents(whole('blue', 3, 2, noon), { ...without, state: { reported: { on: true } } }), [
    `t1 color null ${at(0)}`,
    `t1 desired.x null ${at(0)}`
  ])
})

test('what was missed comes with the whole document, and only what is newer', () => {
  const say = normalizer(document)
  say(`${shadow}/update/accepted`, { ...whole('red', 1, 50, noon - 50) })
  const got = say(`${shadow}/get/accepted`, { ...whole('blue', 7, 20, noon - 15), clientToken: 'x' })
  assert.deepEqual(got.datapoints, [`t1 color "blue" ${at(20)}`])
  assert.deepEqual(got.responses, [])
  // Version 8 was missed, and what it changed is in version 9 as it was
  const eight = whole('green', 8, 2, noon - 2)
  const nine = {
    ...whole('green', 9, 2, noon - 1),
    state: { desired: { x: 1 }, reported: { color: 'green', on: false } },
    metadata: { desired: { x: stamp(90) }, reported: { color: stamp(2), on: stamp(1) } }
  }
  assert.deepEqual(
    say(`${shadow}/update/documents`, { previous: eight, current: nine, timestamp: noon }).datapoints,
    [`t1 color "green" ${at(2)}`, `t1 on false ${at(1)}`]
  )
})

test('an older version says nothing, unless the shadow began anew', () => {
  const say = normalizer(document)
  const update = (color: string, version: number | undefined, timestamp: number) =>
    say(`${shadow}/update/accepted`, { state: { reported: { color } }, version, timestamp }).datapoints.length
  assert.equal(update('red', 10, noon - 50), 1)
  assert.equal(update('old', 9, noon - 50), 0)
  assert.equal(update('older', 8, noon - 60), 0)
  assert.equal(update('same', 10, noon), 0)
  const gone = say(`${shadow}/delete/accepted`, { version: 11, timestamp: noon - 40 })
  assert.deepEqual(gone.datapoints, [`t1 color null ${at(40)}`])
  assert.equal(update('late', 10, noon - 50), 0)
  // https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-mqtt.html#delete-pub-sub-topic: it goes on
  assert.equal(update('new', 12, noon - 30), 1)
  assert.equal(update('two days later', 1, noon - 20), 1)
  assert.equal(update('and on', 2, noon - 10), 1)
  assert.equal(update('without a version', undefined, noon), 1)
})

test('without a shadow service, requests are the truth', () => {
  const say = normalizer(byDevice)
  const update = (payload: object) => say(`${shadow}/update`, payload).datapoints
  update({ state: { reported: { a: { b: 1 }, c: 2 } }, version: 5 })
  assert.deepEqual(
    update({ state: { reported: { a: null }, desired: { c: 3 } }, version: 1, clientToken: 'x' }),
    ['t1 a.b null', 't1 desired.c 3']
  )
  assert.deepEqual(say(`${shadow}/delete`, '').datapoints, ['t1 c null', 't1 desired.c null'])
  assert.deepEqual(say(`${shadow}/delete`, 'whatever').datapoints, [])
  for (const topic of ['update/accepted', 'update/documents', 'get/accepted', 'delete/accepted'])
    assert.deepEqual(say(`${shadow}/${topic}`, accepted).datapoints, [], topic)
})

test('what is asked for, and what differs, says nothing', () => {
  const say = normalizer(document)
  for (const [topic, payload] of [
    ['get', ''],
    ['get', '{"clientToken":"x"}'],
    ['delete', ''],
    ['update', { state: { desired: { color: 'red' } } }],
    ['update/delta', { state: { color: 'red' }, version: 3, timestamp: noon }]
  ] as const)
    for (const base of [shadow, `${shadow}/name/config`]) {
      const { datapoints, presence, rejections } = say(`${base}/${topic}`, payload)
      assert.deepEqual([datapoints, presence, rejections], [[], [], []], topic)
    }
})

test('only what a thing reports shows that it is there', () => {
  const heard = (text: string, topic: string, payload: object): string[] =>
    normalizer(text)(topic, payload).outcome.devices
  const desired = { state: { desired: { a: 1 } }, version: 1, timestamp: noon }
  const now = { ...whole('red', 2, 1, noon), version: 2 }
  const before = { ...whole('red', 1, 9, noon), version: 1 }
  const token = `rialto-${commandId}`
  assert.deepEqual(heard(document, `${shadow}/update/accepted`, accepted), ['t1'])
  assert.deepEqual(heard(document, `${shadow}/update/accepted`, { ...desired, clientToken: token }), [])
  assert.deepEqual(heard(document, `${shadow}/update/documents`, { previous: before, current: now }), ['t1'])
  assert.deepEqual(
    heard(document, `${shadow}/update/documents`, { previous: now, current: { ...now, version: 3 } }),
    []
  )
  assert.deepEqual(heard(document, `${shadow}/get/accepted`, { ...accepted, clientToken: token }), [])
  assert.deepEqual(heard(document, `${shadow}/get/rejected`, { code: 404, clientToken: token }), [])
  assert.deepEqual(heard(byDevice, `${shadow}/update`, desired), [])
  assert.deepEqual(heard(byDevice, `${shadow}/update`, accepted), ['t1'])
  const event = { versionNumber: 0, timestamp: noon * 1_000, disconnectReason: 'CONNECTION_LOST' }
  assert.deepEqual(heard(document, '$aws/events/presence/disconnected/t1', event), [])
  const silent = normalizer('conventions: [{ aws-shadow: { offlineAfter: 5m } }]')(
    `${shadow}/update/accepted`,
    accepted
  )
  assert.deepEqual([silent.presence, silent.outcome.offlineAfterSeconds], [['t1 online seen'], 300])
})

test('responses are of tokens of ours; rejections of all', () => {
  const say = normalizer(document)
  const clientToken = `rialto-${commandId}`
  const desired = { state: { desired: { color: 'red' } }, version: 3, timestamp: noon, clientToken }
  const said = say(`${shadow}/update/accepted`, desired)
  assert.deepEqual(said.responses, [{ device: 't1', correlation: clientToken, ok: true }])
  assert.match(said.datapoints[0]! + said.datapoints[1]!, /"value":\{"version":3\}/)
  assert.match(said.datapoints.join(), /The shadow has it as version 3; the device has not said/)
  assert.equal(
    say(`${shadow}/get/accepted`, { ...whole('red', 4, 1, noon), clientToken }).responses[0]!.ok,
    true
  )
  assert.equal(
    say(`${shadow}/delete/accepted`, { version: 5, timestamp: noon, clientToken }).responses[0]!.ok,
    true
  )
  assert.deepEqual(
    say(`${shadow}/update/accepted`, { ...desired, version: 6, clientToken: 'device-1' }).responses,
    []
  )
  const refused = say(`${shadow}/update/rejected`, {
    code: 409,
    message: 'Version conflict',
    clientToken: '426bfd96'
  })
  assert.deepEqual(refused.datapoints, [
    't1 response {"correlation":"426bfd96","ok":false,"detail":"409 Version conflict","value":{"code":409}} event'
  ])
  assert.deepEqual(
    say(`${shadow}/name/config/get/rejected`, { code: 404, message: 'No shadow exists' }).datapoints,
    ['t1 config/rejected {"operation":"get","code":404,"message":"No shadow exists"} event']
  )
  // With the authority of devices as well
  assert.equal(
    normalizer(byDevice)(`${shadow}/update/rejected`, { code: 400, clientToken }).responses[0]!.ok,
    false
  )
})

test('documents that are none are rejected, and what is good in them is kept', () => {
  const say = normalizer(document)
  const cases: Array<[string, string | object, string, number]> = [
    ['update/accepted', '{', 'malformed_json', 0],
    ['update/accepted', '', 'empty_payload', 0],
    ['update/accepted', '[]', 'wrong_shape', 0],
    ['update/accepted', {}, 'wrong_shape', 0],
    ['update/accepted', { state: 5 }, 'wrong_shape', 0],
    ['update/accepted', { state: { reported: 5, desired: { a: 1 } } }, 'wrong_shape', 1],
    ['update/accepted', { state: { reported: { a: 1 } }, version: '5' }, 'wrong_shape', 1],
    [
      'update/accepted',
      { state: { reported: { a: 1 } }, metadata: { reported: { a: { timestamp: 'x' } } } },
      'invalid_timestamp',
      1
    ],
    ['update/documents', { state: { reported: { a: 1 } } }, 'wrong_shape', 0],
    ['get/accepted', { state: null }, 'wrong_shape', 0]
  ]
  for (const [topic, payload, reason, count] of cases) {
    const { datapoints, rejections } = say(`${shadow}/${topic}`, payload)
    assert.deepEqual([datapoints.length, rejections], [count, [reason]], JSON.stringify(payload))
  }
  const odd = say(`${shadow}/update/accepted`, {
    state: { reported: { a: 1, b: 2, timestamp: 3 } },
    metadata: { reported: { a: 5, b: [], timestamp: stamp(7) } },
    timestamp: 'now'
  })
  assert.deepEqual(odd.datapoints, ['t1 a 1', 't1 b 2', `t1 timestamp 3 ${at(7)}`])
  const proto = say(`${shadow}/update/accepted`, '{"state":{"reported":{"__proto__":{"polluted":true}}}}')
  assert.deepEqual(proto.datapoints, ['t1 __proto__.polluted true'])
  assert.deepEqual(say(`${shadow}/update/accepted`, '', { kind: 'cleared' }).rejections, [])
})

const events = '$aws/events/presence'
const ms = (before: number): number => (noon - before) * 1_000

test('who is connected, whatever the order in which it is told', () => {
  const connected = (versionNumber: number, before: number) =>
    [
      `${events}/connected/t1`,
      { clientId: 't1', eventType: 'connected', versionNumber, timestamp: ms(before) }
    ] as const
  const disconnected = (versionNumber: number, before: number) =>
    [
      `${events}/disconnected/t1`,
      { clientId: 't1', eventType: 'disconnected', versionNumber, timestamp: ms(before) }
    ] as const
  const cases: Array<[ReadonlyArray<readonly [string, object]>, string]> = [
    [[connected(0, 50)], 'online'],
    [[connected(0, 50), disconnected(0, 40)], 'online offline'],
    [[disconnected(0, 40), connected(0, 50)], 'offline'],
    [[connected(0, 50), connected(0, 50)], 'online'],
    // Taken over: the end of the old connection comes late, and seems later
    [[connected(0, 50), connected(1, 40), disconnected(0, 39)], 'online online'],
    [[connected(7, 9_000), disconnected(7, 8_000), connected(0, 50)], 'online offline online'],
    [[connected(7, 9_000), disconnected(7, 8_000), connected(6, 8_500)], 'online offline']
  ]
  for (const [told, expected] of cases) {
    const say = normalizer(document)
    const seen = told.flatMap(([topic, payload]) =>
      say(topic, payload).outcome.presence.map(({ presence }) => presence)
    )
    assert.equal(seen.join(' '), expected)
  }
})

test('an event tells the thing, the address, and the reason', () => {
  const say = normalizer(document)
  const on = say(`${events}/connected/c/1`, {
    clientId: 'c/1',
    thingName: 't1',
    ipAddress: '192.0.2.1',
    versionNumber: 0,
    timestamp: ms(5)
  })
  assert.deepEqual(
    [on.presence, on.attributes],
    [['t1 online birth'], [{ device: 't1', attributes: { ip: '192.0.2.1' } }]]
  )
  const off = say(`${events}/disconnected/c/1`, {
    clientId: 'c/1',
    thingName: 't1',
    disconnectReason: 'CONNECTION_LOST',
    clientInitiatedDisconnect: false,
    versionNumber: 0,
    timestamp: ms(3)
  })
  assert.deepEqual(off.presence, ['t1 offline death'])
  assert.deepEqual(off.datapoints, [`t1 disconnectReason "CONNECTION_LOST" ${at(3)} event`])
  const bare = say(`${events}/connected/c9`, {})
  assert.deepEqual(
    [bare.presence, bare.rejections],
    [['c9 online birth'], ['invalid_timestamp', 'wrong_shape']]
  )
  assert.deepEqual(say(`${events}/connected/c9`, '').rejections, [])
  assert.deepEqual(say(`${events}/connected/c9`, '5').rejections, ['wrong_shape'])
})

test('commands go to the shadow, with a token that its answer carries', () => {
  const { commands } = create(awsShadow, {})
  const render = renderer(commands, { device: 't1', topic: `${events}/connected/t1` })
  const token = `rialto-${commandId}`
  assert.ok(Buffer.byteLength(token) <= 64)
  assert.deepEqual(render('desire', { state: { light: { color: 'red' } } }), {
    topic: `${shadow}/update`,
    payload: `{"state":{"desired":{"light":{"color":"red"}}},"clientToken":"${token}"}`,
    qos: 1,
    correlation: token,
    responds: 'received',
    effect: { metric: 'light.color', value: 'red' }
  })
  const named = render('desire', { state: { big: 2n ** 60n }, shadow: 'config', version: 7 })
  assert.equal(named.topic, `${shadow}/name/config/update`)
  assert.equal(
    named.payload,
    `{"state":{"desired":{"big":1152921504606846976}},"clientToken":"${token}","version":7}`
  )
  assert.deepEqual(named.effect, { metric: 'config/big', value: 2n ** 60n })
  assert.equal(render('desire', { state: { a: 1, b: 2 } }).effect, null)
  assert.equal(render('desire', { state: { a: null } }).effect, null)
  assert.equal(render('get', {}).payload, `{"clientToken":"${token}"}`)
  assert.equal(render('get', { shadow: '$package' }).topic, `${shadow}/name/$package/get`)
  assert.equal(render('delete', {}).topic, `${shadow}/delete`)
  assert.throws(() => render('desire', { state: {} }), CommandFault)
  let deep: object = {}
  for (let level = 0; level < 99; level++) deep = { deep }
  assert.throws(
    () => render('desire', { state: deep }),
    (error) => error instanceof CommandFault && error.parameter === 'state'
  )
  for (const name of ['', 'a/b', '+', 'x'.repeat(65)])
    assert.throws(
      () => render('get', { shadow: name }),
      (error) => error instanceof CommandFault && error.parameter === 'shadow'
    )
  for (const device of ['a/b', '+', ''])
    assert.throws(
      () => renderer(commands, { device })('get', {}),
      (error) => error instanceof CommandFault && error.parameter === null
    )
})

test('a shadow service answers a command of ours, and the device does it: response, then effect', () => {
  const render = renderer(create(awsShadow, {}).commands, { device: 't1' })
  const { payload, correlation, effect } = render('desire', { state: { color: 'red' } })
  const { state, clientToken } = JSON.parse(payload as string) as { state: object; clientToken: string }
  const say = normalizer(document)
  const response = say(`${shadow}/update/accepted`, { state, clientToken, version: 1, timestamp: noon })
  assert.equal(response.responses[0]!.correlation, correlation)
  assert.ok(!response.datapoints.some((line) => line.startsWith(`t1 ${effect!.metric} `)))
  const done = say(`${shadow}/update/accepted`, {
    state: { reported: { color: 'red' } },
    version: 2,
    timestamp: noon
  })
  assert.deepEqual(done.datapoints, [`t1 ${effect!.metric} ${JSON.stringify(effect!.value)} ${at(0)}`])
})

test('an authority that is none is a fault', () => {
  assert.throws(
    () => normalizer('conventions: [{ aws-shadow: { authority: cloud } }]'),
    (error) =>
      error instanceof MappingsError && error.faults[0]!.pointer === '/conventions/0/aws-shadow/authority'
  )
})

test('accepted parts, documents, or both, in any state: the same latest values', () => {
  const { tree } = fc.letrec((tie) => ({
    tree: fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant(null), fc.constant([1]), tie('tree')),
      { maxKeys: 3 }
    )
  }))
  const merge = (target: unknown, patch: unknown): unknown => {
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
    const result = new Map(
      typeof target === 'object' && target !== null && !Array.isArray(target) ? Object.entries(target) : []
    )
    for (const [name, value] of Object.entries(patch))
      if (value === null) result.delete(name)
      else result.set(name, merge(result.get(name), value))
    return Object.fromEntries(result)
  }
  const latestOf = (patches: readonly unknown[], topics: readonly string[]): string[] => {
    const say = normalizer(document)
    const latest = new Map<string, string>()
    let reported: unknown = {}
    for (const [index, patch] of patches.entries()) {
      const previous = { state: { reported }, version: index }
      reported = merge(reported, patch)
      const version = index + 1
      const messages: Record<string, object> = {
        'update/accepted': { state: { reported: patch }, version, timestamp: noon },
        'update/documents': { previous, current: { state: { reported }, version }, timestamp: noon }
      }
      for (const topic of topics)
        for (const line of say(`${shadow}/${topic}`, messages[topic]!).datapoints) {
          const [, metric, value] = line.split(' ')
          latest.set(metric!, value!)
        }
    }
    return [...latest]
      .filter(([, value]) => value !== 'null')
      .map((pair) => pair.join(' '))
      .toSorted()
  }
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 5 }), (patches) => {
      const parts = latestOf(patches, ['update/accepted'])
      assert.deepEqual(latestOf(patches, ['update/documents']), parts)
      assert.deepEqual(latestOf(patches, ['update/documents', 'update/accepted']), parts)
      assert.deepEqual(latestOf(patches, ['update/accepted', 'update/documents']), parts)
    }),
    { numRuns: 150 }
  )
})
