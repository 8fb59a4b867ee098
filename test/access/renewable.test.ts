/** An access that is exchanged: it is what the newest is, and over when the newest is. */

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRenewableAccess } from '../../src/access/renewable.ts'
import { Problem } from '../../src/errors.ts'
import type { Access } from '../../src/model.ts'

interface Given {
  access: Access
  over: AbortController
}

const given = (number: number, principal = 'oidc:me'): Given => {
  const over = new AbortController()
  const may = (topic: string): boolean => topic === `t/${number}` && !over.signal.aborted
  return {
    over,
    access: {
      principal,
      mayRead: may,
      mayPublish: may,
      rights: { number },
      expiresAt: number,
      ended: over.signal
    }
  }
}

const listening = ({ over }: Given): number => getEventListeners(over.signal, 'abort').length
const codeOf = (act: () => void): string | null => {
  try {
    act()
    return null
  } catch (error) {
    return error instanceof Problem ? error.code : assert.fail(String(error))
  }
}

test('whatever is exchanged and ends when, it is what the newest is', () => {
  const act = fc.oneof(
    fc.record({ act: fc.constant('renew' as const), other: fc.boolean(), dead: fc.boolean() }),
    fc.record({ act: fc.constant('end' as const), which: fc.nat({ max: 20 }) })
  )
  fc.assert(
    fc.property(fc.array(act, { maxLength: 20 }), (acts) => {
      const all = [given(0)]
      let newest = all[0]!
      const { access, renew, close } = createRenewableAccess(newest.access)
      let ends = 0
      access.ended.addEventListener('abort', () => ends++)
      let over = false
      for (const one of acts) {
        if (one.act === 'end') {
          const which = all[one.which % all.length]!
          which.over.abort()
          over ||= which === newest
        } else {
          const next = given(all.length, one.other ? 'oidc:another' : 'oidc:me')
          if (one.dead) next.over.abort()
          const code = codeOf(() => renew(next.access))
          assert.equal(code, over || one.dead ? 'unauthenticated' : one.other ? 'forbidden' : null)
          if (code === null) newest = next
          else assert.equal(listening(next), 0)
          all.push(next)
        }
        assert.equal(access.ended.aborted, over)
        assert.equal(ends, over ? 1 : 0)
        for (const [number, { access: before }] of all.entries()) {
          assert.equal(access.mayRead(`t/${number}`), before === newest.access && !over)
        }
        assert.deepEqual([access.rights, access.expiresAt], [newest.access.rights, newest.access.expiresAt])
        for (const before of all) if (before !== newest) assert.equal(listening(before), 0)
      }
      close()
      for (const before of all) assert.equal(listening(before), 0)
    })
  )
})

test('what never ends is exchanged, too; what was over at first is over', () => {
  const forever: Access = { principal: 'key:1', mayRead: () => true, mayPublish: () => true, readsAll: true }
  const { access, renew } = createRenewableAccess(forever)
  assert.equal(access.readsAll, true)
  const rights = access.rights
  const next = given(1, 'key:1')
  renew(next.access)
  assert.equal(access.readsAll, undefined)
  assert.notEqual(access.rights, rights)
  next.over.abort()
  assert.equal(access.ended.aborted, true)

  const dead = given(2)
  dead.over.abort()
  assert.equal(createRenewableAccess(dead.access).access.ended.aborted, true)
})
