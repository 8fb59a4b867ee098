import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome, SourceMessage } from '../../src/datapoints.ts'
import { compileText, createRunner, mapping, message, reasons, receivedAt, values } from './mappings.ts'

const run = (text: string, topic: string, payload: unknown, more: Partial<SourceMessage> = {}): Outcome =>
  compileText(text).normalize(message(topic, payload, more), null).outcome

const site = 'topic: site/{site}/{device}/{metric}'

test('the topic names device and metric, or the mapping does, or the payload', () => {
  const table: Array<[string[], string, unknown, Record<string, unknown>]> = [
    [[site], 'site/a/b/t', 5, { 'b t': 5 }],
    [[site], 'site/a/b/t', { x: 1 }, { 'b t': { json: '{"x":1}' } }],
    [[site, 'device: "{site}-{device}"'], 'site/a/b/t', 5, { 'a-b t': 5 }],
    [[site, 'metric: "{device}.{metric}"'], 'site/a/b/t', 5, { 'b b.t': 5 }],
    [['topic: x/{device+}/state'], 'x/a/b/state', { t: 1 }, { 'a/b t': 1 }],
    [['topic: x/{device}/#'], 'x/a/b/c', { t: 1 }, { 'a t': 1 }],
    [['topic: x/{device}/#'], 'x/a', { t: 1 }, { 'a t': 1 }],
    [['topic: x/+/{device}'], 'x/y/a', 5, { 'a value': 5 }],
    [['topic: x/y', 'device: plant-1'], 'x/y', { t: 1 }, { 'plant-1 t': 1 }],
    [['topic: x', 'device: { select: id }', 'value: v'], 'x', { id: 'd', v: { t: 1 } }, { 'd t': 1 }],
    [['topic: x', 'device: { select: id }', 'value: v'], 'x', { id: 17, v: 2 }, { '17 value': 2 }],
    [['topic: x/{device}', 'metric: { select: n }', 'value: v'], 'x/a', { n: 't', v: 2 }, { 'a t': 2 }],
    [['topic: x/{device}', 'value: data.temp', 'metric: t'], 'x/a', { data: { temp: 2 } }, { 'a t': 2 }],
    [
      ['topic: x/{device}', 'value: data.temp', 'metric: t'],
      'x/a',
      { data: { temp: null } },
      { 'a t': null }
    ],
    [['topic: x/{device}', 'value: \'"machine.t"\'', 'metric: t'], 'x/a', { 'machine.t': 2 }, { 'a t': 2 }],
    [['topic: x/{device}', 'value: "l[-1]"', 'metric: t'], 'x/a', { l: [1, 2] }, { 'a t': 2 }]
  ]
  for (const [lines, topic, payload, expected] of table) {
    const outcome = run(mapping(...lines), topic, payload)
    assert.deepEqual([values(outcome), outcome.rejections], [expected, []], lines.join('; '))
  }
})

test('each item of a list is a record', () => {
  const senml = mapping(
    'topic: s',
    'device: { select: bn }',
    'each: "@"',
    'metric: { select: n }',
    'value: v',
    'unit: { select: u }',
    'timestamp: { select: t }'
  )
  const outcome = run(senml, 's', [
    { bn: 'd1', n: 'voltage', u: 'V', v: 120.1, t: 1763985600 },
    { bn: 'd2', n: 'current', v: 1.2 }
  ])
  assert.deepEqual(values(outcome), { 'd1 voltage': 120.1, 'd2 current': 1.2 })
  assert.deepEqual(
    outcome.datapoints.map(({ unit, clock, observedAt }) => [unit, clock, observedAt]),
    [
      ['V', 'device', 1763985600000],
      [null, 'received', receivedAt]
    ]
  )
  assert.deepEqual(outcome.devices, ['d1', 'd2'])
  const byTime = mapping(
    'topic: "{device}/messages/json"',
    'each: items(@)',
    'value: "[1]"',
    'timestamp: { select: "[0]" }'
  )
  const table = run(byTime, 'D/messages/json', {
    [receivedAt - 1_000]: { t: 1 },
    [receivedAt]: { t: 2, h: 3 }
  })
  assert.deepEqual(
    table.datapoints.map(({ metric, number, observedAt }) => [metric, number, observedAt - receivedAt]),
    [
      ['t', 1, -1_000],
      ['t', 2, 0],
      ['h', 3, 0]
    ]
  )
  const broken = mapping('topic: x/{device}', 'each: l', 'metric: m')
  assert.deepEqual(reasons(run(broken, 'x/a', { l: { a: 1 } })), ['wrong_shape'])
  assert.deepEqual(reasons(run(broken, 'x/a', { k: 1 })), ['nothing_selected'])
  assert.deepEqual(reasons(run(broken, 'x/a', { l: [] })), [])
})

test('named metrics have a type, a unit, and may be events', () => {
  const text = mapping(
    'topic: x/{device}',
    'unit: common',
    'quality: { select: q }',
    'booleans: { true: ["open"], false: ["closed"] }',
    'metrics:',
    '  - { name: temperature, value: data.temp, unit: "°C", type: number }',
    '  - { name: count, value: c, type: integer, unit: { select: cu } }',
    '  - { name: door, value: d, type: boolean }',
    '  - { name: label, value: l, type: text }',
    '  - { name: raw, value: l, type: json }',
    '  - { name: pressed, value: p, event: true }'
  )
  const full = { data: { temp: '21.5' }, c: 3, cu: 'pcs', d: 'open', l: 17, p: 'single', q: 'good' }
  const outcome = run(text, 'x/a', full)
  assert.deepEqual(values(outcome), {
    'a temperature': 21.5,
    'a count': 3,
    'a door': true,
    'a label': '17',
    'a raw': { json: '17' },
    'a pressed': 'single'
  })
  assert.deepEqual(
    outcome.datapoints.map(({ unit, role, quality }) => [unit, role, quality]),
    [
      ['°C', 'state', 'good'],
      ['pcs', 'state', 'good'],
      ...Array.from({ length: 3 }, () => ['common', 'state', 'good']),
      ['common', 'event', 'good']
    ]
  )
  const wrong = run(text, 'x/a', { data: { temp: '21.5°C' }, c: 1.5, d: 'ajar', l: {}, p: 1 })
  assert.deepEqual(values(wrong), { 'a raw': { json: '{}' }, 'a pressed': 1 })
  assert.deepEqual(reasons(wrong), ['not_a_number', 'not_a_boolean', 'wrong_shape'])
  assert.match(wrong.rejections[0]!.detail, /temperature.*21\.5°C.*1 more/)
  assert.deepEqual(reasons(run(text, 'x/a', { z: 1 })), ['nothing_selected'])
})

test('decoders take the payload as what the mapping says', () => {
  const table: Array<[decoder: string, payload: unknown, expected: unknown, reason?: string]> = [
    ['json', '{"a":1}', { json: '{"a":1}' }],
    ['json', '{"a"', undefined, 'malformed_json'],
    ['json', 'text', undefined, 'malformed_json'],
    ['json', '', undefined, 'empty_payload'],
    ['text', '23', '23'],
    ['text', '', ''],
    ['text', Buffer.from([0xff]), undefined, 'not_utf8'],
    ['number', ' 23\n', 23],
    ['number', '9007199254740993', 9007199254740993n],
    ['number', '1e400', undefined, 'not_a_number'],
    ['number', '0x10', undefined, 'not_a_number'],
    ['number', '', undefined, 'empty_payload'],
    ['boolean', 'ON', true],
    ['boolean', 'off', false],
    ['boolean', 'ajar', undefined, 'not_a_boolean'],
    ['bytes', '23', { bytes: '3233' }],
    ['bytes', '', { bytes: '' }],
    ['auto', '', undefined]
  ]
  for (const [decoder, payload, expected, reason] of table) {
    const outcome = run(mapping(site, `decoder: ${decoder}`), 'site/a/b/m', payload)
    assert.deepEqual(values(outcome)['b m'], expected, `${decoder} ${String(payload)}`)
    assert.deepEqual(reasons(outcome), reason === undefined ? [] : [reason], `${decoder} ${String(payload)}`)
    // It was heard from, whatever it said
    assert.deepEqual(outcome.devices, ['b'])
  }
})

test('the time is the device’s, in any unit, if it can be true', () => {
  const at = Date.UTC(2026, 10, 24, 11, 59, 59, 123)
  const table: Array<[value: unknown, unit: string, observedAt: number | null, clock: string]> = [
    [Math.floor(at / 1_000), 'auto', at - 123, 'device'],
    [at / 1_000, 'auto', at, 'device'],
    [at, 'auto', at, 'device'],
    [at * 1_000, 'auto', at, 'device'],
    [String(at), 'auto', at, 'device'],
    ['2026-11-24T11:59:59.123Z', 'auto', at, 'device'],
    ['2026-11-24T12:59:59.123456789+01:00', 'iso', at, 'device'],
    ['2026-11-24 11:59:59.123z', 'auto', at, 'device'],
    [at, 's', null, 'ahead'],
    [at, 'us', null, 'behind'],
    [at / 1_000, 's', at, 'device'],
    [0, 'auto', null, 'behind'],
    [-1, 'auto', null, 'behind'],
    [null, 'auto', null, 'received'],
    ['2262-04-12T00:00:00Z', 'auto', null, 'ahead']
  ]
  const text = (unit: string): string => mapping(site, 'value: v', `timestamp: { select: t, unit: ${unit} }`)
  for (const [t, unit, observedAt, clock] of table) {
    const [datapoint] = run(text(unit), 'site/a/b/m', { t, v: 1 }).datapoints
    assert.deepEqual(
      [datapoint!.observedAt, datapoint!.clock],
      [observedAt ?? receivedAt, clock],
      `${String(t)} ${unit}`
    )
  }
  const nanoseconds = run(text('auto'), 'site/a/b/m', `{"t":${at}000001,"v":1}`)
  assert.equal(nanoseconds.datapoints[0]!.observedAt, at)
  for (const t of [
    '',
    'yesterday',
    '2026-11-24T11:59:59',
    '2026-02-30T00:00:00Z',
    '2026-11-24',
    {},
    true,
    'NaN'
  ]) {
    const outcome = run(text('auto'), 'site/a/b/m', { t, v: 1 })
    assert.deepEqual(
      [reasons(outcome), outcome.datapoints[0]!.clock],
      [['invalid_timestamp'], 'received'],
      String(t)
    )
  }
  // At the bounds themselves
  for (const [offset, clock] of [
    [3_600_000, 'device'],
    [3_600_001, 'ahead'],
    [-3_162_240_00 * 1_000, 'device'],
    [-3_162_240_00 * 1_000 - 1, 'behind']
  ] as const)
    assert.equal(
      run(text('ms'), 'site/a/b/m', { t: receivedAt + offset, v: 1 }).datapoints[0]!.clock,
      clock,
      String(offset)
    )
})

test('replace: what the last message had and this one has not is null', () => {
  const set = compileText(mapping('topic: x/{device}', 'merge: replace'))
  const next = createRunner(set)
  const say = (topic: string, payload: unknown) => values(next(message(topic, payload)))
  assert.deepEqual(say('x/a', { t: 1, h: 2 }), { 'a t': 1, 'a h': 2 })
  assert.deepEqual(say('x/a', { t: 1 }), { 'a t': 1, 'a h': null })
  assert.deepEqual(say('x/b', { h: 3 }), { 'b h': 3 })
  assert.deepEqual(say('x/a', { t: 2 }), { 'a t': 2 })
  assert.deepEqual(say('x/a', '{"t":'), { 'a value': '{"t":', 'a t': null })
  assert.equal(set.mappings[0]!.stateful, true)
})

test('merge: RFC 7396, told for what the message touches', () => {
  const set = compileText(mapping('topic: x/{device}', 'merge: merge', 'timestamp: { select: ts }'))
  const next = createRunner(set)
  const say = (payload: unknown) => values(next(message('x/a', payload)))
  assert.deepEqual(say('{"sw":{"on":true,"w":5},"big":18446744073709551615}'), {
    'a sw.on': true,
    'a sw.w': 5,
    'a big': 18446744073709551615n
  })
  assert.deepEqual(say('{"sw":{"w":6}}'), { 'a sw.w': 6 })
  assert.deepEqual(say('{"sw":{"w":6}}'), { 'a sw.w': 6 })
  assert.deepEqual(say('{"sw":{"on":null}}'), { 'a sw.on': null })
  assert.deepEqual(say('{"l":[1,2]}'), { 'a l': { json: '[1,2]' } })
  assert.deepEqual(say('{"__proto__":{"admin":1}}'), { 'a __proto__.admin': 1 })
  assert.deepEqual(say('{"big":18446744073709551614}'), { 'a big': 18446744073709551614n })
  assert.equal(({} as Record<string, unknown>)['admin'], undefined)

  const named = createRunner(
    compileText(
      mapping(
        'topic: x/{device}',
        'merge: merge',
        'metrics: [{ name: p, value: "v && i && [v, i]" }, { name: v, value: v }]'
      )
    )
  )
  assert.deepEqual(values(named(message('x/a', { v: 230 }))), { 'a v': 230 })
  assert.deepEqual(values(named(message('x/a', { i: 2 }))), { 'a p': { json: '[230,2]' } })
  const gone = named(message('x/a', { v: null, i: null }))
  assert.deepEqual([values(gone), gone.rejections], [{ 'a p': null, 'a v': null }, []])
})

test('the memory is bounded: what would be larger is refused, and what was remembered stays', () => {
  for (const merge of ['merge', 'replace']) {
    const set = compileText(mapping('topic: x/{device}', `merge: ${merge}`), {
      limits: { decoderStateBytesMax: 60 }
    })
    const large = set.normalize(message('x/a', { ['large'.repeat(20)]: 1 }), null)
    assert.deepEqual([large.state, reasons(large.outcome)], [undefined, ['state_too_large']])
    const next = createRunner(set)
    assert.deepEqual(reasons(next(message('x/a', { first: 1 }))), [])
    const outcome = next(message('x/a', { ['second'.repeat(20)]: 2 }))
    assert.deepEqual(reasons(outcome), ['state_too_large'])
    assert.deepEqual(Object.values(values(outcome)), [2])
    const last = next(message('x/a', { third: 3 }))
    assert.deepEqual(values(last), merge === 'merge' ? { 'a third': 3 } : { 'a third': 3, 'a first': null })
  }
})

test('events are told as such', () => {
  const outcome = run(mapping('topic: x/{device}', 'merge: event'), 'x/a', { action: 'single' })
  assert.deepEqual(
    outcome.datapoints.map(({ role }) => role),
    ['event']
  )
})

test('an availability topic tells presence', () => {
  const text = mapping('topic: x/{device}/status', 'presence: {}')
  const table: Array<[payload: string, presence: string | null]> = [
    ['online', 'online'],
    ['Online\n', 'online'],
    ['true', 'online'],
    ['1', 'online'],
    ['offline', 'offline'],
    ['0', 'offline'],
    ['', 'unknown'],
    ['gone', null],
    ['{"state":"online"}', null]
  ]
  for (const [payload, presence] of table) {
    const outcome = run(text, 'x/a/status', payload)
    assert.deepEqual(
      outcome.presence,
      presence === null
        ? []
        : [
            {
              device: 'a',
              presence,
              source: presence === 'unknown' ? 'cleared' : 'availability',
              at: receivedAt
            }
          ],
      payload
    )
    assert.deepEqual(reasons(outcome), presence === null ? ['unknown_presence'] : [])
    assert.deepEqual([outcome.devices, outcome.datapoints], [presence === 'online' ? ['a'] : [], []])
  }
  const cleared = run(text, 'x/a/status', '', { kind: 'cleared' })
  assert.deepEqual(
    [cleared.presence[0]!.presence, cleared.presence[0]!.source, cleared.devices],
    ['unknown', 'cleared', []]
  )
  const found = run(text, 'x/a/status', 'online', { kind: 'snapshot' })
  assert.deepEqual([found.presence[0]!.presence, found.devices], ['online', []])

  const own = mapping(
    'topic: x/{device}/status',
    'value: state',
    'presence: { online: ["ready"], offline: ["lost"] }'
  )
  assert.equal(run(own, 'x/a/status', { state: 'ready' }).presence[0]!.presence, 'online')
  assert.equal(run(own, 'x/a/status', { state: 'lost' }).presence[0]!.presence, 'offline')
  assert.deepEqual(reasons(run(own, 'x/a/status', { state: 'online' })), ['unknown_presence'])
  assert.deepEqual(reasons(run(text, 'x/a\u0001/status', 'online')), ['invalid_device'])
})

test('a live message from a device whose silence says something makes it online; one that was found does not', () => {
  const text = mapping('topic: x/{device}', 'offlineAfter: 5m')
  const live = run(text, 'x/a', { t: 1 })
  assert.deepEqual(live.presence, [{ device: 'a', presence: 'online', source: 'seen', at: receivedAt }])
  assert.equal(live.offlineAfterSeconds, 300)
  assert.deepEqual(run(text, 'x/a', { t: 1 }, { kind: 'snapshot' }).presence, [])
  assert.deepEqual(run(text, 'x/a', '', { kind: 'cleared' }).presence, [])
  assert.equal(run(text, 'x/a', '{').presence.length, 1)
  assert.deepEqual(run(mapping('topic: x/{device}'), 'x/a', { t: 1 }).presence, [])
})

test('the first mapping that matches is the one; commands are told', () => {
  const set = compileText(`automatic: true
mappings:
  - name: special
    topic: x/special/{device}
  - name: general
    topic: x/{site}/{device}
    commands:
      - { name: set, topic: "x/{site}/{device}/set", responseTopic: "x/{site}/{device}/ack", correlation: id }
      - { name: stop, topic: "x/{site}/stop" }
`)
  assert.deepEqual(
    ['x/special/a', 'x/y/a', 'x/y', '$x/y/a'].map((topic) => set.match(topic)?.mapping.name ?? null),
    ['special', 'general', 'automatic', null]
  )
  const { mapping: general, captures, stateKey } = set.match('x/y/a')!
  assert.deepEqual([captures, stateKey], [{ site: 'y', device: 'a' }, null])
  assert.deepEqual(general, {
    name: 'general',
    topic: 'x/{site}/{device}',
    filter: 'x/+/+',
    decoder: 'auto',
    merge: 'append',
    stateful: false,
    offlineAfterSeconds: null,
    commands: [
      {
        name: 'set',
        topic: 'x/{site}/{device}/set',
        responseTopic: 'x/{site}/{device}/ack',
        correlation: 'id'
      },
      { name: 'stop', topic: 'x/{site}/stop', responseTopic: null, correlation: null }
    ],
    line: 5
  })
  assert.equal(set.mappings.at(-1)!.line, null)
})

test('the hash says what the document means', () => {
  const text = mapping('topic: x/{device}', 'merge: replace', 'unit: V')
  const same = `# a comment\nmappings:\n- unit: "V"\n  merge:   replace\n  topic: x/{device}\n  name: one\n`
  const [one, other] = [compileText(text), compileText(same)]
  assert.equal(one.hash, other.hash)
  assert.notEqual(one.hash, compileText(text.replace('V', 'A')).hash)
  // Its memory outlives what does not change its meaning, and only that
  const key = (changed: string): string | null => compileText(changed).match('x/a')!.stateKey
  assert.equal(key(same), key(text))
  assert.equal(key(`${text}    offlineAfter: 5m\n`), key(text))
  assert.notEqual(key(text.replace('V', 'A')), key(text))
  assert.ok(compileText(text).match(`x/${'y'.repeat(60_000)}`)!.stateKey!.length < 300)
})
