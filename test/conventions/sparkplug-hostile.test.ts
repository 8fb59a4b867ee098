/** Sparkplug payloads that mean harm, and nodes that are very large: bounded in time, memory and output. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { sparkplug } from '../../src/conventions/sparkplug/convention.ts'
import type { NodeState } from '../../src/conventions/sparkplug/node.ts'
import { decodePayload, encodePayload } from '../../src/conventions/sparkplug/payload.ts'
import { defaultLimits } from '../../src/limits.ts'
import { stateBytes } from '../../src/normalize/state-bytes.ts'
import { receivedAt } from '../normalize/mappings.ts'
import { hex, normalizer } from './say.ts'
import type { Said } from './say.ts'
import { bdSeq, datum, effects, metric, payload, startNode } from './sparkplug-messages.ts'

const megabytes16 = 16 * 1024 * 1024

/** A length-delimited field. */
function field(id: number, content: Uint8Array): Buffer {
  const length: number[] = []
  for (let left = content.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left)
    if (left <= 127) break
  }
  const tag = (id << 3) | 2
  return Buffer.concat([
    Buffer.from(tag > 127 ? [(tag & 127) | 128, tag >> 7] : [tag]),
    Buffer.from(length),
    content
  ])
}

/** Messages in messages, from the outside in; an undefined length would do it faster, but this is what travels. */
function nest(ids: readonly number[], depth: number): Buffer {
  let content: Buffer = Buffer.alloc(0)
  for (let level = depth; level > 0; level--) content = field(ids[level % ids.length]!, content)
  return content
}

const birth = (bytes: Uint8Array): Said => startNode().say('spBv1.0/G1/NBIRTH/E1', bytes)

const within = (secondsMax: number, work: () => void): void => {
  const begin = performance.now()
  work()
  const seconds = (performance.now() - begin) / 1_000
  assert.ok(seconds < secondsMax, `${seconds} s`)
}

test('nesting ends: templates in templates, properties in properties, lists of them', () => {
  for (const inside of [
    nest([2, 18], 4_000),
    field(9, nest([9, 2], 4_000)),
    field(9, nest([1, 2, 10], 4_000))
  ]) {
    const said = birth(field(2, inside))
    assert.deepEqual(said.rejections, ['wrong_shape'])
    assert.match(said.outcome.rejections[0]!.detail, /max depth exceeded/)
  }
  // Groups, of which proto2 has two tags to open and close
  assert.match(birth(Buffer.alloc(100_000, 0x33)).outcome.rejections[0]!.detail, /not Sparkplug B/)
})

test('what is nested as deep as it may be is told', () => {
  let template: object = { name: 'x', datatype: 3, intValue: 5 }
  for (let depth = 0; depth < 45; depth++)
    template = { name: 't', datatype: 19, templateValue: { metrics: [template] } }
  const node = startNode()
  const said = node.nbirth(0, [bdSeq(0), template])
  const name = `${'t/'.repeat(45)}x`
  assert.deepEqual([said.rejections, said.outcome.datapoints.at(-1)!.metric], [[], name])
  assert.equal(node.ndata(1, [{ name, intValue: 6 }]).datapoints.length, 1)
})

test('a message of empty parts ends long before memory does', () => {
  const empty = (tag: number): Buffer => Buffer.alloc(megabytes16, Buffer.from([tag, 0]))
  const bombs: Record<string, Buffer> = {
    metrics: empty(0x12),
    members: field(2, field(18, empty(0x12))),
    parameters: field(2, field(18, empty(0x1a))),
    rows: field(2, field(17, empty(0x22))),
    cells: field(2, field(17, field(4, empty(0x0a)))),
    values: field(2, field(9, empty(0x12))),
    'properties again and again': field(2, empty(0x4a))
  }
  for (const [name, bytes] of Object.entries(bombs))
    within(20, () => {
      const said = birth(bytes)
      assert.match(said.outcome.rejections[0]!.detail, /more than 250000 parts/, name)
    })
  // These are no messages; each takes a pointer at most
  within(20, () => assert.equal(birth(field(2, field(9, empty(0x0a)))).outcome.datapoints.length, 0))
  for (const list of [empty(0x12), field(3, Buffer.alloc(megabytes16, 1))])
    within(20, () => {
      const said = birth(
        Buffer.concat([field(2, Buffer.concat([hex('0a0178'), hex('2010'), field(17, list)]))])
      )
      assert.deepEqual(said.rejections, ['value_too_large'])
    })
})

test('compressed, too', () => {
  const bomb = normalizer('conventions: [sparkplug]')
  const zeros = encodePayload({ uuid: 'SPBV1.0_COMPRESSED', body: hex('789c'), metrics: [] })
  assert.deepEqual(bomb('spBv1.0/G1/NDATA/E1', zeros).rejections, ['wrong_shape'])
})

test('names that objects have already are names like any other', () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '']
  const { nbirth, dbirth, ddata, ndeath, ndata, say } = startNode()
  nbirth(0, [bdSeq(0), ...names.map((name, alias) => metric(name, 'Int32', alias, { alias }))])
  names.forEach((name, index) => dbirth(name, index + 1, [metric(name, 'Int32', 1, { alias: 10 + index })]))
  names.slice(0, 4).forEach((name, index) => {
    const said = ddata(name, 6 + index, [datum(10 + index, 'Int32', 7), datum(name, 'Int32', 8)])
    assert.deepEqual(
      said.outcome.datapoints.map(({ device, metric: told, number }) => [device, told, number]),
      [
        [`G1/E1/${name}`, name, 7],
        [`G1/E1/${name}`, name, 8]
      ]
    )
  })
  assert.equal(ndata(10, [datum('__proto__', 'Int32', 7)]).datapoints.length, 1)
  assert.equal(ndata(11, [datum('valueOf', 'Int32', 7)]).rejections.length, 1)
  assert.deepEqual(ndeath([bdSeq(0)]).presence.length, 6)
  assert.deepEqual(say('spBv1.0/__proto__/NDEATH/E1', payload(null, [])).presence, [
    '__proto__/E1 offline death'
  ])
  assert.equal(({} as Record<string, unknown>)['alive'], undefined)
})

test('a birth of more metrics than a message may tell is known whole, and told to the bound', () => {
  const { nbirth, ndata } = startNode()
  const many = Array.from({ length: 15_000 }, (_, index) => metric(`m${index}`, 'Int16', 1, { alias: index }))
  const said = nbirth(0, [bdSeq(0), ...many])
  assert.equal(said.outcome.datapoints.length, 10_000)
  assert.deepEqual([said.rejections, said.presence], [['too_many_datapoints'], ['G1/E1 online birth']])
  const late = ndata(1, [datum(14_999, 'Int16', -3)])
  assert.match(late.datapoints[0]!, /^G1\/E1 m14999 -3 /)
})

test('a birth that is too large to remember is remembered as far as there is room, and not asked for again', () => {
  const { nbirth, ndata, dbirth } = startNode()
  const long = 'x'.repeat(250)
  const many = Array.from({ length: 20_000 }, (_, index) =>
    metric(`${long}${index}`, 'Int16', 1, { alias: index })
  )
  assert.deepEqual(nbirth(0, [bdSeq(0), ...many]).rejections, ['too_many_datapoints'])
  assert.equal(ndata(1, [datum(5_000, 'Int16', -3)]).datapoints.length, 1)
  const beyond = ndata(2, [datum(19_999, 'Int16', -3), metric(`${long}19998`, 'Int16', -3)])
  assert.equal(beyond.datapoints.length, 1)
  assert.match(
    beyond.outcome.rejections[0]!.detail,
    /Alias 19999 is not known: the birth of G1\/E1 has more metrics/
  )
  assert.deepEqual(effects(beyond), [])
  // A device beside it has no room, and is there all the same
  const device = dbirth('D1', 3, [metric('a', 'Int32', 1, { alias: 30_000 })])
  assert.deepEqual([device.rejections, device.presence], [[], ['G1/E1/D1 online birth']])
})

test('names that are too long are rejected, and the rest is told', () => {
  const { nbirth, ndata } = startNode()
  const long = 'x'.repeat(2_000)
  const said = nbirth(0, [bdSeq(0), metric(long, 'Int32', 1, { alias: 1 }), metric('a', 'Int32', 1)])
  assert.deepEqual([said.datapoints.length, said.rejections], [2, ['invalid_metric']])
  assert.deepEqual(ndata(1, [datum(1, 'Int32', 1)]).rejections, ['wrong_shape'])
  // Prefixes grow with each template, and are not repeated for all of its members
  const members = Array.from({ length: 50_000 }, (_, index) => metric(`${index}`, 'Int32', 1))
  const wide = { name: 'x'.repeat(1_000_000), datatype: 19, templateValue: { metrics: members } }
  within(20, () => assert.deepEqual(startNode().nbirth(0, [wide]).rejections, ['invalid_metric']))
})

const { routes } = sparkplug.create({
  text: () => null,
  texts: () => [],
  flag: () => true,
  seconds: () => 2,
  file: () => null
})
const decode = (state: NodeState | null, type: string, bytes: Uint8Array, device?: string): NodeState =>
  routes
    .find(({ topic }) => topic.startsWith(`spBv1.0/{group}/${type}/`))!
    .decode(state, {
      topic: '',
      captures: { group: 'G1', node: 'E1', ...(device !== undefined && { device }) },
      kind: 'message',
      payload: bytes,
      properties: null,
      receivedAt,
      device: null
    })!.state as NodeState

test('data shares what births brought with the state before, and changes only the order', () => {
  const born = decode(null, 'NBIRTH', payload(0, [bdSeq(0), metric('a', 'Int32', 1, { alias: 1 })]))
  const both = decode(born, 'DBIRTH', payload(1, [metric('b', 'Int32', 1, { alias: 2 })]), 'D1')
  assert.equal(both.table, born.table)
  const next = decode(both, 'NDATA', payload(2, [datum(1, 'Int32', 2)]))
  const last = decode(next, 'DDATA', payload(3, [datum(2, 'Int32', 2)]), 'D1')
  assert.equal(last.table, both.table)
  assert.equal(last.devices, both.devices)
  const { order: _, ...rest } = last
  const { order: __, ...before } = both
  assert.deepEqual(rest, before)
  assert.ok(stateBytes(last) < 1_000)
})

test('what came early is bounded, before a birth and after it', () => {
  for (const first of [null, decode(null, 'NBIRTH', payload(0, [bdSeq(0)]))]) {
    let state: NodeState | null = first
    let most = 0
    for (let index = 0; index < 2_000; index++) {
      state = decode(state, 'NDATA', payload((index * 2 + 2) % 256, []))
      most = Math.max(most, state.order.early.length)
    }
    assert.ok(most > 10 && most <= defaultLimits.sparkplugEarlyMax, `${most}`)
  }
})

const bodies = (
  JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Array<{
    convention: string
    topic: string
    hex?: string
  }>
).filter((one) => one.convention === 'sparkplug' && one.hex !== undefined)

test('whatever comes, nothing is thrown, and births are still read afterwards', () => {
  const type = fc.constantFrom('NBIRTH', 'NDATA', 'NDEATH', 'NCMD', 'DBIRTH/x', 'DDATA/x', 'DDEATH/x')
  const body = fc.constantFrom(...bodies.map((one) => hex(one.hex!)))
  const mutated = fc
    .tuple(body, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }), fc.nat(400))
    .map(([bytes, changes, cut]) => {
      const copy = Buffer.from(bytes)
      for (const [at, byte] of changes) copy[at % copy.length] = byte
      return cut % 3 === 0 ? copy.subarray(0, cut % copy.length) : copy
    })
  const bytes = fc.oneof({ weight: 4, arbitrary: mutated }, { weight: 1, arbitrary: fc.uint8Array() })
  fc.assert(
    fc.property(fc.array(fc.tuple(type, bytes), { minLength: 1, maxLength: 12 }), (messages) => {
      const { say, nbirth } = startNode()
      for (const [to, given] of messages) {
        const [verb, device] = to.split('/')
        const said = say(`spBv1.0/G1/${verb}/E1${device === undefined ? '' : `/${device}`}`, given)
        assert.ok(!said.rejections.includes('decoder_failed'), said.outcome.rejections[0]?.detail)
        assert.ok(said.effects.length <= 2)
      }
      assert.deepEqual(nbirth(0, [bdSeq(0)]).presence[0], 'G1/E1 online birth')
    }),
    { numRuns: 500 }
  )
})

test('what is written is read as it was', () => {
  const wire = fc.oneof(
    fc.record({ intValue: fc.nat(2 ** 32 - 1) }),
    fc.record({ longValue: fc.oneof(fc.nat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })) }),
    fc.record({ doubleValue: fc.double() }),
    fc.record({ floatValue: fc.float() }),
    fc.record({ booleanValue: fc.boolean() }),
    fc.record({ stringValue: fc.string() })
  )
  fc.assert(
    fc.property(fc.array(wire), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), (metrics, seq) => {
      const read = decodePayload(encodePayload({ metrics, seq }))
      assert.equal(read.seq, seq)
      assert.deepEqual(
        read.metrics.map((one) => ({ ...one })),
        metrics.map((one) => ({ ...one }))
      )
    })
  )
})
