/**
 * Random lives of an edge node, over a connection that loses, repeats and reorders, and a service that goes away: what is
 * told is always something that the node said, and in the end all of it is known, and nothing is asked any more.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { datatypes } from '../../src/conventions/sparkplug/datatypes.ts'
import { decodePayload, encodePayload } from '../../src/conventions/sparkplug/payload.ts'
import { writeValue } from '../../src/conventions/sparkplug/write-value.ts'
import { receivedAt, valueOf } from '../normalize/mappings.ts'
import { normalizer } from './say.ts'
import type { Say } from './say.ts'

const types = ['Int8', 'UInt64', 'String', 'Boolean', 'Int32'] as const

/** Different at each number, and of each type. */
function valueAt(index: number, number: number): unknown {
  const type = types[index % types.length]!
  if (type === 'Int8') return (number % 256) - 128
  if (type === 'UInt64') return 2n ** 60n + BigInt(number)
  if (type === 'String') return `text ${number}`
  return type === 'Boolean' ? number % 2 === 0 : -number
}

interface Sent {
  topic: string
  bytes: Uint8Array
  /** `device metric` and value: all that it may be taken to say. */
  truth: Map<string, unknown>
}

type Fault = 'none' | 'lost' | 'twice' | 'late'

/** The node, its two devices, and what each metric is now. */
class EdgeNode {
  now = receivedAt
  session = 0
  connected = false
  readonly alive = new Set<string>()
  readonly values = new Map<string, { value: unknown; at: number }>()
  seq = 0
  #number = 0

  /** The same numbers mean other metrics in each session. */
  #alias(device: string, index: number): number {
    const place = device === '' ? index : (device === 'D1' ? 1 : 2) * types.length + index
    return (place + this.session * 7) % (3 * types.length)
  }

  #message(type: string, device: string, metrics: object[], truth: Map<string, unknown>, seq = true): Sent {
    const counted = seq ? { seq: this.seq } : {}
    if (seq) this.seq = (this.seq + 1) % 256
    return {
      topic: `spBv1.0/G/${type}/E${device === '' ? '' : `/${device}`}`,
      bytes: encodePayload({ timestamp: this.now, metrics, ...counted }),
      truth
    }
  }

  #bdSeq = (): object => ({ name: 'bdSeq', datatype: datatypes.Int64, longValue: this.session % 256 })

  #metric(device: string, index: number, birth: boolean, truth: Map<string, unknown>): object {
    const name = `m${index}`
    const key = `G/E${device === '' ? '' : `/${device}`} ${name}`
    if (!birth || !this.values.has(key))
      this.values.set(key, { value: valueAt(index, this.#number++), at: this.now })
    const { value, at } = this.values.get(key)!
    truth.set(key, value)
    const datatype = datatypes[types[index]!]
    const alias = this.#alias(device, index)
    const { wire } = writeValue(datatype, value)
    return { ...(birth && { name, datatype }), alias, timestamp: at, ...wire }
  }

  #birth(device: string): Sent {
    const truth = new Map<string, unknown>()
    const metrics = types.map((_, index) => this.#metric(device, index, true, truth))
    if (device !== '') return this.#message('DBIRTH', device, metrics, truth)
    truth.set('G/E bdSeq', this.session % 256)
    return this.#message('NBIRTH', device, [this.#bdSeq(), ...metrics], truth)
  }

  births(): Sent[] {
    return [this.#birth(''), ...[...this.alive].map((device) => this.#birth(device))]
  }

  connect(): Sent[] {
    this.session++
    this.connected = true
    // Any is allowed, and tells sessions apart where nothing else does
    this.seq = (this.session * 53) % 256
    this.alive.add('D1')
    return this.births()
  }

  disconnect(): Sent {
    this.connected = false
    this.alive.clear()
    return this.#message('NDEATH', '', [this.#bdSeq()], new Map(), false)
  }

  data(device: string, index: number): Sent | null {
    if (!this.connected || (device !== '' && !this.alive.has(device))) return null
    const truth = new Map<string, unknown>()
    return this.#message(
      device === '' ? 'NDATA' : 'DDATA',
      device,
      [this.#metric(device, index, false, truth)],
      truth
    )
  }

  toggle(device: string): Sent | null {
    if (!this.connected) return null
    if (!this.alive.delete(device)) return this.#birth([...this.alive.add(device)].at(-1)!)
    return this.#message('DDEATH', device, [], new Map())
  }
}

/** The broker between, and the service: messages in, presence and latest values out, and rebirths on time. */
class World {
  readonly node = new EdgeNode()
  readonly presence = new Map<string, string>()
  readonly latest = new Map<string, { value: unknown; at: number }>()
  away = false
  rebirths = 0
  rejections = 0
  readonly #say: Say = normalizer('conventions: [sparkplug]')
  readonly #waiting = new Map<string, { due: number; payload: Uint8Array }>()
  #late: Sent | null = null

  send(sent: Sent | null, fault: Fault = 'none'): void {
    if (sent === null || this.away || fault === 'lost') return
    if (fault === 'late' && this.#late === null) {
      this.#late = sent
      return
    }
    this.#receive(sent)
    if (fault === 'twice') this.#receive(sent)
    this.flush()
  }

  flush(): void {
    const late = this.#late
    this.#late = null
    if (late !== null && !this.away) this.#receive(late)
  }

  #receive({ topic, bytes, truth }: Sent): void {
    const { outcome, rejections } = this.#say(topic, bytes, { receivedAt: this.node.now })
    assert.ok(!rejections.includes('decoder_failed'), outcome.rejections[0]?.detail)
    this.rejections += outcome.rejections.length
    for (const one of outcome.datapoints) {
      const key = `${one.device} ${one.metric}`
      const value = valueOf(one)
      assert.ok(truth.has(key), `${key} is not in the message`)
      assert.deepEqual(value, truth.get(key), key)
      if ((this.latest.get(key)?.at ?? 0) <= one.observedAt)
        this.latest.set(key, { value, at: one.observedAt })
    }
    for (const { device, presence } of outcome.presence) this.presence.set(device, presence)
    for (const effect of outcome.effects)
      if (effect.kind === 'cancel') this.#waiting.delete(effect.key)
      else if (!this.#waiting.has(effect.key!))
        this.#waiting.set(effect.key!, { due: this.node.now + effect.afterMs, payload: effect.payload })
  }

  pass(ms: number): void {
    const until = this.node.now + ms
    for (const [key, { due, payload }] of [...this.#waiting].filter((entry) => entry[1].due <= until)) {
      this.node.now = Math.max(this.node.now, due)
      this.#waiting.delete(key)
      this.rebirths++
      assert.deepEqual(
        decodePayload(payload).metrics.map(({ name }) => name),
        ['Node Control/Rebirth']
      )
      if (this.node.connected) for (const birth of this.node.births()) this.send(birth)
    }
    this.node.now = until
  }

  /** What waits is lost with the process. */
  leave(): void {
    this.away = true
    this.#late = null
    this.#waiting.clear()
  }
}

const fault = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Fault>('none') },
  { weight: 1, arbitrary: fc.constantFrom<Fault>('lost', 'twice', 'late') }
)
const place = fc.constantFrom('', 'D1', 'D2')

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('data' as const), place, index: fc.nat(types.length - 1), fault })
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('toggle' as const), place: fc.constantFrom('D1', 'D2'), fault })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reconnect' as const),
      faults: fc.array(fault, { maxLength: 3 }),
      lateDeath: fc.boolean()
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('away' as const), reconnects: fc.nat(2), data: fc.nat(300) })
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 3_000, 40_000) })
  }
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function run(world: World, one: Step): void {
  const { node } = world
  if (one.do === 'wait') return world.pass(one.ms)
  world.pass(20)
  if (one.do === 'data') world.send(node.data(one.place, one.index), one.fault)
  else if (one.do === 'toggle') world.send(node.toggle(one.place), one.fault)
  else if (one.do === 'reconnect') reconnect(world, one.faults, one.lateDeath)
  else {
    world.leave()
    const { seq } = node
    for (let count = 0; count < one.reconnects; count++) {
      node.disconnect()
      node.connect()
    }
    for (let count = 0; count < one.data; count++) node.data('', 0)
    // One in 256 goes on where it was expected, and nothing tells that it is another session
    if (node.seq === seq) node.data('', 0)
    world.pass(10_000)
    world.away = false
  }
}

/** A will may come after the birth that follows it, if that comes at all. */
function reconnect(world: World, faults: readonly Fault[], lateDeath: boolean): void {
  const { node } = world
  world.flush()
  const death = node.connected ? node.disconnect() : null
  if (!lateDeath) world.send(death)
  world.pass(20)
  const [birth, ...births] = node.connect()
  world.send(birth!, lateDeath ? 'none' : faults[0])
  if (lateDeath) world.send(death)
  for (const [index, device] of births.entries()) world.send(device, faults[index + 1])
}

/** Everything changes once more, without a fault. */
function everything(world: World): void {
  for (const device of ['', ...world.node.alive])
    for (const index of types.keys()) {
      world.pass(20)
      world.send(world.node.data(device, index))
    }
  world.pass(5_000)
}

test('what is told is what was said, and in the end all is known', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const world = new World()
      const { node } = world
      reconnect(world, [], false)
      for (const one of steps) run(world, one)
      world.flush()
      // Longer than a rebirth may be put off
      for (let round = 0; round < 3; round++) {
        world.pass(2 * 3_600_000)
        everything(world)
      }
      const { rebirths } = world
      const before = world.rejections
      everything(world)
      assert.deepEqual([world.rebirths, world.rejections], [rebirths, before])
      for (const device of ['', ...node.alive])
        for (const index of types.keys()) {
          const key = `G/E${device === '' ? '' : `/${device}`} m${index}`
          assert.deepEqual(world.latest.get(key), node.values.get(key), key)
        }
      assert.equal(world.presence.get('G/E'), 'online')
      for (const device of ['D1', 'D2'])
        assert.equal(
          world.presence.get(`G/E/${device}`) ?? 'offline',
          node.alive.has(device) ? 'online' : 'offline',
          device
        )
    }),
    { numRuns: process.env['FULL'] === '1' ? 5_000 : 300 }
  )
})
