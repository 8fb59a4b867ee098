/**
 * Commands, what becomes of them, and what devices say, in any order, while the search ends and begins anywhere, and another
 * instance searches the same, as one that does not know yet that it was overtaken: each command has exactly one end, its
 * response is the first that answers it, and of those that come too late it keeps the first.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MovingEvent } from '../../src/commands/lifecycle.ts'
import { transitions } from '../../src/commands/lifecycle.ts'
import type { CommandState } from '../../src/command.ts'
import { query } from '../support/database.ts'
import { newCommand } from '../support/new-command.ts'
import { byTopic, startTracking } from './tracking.ts'

type Step =
  | { kind: 'move'; command: number; event: MovingEvent }
  /** `of`: the command whose correlation data it carries; null: none. */
  | { kind: 'say'; of: number | null; topic: number; payload: string; behind: boolean }
  | { kind: 'end' | 'again' }

const commandsMax = 3
const anyCommand = fc.nat({ max: commandsMax - 1 })
const events = Object.keys(transitions.pending) as MovingEvent[]
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      command: anyCommand,
      event: fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom<MovingEvent>('publish', 'accept', 'accept', 'lose') },
        { weight: 3, arbitrary: fc.constantFrom<MovingEvent>('timeOut', 'abandon') },
        {
          weight: 1,
          arbitrary: fc.constantFrom(...events.filter((event) => event !== 'succeed' && event !== 'fail'))
        }
      )
    })
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      of: fc.option(anyCommand, { freq: 6 }),
      topic: fc.oneof({ weight: 5, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: anyCommand }),
      payload: fc.constantFrom('"yes"', '"no"', 'neither', ''),
      behind: fc.boolean()
    })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'again' as const) }) }
)

test('whatever the order, each command has one end, and the first answer', async () => {
  const tracking = await startTracking({})
  const other = await startTracking({ url: tracking.url })
  other.begin()
  let run = 0
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(anyStep, { minLength: 8, maxLength: 30 }),
      async (begun, steps) => {
        const place = `run/${run++}`
        const data = (n: number): string => Buffer.from(`${place}/${n}`).toString('base64')
        // Distinct topics, one for all, and a wildcard
        const filters = [`${place}/0`, `${place}/all`, `${place}/+`]
        const commands = filters.map((filter, n) =>
          newCommand(`${place}/set`, {
            awaits: 'response',
            awaited: byTopic(filter, { correlationData: data(n), ok: 'eq(payload,"yes")' }),
            timeoutSeconds: 600
          })
        )
        await tracking.store.commands.accept(commands, null)
        const said: Array<{ seq: number; of: number; topic: string; payload: string }> = []
        tracking.begin()
        let waiting: Array<Promise<unknown>> = []
        if (begun)
          for (const { id } of commands)
            for (const event of ['publish', 'accept'] as const) await tracking.move(id, event)
        for (const step of steps) {
          if (step.kind === 'move') waiting.push(tracking.move(commands[step.command]!.id, step.event))
          else if (step.kind === 'say') {
            const { of, payload } = step
            const topic = (step.topic === -1 ? filters[of ?? 1] : filters[step.topic])!.replace('+', 'any')
            const properties = of === null ? null : { correlationData: data(of) }
            const seq = await tracking.say(topic, payload, { properties })
            if (of !== null) said.push({ seq, of, topic, payload })
            if (!step.behind) continue
          } else {
            await tracking.end()
            if (step.kind === 'again') await query(tracking.url, 'update answers_read set seq = 0')
            tracking.begin()
          }
          await Promise.all(waiting)
          waiting = []
        }
        await tracking.searched()
        await other.searched()
        for (const [n, { id }] of commands.entries()) {
          const command = await tracking.command(id)
          const matches = (topic: string): boolean =>
            filters[n]!.endsWith('+') ? topic.startsWith(`${place}/`) : topic === filters[n]
          const answers = said.filter(
            ({ seq, of, topic }) =>
              of === n && command.publishSeq !== null && seq > command.publishSeq && matches(topic)
          )
          const [first = null, second = null] = answers
          const { state } = command
          const isAnswered = state === 'succeeded' || state === 'failed'
          const isEnded = command.finishedAt !== null
          assert.equal(
            isEnded,
            Object.values(transitions[state]).every((to) => to === state),
            state
          )
          if (!isEnded) assert.equal(first, null, `${id} is ${state}, and was answered`)
          if (isAnswered) assert.equal(state, first!.payload === '"yes"' ? 'succeeded' : 'failed')
          assert.equal(command.response?.seq ?? null, isAnswered ? first!.seq : null)
          assert.equal(
            command.lateResponse?.seq ?? null,
            (isAnswered ? second : isEnded ? first : null)?.seq ?? null
          )
          const told = (await tracking.store.commands.events([id])).get(id)!
          const ends = told.filter(({ event, final }) => final === true && event !== 'answerLate')
          assert.equal(ends.length, isEnded ? 1 : 0)
          let before: CommandState | null = null
          for (const { from, to, event } of told) {
            assert.equal(from, before)
            if (event === 'answerLate') assert.equal(to, from)
            before = to
          }
          assert.equal(before, state)
          seen.set(state, (seen.get(state) ?? 0) + 1)
          if (command.lateResponse !== null) seen.set('late', (seen.get('late') ?? 0) + 1)
        }
        await tracking.end()
      }
    ),
    { numRuns: Number(process.env['RUNS'] ?? 40), endOnFailure: true }
  )
  // Else it would prove little
  for (const state of ['succeeded', 'failed', 'timedOut', 'unknown', 'late'])
    assert.ok(seen.has(state), state)
})
