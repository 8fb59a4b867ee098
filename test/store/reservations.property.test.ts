/** Whether a command with a condition is accepted, against a model, by two instances, some of them at once. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CommandCondition, CommandState } from '../../src/command.ts'
import { query } from '../support/database.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { everything, openTestStore } from '../support/store.ts'

const one = await openTestStore()
const other = await openTestStore({ url: one.url })
const stores = [one.store, other.store]

const payload = fc.constantFrom('x', 'y')
const condition = fc.constantFrom('now', 'now', 'now', 'past', 'retained', 'none')
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('hear' as const),
      payload,
      retain: fc.boolean(),
      cleared: fc.boolean()
    })
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('accept' as const),
      payload,
      conditions: fc.array(condition, { minLength: 1, maxLength: 4 })
    })
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      events: fc.constantFrom(
        ['publish'],
        ['publish', 'accept'],
        ['publish', 'lose'],
        ['publish', 'refuse'],
        ['publish', 'lose', 'publish', 'refuse'],
        ['publish', 'lose', 'cancel'],
        ['publish', 'abandon'],
        ['refuse'],
        ['cancel'],
        ['expire']
      )
    })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('comeBack' as const), named: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lapse' as const) }) }
)

/** The command for which the topic is reserved. */
interface Holder {
  id: string
  payload: string
  state: CommandState
  attempts: number
  cameBack: boolean
  lapsed: boolean
}

const targets: Record<string, { from: CommandState[]; to: CommandState }> = {
  publish: { from: ['pending'], to: 'publishing' },
  accept: { from: ['publishing'], to: 'published' },
  lose: { from: ['publishing'], to: 'pending' },
  refuse: { from: ['pending', 'publishing'], to: 'refused' },
  cancel: { from: ['pending'], to: 'cancelled' },
  expire: { from: ['pending'], to: 'expired' },
  abandon: { from: ['publishing'], to: 'unknown' }
}
const over = new Set<CommandState>(['published', 'refused', 'cancelled', 'expired', 'unknown'])

/** Whether others may have the topic. */
function isFree(holder: Holder | null): boolean {
  if (holder === null || holder.lapsed) return true
  if (over.has(holder.state) && holder.attempts === 0) return true
  if (holder.state === 'refused' && holder.attempts === 1) return true
  return holder.attempts > 0 && holder.cameBack
}

test('a command with a condition is accepted if the topic is as it says, and nobody else has it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const topic = `p/${randomUUID()}`
      let holder: Holder | null = null
      let state: { seq: number; retained: boolean } | null = null

      const hear = async (given: { payload: string; retain: boolean; id?: string }): Promise<void> => {
        const { id, retain } = given
        const properties =
          id === undefined ? null : { userProperties: [['rialto-command-id', id] as [string, string]] }
        await one.receive({ topic, payload: Buffer.from(given.payload), retain, properties })
        const { seq } = (await one.store.states.byName(everything, topic))!
        state = { seq, retained: retain ? given.payload !== '' : (state?.retained ?? false) }
        if (
          holder !== null &&
          holder.attempts > 0 &&
          holder.payload === given.payload &&
          (id ?? holder.id) === holder.id
        )
          holder.cameBack = true
      }

      for (const now of steps) {
        if (now.do === 'hear') await hear({ ...now, payload: now.retain && now.cleared ? '' : now.payload })
        else if (now.do === 'comeBack' && holder !== null)
          await hear({
            payload: (holder as Holder).payload,
            retain: false,
            ...(now.named && { id: (holder as Holder).id })
          })
        else if (now.do === 'lapse') {
          await query(
            one.url,
            'update topic_reservations set until = now() where topic_hash = sha256($1::bytea)',
            [Buffer.from(topic)]
          )
          if (holder !== null) (holder as Holder).lapsed = true
        } else if (now.do === 'move' && holder !== null) {
          const held: Holder = holder
          for (const event of now.events) {
            const { from, to } = targets[event]!
            const moved = await one.store.commands.move([transition(held.id, from, to)])
            assert.equal(moved.has(held.id), from.includes(held.state))
            if (!moved.has(held.id)) continue
            held.state = to
            if (to === 'publishing') held.attempts++
          }
        } else if (now.do === 'accept') {
          const current = state as { seq: number; retained: boolean } | null
          const asks = now.conditions.map((kind): { condition: CommandCondition; met: boolean } => {
            if (kind === 'now') return { condition: { seq: current?.seq ?? 1 }, met: current !== null }
            if (kind === 'past') return { condition: { seq: (current?.seq ?? 1) - 1 }, met: false }
            const retained = kind === 'retained'
            return { condition: { retained }, met: (current?.retained ?? false) === retained }
          })
          const commands = asks.map((ask) =>
            newCommand(topic, { condition: ask.condition, payload: Buffer.from(now.payload) })
          )
          const accepted = await Promise.all(
            commands.map(
              async (command, n) => (await stores[n % 2]!.commands.accept([command], null)).accepted
            )
          )
          const free = isFree(holder)
          asks.forEach(({ met }, n) =>
            assert.ok(!accepted[n] || (met && free), `${n} of ${JSON.stringify(asks)}`)
          )
          const won = commands.filter((_, n) => accepted[n])
          assert.equal(won.length, free && asks.some(({ met }) => met) ? 1 : 0)
          for (const [n, { id }] of commands.entries())
            if (!accepted[n]) assert.equal(await one.store.commands.byId(everything, id), null)
          if (won[0] !== undefined)
            holder = {
              id: won[0].id,
              payload: now.payload,
              state: 'pending',
              attempts: 0,
              cameBack: false,
              lapsed: false
            }
        }
      }
    }),
    { numRuns: process.env['FULL'] === '1' ? 500 : 60 }
  )
})
