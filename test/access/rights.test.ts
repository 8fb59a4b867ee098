import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileRights } from '../../src/access/rights.ts'
import type { Grant, Rights } from '../../src/grant.ts'

/** MQTT 5.0 section 4.7, word by word, and nothing clever. */
function isMatched(filter: string, topic: string): boolean {
  if (topic[0] === '$' && (filter[0] === '#' || filter[0] === '+')) return false
  const [f, t] = [filter.split('/'), topic.split('/')]
  if (f.at(-1) === '#') {
    const parents = f.slice(0, -1)
    return t.length >= parents.length && parents.every((level, n) => level === '+' || level === t[n])
  }
  return f.length === t.length && f.every((level, n) => level === '+' || level === t[n])
}

const isAllowed = ({ grants, tenant }: Rights, role: 'read' | 'command', topic: string): boolean => {
  if (tenant === null && grants.some((grant) => grant.role === 'admin')) return true
  if (tenant !== null && topic !== tenant && !topic.startsWith(tenant + '/')) return false
  return grants.some((grant) => grant.role === role && 'topic' in grant && isMatched(grant.topic, topic))
}

const level = fc.constantFrom('', 'a', 'b', 'ab', '$SYS', '$a', 'ä', 'ä')
const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 5 }), fc.boolean())
  .map(([levels, open]) => (open || levels.length === 0 ? [...levels, '#'] : levels).join('/'))
const grant: fc.Arbitrary<Grant> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ role: fc.constantFrom('read' as const, 'command'), topic: filter }) },
  {
    weight: 3,
    arbitrary: fc.record({
      role: fc.constantFrom('read' as const, 'command'),
      device: fc.constantFrom('a', 'b')
    })
  },
  { weight: 1, arbitrary: fc.constant({ role: 'admin' as const }) }
)
const rights: fc.Arbitrary<Rights> = fc.record({
  grants: fc.array(grant, { maxLength: 12 }),
  tenant: fc.option(fc.constantFrom('a', 'a/b', 'b'))
})

test('a topic may be read and published to where a grant matches it, within the tenant', () => {
  fc.assert(
    fc.property(rights, fc.array(topic, { minLength: 1, maxLength: 20 }), (given, topics) => {
      const compiled = compileRights(given)
      for (const name of topics) {
        assert.equal(compiled.mayRead(name), isAllowed(given, 'read', name), `read ${name}`)
        assert.equal(compiled.mayPublish(name), isAllowed(given, 'command', name), `publish ${name}`)
      }
    }),
    { numRuns: 3_000 }
  )
})

test('only an administrator reads all, and a tenant has none', () => {
  const everything: Grant[] = [
    { role: 'read', topic: '#' },
    { role: 'command', topic: '#' }
  ]
  assert.equal(compileRights({ grants: everything, tenant: null }).readsAll, undefined)
  assert.equal(compileRights({ grants: everything, tenant: null }).administers, undefined)
  const admin = compileRights({ grants: [{ role: 'admin' }], tenant: null })
  assert.deepEqual([admin.readsAll, admin.administers, admin.mayRead('$SYS/x')], [true, true, true])
  const tenant = compileRights({ grants: [{ role: 'admin' }], tenant: 'a' })
  assert.deepEqual(
    [tenant.readsAll, tenant.administers, tenant.mayRead('a/x')],
    [undefined, undefined, false]
  )
})

test('a device is one by its name, and a tenant bounds where its commands come to', () => {
  const grants: Grant[] = [
    { role: 'read', device: 'pump' },
    { role: 'command', device: 'press' }
  ]
  const open = compileRights({ grants, tenant: null })
  assert.equal(open.mayReadDevice('pump', 'x/y'), true)
  assert.equal(open.mayReadDevice('press', 'x/y'), false)
  assert.equal(open.mayCommandDevice('press', 'x/y'), true)
  assert.equal(open.mayCommandDevice('pump', 'x/y'), false)
  const bounded = compileRights({ grants, tenant: 'plant' })
  assert.equal(bounded.mayCommandDevice('press', 'plant/press/set'), true)
  assert.equal(bounded.mayCommandDevice('press', 'planted/press/set'), false)
  assert.equal(bounded.mayReadDevice('pump', 'other/pump/set'), false)
})

test('source topics are read by a grant of a device alone, and within the tenant', () => {
  const sources = new Set(['plant/pump', 'other/pump'])
  const grants: Grant[] = [{ role: 'read', device: 'pump' }]
  assert.equal(compileRights({ grants, tenant: null }, sources).mayRead('other/pump'), true)
  assert.equal(compileRights({ grants, tenant: 'plant' }, sources).mayRead('other/pump'), false)
  assert.equal(compileRights({ grants, tenant: 'plant' }, sources).mayRead('plant/pump'), true)
  const command: Grant[] = [{ role: 'command', device: 'pump' }]
  assert.equal(compileRights({ grants: command, tenant: null }, sources).mayRead('plant/pump'), false)
})
