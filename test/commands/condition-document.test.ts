/** docs/conditions.md says what the code says. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { judge } from '../../src/commands/condition.ts'
import { problems } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'

const text = (await readFile(new URL('../../docs/conditions.md', import.meta.url), 'utf8')).replaceAll(
  /\s+/g,
  ' '
)

test('its times and codes are those of the code', () => {
  assert.equal(defaultLimits.reservationSeconds, 30)
  assert.match(text, /in any case 30 seconds after it was accepted or last published/)
  assert.match(text, /waited for until they have come back, 30 seconds at most/)
  assert.equal(problems.precondition_failed.status, 412)
})

test('its reason is that of a command which is refused', () => {
  const facts = { seq: 2, hasRetained: false, othersOnTheirWay: false, cameBack: false, reserved: true }
  const verdict = judge({ condition: { seq: 1 }, publishSeq: null }, facts)
  assert.ok(typeof verdict === 'object' && verdict.event === 'refuse')
  const [, begins] = /`reason` begins with `([^`]+)`/.exec(text)!
  assert.ok(verdict.reason!.startsWith(begins!))
})
