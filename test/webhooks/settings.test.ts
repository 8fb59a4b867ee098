import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../../src/errors.ts'
import { defaultLimits as limits } from '../../src/limits.ts'
import type { WebhookAsk } from '../../src/webhooks/settings.ts'
import { readSettings } from '../../src/webhooks/settings.ts'

const url = 'https://example.com/hook'
const read = (ask: Partial<WebhookAsk>, allowPrivate = false) =>
  readSettings({ url, ...ask }, allowPrivate, limits)

test('what is not given is the default: what becomes of commands', () => {
  assert.deepEqual(read({}), {
    url,
    description: '',
    types: ['command'],
    filters: [],
    where: null,
    finalOnly: true
  })
  assert.deepEqual(
    read({ description: null, types: null, filters: null, where: null, finalOnly: null }),
    read({})
  )
})

test('what is given twice is there once; a fragment, which is never sent, is left out', () => {
  const {
    types,
    filters,
    url: kept
  } = read({
    url: 'HTTPS://EXAMPLE.com:443/a b?c#d',
    types: ['gap', 'gap'],
    filters: ['a/#', 'a/#']
  })
  assert.deepEqual([types, filters, kept], [['gap'], ['a/#'], 'https://example.com/a%20b?c'])
})

for (const [what, ask, code, pointer] of [
  ['no URL', { url: 'example.com' }, 'invalid_value', '/url'],
  ['an empty one', { url: '' }, 'invalid_value', '/url'],
  ['http', { url: 'http://example.com/' }, 'invalid_value', '/url'],
  ['another scheme', { url: 'file:///etc/passwd' }, 'invalid_value', '/url'],
  ['a user', { url: 'https://user@example.com/' }, 'invalid_value', '/url'],
  ['a password', { url: 'https://:secret@example.com/' }, 'invalid_value', '/url'],
  ['loopback', { url: 'https://127.0.0.1/' }, 'invalid_value', '/url'],
  ['loopback as a number', { url: 'https://2130706433/' }, 'invalid_value', '/url'],
  ['loopback in octal', { url: 'https://0177.1/' }, 'invalid_value', '/url'],
  ['the metadata of a cloud', { url: 'https://169.254.169.254/latest' }, 'invalid_value', '/url'],
  ['IPv6 within', { url: 'https://[::ffff:10.0.0.1]/' }, 'invalid_value', '/url'],
  ['a long one', { url: `https://example.com/${'a'.repeat(3_000)}` }, 'invalid_value', '/url'],
  ['a long one when encoded', { url: `https://example.com/${'ä'.repeat(1_000)}` }, 'invalid_value', '/url'],
  ['no types', { types: [] }, 'invalid_value', '/types'],
  ['a long description', { description: 'x'.repeat(1_001) }, 'invalid_value', '/description'],
  ['what Postgres does not store', { description: 'a\0b' }, 'invalid_value', '/description'],
  ['no filter', { filters: ['a', 'a/#/b'] }, 'invalid_filter', '/filters/1'],
  ['a long filter', { filters: ['a'.repeat(2_000)] }, 'invalid_filter', '/filters/0'],
  ['many filters', { filters: Array.from({ length: 101 }, () => 'a') }, 'invalid_filter', '/filters'],
  ['no predicate', { where: 'payload > 1' }, 'invalid_value', '/where'],
  ['too much of one', { where: `and(${'exists(a),'.repeat(60)}exists(a))` }, 'query_too_complex', '/where']
] satisfies Array<[string, Partial<WebhookAsk>, string, string]>) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => read(ask),
      (error: unknown) => {
        assert.ok(error instanceof Problem)
        assert.deepEqual([error.code, error.errors[0]?.pointer], [code, pointer])
        assert.ok(!error.message.includes('secret'))
        return true
      }
    )
  })
}

test('where private addresses are allowed, so is http; nothing else is', () => {
  for (const allowed of ['http://127.0.0.1:8080/', 'https://10.0.0.1/', 'http://localhost/'])
    assert.equal(read({ url: allowed }, true).url, allowed)
  for (const refused of ['ftp://127.0.0.1/', 'http://user@127.0.0.1/'])
    assert.throws(() => read({ url: refused }, true), Problem)
})
