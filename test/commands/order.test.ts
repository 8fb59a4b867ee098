/** No command overtakes another of its key, whatever happens to them; and no key waits for another. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Flying, Waiting } from '../../src/commands/order.ts'
import { chooseInOrder } from '../../src/commands/order.ts'
import type { QoS } from '../../src/model.ts'

const waiting = (id: string, more: Partial<Waiting> = {}): Waiting => ({
  id,
  key: id[0]!,
  qos: 1,
  oneInFlight: false,
  keyAwaits: false,
  ...more
})
const flying = (key: string, more: Partial<Flying> = {}): Flying => ({
  key,
  qos: 1,
  oneInFlight: false,
  lost: false,
  ...more
})

const choose = (
  items: readonly Waiting[],
  under: readonly Flying[] = [],
  { suspects = new Set<string>(), room = 9 } = {}
): { items: string; suspect: string | null } => {
  const chosen = chooseInOrder(items, under, { isSuspect: (id) => suspects.has(id), room })
  return { items: chosen.items.map(({ id }) => id).join(' '), suspect: chosen.suspect?.id ?? null }
}

test('of one key those of one QoS go together, and none before one that has to stay', () => {
  const items = [waiting('a1'), waiting('a2'), waiting('a3', { qos: 2 }), waiting('a4'), waiting('b1')]
  assert.equal(choose(items).items, 'a1 a2 b1')
  assert.equal(choose(items, [flying('a')]).items, 'a1 a2 b1')
  assert.equal(choose(items, [flying('a', { qos: 0 })]).items, 'b1')
  assert.equal(choose(items, [], { room: 1 }).items, 'a1')
})

test('one that is to be alone waits for those ahead, and those behind it wait for it', () => {
  const alone = waiting('a2', { oneInFlight: true })
  assert.equal(choose([waiting('a1'), alone, waiting('a3')]).items, 'a1')
  assert.equal(choose([alone, waiting('a3')]).items, 'a2')
  assert.equal(choose([alone], [flying('a')]).items, '')
  assert.equal(choose([waiting('a3')], [flying('a', { oneInFlight: true })]).items, '')
  assert.equal(choose([waiting('a3', { keyAwaits: true }), waiting('b1')]).items, 'b1')
})

test('behind one that was lost none goes before it waits again', () => {
  assert.equal(choose([waiting('a2'), waiting('b1')], [flying('a', { lost: true })]).items, 'b1')
})

test('a suspect is told apart, and none of its key goes before it', () => {
  const items = [waiting('a1'), waiting('a2'), waiting('b1')]
  assert.deepEqual(choose(items, [], { suspects: new Set(['a1']) }), { items: 'b1', suspect: 'a1' })
  assert.deepEqual(choose(items, [], { suspects: new Set(['a2']) }), { items: 'a1 b1', suspect: null })
})

interface Simulated {
  place: number
  key: string
  qos: QoS
  oneInFlight: boolean
  state: 'pending' | 'publishing' | 'published' | 'final'
  lost: boolean
}

const steps = fc.array(
  fc.record({ what: fc.constantFrom('publish', 'accept', 'lose', 'settle', 'finish'), which: fc.nat(50) }),
  { maxLength: 80 }
)
const commands = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    oneInFlight: fc.boolean()
  }),
  { minLength: 1, maxLength: 12 }
)

/** What the dispatcher reads and holds of them. */
function look(all: readonly Simulated[], room: number): Simulated[] {
  const awaits = (key: string): boolean =>
    all.some((other) => other.key === key && other.oneInFlight && other.state === 'published')
  const items = all
    .filter(({ state }) => state === 'pending')
    .map((one) => ({ ...one, id: String(one.place), keyAwaits: awaits(one.key) }))
  const under = all.filter(({ state }) => state === 'publishing')
  const chosen = chooseInOrder(items, under, { isSuspect: () => false, room })
  return chosen.items.map(({ place }) => all[place]!)
}

test('whatever happens: no overtaking within a key, one alone where it is to be, and all come to their end', () => {
  fc.assert(
    fc.property(commands, steps, fc.integer({ min: 1, max: 4 }), (given, happenings, room) => {
      const all: Simulated[] = given.map((command, place) => ({
        ...command,
        place,
        state: 'pending',
        lost: false
      }))
      const publish = (): void => {
        for (const one of look(all, room)) {
          for (const other of all.filter(({ key, place }) => key === one.key && place !== one.place)) {
            const ahead = other.place < one.place
            if (ahead) assert.notEqual(other.state, 'pending', 'it overtakes one that waits')
            if (ahead) assert.ok(!other.lost, 'it overtakes one that was lost')
            if (other.state === 'publishing') {
              assert.equal(other.qos, one.qos, 'two QoS are under way')
              assert.ok(!other.oneInFlight && !one.oneInFlight, 'it is not alone')
            }
            if (other.oneInFlight) assert.notEqual(other.state, 'published', 'it does not wait for the end')
          }
          one.state = 'publishing'
        }
      }
      const happen = (what: string, one: Simulated): void => {
        if (what === 'accept' && one.state === 'publishing' && !one.lost) one.state = 'published'
        // The connection ends: all that are under way are lost, and go back one after the other
        if (what === 'lose') for (const other of all) if (other.state === 'publishing') other.lost = true
        if (what === 'settle' && one.lost) Object.assign(one, { state: 'pending', lost: false })
        if (what === 'finish' && one.state === 'published') one.state = 'final'
      }
      for (const { what, which } of happenings) {
        if (what === 'publish') publish()
        else happen(what, all[which % all.length]!)
      }
      // From here on all goes well: each key comes to its end
      for (let round = 0; round <= all.length * 2; round++) {
        for (const what of ['settle', 'accept', 'finish']) for (const one of all) happen(what, one)
        publish()
      }
      assert.deepEqual(
        all.filter(({ state }) => state !== 'final').map(({ place }) => place),
        []
      )
    }),
    { numRuns: 2_000 }
  )
})
