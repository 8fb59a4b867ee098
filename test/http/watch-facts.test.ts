import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchFacts } from '../../src/http/watch-facts.ts'
import type { Fact, FactKind } from '../../src/model.ts'

test('a list is looked at again for facts of its kinds, its filters, and those who may read them', () => {
  const access = {
    principal: 'p',
    mayRead: (topic: string) => !topic.startsWith('a/secret'),
    mayPublish: () => false
  }
  const watched = watchFacts(access, ['message', 'gap'], ['a/#'])()
  assert.ok('facts' in watched)
  const wants = (kind: FactKind, topic: string | null): boolean => watched.facts({ kind, topic } as Fact)
  assert.ok(wants('message', 'a/b'))
  assert.ok(!wants('snapshot', 'a/b'))
  assert.ok(!wants('message', 'b'))
  assert.ok(!wants('message', 'a/secret'))
  assert.ok(wants('gap', null), 'a fact without a topic concerns every filter')
  assert.ok(!wants('command', null))
})
