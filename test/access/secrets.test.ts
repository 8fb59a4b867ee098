/**
 * No secret is in any output (F40): the built service with canaries for all of them, on what goes right, on whatever goes
 * wrong at its start, and when it crashes. Every answer, and all that it writes, is looked through.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startBroker } from '../support/broker.ts'
import { canaries, createFinder } from '../support/canaries.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import type { Service } from '../support/service.ts'
import { startService } from '../support/service.ts'

const databaseUrl = await createDatabase()
const find = createFinder({ 'the password of the database': new URL(databaseUrl).password })
const directory = await mkdtemp(join(tmpdir(), 'rialto-secrets-'))
const broker = await startBroker()
const brokerUrl = broker.url.replace('//', `//${canaries.mqttUsername}:${canaries.mqttPassword}@`)

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

await file('keys.txt', `user/phone: ${canaries.mappingSecret}\n`)
const mappings = await file(
  'rialto.yaml',
  'automatic: true\nconventions:\n  - owntracks: { keys: ./keys.txt }\n'
)

function clean(what: string, text: string, except: readonly string[] = []): void {
  const found = find(text).filter(({ name }) => !except.includes(name))
  assert.deepEqual(
    found.map(({ name, line }) => [name, text.split('\n')[line - 1]]),
    [],
    what
  )
}

/** Sends it, looks through what comes back, and tells what that is. */
async function ask(service: Service, path: string, init: RequestInit & { except?: string[] } = {}) {
  const { except = [], ...rest } = init
  const response = await fetch(`${service.url}${path}`, rest)
  const text = await response.text()
  clean(`${init.method ?? 'GET'} ${path}`, `${JSON.stringify([...response.headers])}\n${text}`, except)
  return { status: response.status, text }
}

async function askAll(service: Service): Promise<void> {
  const bearer = { authorization: `Bearer ${canaries.apiKey}` }
  const json = { ...bearer, 'content-type': 'application/json' }
  const post = (path: string, body: unknown, except: string[] = []) =>
    ask(service, path, { method: 'POST', headers: json, body: JSON.stringify(body), except })
  await eventually(async () => (await ask(service, '/readyz')).status === 200)
  // Whoever is not known, with something like the key
  const tries = [
    `Bearer ${canaries.apiKey}x`,
    `Bearer ${canaries.token}`,
    canaries.apiKey,
    `Basic ${canaries.apiKey}`
  ]
  for (const authorization of tries)
    for (const path of ['/v1/topics', '/metrics', '/graphql?query={__typename}'])
      assert.equal((await ask(service, path, { headers: { authorization } })).status, 401)
  for (const path of [`/v1/topics?key=${canaries.apiKey}`, `/v1/stream?ticket=${canaries.token}`])
    assert.equal((await ask(service, path)).status, 401)
  // What is open to those who are
  for (const path of ['/v1/status', '/metrics', '/openapi.yaml', '/docs', '/v1/mappings', '/v1/imports'])
    await ask(service, path, { headers: bearer })
  await post('/graphql', { query: '{ status { version mqtt { state lastError } } mappings { file } }' })
  await post('/graphql', { query: '{ nothing }', variables: { [canaries.token]: 1 } })
  // Payloads come back to whoever reads them; in the log, errors and the audit they are not
  const command = { topic: 'a/b', payload: { text: canaries.payload } }
  assert.equal((await post('/v1/commands', command, ['payload'])).status, 202)
  await post('/v1/commands', { ...command, qos: 7 })
  await post('/v1/commands', { ...command, topic: 'a/#' })
  await ask(service, '/v1/commands', { method: 'POST', headers: json, body: `{"topic":${canaries.payload}` })
  const { client } = await connectClient(broker.url)
  await client.publishAsync('owntracks/user/phone', canaries.payload, { qos: 1, retain: true })
  await client.publishAsync('b', canaries.payload, { qos: 1 })
  await eventually(
    async () =>
      (await ask(service, '/v1/topic?name=b', { headers: bearer, except: ['payload'] })).status === 200
  )
  await ask(service, '/v1/explain?topic=owntracks/user/phone', { headers: bearer, except: ['payload'] })
  await ask(service, '/v1/rejections/counts', { headers: bearer })
  await client.endAsync()
  // Webhooks: the URL is its owner's, and shown to them; the secret is shown once
  const { webhookUser, webhookPath } = canaries
  const refused = await post('/v1/webhooks', {
    url: `https://${webhookUser}:${webhookUser}@127.0.0.1/${webhookPath}`,
    types: ['message']
  })
  assert.equal(refused.status, 422, refused.text)
  const url = `https://127.0.0.1:1/${webhookPath}`
  const made = await post('/v1/webhooks', { url, types: ['message'] }, [
    'webhookPath',
    'a secret of a webhook'
  ])
  if (made.status === 201) {
    const { id } = JSON.parse(made.text) as { id: string }
    await ask(service, `/v1/webhooks/${id}/ping`, { method: 'POST', headers: bearer })
  }
  const key = { name: 'canary', grants: [{ role: 'read', topic: '#' }] }
  await post('/v1/keys', key, ['an API key'])
  await post('/v1/mappings/reload', {})
  await ask(service, '/v1/keys', { headers: bearer })
  await ask(service, '/v1/audit?limit=100', { headers: bearer })
  await ask(service, '/v1/export/audit', { headers: bearer })
  await ask(service, '/v1/status', { headers: bearer })
  await ask(service, '/metrics', { headers: bearer })
}

const all = {
  DATABASE_URL: databaseUrl,
  MQTT_URL: brokerUrl,
  RIALTO_API_KEY: canaries.apiKey,
  RIALTO_CONFIG: mappings
}

test('at the level info, neither secrets nor payloads are in anything that the service says', async () => {
  const service = await startService({ ...all, LOG_LEVEL: 'info' })
  await askAll(service)
  assert.equal(await service.kill('SIGTERM'), 0)
  clean('its output', service.output())
})

test('at the level trace, no secrets are', async () => {
  const service = await startService({ ...all, LOG_LEVEL: 'trace' })
  await askAll(service)
  assert.equal(await service.kill('SIGTERM'), 0)
  clean('its output', service.output(), ['payload'])
})

/** Starts, or does not; and says nothing of what it must not. */
async function attempt(environment: Record<string, string>): Promise<{ started: boolean; output: string }> {
  try {
    const service = await startService({ ...all, LOG_LEVEL: 'trace', ...environment })
    for (const path of ['/readyz', '/livez', '/v1/status', '/metrics'])
      await ask(service, path, { headers: { authorization: `Bearer ${canaries.apiKey}` } })
    await service.kill('SIGTERM')
    return { started: true, output: service.output() }
  } catch (error) {
    return { started: false, output: (error as Error).message }
  }
}

const wrongPassword = new URL(databaseUrl)
wrongPassword.password = canaries.databasePassword
const nobody = `postgres://user:${canaries.databasePassword}@127.0.0.1:1/rialto`
const credentials = `${canaries.mqttUsername}:${canaries.mqttPassword}`

const tls = `mqtts://${credentials}@127.0.0.1:${broker.port}`

/** With what it says instead. */
const wrong: Array<[what: string, says: RegExp, environment: Record<string, string>]> = [
  [
    'a database URL that is none',
    /DATABASE_URL/,
    { DATABASE_URL: `postgres//u:${canaries.databasePassword}` }
  ],
  [
    'a database of another kind',
    /DATABASE_URL/,
    { DATABASE_URL: `mysql://u:${canaries.databasePassword}@h/d` }
  ],
  ['a database that refuses the password', /password|DATABASE_URL/, { DATABASE_URL: wrongPassword.href }],
  ['a database that is not there', /DATABASE_URL/, { DATABASE_URL: nobody }],
  [
    'a database that is not there for LISTEN',
    /DATABASE_DIRECT_URL|ECONNREFUSED/,
    { DATABASE_DIRECT_URL: nobody }
  ],
  ['a broker URL that is none', /MQTT_URL/, { MQTT_URL: `mqtt//${credentials}` }],
  ['a broker of another kind', /MQTT_URL/, { MQTT_URL: `amqp://${credentials}@127.0.0.1:1` }],
  ['a broker that is not there', /ECONNREFUSED/, { MQTT_URL: `mqtt://${credentials}@127.0.0.1:1` }],
  [
    'a broker whose name is none',
    /broker\.invalid/,
    { MQTT_URL: `mqtt://${credentials}@broker.invalid:1883` }
  ],
  ['a broker that does not speak TLS', /TLS|tls|SSL|ssl|socket|closed/, { MQTT_URL: tls }],
  [
    'a key for TLS that is none',
    /MQTT_CERT|MQTT_KEY|PEM|pem|decoder|DECODER/,
    {
      MQTT_URL: tls,
      MQTT_CERT: await file('cert.pem', `-----BEGIN CERTIFICATE-----\n${canaries.tlsKey}\n`),
      MQTT_KEY: await file('key.pem', `-----BEGIN PRIVATE KEY-----\n${canaries.tlsKey}\n`)
    }
  ],
  ['a key with a space', /RIALTO_API_KEY/, { RIALTO_API_KEY: `${canaries.apiKey} x` }],
  ['faults of other variables', /RIALTO_QOS/, { PORT: canaries.token, RIALTO_QOS: canaries.token }],
  [
    'an issuer that is none',
    /RIALTO_OIDC_ISSUER/,
    { RIALTO_OIDC_ISSUER: `https//x:${canaries.token}`, RIALTO_OIDC_AUDIENCE: 'a' }
  ],
  [
    'a file of secrets with a fault',
    /faulty\.txt|keys/,
    {
      RIALTO_CONFIG: await (async () => {
        await file('faulty.txt', `user/phone ${canaries.mappingSecret}\n`)
        return file('faulty.yaml', 'conventions:\n  - owntracks: { keys: ./faulty.txt }\n')
      })()
    }
  ]
]

for (const [what, says, environment] of wrong) {
  test(`whatever is wrong at the start, it says nothing of secrets: ${what}`, async () => {
    const { output } = await attempt(environment)
    assert.match(output, says)
    clean(what, output)
  })
}

test('a broker that refuses the password is told of without it', async () => {
  // CONNACK with reason code 0x86, Bad User Name or Password
  const refusing = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(Buffer.from([0x20, 0x03, 0x00, 0x86, 0x00])))
  })
  refusing.listen(0, '127.0.0.1')
  await once(refusing, 'listening')
  const { port } = refusing.address() as { port: number }
  const { output, started } = await attempt({ MQTT_URL: `mqtt://${credentials}@127.0.0.1:${port}` })
  refusing.close()
  assert.ok(started, output)
  clean('its output', output)
})

for (const [what, code] of [
  ['an error that nobody catches', `throw new Error('a crash')`],
  ['a rejection that nobody handles', `Promise.reject(new Error('a crash'))`]
] as const) {
  test(`a crash tells nothing of secrets: ${what}`, async () => {
    const crash = `data:text/javascript,setTimeout(()=>{${encodeURIComponent(code)}},3000)`
    // Before it is ready, or afterwards
    const output = await startService({
      ...all,
      LOG_LEVEL: 'trace',
      NODE_OPTIONS: `--import=${crash}`
    }).then(
      async (service) => {
        if (service.child.exitCode === null) await once(service.child, 'exit')
        return service.output()
      },
      (error: Error) => error.message
    )
    assert.match(output, /a crash/)
    clean('its output', output)
  })
}
