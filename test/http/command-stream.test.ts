/** Every transition of a command is streamed, once and in order, with all that it says; and read by its id the same. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandEvent, CommandState, StoredMessage } from '../../src/command.ts'
import { moves } from '../../src/commands/lifecycle.ts'
import type { NewTransition } from '../../src/store/commands.ts'
import { eventually } from '../support/eventually.ts'
import { openSse } from '../support/sse.ts'
import { newCommand } from '../support/new-command.ts'
import { call } from './contract.ts'
import { startServer } from './server.ts'

const { url, store, parts } = await startServer()

const response: StoredMessage = {
  seq: 1,
  topicId: 1,
  topic: 'answers',
  receivedAt: Date.now(),
  qos: 1,
  retain: false,
  dup: false,
  payload: Buffer.from('{"ok":true}').toString('base64'),
  properties: null
}

const toMove = (id: string, event: CommandEvent, more: Partial<NewTransition> = {}): NewTransition => ({
  id,
  event,
  ...(event === 'answerLate' ? { from: ['succeeded', 'timedOut'], to: null } : moves(event)),
  attempt: event === 'publish',
  brokerReasonCode: null,
  ...more
})

const stories: Record<string, Array<[CommandEvent, Partial<NewTransition>?]>> = {
  'a command that is scheduled, lost, published again, and answered': [
    ['due'],
    ['publish'],
    ['lose'],
    ['publish'],
    ['accept', { brokerReasonCode: 0 }],
    ['succeed', { response }],
    ['answerLate', { response: { ...response, seq: 2 } }]
  ],
  'a command that is not answered in time, and then is': [
    ['due'],
    ['publish'],
    ['accept', { brokerReasonCode: 16 }],
    ['timeOut', { reason: 'nobody answered' }],
    ['answerLate', { response }]
  ],
  'a command that is refused': [['refuse', { brokerReasonCode: 135, reason: 'not authorized' }]],
  'a command whose effect is seen': [['due'], ['publish'], ['accept'], ['succeed', { effectSeq: 7 }]],
  'a command that fails': [['due'], ['publish'], ['fail', { response, reason: 'it is locked' }]],
  'a command that is cancelled': [['cancel']],
  'a command of which nobody knows': [['due'], ['publish'], ['abandon']]
}

interface Told {
  seq: string
  from: CommandState | null
  to: CommandState
  event: string
}

for (const [what, story] of Object.entries(stories)) {
  test(what, async () => {
    const stream = await openSse(`${url}/v1/stream?types=command`)
    const command = newCommand('t', { state: 'scheduled', awaits: 'response', timeoutSeconds: 60 })
    const { seq } = await store.commands.accept([command], null)
    parts.feed.hint(seq)
    for (const [event, more] of story) {
      const moved = await store.commands.move([toMove(command.id, event, more)])
      assert.ok(moved.has(command.id), event)
      // What is told again changes nothing, and is not told
      if (event !== 'publish' && event !== 'lose')
        assert.equal((await store.commands.move([toMove(command.id, event, more)])).size, 0, event)
      parts.feed.hint(null)
    }
    const { body } = await call(`${url}/v1/commands/${command.id}`)
    const told = (): Told[] =>
      stream.events.filter(({ event }) => event === 'command').map(({ data }) => data.command as Told)
    await eventually(() => told().length === story.length + 1)
    assert.deepEqual(told(), body.events)
    assert.deepEqual(
      told().map(({ event }) => event),
      ['submit', ...story.map(([event]) => event)]
    )
    for (const [index, { from, seq: position }] of told().entries()) {
      assert.equal(from, told()[index - 1]?.to ?? null)
      if (index > 0) assert.ok(Number(position) > Number(told()[index - 1]!.seq))
    }
    for (const [
      index,
      [, { brokerReasonCode = null, reason = null, effectSeq, response: by } = {}]
    ] of story.entries()) {
      const event = body.events[index + 1]
      assert.deepEqual(
        [event.brokerReasonCode, event.reason, event.effectSeq, event.responseSeq],
        [brokerReasonCode, reason, effectSeq?.toString() ?? null, by?.seq?.toString() ?? null]
      )
    }
    const { to, final } = body.events.at(-1)
    assert.deepEqual([body.state, body.final, body.seq], [to, final, undefined])
    assert.equal(body.attempts, story.filter(([event]) => event === 'publish').length)
    stream.close()
  })
}
