import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandCondition } from '../../src/command.ts'
import type { ConditionAsk, ConditionVerdict } from '../../src/commands/condition.ts'
import { judge, notMet, toCondition } from '../../src/commands/condition.ts'
import type { TopicState } from '../../src/model.ts'
import type { ConditionFacts } from '../../src/store/reservations.ts'

const retained = { seq: 7, retained: {} } as TopicState
const cleared = { seq: 8, retained: null } as TopicState

for (const [ask, state, expected] of [
  [{ match: null, none: false }, null, null],
  [{ match: [7], none: false }, null, { seq: 7 }],
  [{ match: '*', none: false }, null, { retained: true }],
  [{ match: null, none: true }, retained, { retained: false }],
  [{ match: [1, 7], none: false }, retained, { seq: 7 }],
  [{ match: [1, 8], none: false }, retained, 'precondition_failed'],
  [{ match: [], none: false }, retained, 'precondition_failed'],
  [{ match: [1, 7], none: false }, null, 'precondition_failed'],
  [{ match: [8], none: true }, cleared, { seq: 8 }],
  [{ match: [7], none: true }, retained, 'precondition_failed'],
  [{ match: '*', none: true }, cleared, 'precondition_failed']
] satisfies Array<[ConditionAsk, TopicState | null, CommandCondition | string | null]>) {
  test(`${JSON.stringify(ask)} of ${state?.seq ?? 'an unknown topic'}`, async () => {
    const made = toCondition(ask, async () => state)
    if (typeof expected === 'string') await assert.rejects(made, { code: expected })
    else assert.deepEqual(await made, expected)
  })
}

const seven: ConditionFacts = {
  seq: 7,
  hasRetained: true,
  othersOnTheirWay: false,
  cameBack: false,
  reserved: true
}
const seq = { condition: { seq: 7 }, publishSeq: null }
const tried = { condition: { seq: 7 }, publishSeq: 5 }
const none = { condition: { retained: false }, publishSeq: null }

for (const [what, command, facts, expected] of [
  ['no condition', { condition: null, publishSeq: null }, { ...seven, othersOnTheirWay: true }, 'publish'],
  ['it holds', seq, seven, 'publish'],
  ['it holds, and others are on their way', seq, { ...seven, othersOnTheirWay: true }, 'wait'],
  ['a seq that is past', seq, { ...seven, seq: 8 }, 'refuse'],
  ['a seq that is past, whatever comes', seq, { ...seven, seq: 8, othersOnTheirWay: true }, 'refuse'],
  ['a topic that was forgotten', seq, { ...seven, seq: null }, 'refuse'],
  ['a retained message that may be cleared', none, { ...seven, othersOnTheirWay: true }, 'wait'],
  ['a retained message', none, seven, 'refuse'],
  ['no retained message', none, { ...seven, hasRetained: false }, 'publish'],
  ['an attempt that was lost, and it holds', tried, seven, 'publish'],
  ['an attempt that came back', tried, { ...seven, seq: 9, cameBack: true }, 'accept'],
  ['an attempt that may come back', tried, { ...seven, seq: 9 }, 'wait'],
  ['an attempt that never came back', tried, { ...seven, seq: 9, reserved: false }, 'abandon']
] satisfies Array<
  [string, Parameters<typeof judge>[0], ConditionFacts, 'publish' | 'wait' | ConditionVerdict['event']]
>) {
  test(`${what}: ${expected}`, () => {
    const verdict = judge(command, facts)
    assert.equal(typeof verdict === 'string' ? verdict : verdict.event, expected)
    if (expected === 'refuse') assert.match((verdict as ConditionVerdict).reason!, /^precondition_failed: /)
  })
}

test('whoever is not accepted is told what to do', () => {
  assert.match(notMet(null).message, /nothing is known of this topic/)
  assert.match(notMet(retained, { seq: 6 }).message, /its state has seq 7/)
  assert.match(notMet(retained, { seq: 7 }).message, /on its way/)
})
