/** Whether a secret in what was written would be found, however it was written. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyText } from '../../src/access/key-text.ts'
import { canaries, createFinder } from '../support/canaries.ts'

const find = createFinder({ 'the password': 'of-one-run-only' })

test('each canary is found, as it is and as it is written elsewhere, with its line', () => {
  for (const [name, value] of [...Object.entries(canaries), ['the password', 'of-one-run-only'] as const]) {
    const ways = [
      value,
      `mqtt://user:${encodeURIComponent(value)}@host`,
      JSON.stringify({ authorization: `Bearer ${value}` }),
      Buffer.from(`user:${value}`).toString('base64'),
      Buffer.from(`a user:${value} and more`).toString('base64'),
      Buffer.from(`the user:${value}`).toString('base64url'),
      `x${Buffer.from(value).toString('hex')}x`
    ]
    for (const way of ways)
      assert.deepEqual(find(`first\n{"msg":"${way}"}\nlast`), [{ name, line: 2 }], `${name}: ${way}`)
  }
})

test('so is what the service makes itself', () => {
  const token = [{ alg: 'RS256' }, { sub: 'somebody' }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url')
  )
  const made = {
    'an API key': createKeyText('0123456789ab'),
    'a secret of a webhook': `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
    'a token (JWT)': `${token.join('.')}.${Buffer.alloc(32, 9).toString('base64url')}`,
    'a private key': '-----BEGIN PRIVATE KEY-----'
  }
  for (const [name, text] of Object.entries(made)) assert.deepEqual(find(`a\n${text}`), [{ name, line: 2 }])
})

test('nothing is found where nothing is', () => {
  assert.deepEqual(find('rialto_messages_total 7\nkey:0123456789ab\nwhsec_\n{"principal":"api-key"}'), [])
})
