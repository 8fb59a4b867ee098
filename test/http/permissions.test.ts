/** What somebody is told that they may, on REST and GraphQL. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPermissionQueries } from '../../src/graphql/permissions.ts'
import { defaultLimits } from '../../src/limits.ts'
import { as, authenticatorOf, createHolders } from '../support/holders.ts'
import { call } from './contract.ts'
import { startServer } from './server.ts'

const holders = createHolders()
const authenticator = authenticatorOf(holders)
holders.give('reader', ['read:topic:plant/+/t', 'command:device:pump', 'read:device:press'])
holders.give('tenant', ['read:topic:#', 'read:device:press'], 'acme')
holders.give('admin', ['admin'])
holders.give('nobody', [])
const { url } = await startServer({ parts: { authenticator } })

const ask = (principal: string, body?: object) =>
  call(`${url}/v1/permissions/check`, {
    method: 'POST',
    headers: { ...as(principal), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) })
  })

const asked = [
  { action: 'read', topic: 'plant/a/t' },
  { action: 'read', topic: 'plant/a/x' },
  { action: 'command', topic: 'plant/a/t' },
  { action: 'read', filter: 'plant/a/t' },
  { action: 'read', filter: 'plant/#' },
  { action: 'read', filter: 'acme/x/#' },
  { action: 'read', filter: '#' },
  { action: 'read', filter: '$SYS/#' },
  { action: 'command', device: 'pump' },
  { action: 'read', device: 'pump' },
  { action: 'read', device: 'press' },
  { action: 'administer' }
]
const told: Record<string, string> = {
  reader: 'all none none all some none some none all none all none',
  tenant: 'none none none none none all some none none none some none',
  admin: 'all all all all all all all all all all all all',
  nobody: 'none none none none none none none none none none none none'
}

for (const [principal, expected] of Object.entries(told))
  test(`${principal} is told what it may, alike on REST and GraphQL`, async () => {
    const { status, body } = await ask(principal, { checks: asked })
    assert.equal(status, 200)
    assert.deepEqual([body.principal, body.expiresAt], [principal, null])
    assert.equal(body.checks.map(({ allowed }: { allowed: string }) => allowed).join(' '), expected)
    const { resolve } = createPermissionQueries({ limits: defaultLimits })['Query']!['permissions']!
    const access = await authenticator.authenticate(as(principal)['authorization'])
    assert.deepEqual(await resolve!(null, { checks: asked }, { access } as never, null as never), body)
  })

test('without a body it tells who asks', async () => {
  const { body } = await ask('tenant')
  assert.deepEqual(body, {
    principal: 'tenant',
    tenant: 'acme',
    grants: [
      { role: 'read', topic: '#' },
      { role: 'read', device: 'press' }
    ],
    expiresAt: null,
    checks: []
  })
  assert.deepEqual((await ask('admin')).body.grants, [{ role: 'admin' }])
  // At once with what changes
  holders.give('nobody', ['read:topic:a'])
  assert.equal((await ask('nobody')).body.grants.length, 1)
  holders.give('nobody', [])
})

test('what cannot be answered is refused, with its place', async () => {
  for (const [check, code, pointer] of [
    [{ action: 'read' }, 'invalid_value', '/checks/0'],
    [{ action: 'read', topic: 'a', device: 'b' }, 'invalid_value', '/checks/0'],
    [{ action: 'administer', topic: 'a' }, 'invalid_value', '/checks/0'],
    [{ action: 'read', topic: 'a/#' }, 'invalid_topic', '/checks/0/topic'],
    [{ action: 'read', filter: 'a#' }, 'invalid_filter', '/checks/0/filter'],
    [{ action: 'read', device: '' }, 'invalid_value', '/checks/0/device'],
    [{ action: 'write', topic: 'a' }, 'invalid_value', '/checks/0/action']
  ] as const) {
    const { body } = await ask('reader', { checks: [check] })
    assert.deepEqual([body.code, body.errors[0].pointer], [code, pointer], JSON.stringify(body))
  }
  const many = Array.from({ length: defaultLimits.permissionChecksMax + 1 }, () => asked[0])
  assert.equal((await ask('reader', { checks: many })).body.code, 'invalid_value')
})
