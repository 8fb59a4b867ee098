/** What is told of a filter is true of every topic that it matches. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tellPermissions } from '../../src/access/permissions.ts'
import { compileRights } from '../../src/access/rights.ts'
import type { Grant } from '../../src/grant.ts'
import { defaultLimits as limits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { compileFilter } from '../../src/topic.ts'

const level = fc.constantFrom('a', 'b', '$a')
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 3 }), fc.boolean())
  .map(([levels, open]) => (open || levels.length === 0 ? [...levels, '#'] : levels).join('/'))
const role = fc.constantFrom('read' as const, 'command' as const)

/** All of up to four levels. */
const levels = ['a', 'b', '$a']
const topics = levels.flatMap((one) => [
  one,
  ...levels.flatMap((two) => [
    `${one}/${two}`,
    ...levels.flatMap((three) => [`${one}/${two}/${three}`, `${one}/${two}/${three}/a`])
  ])
])

test('all is all, none is none, and some is in between', () => {
  const seen = { all: 0, some: 0, none: 0 }
  fc.assert(
    fc.property(
      fc.array(fc.record({ role, topic: filter }), { maxLength: 4 }),
      fc.option(fc.constantFrom('a', 'a/b')),
      fc.array(fc.constantFrom(...topics), { maxLength: 2 }),
      filter,
      role,
      (given, tenant, sources, asked, action) => {
        const grants: Grant[] = [...given, { role: 'read', device: 'pump' }]
        const rights = compileRights({ grants, tenant }, new Set(sources))
        const access: Access = { principal: 'p', ...rights, rights }
        const { checks } = tellPermissions(access, [{ action, filter: asked }], limits)
        const { allowed } = checks[0]!
        const may = topics
          .filter(compileFilter(asked))
          .map(action === 'read' ? rights.mayRead : rights.mayPublish)
        seen[allowed]++
        if (allowed === 'all') assert.ok(may.every(Boolean))
        if (allowed === 'none') assert.ok(!may.some(Boolean))
        if (allowed === 'some') assert.ok(may.some(Boolean), 'there may be one')
      }
    ),
    { numRuns: 3_000 }
  )
  assert.ok(Math.min(...Object.values(seen)) > 100, JSON.stringify(seen))
})
