/** The built service, with tokens of a real issuer: who is let in, and until when. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bannerUrl, startService } from '../support/service.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startIssuer } from '../support/issuer.ts'
import { connectClient } from '../support/mqtt.ts'
import { openSse } from '../support/sse.ts'

test('by the environment alone: tokens let in to what they grant, and streams end when they do', async (t) => {
  const issuer = await startIssuer()
  const service = await startService({
    LOG_LEVEL: 'debug',
    DATABASE_URL: await createDatabase(),
    RIALTO_MQTT_PORT: '0',
    RIALTO_MQTT_WS_PORT: '0',
    RIALTO_OIDC_ISSUER: issuer.url,
    RIALTO_OIDC_AUDIENCE: issuer.audience,
    RIALTO_OIDC_GRANTS_CLAIM: 'https://plant.example/rialto',
    RIALTO_OIDC_CLOCK_TOLERANCE_SECONDS: '0'
  })
  assert.match(service.output(), new RegExp(`Access +Authorization: Bearer <token of ${issuer.url}>\n`))
  const tokens: string[] = []
  const as = async (seconds: number, ...grants: string[]): Promise<{ authorization: string }> => {
    const token = await issuer.issue({ 'https://plant.example/rialto': grants }, { seconds })
    tokens.push(token)
    return { authorization: `Bearer ${token}` }
  }
  const topics = async (headers: Record<string, string>): Promise<string[] | number> => {
    const answer = await fetch(`${service.url}/v1/topics`, { headers })
    if (answer.status !== 200) return answer.status
    return ((await answer.json()) as { items: Array<{ topic: string }> }).items
      .map(({ topic }) => topic)
      .toSorted()
  }
  const { client } = await connectClient(bannerUrl(service.output(), 'mqtt'))
  for (const topic of ['plant/a', 'plant/b', 'lab/a']) await client.publishAsync(topic, '1', { qos: 1 })
  const admin = await as(300, 'admin')
  // Its own status is retained, too
  await eventually(async () => ((await topics(admin)) as string[]).length === 4)
  assert.equal(await topics({}), 401, 'nobody is anonymous where there is an issuer')
  assert.deepEqual(await topics(await as(300, 'read:topic:plant/#', 'read:topic:+/a')), [
    'lab/a',
    'plant/a',
    'plant/b'
  ])
  assert.deepEqual(await topics(await as(300, 'read:topic:plant/+')), ['plant/a', 'plant/b'])
  assert.deepEqual(await topics(await as(300)), [])

  const short = await as(8, 'read:topic:plant/#')
  const made = await fetch(`${service.url}/v1/stream/tickets`, { method: 'POST', headers: short })
  const { ticket, expiresAt } = (await made.json()) as { ticket: string; expiresAt: string }
  const { exp } = JSON.parse(Buffer.from(short.authorization.split('.')[1]!, 'base64url').toString()) as {
    exp: number
  }
  assert.equal(Date.parse(expiresAt), exp * 1_000, 'a minute was asked for')
  const streams = await Promise.all([
    openSse(`${service.url}/v1/stream`, short),
    openSse(`${service.url}/v1/stream?ticket=${ticket}`)
  ])
  await client.publishAsync('plant/a', 'seen', { qos: 1 })
  for (const stream of streams) {
    assert.equal(stream.status, 200)
    await stream.find('message')
    const { data } = await stream.find('problem')
    assert.equal(data.code, 'unauthenticated')
    assert.ok(Date.now() >= exp * 1_000, 'not before')
    t.diagnostic(`ended ${Date.now() - exp * 1_000} ms after the token`)
  }
  assert.equal(await topics(short), 401)
  assert.notEqual(await topics(admin), 401)
  await client.endAsync()
  assert.equal(await service.kill('SIGTERM'), 0)
  for (const token of [...tokens, ticket])
    assert.ok(!service.output().includes(token.slice(-40)), 'no token in the log')
})
