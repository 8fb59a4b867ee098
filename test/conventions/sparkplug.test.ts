/** Sparkplug B: births, data and deaths, their order, and what is asked of nodes. Data types have a test of their own. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { deflateSync, gzipSync } from 'node:zlib'
import { test } from 'node:test'
import { decodePayload } from '../../src/conventions/sparkplug/payload.ts'
import { hex, normalizer } from './say.ts'
import type { Said } from './say.ts'
import { after, at, bdSeq, datum, effects, metric, payload, startNode } from './sparkplug-messages.ts'

const fixtures = (
  JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Array<{
    id: string
    convention: string
    topic: string
    retain: boolean
    hex?: string
    utf8?: string
  }>
).filter(({ convention }) => convention === 'sparkplug')

const rebirthIn = (ms: number): string => `rebirth G1/E1 to spBv1.0/G1/NCMD/E1 in ${ms}`
const cancelled = 'cancel rebirth G1/E1'
const time = '(2026-11-24T11:59:59.000Z)'

test('every fixture says what is expected of it', () => {
  const say = normalizer('conventions: [sparkplug]')
  // Their clocks are those of the specification's examples; ten years behind is still believed
  const clock = { receivedAt: 1_486_144_502_122 + 60_000 }
  const told = Object.fromEntries(
    fixtures.map(({ id, topic, hex: bytes, utf8 }) => {
      const said = say(topic, bytes === undefined ? utf8! : hex(bytes), clock)
      return [id, [...said.datapoints, ...said.presence, ...said.rejections, ...effects(said)]]
    })
  )
  const born = '(2017-02-03T17:55:02.122Z)'
  assert.deepEqual(told, {
    'spb-NBIRTH': [
      `G1/E1 bdSeq 0 ${born}`,
      `G1/E1 Node Control/Rebirth false ${born}`,
      `G1/E1 Supply Voltage 12.100000381469727 ${born}`,
      `G1/E1 Offset -5 ${born}`,
      `G1/E1 Counter 18446744073709551615 ${born}`,
      'G1/E1 online birth'
    ],
    'spb-DBIRTH': [
      `G1/E1/D1 Inputs/A false ${born}`,
      `G1/E1/D1 Outputs/LEDs/Green false ${born}`,
      `G1/E1/D1 Properties/Hardware Make "Pibrella" ${born}`,
      'G1/E1/D1 online birth'
    ],
    'spb-NDATA_alias': ['G1/E1 Supply Voltage 12.300000190734863 (2017-02-03T17:55:03.122Z)'],
    'spb-DDATA_alias': ['G1/E1/D1 Inputs/A true (2017-02-03T17:55:04.122Z)'],
    'spb-NDEATH': ['G1/E1 offline death', 'G1/E1/D1 offline death'],
    'spb-NCMD_rebirth': [],
    'spb-DCMD_green': [],
    'spb-state': ['STATE/bridge1 online availability']
  })
})

test('the other payloads of the research', () => {
  const say = normalizer('conventions: [sparkplug]')
  for (const { topic, hex: bytes } of fixtures.slice(0, 4)) say(topic, hex(bytes!))
  const historical = say(
    'spBv1.0/G1/DDATA/E1/D1',
    hex('08a28af6a8a02b120d100a18e2cbf5a8a02b28017000120b100c18a28af6a8a02b38011804')
  )
  assert.deepEqual(historical.datapoints, [
    'G1/E1/D1 Inputs/A false (2017-02-03T17:54:57.122Z) historical',
    'G1/E1/D1 Properties/Hardware Make null (2017-02-03T17:55:05.122Z)'
  ])
  const stale = say('spBv1.0/G1/NDEATH/E1', hex('08eaf2f5a8a02b12120a05626453657118eaf2f5a8a02b20045807'))
  assert.deepEqual([stale.presence, stale.datapoints, stale.rejections, stale.effects], [[], [], [], []])
})

test('a birth: tells units, qualities, and what else is known of metrics', () => {
  const { nbirth, ndata } = startNode()
  const said = nbirth(0, [
    bdSeq(0),
    metric('T', 'Float', 21.5, {
      alias: 1,
      properties: {
        keys: ['engUnit', 'Quality', 'engLow', 'engHigh', '__proto__', 'tags', 'list', 'gone', 'bad'],
        values: [
          { type: 12, stringValue: '°C' },
          { type: 3, intValue: 192 },
          { type: 10, doubleValue: -40 },
          { type: 10, doubleValue: Infinity },
          { type: 11, booleanValue: true },
          { type: 20, propertysetValue: { keys: ['a'], values: [{ type: 3, intValue: 4294967295 }] } },
          {
            type: 21,
            propertysetsValue: { propertyset: [{ keys: ['b'], values: [{ type: 12, stringValue: 'x' }] }] }
          },
          { type: 12, isNull: true },
          { type: 3, stringValue: 'no integer' }
        ]
      }
    }),
    metric('Map', 'File', 'AAEC', {
      metadata: { fileName: 'map.bin', contentType: 'application/x', size: 3 }
    })
  ])
  assert.deepEqual(said.datapoints, [
    `G1/E1 bdSeq 0 ${time}`,
    `G1/E1 T 21.5 [°C] ${time} quality=GOOD`,
    `G1/E1 Map 0x000102 ${time}`
  ])
  assert.equal(
    JSON.stringify(said.attributes),
    JSON.stringify([
      {
        device: 'G1/E1',
        attributes: JSON.parse(
          '{"T":{"engLow":-40,"engHigh":null,"__proto__":true,"tags":{"a":-1},"list":[{"b":"x"}],"gone":null,"bad":null},"Map":{"contentType":"application/x","fileName":"map.bin","size":3}}'
        )
      }
    ])
  )
  assert.deepEqual(
    ndata(1, [
      datum(1, 'Float', 22, { properties: { keys: ['Quality'], values: [{ type: 3, intValue: 500 }] } }),
      datum(1, 'Float', 23, { properties: { keys: ['Quality'], values: [{ type: 3, intValue: 0 }] } }),
      datum(1, 'Float', 24, { properties: { keys: ['Quality'], values: [{ type: 3, intValue: 300 }] } }),
      datum(1, 'Float', 25, {
        properties: { keys: ['EngUnits'], values: [{ type: 12, stringValue: 'K' }] }
      })
    ]).datapoints,
    [
      `G1/E1 T 22 [°C] ${time} quality=STALE`,
      `G1/E1 T 23 [°C] ${time} quality=BAD`,
      `G1/E1 T 24 [°C] ${time} quality=300`,
      `G1/E1 T 25 [K] ${time}`
    ]
  )
})

test('a birth: tells templates by their members, and is remembered so', () => {
  const { nbirth, dbirth, ddata } = startNode()
  const member = [metric('RPM', 'Int16', 1500), metric('Gear', 'UInt8', 3, { alias: 77 })]
  const definition = {
    name: 'Motor',
    datatype: 19,
    templateValue: { isDefinition: true, metrics: member, version: '1' }
  }
  const inner = {
    name: 'In',
    datatype: 19,
    templateValue: { templateRef: 'Deep', metrics: [metric('X', 'Double', 1)] }
  }
  assert.deepEqual(nbirth(0, [bdSeq(0), definition]).datapoints, [`G1/E1 bdSeq 0 ${time}`])
  const parameters = [{ name: 'maker', type: 12, stringValue: 'ACME' }]
  const born = dbirth('D1', 1, [
    {
      name: 'M1',
      alias: 5,
      datatype: 19,
      templateValue: { isDefinition: false, templateRef: 'Motor', metrics: [...member, inner], parameters }
    }
  ])
  assert.deepEqual(born.datapoints, [
    `G1/E1/D1 M1/RPM 1500 ${time}`,
    `G1/E1/D1 M1/Gear 3 ${time}`,
    `G1/E1/D1 M1/In/X 1 ${time}`
  ])
  assert.deepEqual(born.attributes, [{ device: 'G1/E1/D1', attributes: { M1: { maker: 'ACME' } } }])
  // A part of the members, without data types; the template by its alias, a member by its own
  const said = ddata('D1', 2, [
    { alias: 5, templateValue: { metrics: [datum('RPM', 'Int16', -7), { alias: 77, intValue: 4 }] } },
    { name: 'M1', isNull: true, templateValue: { metrics: [] } },
    { alias: 77, intValue: 5 }
  ])
  assert.deepEqual(said.datapoints, [
    `G1/E1/D1 M1/RPM -7 ${time}`,
    `G1/E1/D1 M1/Gear 4 ${time}`,
    `G1/E1/D1 M1/Gear 5 ${time}`
  ])
  assert.deepEqual([said.rejections, effects(said)], [[], []])
})

test('a birth: of a node ends those of its devices', () => {
  const { nbirth, dbirth, ddata } = startNode()
  nbirth(0, [bdSeq(0)])
  dbirth('D1', 1, [metric('a', 'Int32', 1, { alias: 1 })])
  dbirth('D2', 2, [metric('a', 'Int32', 1, { alias: 2 })])
  assert.deepEqual(nbirth(0, [bdSeq(0)]).presence, [
    'G1/E1 online birth',
    'G1/E1/D1 offline birth',
    'G1/E1/D2 offline birth'
  ])
  assert.deepEqual(dbirth('D2', 1, [metric('a', 'Int32', 1, { alias: 3 })]).presence, [
    'G1/E1/D2 online birth'
  ])
  // Of the session before
  assert.deepEqual(ddata('D1', 2, [datum(1, 'Int32', 5)]).rejections, ['wrong_shape'])
  assert.deepEqual(ddata('D2', 3, [datum(2, 'Int32', 5)]).rejections, ['wrong_shape'])
  assert.deepEqual(ddata('D2', 4, [datum(3, 'Int32', 5)]).datapoints, [`G1/E1/D2 a 5 ${time}`])
  assert.deepEqual(nbirth(0, [bdSeq(1)]).presence, ['G1/E1 online birth', 'G1/E1/D2 offline birth'])
})

test('a birth: that is kept by a broker says what a node has, and not that it is there', () => {
  const { say, ndata, ndeath, nbirth, ddata } = startNode()
  const certificates = '$sparkplug/certificates/spBv1.0/G1'
  const device = say(`${certificates}/DBIRTH/E1/D1`, payload(1, [metric('b', 'Int8', 1, { alias: 2 })]), {
    kind: 'snapshot'
  })
  assert.deepEqual([device.datapoints, device.presence], [[`G1/E1/D1 b 1 ${time}`], []])
  const born = [bdSeq(3), metric('a', 'Int32', 1, { alias: 1 })]
  const said = say(`${certificates}/NBIRTH/E1`, payload(0, born), { kind: 'snapshot' })
  assert.deepEqual([said.datapoints.length, said.presence, effects(said)], [2, [], []])
  // Any seq is right then, and from there on they are counted
  const first = ndata(200, [datum(1, 'Int32', -2)])
  assert.deepEqual([first.datapoints, effects(first)], [[`G1/E1 a -2 ${time}`], []])
  assert.deepEqual(ddata('D1', 201, [datum(2, 'Int8', -3)]).datapoints, [`G1/E1/D1 b -3 ${time}`])
  assert.deepEqual(effects(ndata(203, [])), [rebirthIn(2_000)])
  // Once more, live, and a copy after the birth itself: nothing new
  const again = say(`${certificates}/NBIRTH/E1`, payload(0, born))
  assert.deepEqual([again.datapoints, again.presence], [[], []])
  nbirth(0, [bdSeq(4)])
  assert.deepEqual(say(`${certificates}/NBIRTH/E1`, payload(0, born)).datapoints, [])
  assert.deepEqual(effects(ndata(1, [])), [])
  // A newer one is of a session whose birth was not heard
  const newer = payload(0, [bdSeq(5), metric('z', 'Int32', 1, { alias: 1 })], { timestamp: at + 500 })
  assert.equal(say(`${certificates}/NBIRTH/E1`, newer, { kind: 'snapshot' }).datapoints.length, 2)
  assert.deepEqual(ndata(77, [datum(1, 'Int32', 6)]).datapoints, [`G1/E1 z 6 ${time}`])
  for (const kind of ['snapshot', 'cleared'] as const) {
    assert.deepEqual(ndeath([bdSeq(5)], { kind }).presence, [])
    assert.deepEqual(say('spBv1.0/G1/DBIRTH/E1/D9', '', { kind: 'cleared' }).rejections, [])
  }
})

test('a birth: without alias, name, value or data type', () => {
  const { nbirth, ndata } = startNode()
  const said = nbirth(0, [
    bdSeq(0),
    { alias: 4, intValue: 1 },
    { name: '', alias: 4, intValue: 1 },
    { name: 'empty', datatype: 3 },
    { name: 'untyped', intValue: 7 },
    { name: 'wrong', datatype: 12, intValue: 7 },
    { name: 'unheard', datatype: 99, stringValue: 'x' }
  ])
  assert.deepEqual(said.datapoints, [
    `G1/E1 bdSeq 0 ${time}`,
    `G1/E1 empty null ${time}`,
    `G1/E1 untyped 7 ${time}`,
    `G1/E1 unheard "x" ${time}`
  ])
  assert.deepEqual(said.rejections, ['wrong_shape'])
  assert.match(said.outcome.rejections[0]!.detail, /Alias 4 was not in the birth of G1\/E1 \(and 2 more/)
  assert.deepEqual(ndata(1, [{ name: 'empty', intValue: 4294967295 }]).datapoints, [`G1/E1 empty -1 ${time}`])
})

test('time: is the metric’s, else the message’s, else ours', () => {
  const { nbirth, say } = startNode()
  nbirth(0, [bdSeq(0), metric('a', 'Int32', 1, { alias: 1 })])
  const told = (metrics: object[], more: object): Said =>
    say('spBv1.0/G1/NDATA/E1', payload(null, metrics, more))
  assert.deepEqual(told([datum(1, 'Int32', 2, { timestamp: at - 1_000 })], {}).datapoints, [
    'G1/E1 a 2 (2026-11-24T11:59:58.000Z)'
  ])
  assert.deepEqual(told([datum(1, 'Int32', 2)], {}).datapoints, [`G1/E1 a 2 ${time}`])
  assert.deepEqual(told([datum(1, 'Int32', 2)], { timestamp: undefined }).datapoints, ['G1/E1 a 2'])
  const beyond = told([datum(1, 'Int32', 2, { timestamp: 2n ** 64n - 1n })], {})
  assert.deepEqual([beyond.datapoints, beyond.rejections], [[`G1/E1 a 2 ${time}`], ['invalid_timestamp']])
})

test('time: does not make history latest, nor a part a whole', () => {
  const { nbirth, ndata } = startNode()
  nbirth(0, [bdSeq(0), metric('a', 'Bytes', '', { alias: 1 })])
  assert.deepEqual(
    ndata(1, [
      datum(1, 'Bytes', 'AA==', { isHistorical: true }),
      datum(1, 'Bytes', 'AQ==', { isTransient: true }),
      datum(1, 'Bytes', 'Ag==', { metadata: { isMultiPart: true } })
    ]).datapoints,
    [`G1/E1 a 0x00 ${time} historical`, `G1/E1 a 0x01 ${time}`, `G1/E1 a 0x02 ${time} event`]
  )
})

test('deaths: of a node take its devices with it, and end what aliases mean', () => {
  const { nbirth, dbirth, ddeath, ndeath, ndata, ddata } = startNode()
  nbirth(0, [bdSeq(7), metric('a', 'Int32', 1, { alias: 1 })])
  for (const [device, seq] of [
    ['D1', 1],
    ['D2', 2],
    ['D3', 3]
  ] as const)
    dbirth(device, seq, [])
  assert.deepEqual(ddeath('D2', 4).presence, ['G1/E1/D2 offline death'])
  for (const wrong of [6, 8, 263]) assert.deepEqual(ndeath([bdSeq(wrong)]).presence, [])
  const death = ['G1/E1 offline death', 'G1/E1/D1 offline death', 'G1/E1/D3 offline death']
  // UInt64 here, Int64 in the birth
  assert.deepEqual(ndeath([metric('bdSeq', 'UInt64', 7)]).presence, death)
  assert.deepEqual(ndeath([bdSeq(7)]).presence, ['G1/E1 offline death'])
  const said = ndata(5, [datum(1, 'Int32', 2)])
  assert.deepEqual([said.datapoints, said.rejections, effects(said)], [[], ['wrong_shape'], [rebirthIn(250)]])
  assert.deepEqual(ddata('D1', 6, [{ name: 'x', intValue: 1 }]).rejections, ['wrong_shape'])
  assert.deepEqual(nbirth(0, [bdSeq(8)]).presence, ['G1/E1 online birth'])
})

test('deaths: end what a node was to be asked for', () => {
  const { nbirth, ndata, ndeath } = startNode()
  nbirth(0, [bdSeq(0)])
  ndata(2, [])
  assert.deepEqual(effects(ndeath([bdSeq(0)])), [cancelled])
  assert.deepEqual(effects(ndeath([bdSeq(0)])), [])
  ndata(3, [])
  assert.deepEqual(effects(ndeath([bdSeq(0)])), [cancelled])
})

test('deaths: that say no bdSeq, or are of a node that was never born', () => {
  assert.deepEqual(startNode().ndeath([bdSeq(1)]).presence, ['G1/E1 offline death'])
  const one = startNode()
  one.nbirth(0, [bdSeq(1)])
  assert.deepEqual(one.ndeath([]).presence, ['G1/E1 offline death'])
  const two = startNode()
  two.nbirth(0, [])
  assert.deepEqual(two.ndeath([bdSeq(1)]).presence, ['G1/E1 offline death'])
  const three = startNode()
  assert.deepEqual(three.ddeath('D1', 5).presence, ['G1/E1/D1 offline death'])
  three.dbirth('D1', 6, [])
  assert.deepEqual(three.ndeath([bdSeq(1)]).presence, ['G1/E1 offline death', 'G1/E1/D1 offline death'])
})

const born = [bdSeq(0), metric('a', 'Int32', 1, { alias: 1 })]
const one = [datum(1, 'Int32', 2)]

test('the order: wraps after 255, and may begin anywhere', () => {
  const { nbirth, ndata } = startNode()
  nbirth(250, born)
  for (let seq = 251; seq < 600; seq++) {
    const said = ndata(seq % 256, one)
    assert.deepEqual([said.datapoints.length, effects(said)], [1, []])
  }
  // 256 instead of 0, as some nodes count
  assert.deepEqual(effects(ndata((600 % 256) + 256, one)), [])
})

test('the order: a gap waits for what is late', () => {
  const { nbirth, ndata } = startNode('{ reorderTime: 5s }')
  nbirth(0, born)
  assert.deepEqual(effects(ndata(3, one)), [rebirthIn(5_000)])
  assert.deepEqual(effects(ndata(2, one, after(1_000))), [])
  assert.deepEqual(effects(ndata(5, one, after(1_500))), [])
  assert.deepEqual(effects(ndata(1, one, after(2_000))), [])
  assert.deepEqual(effects(ndata(4, one, after(3_000))), [cancelled])
  assert.deepEqual(effects(ndata(6, one, after(3_000))), [])
})

test('the order: a gap that does not fill ends in a rebirth, which is asked for again after half a minute, then a minute', () => {
  const { nbirth, ndata, say } = startNode()
  nbirth(0, born)
  assert.deepEqual(effects(ndata(2, one)), [rebirthIn(2_000)])
  const asked = [3_000, 10_000, 31_900, 32_100, 60_000, 92_000, 92_500].map((ms, index) => [
    ms,
    ...effects(ndata(3 + index, one, after(ms)))
  ])
  assert.deepEqual(asked, [
    [3_000],
    [10_000],
    [31_900],
    [32_100, rebirthIn(250)],
    [60_000],
    [92_000],
    [92_500, rebirthIn(250)]
  ])
  const answer = payload(0, born, { timestamp: at + 1 })
  assert.deepEqual(effects(say('spBv1.0/G1/NBIRTH/E1', answer, after(93_000))), [cancelled])
  // Answered: the next gap need not wait for the minute
  assert.deepEqual(effects(ndata(2, one, after(94_000))), [rebirthIn(2_000)])
  const again = payload(0, born, { timestamp: at + 2 })
  assert.deepEqual(effects(say('spBv1.0/G1/NBIRTH/E1', again, after(95_000))), [cancelled])
})

test('the order: what comes twice is no gap; what was missed while we were away is one', () => {
  const { nbirth, ndata } = startNode()
  nbirth(0, born)
  for (const seq of [1, 1, 2, 1, 2, 3]) assert.deepEqual(effects(ndata(seq, one, after(seq * 100))), [])
  // 200 messages later, and 250. A death and a birth may be among them: names are those that they were, aliases may not be
  const late = ndata(203, [datum(1, 'Int32', 2), datum('a', 'Int32', -3)], after(3_600_000))
  assert.deepEqual(late.datapoints, [`G1/E1 a -3 ${time}`])
  assert.deepEqual([late.rejections, late.presence, effects(late)], [['wrong_shape'], [], [rebirthIn(250)]])
  assert.deepEqual(effects(nbirth(204, born, after(3_601_000))), [cancelled])
  assert.equal(ndata(205, one, after(3_602_000)).datapoints.length, 1)
  const { nbirth: birth, ndata: tell } = startNode()
  birth(0, born)
  assert.deepEqual(effects(tell(251, one, after(3_600_000))), [rebirthIn(250)])
  // Without rebirths there is nothing better to go by
  const { nbirth: begin, ndata: goOn } = startNode('{ rebirth: false }')
  begin(0, born)
  assert.equal(goOn(7, one, after(3_600_000)).datapoints.length, 1)
})

test('the order: is not counted where a node does not tell it', () => {
  const { nbirth, ndata, say } = startNode()
  say('spBv1.0/G1/NBIRTH/E1', payload(null, born))
  assert.deepEqual(effects(ndata(null, one)), [])
  assert.deepEqual(effects(ndata(9, one)), [])
  assert.deepEqual(effects(ndata(10, one)), [])
  assert.deepEqual(effects(ndata(null, one)), [])
  assert.deepEqual(effects(ndata(12, one)), [rebirthIn(2_000)])
  const last = startNode()
  last.say('spBv1.0/G1/NBIRTH/E1', payload(null, born))
  assert.deepEqual(
    [255, 0, 1].map((seq) => effects(last.ndata(seq, one))),
    [[], [], []]
  )
  nbirth(0, born)
  // So many within two seconds that the circle is full: given up
  for (let index = 0; index < 101; index++) ndata(10 + index, one, after(index))
  assert.deepEqual(effects(ndata(111, one, after(200))), [])
  assert.deepEqual(effects(ndata(113, one, after(300))), [])
})

test('the order: of births of devices that overtake the node’s, or their own deaths', () => {
  const { nbirth, dbirth, ddeath, ddata, ndata } = startNode()
  const early = dbirth('D1', 1, [metric('x', 'Int32', 1, { alias: 9 })])
  assert.deepEqual([early.presence, effects(early)], [['G1/E1/D1 online birth'], [rebirthIn(250)]])
  // What came before is told again, so that the request stands
  const birth = nbirth(0, born, after(10))
  assert.deepEqual([birth.presence, effects(birth)], [['G1/E1 online birth'], []])
  assert.deepEqual(ddata('D1', 2, [datum(9, 'Int32', 4)], after(20)).datapoints, [`G1/E1/D1 x 4 ${time}`])
  ddeath('D1', 4, after(30))
  const late = dbirth('D1', 3, [metric('x', 'Int32', 2, { alias: 10 })], after(40))
  assert.deepEqual(
    [late.presence, late.datapoints, effects(late)],
    [[], [`G1/E1/D1 x 2 ${time}`], [cancelled]]
  )
  assert.deepEqual(ddata('D1', 5, [datum(10, 'Int32', 4)], after(50)).rejections, ['wrong_shape'])
  dbirth('D1', 7, [metric('y', 'Int32', 1, { alias: 10 })], after(60))
  assert.deepEqual(ddeath('D1', 6, after(70)).presence, [])
  assert.deepEqual(ddata('D1', 8, [datum(10, 'Int32', 4)], after(80)).datapoints, [`G1/E1/D1 y 4 ${time}`])
  assert.deepEqual(effects(ndata(9, one, after(90))), [])
})

test('a rebirth is asked for: at once and once where no birth is known, by name, without seq', () => {
  const { ndata, nbirth } = startNode()
  const said = ndata(17, [datum(1, 'Int32', 1), { name: 'named', datatype: 7, longValue: 5 }])
  assert.deepEqual(said.datapoints, [`G1/E1 named 5 ${time}`])
  assert.deepEqual([said.rejections, effects(said)], [['wrong_shape'], [rebirthIn(250)]])
  assert.match(said.outcome.rejections[0]!.detail, /Alias 1 cannot be read before the next birth of G1\/E1/)
  const [effect] = said.outcome.effects
  assert.ok(effect?.kind === 'publish')
  assert.equal(effect.qos, 0)
  const asked = { ...decodePayload(effect.payload) }
  assert.equal(asked.seq, undefined)
  assert.deepEqual(
    asked.metrics.map(({ name, alias, datatype, booleanValue }) => ({
      name,
      alias,
      datatype,
      booleanValue
    })),
    [{ name: 'Node Control/Rebirth', alias: undefined, datatype: 11, booleanValue: true }]
  )
  for (let ms = 0; ms < 30_000; ms += 1_000) assert.deepEqual(effects(ndata(18, [], after(ms))), [])
  assert.deepEqual(effects(ndata(18, [], after(30_300))), [rebirthIn(250)])
  assert.deepEqual(effects(nbirth(0, [bdSeq(0)], after(40_000))), [cancelled])
  assert.deepEqual(effects(ndata(1, [], after(40_000))), [])
})

test('a rebirth is asked for: where a birth lacks a metric, and not again and again if the next one lacks it, too', () => {
  const { nbirth, ndata } = startNode()
  const unknown = [{ name: 'new', datatype: 3, intValue: 1 }]
  nbirth(0, [bdSeq(0)])
  const said = ndata(1, unknown)
  assert.deepEqual([said.datapoints, said.rejections], [[`G1/E1 new 1 ${time}`], []])
  assert.deepEqual(effects(said), [rebirthIn(250)])
  nbirth(0, [bdSeq(0)], after(1_000))
  assert.deepEqual(effects(ndata(1, unknown, after(2_000))), [])
  assert.deepEqual(effects(ndata(2, unknown, after(31_000))), [rebirthIn(250)])
  nbirth(0, [bdSeq(0)], after(32_000))
  assert.deepEqual(effects(ndata(1, unknown, after(80_000))), [])
  assert.deepEqual(effects(ndata(2, unknown, after(92_000))), [rebirthIn(250)])
})

test('a rebirth is asked for: or never, as the option says; nor by what is found', () => {
  const { ndata, nbirth, ddata } = startNode('{ rebirth: false }')
  assert.deepEqual(effects(ndata(17, [datum(1, 'Int32', 1)])), [])
  assert.deepEqual(effects(nbirth(0, [bdSeq(0)])), [])
  assert.deepEqual(effects(ndata(17, [datum(1, 'Int32', 1)])), [])
  assert.deepEqual(effects(ddata('D1', 2, [datum(1, 'Int32', 1)], after(60_000))), [])
  const other = startNode()
  assert.deepEqual(effects(other.ndata(17, [datum(1, 'Int32', 1)], { kind: 'snapshot' })), [])
})

test('a rebirth is asked for: with an option that can be meant', () => {
  assert.throws(() => normalizer('conventions: [sparkplug: { reorderTime: 2m }]'), /longer than a minute/)
})

const inner = payload(0, [bdSeq(0), metric('a', 'Int32', 5)])
const wrapped = (body: Uint8Array, algorithm: string | null): Uint8Array =>
  payload(0, algorithm === null ? [] : [metric('algorithm', 'String', algorithm)], {
    uuid: 'SPBV1.0_COMPRESSED',
    body
  })
const bornOf = (bytes: Uint8Array): Said => startNode().say('spBv1.0/G1/NBIRTH/E1', bytes)

test('compressed payloads: are read', () => {
  for (const bytes of [
    wrapped(deflateSync(inner), null),
    wrapped(deflateSync(inner), 'DEFLATE'),
    wrapped(gzipSync(inner), 'gzip')
  ])
    assert.deepEqual(bornOf(bytes).datapoints, [`G1/E1 bdSeq 0 ${time}`, `G1/E1 a 5 ${time}`])
  const { say, ndata } = startNode()
  const bare = payload(null, [bdSeq(0)])
  say('spBv1.0/G1/NBIRTH/E1', wrapped(deflateSync(bare), null))
  assert.deepEqual(effects(ndata(2, [])), [rebirthIn(2_000)], 'seq outside')
})

test('compressed payloads: are refused where they are none, too large, or of another kind', () => {
  for (const [bytes, detail] of [
    [wrapped(inner, null), /incorrect header/],
    [wrapped(deflateSync(inner).subarray(0, 10), null), /unexpected end/],
    [wrapped(deflateSync(Buffer.alloc(17 * 1024 * 1024)), null), /more than/],
    [wrapped(inner, 'ZSTD'), /compressed by ZSTD/]
  ] as const) {
    const said = bornOf(bytes)
    assert.deepEqual([said.datapoints, said.presence, said.rejections], [[], [], ['wrong_shape']])
    assert.match(said.outcome.rejections[0]!.detail, detail)
  }
})

const topic = 'spBv1.0/STATE/scada'

test('host applications: are online or offline, by the newest of their connections', () => {
  const { say } = startNode()
  const presence = (payloadOf: unknown, more: object = {}): string[] =>
    say(topic, payloadOf as object, more).presence
  assert.deepEqual(presence({ online: true, timestamp: 2_000 }, { kind: 'snapshot' }), [
    'STATE/scada online availability'
  ])
  assert.deepEqual(presence({ online: false, timestamp: 1_000 }), [])
  assert.deepEqual(presence({ online: false, timestamp: 2_000 }), ['STATE/scada offline availability'])
  assert.deepEqual(presence({ online: true, timestamp: 3_000 }), ['STATE/scada online availability'])
  assert.deepEqual(presence('', { kind: 'cleared' }), ['STATE/scada unknown availability'])
  assert.deepEqual(presence({ online: false, timestamp: 1_000 }), ['STATE/scada offline availability'])
})

test('host applications: that do not say it', () => {
  const { say } = startNode()
  const reasons = (payloadOf: string): string[] => say(topic, payloadOf).rejections
  assert.deepEqual(reasons('{"online":"yes"}'), ['unknown_presence'])
  assert.deepEqual(reasons('{"__proto__":{"online":true}}'), ['unknown_presence'])
  assert.deepEqual(reasons('ONLINE'), ['malformed_json'])
  assert.deepEqual(reasons('[true]'), ['wrong_shape'])
  const untimed = say(topic, '{"online":true}')
  assert.deepEqual(
    [untimed.presence, untimed.rejections],
    [['STATE/scada online availability'], ['invalid_timestamp']]
  )
})

test('host applications: of before 3.0', () => {
  const { say } = startNode()
  assert.deepEqual(say('STATE/old', 'ONLINE').presence, ['STATE/old online availability'])
  assert.deepEqual(say('STATE/old', 'OFFLINE').presence, ['STATE/old offline availability'])
  assert.deepEqual(say('STATE/old', 'maybe').rejections, ['unknown_presence'])
  assert.deepEqual(say('STATE/old', hex('ff')).rejections, ['not_utf8'])
  assert.deepEqual(say('STATE/old', '', { kind: 'cleared' }).presence, ['STATE/old unknown availability'])
})
