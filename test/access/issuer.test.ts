import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access } from '../../src/model.ts'
import { isSafe } from '../../src/access/issuer-document.ts'
import type { Limits } from '../../src/limits.ts'
import { eventually } from '../support/eventually.ts'
import type { TestIssuer } from '../support/issuer.ts'
import { makeKey, startIssuer } from '../support/issuer.ts'
import type { TestTokens } from '../support/tokens.ts'
import { refusalOf, takeTokens } from '../support/tokens.ts'

const ask = ({ authenticator }: TestTokens, token: string): Promise<Access> =>
  authenticator.authenticate(`Bearer ${token}`)
const refusal = async (taking: TestTokens, token: Promise<string>): Promise<string> =>
  refusalOf(ask(taking, await token))
const good = ({ url, audience }: TestIssuer): object => ({
  iss: url,
  aud: audience,
  sub: 'ann',
  exp: Math.floor(Date.now() / 1_000) + 300,
  rialto: 'read:topic:#'
})
/** For tests that let the issuer be asked as often as it is wished. */
const eager: Partial<Limits> = { issuerCooldownMs: 0, issuerBackoffMsMin: 1, issuerBackoffMsMax: 20 }

test('a new key is good from its first token on, the old one as long as it is published', async () => {
  const issuer = await startIssuer()
  const taking = takeTokens(issuer, { limits: { issuerCooldownMs: 0 } })
  const old = await issuer.issue()
  const unseen = await issuer.issue()
  const access = await ask(taking, old)
  const [first, second] = [issuer.keys[0]!, await makeKey('RS256')]
  issuer.use([second, first])
  assert.equal(await refusal(taking, issuer.issue()), 'none')
  assert.equal(await refusalOf(ask(taking, unseen)), 'none')
  assert.equal(access.ended!.aborted, false)

  issuer.use([await makeKey(), second])
  assert.equal(await refusal(taking, issuer.issue()), 'none', 'which has the keys read anew')
  assert.equal(access.ended!.aborted, true, 'what runs for tokens of a key that was taken back is over')
  assert.match(
    await refusalOf(ask(taking, old)),
    /^unauthenticated: .*not signed with a key that the issuer publishes now/
  )
  assert.match(await refusalOf(ask(taking, unseen)), /^unauthenticated: .*not signed with a key/)
})

test('a key that was taken back is good no longer than until the keys are read anew, of tickets, too', async () => {
  const issuer = await startIssuer()
  const taking = takeTokens(issuer, { limits: { issuerRefreshMs: 20 } })
  const access = await ask(taking, await issuer.issue())
  const { ticket } = taking.authenticator.issueTicket(access, 60)
  const byTicket = await taking.authenticator.readTicket(ticket)
  const before = issuer.keysRead()
  await eventually(() => issuer.keysRead() > before + 2)
  assert.deepEqual(
    [access.ended!.aborted, byTicket.ended!.aborted],
    [false, false],
    'the same keys, read anew, change nothing'
  )
  issuer.use([await makeKey()])
  await eventually(() => access.ended!.aborted && byTicket.ended!.aborted)
  assert.match(await refusalOf(taking.authenticator.readTicket(ticket)), /^unauthenticated: .*no ticket/)
})

test('while the issuer is away at the start, that is said, and it is asked until it answers', async () => {
  const issuer = await startIssuer()
  const token = await issuer.issue()
  await issuer.stop()
  const taking = takeTokens(issuer, { limits: eager })
  assert.match(await refusalOf(ask(taking, token)), /^issuer_unavailable: .*try again/)
  const others = [
    issuer.sign({ ...good(issuer), iss: 'https://other.example' }),
    issuer.sign(good(issuer), { typ: 'x' })
  ]
  for (const one of ['a.b.c', ...(await Promise.all(others))])
    assert.match(
      await refusalOf(ask(taking, one)),
      /^unauthenticated: /,
      'what is no token of it is known without it'
    )
  await issuer.start()
  await eventually(async () => (await refusalOf(ask(taking, token))) === 'none')
})

test('while the issuer is away, its keys are good; others cannot be known', async () => {
  const issuer = await startIssuer()
  const [before, after] = [await issuer.issue(), await issuer.issue()]
  const taking = takeTokens(issuer, { limits: eager })
  const access = await ask(taking, before)
  const stranger = await makeKey()
  await issuer.stop()
  assert.equal(await refusalOf(ask(taking, after)), 'none')
  assert.match(await refusal(taking, issuer.sign(good(issuer), {}, stranger)), /^issuer_unavailable: /)
  assert.equal(access.ended!.aborted, false)
  await issuer.start()
  await eventually(async () => {
    const said = await refusal(taking, issuer.sign(good(issuer), {}, stranger))
    return said.startsWith('unauthenticated: ')
  })
})

test('keys that could not be read anew for long are good for no token that was not seen before', async (t) => {
  const issuer = await startIssuer()
  const claims = { ...good(issuer), exp: Math.floor(Date.now() / 1_000) + 100_000 }
  const [seen, unseen] = [await issuer.sign(claims), await issuer.sign({ ...claims, jti: '2' })]
  const taking = takeTokens(issuer)
  await ask(taking, seen)
  await issuer.stop()
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 })
  assert.match(await refusalOf(ask(taking, unseen)), /^issuer_unavailable: /)
  assert.equal(await refusalOf(ask(taking, seen)), 'none')
})

test('tokens of keys that do not exist have the issuer asked at most once in a while', async () => {
  const issuer = await startIssuer()
  const taking = takeTokens(issuer, { limits: { issuerCooldownMs: 60_000 } })
  await ask(taking, await issuer.issue())
  const tokens = await Promise.all(
    Array.from({ length: 50 }, async (_, jti) => issuer.sign({ ...good(issuer), jti }, { kid: `k${jti}` }))
  )
  for (const said of await Promise.all(tokens.map((token) => refusalOf(ask(taking, token)))))
    assert.match(said, /^unauthenticated: /)
  assert.equal(issuer.keysRead(), 1)
})

test('while it is away, it is not asked by each token', async () => {
  const issuer = await startIssuer()
  let asked = 0
  issuer.answers.set('/.well-known/openid-configuration', (response) => {
    asked++
    response.writeHead(500).end()
  })
  const taking = takeTokens(issuer, { limits: { issuerBackoffMsMin: 60_000 } })
  const token = await issuer.issue()
  for (let index = 0; index < 20; index++)
    assert.match(await refusalOf(ask(taking, token)), /^issuer_unavailable: /)
  assert.equal(asked, 1)
})

const configuration = '/.well-known/openid-configuration'
const answers: Array<
  [what: string, path: string, status: number, headers: object, body: (url: string) => string]
> = [
  [
    'another issuer',
    configuration,
    200,
    {},
    (url) => JSON.stringify({ issuer: 'https://other.example', jwks_uri: `${url}/jwks` })
  ],
  [
    'its name with a slash more',
    configuration,
    200,
    {},
    (url) => JSON.stringify({ issuer: `${url}/`, jwks_uri: `${url}/jwks` })
  ],
  [
    'keys at an http address',
    configuration,
    200,
    {},
    (url) => JSON.stringify({ issuer: url, jwks_uri: `${url.replace('127.0.0.1', '0.0.0.0')}/jwks` })
  ],
  [
    'keys in a file',
    configuration,
    200,
    {},
    (url) => JSON.stringify({ issuer: url, jwks_uri: 'file:///etc/passwd' })
  ],
  ['no keys', configuration, 200, {}, (url) => JSON.stringify({ issuer: url })],
  ['no JSON', configuration, 200, {}, () => '<html>'],
  ['null', configuration, 200, {}, () => 'null'],
  ['nothing', configuration, 204, {}, () => ''],
  ['elsewhere', configuration, 302, { location: '/elsewhere' }, () => ''],
  ['keys elsewhere', '/jwks', 302, { location: '/elsewhere' }, () => ''],
  ['keys without end', '/jwks', 200, {}, () => `{"keys":[]${' '.repeat(300_000)}}`],
  ['no list of keys', '/jwks', 200, {}, () => '{"keys":{}}'],
  ['no set of keys', '/jwks', 200, {}, () => '[]']
]

for (const [what, path, status, headers, body] of answers)
  test(`an issuer that answers with ${what} is as good as away`, async () => {
    const issuer = await startIssuer()
    const elsewhere = JSON.stringify({
      issuer: issuer.url,
      jwks_uri: `${issuer.url}/jwks`,
      keys: issuer.keys
    })
    issuer.answers.set('/elsewhere', (response) => response.end(elsewhere))
    issuer.answers.set(path, (response) =>
      response.writeHead(status, headers as Record<string, string>).end(body(issuer.url))
    )
    const taking = takeTokens(issuer, { limits: eager })
    assert.match(await refusal(taking, issuer.sign(good(issuer))), /^issuer_unavailable: /)
    issuer.answers.delete(path)
    await eventually(async () => (await refusal(taking, issuer.sign(good(issuer)))) === 'none')
  })

test('an issuer that does not end its answer is given up', async () => {
  const issuer = await startIssuer()
  issuer.answers.set('/jwks', (response) => response.writeHead(200).write('{'))
  const taking = takeTokens(issuer, { limits: { ...eager, issuerMsMax: 50 } })
  assert.match(await refusal(taking, issuer.sign(good(issuer))), /^issuer_unavailable: /)
})

test('a set with keys that are of no use has those that are; what is secret in it is not taken', async () => {
  const issuer = await startIssuer()
  const key = issuer.keys[0]!
  const useless = [
    null,
    1,
    {},
    { kty: 'RSA' },
    { kty: 'EC', kid: 'x', crv: 'P-256' },
    { kty: 'oct', k: 'c2VjcmV0', kid: 'oct' }
  ]
  issuer.answers.set('/jwks', (response) =>
    response.end(JSON.stringify({ keys: [...useless, { ...key, ext: false, key_ops: ['verify'] }] }))
  )
  const taking = takeTokens(issuer)
  assert.equal(await refusal(taking, issuer.sign(good(issuer))), 'none')
  assert.match(await refusal(taking, issuer.sign(good(issuer), { kid: 'x' })), /^unauthenticated: /)
})

test('without an id, a token is good where one key can be meant', async () => {
  const issuer = await startIssuer(['ES256', 'RS256'])
  const taking = takeTokens(issuer, { limits: eager })
  assert.equal(await refusal(taking, issuer.sign(good(issuer), { kid: undefined })), 'none')
  issuer.use([...issuer.keys, await makeKey()])
  await refusal(taking, issuer.sign(good(issuer), { kid: 'has them read anew' }))
  assert.match(
    await refusal(taking, issuer.sign({ ...good(issuer), jti: '2' }, { kid: undefined })),
    /^unauthenticated: /
  )
})

test('an issuer is asked by https, by http only on this machine or where that is said', () => {
  for (const url of ['https://a.example/x', 'http://localhost:1/x', 'http://127.0.0.1/x', 'http://[::1]/x'])
    assert.equal(isSafe(url, false), true, url)
  const others = ['http://a.example/x', 'http://127.0.0.1.evil.example/x', 'http://localhost.evil.example/']
  for (const url of others) assert.deepEqual([isSafe(url, false), isSafe(url, true)], [false, true], url)
  for (const url of [
    'file:///etc/passwd',
    'data:,{}',
    'x',
    '',
    'https://user:password@a.example/',
    'ftp://a.example'
  ])
    assert.equal(isSafe(url, true), false, url)
})
