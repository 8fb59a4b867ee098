import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startIssuer } from '../support/issuer.ts'
import { takeTokens } from '../support/tokens.ts'
import { startServer } from './server.ts'

const issuer = await startIssuer()
const { authenticator } = takeTokens(issuer, { limits: { issuerCooldownMs: 60_000 } })
const { app, url } = await startServer({ parts: { authenticator } })

interface Answered {
  status: number
  headers: Headers
  code: string | undefined
  text: string
}

async function ask(path: string, authorization?: string, body?: object): Promise<Answered> {
  const response = await fetch(`${url}${path}`, {
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(body !== undefined && { 'content-type': 'application/json' })
    }
  })
  const text = await response.text()
  const { code } = JSON.parse(text) as { code?: string }
  return { status: response.status, headers: response.headers, code, text }
}

test('a token reads what it grants; one that grants nothing is known, and reads nothing', async () => {
  for (const rialto of [['read:topic:#'], []]) {
    const { status } = await ask('/v1/topics', `Bearer ${await issuer.issue({ rialto })}`)
    assert.equal(status, 200)
  }
  const authorization = `bearer  ${await issuer.issue({})}`
  const status = await fetch(`${url}/v1/status`, { method: 'HEAD', headers: { authorization } })
  assert.equal(
    status.status,
    200,
    'the scheme is in any case, with any number of spaces (RFC 9110 section 11.1)'
  )
})

test('a token that is not good is challenged as such, and not said again', async () => {
  const token = await issuer.issue({}, { audience: 'urn:other' })
  const answer = await ask('/v1/topics', `Bearer ${token}`)
  assert.deepEqual([answer.status, answer.code], [401, 'unauthenticated'])
  assert.equal(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"')
  assert.match(answer.text, /another audience/)
  for (const part of token.split('.')) assert.ok(!answer.text.includes(part))
})

test('without a token, or with what is none, there is no error in the challenge', async () => {
  for (const authorization of [undefined, 'Basic YTpi', 'Bearers x']) {
    const { status, headers } = await ask('/v1/topics', authorization)
    assert.deepEqual([status, headers.get('www-authenticate')], [401, 'Bearer'], authorization)
  }
})

test('a token lets in by its header alone: not by the query, a body, a cookie or another header', async () => {
  const token = await issuer.issue({ rialto: 'admin' })
  for (const name of ['access_token', 'token', 'authorization', 'ticket'])
    for (const path of ['/v1/topics', '/v1/stream', '/metrics'])
      assert.equal((await ask(`${path}?${name}=${token}`)).status, 401, `${path} by ${name}`)
  assert.equal((await ask('/v1/stream/tickets', undefined, { access_token: token })).status, 401)
  for (const headers of [
    { cookie: `access_token=${token}` },
    { 'x-forwarded-authorization': `Bearer ${token}` }
  ]) {
    const { statusCode } = await app.inject({ url: '/v1/topics', headers })
    assert.equal(statusCode, 401)
  }
})

test('a ticket of a token opens streams, and nothing else', async () => {
  const made = await ask(
    '/v1/stream/tickets',
    `Bearer ${await issuer.issue({ rialto: 'read:topic:a/#' })}`,
    {}
  )
  assert.equal(made.status, 201)
  const { ticket } = JSON.parse(made.text) as { ticket: string }
  const gone = new AbortController()
  const stream = await fetch(`${url}/v1/stream?ticket=${ticket}`, { signal: gone.signal })
  assert.equal(stream.status, 200)
  gone.abort()
  assert.equal((await ask('/v1/topics', `Bearer ${ticket}`)).status, 401)
  assert.equal((await ask(`/v1/topics?ticket=${ticket}`)).status, 401)
})

test('a webhook is made with a key: by a token it would be for nobody', async () => {
  const answer = await ask('/v1/webhooks', `Bearer ${await issuer.issue({ rialto: 'admin' })}`, {
    url: 'https://example.com/hook'
  })
  assert.deepEqual([answer.status, answer.code], [403, 'forbidden'])
  assert.match(answer.text, /make it with an API key/)
})

test('an issuer that is away is not the fault of the token', async () => {
  const token = await issuer.sign({ iss: issuer.url }, { kid: 'unknown' })
  assert.equal((await ask('/v1/topics', `Bearer ${token}`)).status, 401)
  const away = await startIssuer()
  const other = await away.issue({})
  await away.stop()
  const { authenticator: unanswered } = takeTokens(away)
  const server = await startServer({ parts: { authenticator: unanswered } })
  const response = await fetch(`${server.url}/v1/topics`, { headers: { authorization: `Bearer ${other}` } })
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1'])
  assert.equal(((await response.json()) as { code: string }).code, 'issuer_unavailable')
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
})
