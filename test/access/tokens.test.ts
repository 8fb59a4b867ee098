import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { SignJWT } from 'jose'
import type { Access } from '../../src/model.ts'
import { makeKey, startIssuer } from '../support/issuer.ts'
import { refusalOf, takeTokens } from '../support/tokens.ts'

const issuer = await startIssuer(['ES256', 'RS256'])
const { authenticator } = takeTokens(issuer)
const now = (): number => Math.floor(Date.now() / 1_000)
const good = (): Record<string, unknown> => ({
  iss: issuer.url,
  aud: issuer.audience,
  sub: 'ann',
  exp: now() + 300,
  rialto: ['read:topic:a/#']
})
const ask = (token: string): Promise<Access> => authenticator.authenticate(`Bearer ${token}`)
const refusal = async (token: string | Promise<string>): Promise<string> => refusalOf(ask(await token))
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

test('a token of the issuer lets in as who it says, with what it grants', async () => {
  const rialto = ['read:topic:plant/+/state', 'command:device:pump-1', 'offline_access', 'read:topic:a/#/b']
  const access = await ask(await issuer.issue({ rialto }))
  assert.equal(access.principal, 'oidc:reader')
  assert.deepEqual(
    ['plant/1/state', 'plant/1/secret', 'a/x'].map((topic) => access.mayRead(topic)),
    [true, false, false]
  )
  assert.deepEqual(
    [access.mayPublish('plant/1/state'), access.mayCommandDevice!('pump-1', 'any')],
    [false, true]
  )
  assert.deepEqual([access.administers, access.readsAll], [undefined, undefined])
  const admin = await ask(await issuer.issue({ rialto: 'admin' }))
  assert.deepEqual([admin.administers, admin.readsAll, admin.mayPublish('x')], [true, true, true])
  const none = await ask(await issuer.issue({}))
  assert.deepEqual([none.mayRead('a'), none.mayPublish('a')], [false, false])
})

test('every algorithm that only the issuer can sign with is taken', async () => {
  const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')
  const keys = await Promise.all(algorithms.map((alg) => makeKey(alg)))
  const many = await startIssuer()
  const publicKeys = keys.map((key) =>
    Object.fromEntries(Object.entries(key).filter(([name]) => !/^(d|p|q|dp|dq|qi)$/.test(name)))
  )
  many.answers.set('/jwks', (response) => response.end(JSON.stringify({ keys: publicKeys })))
  const taking = takeTokens(many)
  for (const key of keys) {
    const token = await many.sign({ ...good(), iss: many.url }, {}, key)
    assert.equal((await taking.authenticator.authenticate(`Bearer ${token}`)).principal, 'oidc:ann', key.alg!)
  }
})

const stranger = await makeKey()
const kid = issuer.keys[0]!.kid!
const publicPem = createPublicKey({ key: issuer.keys[1] as never, format: 'jwk' }).export({
  type: 'spki',
  format: 'pem'
})
const hmac = (key: string | Buffer, header: object = {}): Promise<string> =>
  new SignJWT(good()).setProtectedHeader({ alg: 'HS256', kid, ...header }).sign(Buffer.from(key))
const { d: _, ...strangerPublic } = stranger

const refused: Array<[what: string, token: () => string | Promise<string>, fault: RegExp]> = [
  ['no signature', () => `${part({ alg: 'none' })}.${part(good())}.`, /not signed with one of/],
  ['no signature, in capitals', () => `${part({ alg: 'NONE' })}.${part(good())}.`, /not signed with one of/],
  ['no algorithm', () => `${part({})}.${part(good())}.AAAA`, /not signed with one of/],
  ['a number as algorithm', () => `${part({ alg: 1 })}.${part(good())}.AAAA`, /not signed with one of/],
  ['a list as algorithm', () => `${part({ alg: ['none'] })}.${part(good())}.AAAA`, /not signed with one of/],
  ['the public key as a secret', () => hmac(publicPem), /not signed with one of/],
  [
    'the public key as a secret, of its id',
    () => hmac(publicPem, { kid: issuer.keys[1]!.kid }),
    /not signed with one of/
  ],
  ['an empty secret', () => `${part({ alg: 'HS256', kid })}.${part(good())}.AAAA`, /not signed with one of/],
  [
    'a signature taken off',
    async () => (await issuer.sign(good())).replace(/[^.]+$/, ''),
    /not signed with a key/
  ],
  [
    'claims of another',
    async () => (await issuer.sign(good())).replace(/\.[^.]+\./, `.${part({ ...good(), sub: 'root' })}.`),
    /not signed with a key/
  ],
  ["a stranger's key", () => issuer.sign(good(), {}, stranger), /not signed with a key/],
  [
    "a stranger's key by the id of a known one",
    () => issuer.sign(good(), { kid }, stranger),
    /not signed with a key/
  ],
  [
    'the key of another algorithm by its id',
    () => issuer.sign(good(), { kid: issuer.keys[1]!.kid }),
    /not signed with a key/
  ],
  [
    'another algorithm than that of the key',
    () =>
      issuer.sign(good(), { kid: issuer.keys[1]!.kid, alg: 'PS256' }, { ...issuer.keys[1]!, alg: 'PS256' }),
    /not signed with a key/
  ],
  [
    'a key of its own',
    () => issuer.sign(good(), { jwk: strangerPublic, kid: undefined }, stranger),
    /not signed with a key/
  ],
  [
    'a key of its own that has a known id',
    () => issuer.sign(good(), { jwk: { ...strangerPublic, kid }, kid }, stranger),
    /not signed with a key/
  ],
  [
    'a URL of keys',
    () => issuer.sign(good(), { jku: `${issuer.url}/mine`, kid: stranger.kid }, stranger),
    /not signed with a key/
  ],
  [
    'a URL of a certificate',
    () => issuer.sign(good(), { x5u: `${issuer.url}/mine`, kid: stranger.kid }, stranger),
    /not signed with a key/
  ],
  [
    'a path as id',
    () => issuer.sign(good(), { kid: '../../../../dev/null' }, stranger),
    /not signed with a key/
  ],
  [
    'a member of every object as id',
    () => issuer.sign(good(), { kid: '__proto__' }, stranger),
    /not signed with a key/
  ],
  ['another issuer', () => issuer.sign({ ...good(), iss: 'https://evil.example' }), /another issuer/],
  ['its name with a slash more', () => issuer.sign({ ...good(), iss: `${issuer.url}/` }), /another issuer/],
  ['no issuer', () => issuer.sign({ ...good(), iss: undefined }), /another issuer/],
  ['a list of issuers', () => issuer.sign({ ...good(), iss: [issuer.url] }), /another issuer/],
  ['another audience', () => issuer.issue({}, { audience: 'urn:other' }), /another audience/],
  ['a longer audience', () => issuer.sign({ ...good(), aud: `${issuer.audience}2` }), /another audience/],
  ['no audience', () => issuer.sign({ ...good(), aud: undefined }), /another audience/],
  ['other audiences', () => issuer.sign({ ...good(), aud: ['a', 'b'] }), /another audience/],
  ['no end', () => issuer.sign({ ...good(), exp: undefined }), /`exp` and `sub` are required/],
  ['an end in words', () => issuer.sign({ ...good(), exp: String(now() + 300) }), /times are numbers/],
  ['an end that has been', () => issuer.sign({ ...good(), exp: now() - 6 }), /has expired/],
  ['a beginning that is to come', () => issuer.sign({ ...good(), nbf: now() + 60 }), /not good yet/],
  ['made in the future', () => issuer.sign({ ...good(), iat: now() + 60 }), /not good yet/],
  ['nobody', () => issuer.sign({ ...good(), sub: undefined }), /`sub`/],
  ['an empty name', () => issuer.sign({ ...good(), sub: '' }), /`sub` of 1 to 255 bytes/],
  ['a number as name', () => issuer.sign({ ...good(), sub: 1 }), /`sub` of 1 to 255 bytes/],
  [
    'a name that is too long',
    () => issuer.sign({ ...good(), sub: 'é'.repeat(128) }),
    /`sub` of 1 to 255 bytes/
  ],
  ['a name with a line of its own', () => issuer.sign({ ...good(), sub: 'ann\nroot' }), /control characters/],
  ['a logout token', () => issuer.sign(good(), { typ: 'logout+jwt' }), /no access token/],
  ['a number as type', () => issuer.sign(good(), { typ: 1 }), /no access token/],
  [
    'what a critical header asks for',
    () => `${part({ alg: 'ES256', kid, crit: ['x'], x: 1 })}.${part(good())}.AAAA`,
    /no token that is good here/
  ],
  ['bound to a key of the sender', () => issuer.sign({ ...good(), cnf: { jkt: 'x' } }), /`cnf`/],
  [
    'too many grants',
    () => issuer.sign({ ...good(), rialto: Array.from({ length: 201 }, (_, i) => `read:topic:${i}`) }),
    /more than 200 grants/
  ],
  ['too long', () => issuer.sign({ ...good(), more: 'x'.repeat(8_192) }), /at most 8192 bytes/],
  ['encrypted', () => `${part({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.b.c.d`, /Send a key/]
]

test('what is no token of the issuer for this service, or not good now, is refused, and nothing of it is said again', async () => {
  issuer.answers.set('/mine', (response) => response.end(JSON.stringify({ keys: [strangerPublic] })))
  for (const [what, token, fault] of refused) {
    const text = await token()
    const said = await refusal(text)
    assert.match(said, new RegExp(`^unauthenticated: .*${fault.source}`), what)
    for (const piece of text.split('.')) assert.ok(piece.length < 5 || !said.includes(piece), what)
    assert.ok(!/root|evil|urn:/.test(said), what)
  }
  assert.equal(await refusal(issuer.sign(good())), 'none', 'what they were made from is good')
})

test('a token is good up to its end and the tolerance, to the second', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
  for (const clockToleranceSeconds of [0, 5, 300]) {
    const { authenticator: taking } = takeTokens(issuer, {
      settings: { clockToleranceSeconds },
      limits: { issuerKeysStaleMsMax: 1e12 }
    })
    const at = async (claims: object, ms: number): Promise<string> => {
      const token = await issuer.sign({ ...good(), exp: 1_800_000_100, ...claims })
      t.mock.timers.setTime(ms)
      return (await refusalOf(taking.authenticate(`Bearer ${token}`))).replace(
        /:.*(expired|yet|issuer does).*/,
        ': $1'
      )
    }
    const end = (1_800_000_100 + clockToleranceSeconds) * 1_000
    assert.equal(await at({ jti: 1 }, end - 1), 'none')
    assert.equal(await at({ jti: 1 }, end), 'unauthenticated: expired', 'also where it is remembered')
    assert.equal(await at({ jti: 2 }, end), 'unauthenticated: expired')
    const begin = (1_800_000_010 - clockToleranceSeconds) * 1_000
    for (const claim of ['nbf', 'iat']) {
      assert.equal(await at({ [claim]: 1_800_000_010 }, begin - 1), 'unauthenticated: yet', claim)
      assert.equal(await at({ [claim]: 1_800_000_010 }, begin), 'none', claim)
    }
  }
})

test('what runs for a token is told of its end, also where the token is remembered no more', async (t) => {
  const { authenticator: taking } = takeTokens(issuer, {
    settings: { clockToleranceSeconds: 0 },
    limits: { tokensRememberedMax: 1, issuerKeysStaleMsMax: 1e12 }
  })
  t.mock.timers.enable({ apis: ['Date', 'setInterval'], now: Date.now() })
  const begun = now()
  const some = await Promise.all(
    [10, 20, 20].map(async (seconds, jti) =>
      taking.authenticate(`Bearer ${await issuer.sign({ ...good(), exp: begun + seconds, jti })}`)
    )
  )
  const ended = (): boolean[] => some.map((access) => access.ended!.aborted)
  t.mock.timers.tick(begun * 1_000 + 9_500 - Date.now())
  assert.deepEqual(ended(), [false, false, false])
  t.mock.timers.tick(1_000)
  assert.deepEqual(ended(), [true, false, false])
  t.mock.timers.tick(10_000)
  assert.deepEqual(ended(), [true, true, true])
})

test('one token is verified once, and is one: the same rights and the same end', async () => {
  const token = await issuer.sign(good())
  const [one, another] = await Promise.all([ask(token), ask(token)])
  assert.equal(one.ended, another.ended)
  assert.equal((await ask(token)).ended, one.ended)
  assert.notEqual((await ask(await issuer.sign({ ...good(), jti: 'x' }))).ended, one.ended)
})

test('whatever is sent as a token, it is refused as such', async () => {
  const base64url = fc.string({ unit: fc.constantFrom(...'AZaz09-_'.split('')) })
  const json = fc.jsonValue().map(part)
  const header = fc
    .record(
      {
        alg: fc.oneof(fc.constantFrom('ES256', 'RS256', 'none', 'HS256'), fc.jsonValue()),
        kid: fc.oneof(fc.constant(kid), fc.jsonValue()),
        typ: fc.jsonValue()
      },
      { requiredKeys: [] }
    )
    .map(part)
  const claims = fc
    .record(
      { iss: fc.oneof(fc.constant(issuer.url), fc.jsonValue()), exp: fc.jsonValue(), aud: fc.jsonValue() },
      { requiredKeys: [] }
    )
    .map(part)
  const tokens = fc.tuple(fc.oneof(base64url, json, header), fc.oneof(base64url, json, claims), base64url)
  await fc.assert(
    fc.asyncProperty(tokens, async (parts) => {
      assert.match(await refusal(parts.join('.')), /^unauthenticated: /)
    }),
    { numRuns: 500 }
  )
  const token = await issuer.sign(good())
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom(...'AZaz09-_.'.split('')), async (at, sign) => {
      const index = at % token.length
      // The last character has bits that stand for nothing
      if (index === token.length - 1 || token[index] === sign) return
      assert.match(
        await refusal(`${token.slice(0, index)}${sign}${token.slice(index + 1)}`),
        /^unauthenticated: /
      )
    }),
    { numRuns: 500 }
  )
})

test('of a tenant, nobody is let beyond it, nor does anybody administer', async () => {
  const { authenticator: taking } = takeTokens(issuer, { settings: { tenantClaim: 'org.name' } })
  const as = async (claims: object): Promise<Access> =>
    taking.authenticate(`Bearer ${await issuer.sign({ ...good(), ...claims })}`)
  const access = await as({ org: { name: 'acme' }, rialto: ['admin', 'read:topic:#', 'command:topic:+/x'] })
  assert.deepEqual(
    ['acme', 'acme/x', 'acme2/x', 'other/x'].map((topic) => [
      access.mayRead(topic),
      access.mayPublish(topic)
    ]),
    [
      [true, false],
      [true, true],
      [false, false],
      [false, false]
    ]
  )
  assert.deepEqual([access.administers, access.readsAll], [undefined, undefined])
  for (const org of [
    undefined,
    {},
    { name: 1 },
    { name: '' },
    { name: '#' },
    { name: 'a/' },
    { name: 'a\u0000' },
    { name: '$SYS' }
  ])
    assert.match(
      await refusalOf(as({ org })),
      /^unauthenticated: .*`org.name` is no tenant/,
      JSON.stringify(org)
    )
})

test('a ticket of a token is good for the same, and no longer, on every instance', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: now() * 1_000 })
  const access = await ask(await issuer.sign({ ...good(), exp: now() + 10 }))
  const long = authenticator.issueTicket(access, 60)
  assert.equal(long.expiresAt, Date.now() + 15_000, 'the end of the token, and the tolerance')
  assert.equal(authenticator.issueTicket(access, 3).expiresAt, Date.now() + 3_000)
  const other = takeTokens(issuer).authenticator
  const again = await other.readTicket(long.ticket, '192.0.2.1')
  assert.deepEqual(
    [again.principal, again.address, again.mayRead('a/b'), again.mayRead('b'), again.mayPublish('a/b')],
    ['oidc:ann', '192.0.2.1', true, false, false]
  )
  assert.deepEqual([again.ended!.aborted, again.administers], [false, undefined])
  for (const settings of [{ audience: 'urn:other' }, { tenantClaim: 'org' }, { grantsClaim: 'scope' }])
    assert.match(
      await refusalOf(takeTokens(issuer, { settings }).authenticator.readTicket(long.ticket)),
      /no ticket/
    )
  assert.match(
    await refusalOf(
      takeTokens(issuer, { tokenKey: Buffer.alloc(32, 8) }).authenticator.readTicket(long.ticket)
    ),
    /no ticket/
  )
  t.mock.timers.tick(15_000)
  assert.match(await refusalOf(other.readTicket(long.ticket)), /ticket is over/)
})

test('a ticket that would be too long for a URL is refused, and it is said what to do', async () => {
  const { authenticator: taking } = takeTokens(issuer, { limits: { ticketBytesMax: 300 } })
  const as = async (grants: number): Promise<Access> => {
    const rialto = Array.from({ length: grants }, (_, index) => `read:topic:plant/${index}`)
    return taking.authenticate(`Bearer ${await issuer.sign({ ...good(), rialto })}`)
  }
  const [few, many] = [await as(2), await as(20)]
  assert.ok(taking.issueTicket(few, 60).ticket.length <= 300)
  assert.match(
    await refusalOf((async () => taking.issueTicket(many, 60))()),
    /^invalid_value: .*300 bytes: send the token/
  )
})

test('a ticket is no longer than the token that it is made for', async () => {
  const rialto = Array.from({ length: 200 }, (_, index) => `read:topic:${index}/é/+`)
  const token = await issuer.sign({ ...good(), rialto })
  const access = await ask(token)
  const { ticket } = authenticator.issueTicket(access, 60)
  assert.ok(ticket.length <= token.length, `${ticket.length} and ${token.length}`)
  const again = await authenticator.readTicket(ticket)
  assert.deepEqual([again.mayRead('199/é/x'), again.mayRead('200/é/x')], [true, false])
})

test('nobody is known by the name of a token, so nothing is done for them while they are away', async () => {
  await ask(await issuer.sign(good()))
  assert.equal(authenticator.accessOf('oidc:ann'), null)
})
